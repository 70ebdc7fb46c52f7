//! A run as a page to look at in a browser or to keep beside a CI job: one file,
//! which runs nothing and loads nothing.

use std::cmp::Reverse;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text::{one_line, printable, repeat_it};
use super::{
    Kind, Sight, VERDICTS, answered, command, count, counts, effort, grouped, heading, headline,
    kinds, participle, request, see_again, sights, symbol,
};
use crate::check::{CheckRun, Judged, Verdict};
use crate::exchange::Exchange;

const STYLE: &str = include_str!("page.css");

/// Not even what escaping overlooks may do anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The whole run, what is broken first.
pub fn html(run: &CheckRun) -> String {
    let about = format!(
        "Open Service Broker API {} at {}",
        run.api_version, run.target
    );
    let about = one_line(&about);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (headline(run)) " – " (about) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (headline(run)) }
                p { (about) ": " (effort(run)) "." }
                @if let Some(cut_short) = &run.cut_short {
                    p.bad { "Cut short: " (printable(cut_short.words())) }
                }
                (table(run))
                @if let Some(command) = see_again(run) {
                    p { "See it again:" }
                    pre { (one_line(&command)) }
                }
                (left_behind(run))
                @for (name, judged) in sections(run) {
                    section {
                        h2 { (name) " " small { (counts(&judged)) } }
                        @for judged in judged { (entry(run, judged)) }
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn table(run: &CheckRun) -> Markup {
    html! {
        table {
            tr {
                th {}
                @for verdict in VERDICTS { th scope="col" { (participle(verdict)) } }
            }
            @for Kind { name, tally, .. } in kinds(run) {
                tr {
                    th scope="row" { (name) }
                    @for verdict in VERDICTS { td { (count(&tally, verdict)) } }
                }
            }
        }
    }
}

fn left_behind(run: &CheckRun) -> Markup {
    html! {
        @if !run.leftovers.is_empty() {
            h2 { "Left behind" }
            ul {
                @for leftover in &run.leftovers {
                    li {
                        code { (one_line(&leftover.id)) } ": "
                        code { (one_line(&leftover.request)) } " "
                        (one_line(&leftover.instead))
                    }
                }
            }
        }
    }
}

/// The requirements by section, in each the gravest first, and the sections with
/// something to look into before the others.
fn sections(run: &CheckRun) -> Vec<(&str, Vec<&Judged>)> {
    let mut sections = grouped(&run.results, |judged| heading(judged));
    for (_, judged) in &mut sections {
        judged.sort_by_key(|judged| Reverse(judged.verdict));
    }
    sections.sort_by_key(|(_, judged)| {
        let gravest = judged.iter().map(|judged| judged.verdict).max();
        Reverse(gravest.max(Some(Verdict::Pass)))
    });
    sections
}

fn entry(run: &CheckRun, judged: &Judged) -> Markup {
    let (requirement, verdict) = (&judged.requirement, judged.verdict);
    html! {
        details id=(requirement.id) class=(verdict) open[verdict == Verdict::Fail] {
            summary {
                b { (symbol(verdict)) " " (participle(verdict)) } " "
                code { (requirement.id) } " "
                small { (judged.level) }
            }
            p { (requirement.statement) }
            p.quiet { (requirement.section) }
            @match verdict {
                Verdict::Fail | Verdict::Warn => (shown(run, judged)),
                Verdict::Skip => p { (printable(&judged.reason)) },
                Verdict::Pass => {},
            }
        }
    }
}

/// What shows that a requirement is not kept.
fn shown(run: &CheckRun, judged: &Judged) -> Markup {
    let (sights, more) = sights(run, judged);
    html! {
        @if sights.is_empty() {
            p { (printable(&judged.reason)) }
        }
        @for Sight { exchange, evidence } in sights {
            div.sight {
                @if let Some(exchange) = exchange {
                    p { code { (request(exchange)) } " " (answered(exchange)) }
                }
                dl {
                    @for evidence in evidence {
                        dt { "expected" }
                        dd { (printable(&evidence.expected)) }
                        dt { "came" }
                        dd { (printable(&evidence.actual)) }
                    }
                }
                @if let Some(exchange) = exchange {
                    (repeated(run, exchange))
                }
            }
        }
        @if more > 0 {
            p { "and " (more) " more" }
        }
    }
}

/// The answer, and how to get it again.
fn repeated(run: &CheckRun, exchange: &Exchange) -> Markup {
    let command = command(run, exchange);
    let answer = exchange.result.as_ref().ok();
    let body = answer.map(|answer| printable(&answer.text()));
    html! {
        @if let Some(body) = body.filter(|body| !body.is_empty()) {
            details {
                summary.quiet { "the body of the answer" }
                pre { (body) }
            }
        }
        p.quiet { (repeat_it(std::slice::from_ref(&command))) ":" }
        pre { (command) }
    }
}
