//! `conformance requirements` and `conformance explain`.

use std::fmt::Write as _;

use anstyle::Style;
use conformance::reports::text::{LABEL, TITLE, wrapped};
use conformance::{how, mutants};
use fixtures::{Line, Registry, Requirement};
use serde_json::json;

use super::args::Listing;

/// Every requirement, with how it is judged.
pub(crate) fn list(registry: &Registry, listing: Listing) -> String {
    let requirements = registry.requirements();
    match listing {
        Listing::Table => {
            let longest = requirements.iter().map(|r| r.id.as_str().len()).max();
            let longest = longest.unwrap_or_default();
            let row = |r: &Requirement| {
                let (id, level, since) = (r.id.as_str(), r.level.to_string(), r.since);
                let killed = match killed(r).as_str() {
                    "" => String::new(),
                    mutants => format!("; kills {mutants}"),
                };
                format!("{id:longest$}  {level:10}  {since}  {}{killed}\n", ways(r))
            };
            requirements.iter().map(row).collect()
        }
        Listing::Markdown => {
            let mut text =
                "| id | level | since | judged by | kills |\n| --- | --- | --- | --- | --- |\n"
                    .to_owned();
            for r in requirements {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {} | {} |",
                    r.id,
                    r.level,
                    r.since,
                    ways(r),
                    killed(r),
                );
            }
            text
        }
        Listing::Json => {
            let entry = |r: &Requirement| {
                json!({
                    "id": r.id,
                    "level": r.level,
                    "since": r.since,
                    "section": r.section,
                    "statement": r.statement,
                    "judged_by": how(r).iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "kills": mutants(r.id.as_str()),
                })
            };
            let entries: Vec<_> = requirements.iter().map(entry).collect();
            format!("{:#}\n", json!(entries))
        }
    }
}

fn ways(requirement: &Requirement) -> String {
    let ways = how(requirement);
    let ways: Vec<String> = ways.iter().map(ToString::to_string).collect();
    ways.join("; ")
}

/// The mutants that its check has found out.
fn killed(requirement: &Requirement) -> String {
    mutants(requirement.id.as_str()).join(", ")
}

/// All that is known of a requirement.
pub(crate) fn explain(requirement: &Requirement, width: usize) -> String {
    let r = requirement;
    let mut text = format!("{TITLE}{}{TITLE:#} {}, since {}\n", r.id, r.level, r.since);
    text += &wrapped(&r.statement, width, 0, 0);
    text.push('\n');
    let line = match &r.line {
        Line::Specification(line) => format!("line {line} of the specification of 2.17"),
        Line::Elsewhere(place) => place.clone(),
    };
    let mut labelled = |label: &str, content: &str| {
        const COLUMN: usize = 12;
        let plain = Style::new();
        let head = format!("{LABEL}{label}{LABEL:#}{plain}");
        let gap = COLUMN.saturating_sub(label.len());
        text += &format!(
            "{head}{:gap$}{}",
            "",
            wrapped(content, width, COLUMN, COLUMN)
        );
    };
    labelled("section", &r.section);
    labelled("stands in", &line);
    labelled("applies", &r.when);
    labelled("shows by", &r.observe);
    labelled("judged by", &ways(r));
    if !killed(r).is_empty() {
        labelled("kills", &killed(r));
    }
    for change in &r.changed {
        labelled(&format!("in {}", change.version), &change.how);
    }
    text
}

/// The ids that are nearest to one that does not exist.
pub(crate) fn similar<'a>(registry: &'a Registry, id: &str) -> Vec<&'a str> {
    let ids = registry.requirements().iter().map(|r| r.id.as_str());
    let wanted = id.split('.').next_back().unwrap_or(id);
    ids.filter(|other| !wanted.is_empty() && other.contains(wanted))
        .take(5)
        .collect()
}
