//! A run for a pull request or the summary of a CI job, in GitHub's Markdown.
//! What a target may have said stands in code, where nothing is markup.

use super::text::{printable, repeat_it};
use super::{
    Kind, Sight, VERDICTS, answered, command, compared, count, effort, headline, kinds, request,
    see_again, sights, skipped,
};
use crate::check::{CheckRun, CutShort, Judged, Verdict};

/// What came of a run, what shows it, and how to see it again.
pub fn markdown(run: &CheckRun) -> String {
    let mut paragraphs = vec![format!("## {}", headline(run)), about(run)];
    if let Some(cut_short) = &run.cut_short {
        paragraphs.push(format!("Cut short: {}", code(cut_short.words())));
    }
    paragraphs.push(table(run));
    let failed: Vec<String> = run
        .with(Verdict::Fail)
        .flat_map(|judged| failure(run, judged))
        .collect();
    if !failed.is_empty() {
        paragraphs.push("### Failed".to_owned());
        paragraphs.extend(failed);
    }
    let warned: Vec<String> = run.with(Verdict::Warn).map(warning).collect();
    if !warned.is_empty() {
        paragraphs.push("### Warned".to_owned());
        paragraphs.push(warned.join("\n"));
    }
    if let Some(command) = see_again(run) {
        paragraphs.push("See it again:".to_owned());
        paragraphs.push(fence("sh", &command));
    }
    if !run.leftovers.is_empty() {
        let leftovers = run.leftovers.iter().map(|leftover| {
            let (id, request) = (code(&leftover.id), code(&leftover.request));
            format!("- {id}: {request} {}", code(&leftover.instead))
        });
        paragraphs.push("### Left behind".to_owned());
        paragraphs.push(leftovers.collect::<Vec<_>>().join("\n"));
    }
    let number = run.with(Verdict::Skip).count();
    if number > 0 {
        let reasons = skipped(run).into_iter().map(|(reason, judged)| {
            let ids = judged.iter().map(|it| code(it.requirement.id.as_str()));
            let ids = ids.collect::<Vec<_>>().join(", ");
            format!("- {} ({}): {ids}", code(reason), judged.len())
        });
        paragraphs.push(format!(
            "<details>\n<summary>{number} skipped</summary>\n\n{}\n\n</details>",
            reasons.collect::<Vec<_>>().join("\n")
        ));
    }
    paragraphs.join("\n\n") + "\n"
}

fn about(run: &CheckRun) -> String {
    let target = code(&run.target.to_string());
    let interrupted = match run.cut_short {
        Some(CutShort::Interrupted) => ", then interrupted",
        _ => "",
    };
    format!(
        "Open Service Broker API {} at {target}: {}{interrupted}.",
        run.api_version,
        effort(run)
    )
}

fn table(run: &CheckRun) -> String {
    let mut lines = vec![
        "| | passed | failed | warned | skipped |".to_owned(),
        "| :-- | --: | --: | --: | --: |".to_owned(),
    ];
    for Kind { name, tally, .. } in kinds(run) {
        let cells = VERDICTS.map(|verdict| format!(" {} |", count(&tally, verdict)));
        lines.push(format!("| {name} |{}", cells.concat()));
    }
    lines.join("\n")
}

fn failure(run: &CheckRun, judged: &Judged) -> Vec<String> {
    let requirement = &judged.requirement;
    let mut paragraphs = vec![
        format!(
            "#### ✘ {} ({})",
            code(requirement.id.as_str()),
            judged.level
        ),
        prose(&requirement.statement),
        format!("Section: {}", prose(&requirement.section)),
        format!("Reason: {}", code(&judged.reason)),
    ];
    let (sights, more) = sights(run, judged);
    for Sight { exchange, evidence } in sights {
        if let Some(exchange) = exchange {
            let line = format!("{} {}", request(exchange), answered(exchange));
            paragraphs.push(code(&line));
        }
        let compared: Vec<String> = evidence.into_iter().map(compared).collect();
        paragraphs.push(fence("text", &compared.join("\n")));
        if let Some(exchange) = exchange {
            let command = command(run, exchange);
            paragraphs.push(format!("{}:", repeat_it(std::slice::from_ref(&command))));
            paragraphs.push(fence("sh", &command));
        }
    }
    if more > 0 {
        paragraphs.push(format!("and {more} more"));
    }
    paragraphs
}

fn warning(judged: &Judged) -> String {
    let requirement = &judged.requirement;
    let id = code(requirement.id.as_str());
    let statement = prose(&requirement.statement);
    let reason = code(&judged.reason);
    format!("- {id} ({}): {statement} {reason}", judged.level)
}

/// Text of the registry, in which nothing is markup.
fn prose(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if r"\`*_[]<>&|~#$!@".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Any text as code within a line.
pub(super) fn code(text: &str) -> String {
    let text = printable(text).replace(['\n', '\t'], " ");
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    // One space on either side is no part of the code.
    let space = match text.starts_with([' ', '`']) || text.ends_with([' ', '`']) {
        true => " ",
        false => "",
    };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Any text as a block of code, which ends where the text does.
pub(super) fn fence(language: &str, text: &str) -> String {
    let ticks = "`".repeat(longest_run(text).max(2) + 1);
    format!("{ticks}{language}\n{text}\n{ticks}")
}

/// How many backticks stand side by side at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}
