//! The page that shows an instance to a person.

use maud::{DOCTYPE, Markup, html};
use serving::Id;

use crate::state::Instance;

/// The documented table, and the latest messages beneath it. Everything that
/// comes from outside is escaped.
pub(crate) fn page(id: &Id, instance: &Instance) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Instance " (id.as_str()) }
                style { (STYLE) }
            }
            body {
                h1 { "Service instance" }
                table class="pure-table" {
                    thead { tr { th { "Instance" } th { "Bindings" } th { "Messages" } } }
                    tbody {
                        tr {
                            td { (id.as_str()) }
                            td { (instance.bindings()) }
                            td { (instance.messages()) }
                        }
                    }
                }
                @if instance.messages() > 0 {
                    h2 { "Latest messages" }
                    ol reversed start=(instance.messages()) {
                        @for message in instance.latest().collect::<Vec<_>>().into_iter().rev() {
                            li { code { (message) } }
                        }
                    }
                }
            }
        }
    }
}

const STYLE: &str = "\
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; color: #222 } \
table { border-collapse: collapse; width: 100% } \
th, td { border: 1px solid #ccc; padding: .4rem .8rem; text-align: left; overflow-wrap: anywhere } \
thead { background: #eee } \
code { overflow-wrap: anywhere; white-space: pre-wrap }";
