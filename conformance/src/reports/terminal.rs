//! A run on a terminal: a tree by the sections of the specification, and what it
//! comes to.

use anstyle::Style;

use super::text::{
    BAD, GOOD, LABEL, TITLE, UNSURE, block, left_behind, line, printable, repeat_it, wrapped,
};
use super::{
    Kind, Sight, VERDICTS, answered, command, count, counts, effort, grouped, heading, kinds,
    participle, request, see_again, sights, skipped, symbol,
};
use crate::check::{CheckRun, CutShort, Evidence, Judged, LEFT_OUT, Verdict};
use crate::secrets::recorded_basic;

/// How much of a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What is broken, and what the run comes to.
    Quiet,
    /// What is broken or advised against in each section, and why what was
    /// skipped.
    Normal,
    /// Every requirement.
    Verbose,
}

/// How many ids of skipped requirements are named for each reason.
const MOST_IDS: usize = 3;

/// The whole run. Lines keep to `width`, as far as their words do; commands keep
/// their own lines.
pub fn terminal(run: &CheckRun, width: usize, detail: Detail) -> String {
    let mut text = String::new();
    if matches!(run.cut_short, Some(CutShort::NoBaseline(_))) {
        // Nothing was judged, so there is nothing to show of it.
    } else if detail == Detail::Quiet {
        for judged in run.with(Verdict::Fail) {
            text += &broken(run, judged, width, detail);
        }
    } else {
        let title = format!("Open Service Broker API {}", run.api_version);
        text += &wrapped(
            &format!("{TITLE}{title}{TITLE:#} at {}", run.target),
            width,
            0,
            6,
        );
        let wanted = run.results.iter().filter(|judged| !is_left_out(judged));
        for (section, judged) in grouped(wanted, |judged| heading(judged)) {
            text += &head(section, &judged, width);
            for judged in judged {
                text += &entry(run, judged, width, detail);
            }
        }
    }
    if !text.is_empty() && detail == Detail::Normal {
        text += &not_judged(run, width);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &summary(run, width)
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Pass => GOOD,
        Verdict::Fail => BAD,
        Verdict::Warn | Verdict::Skip => UNSURE,
    }
}

/// A section's line, under the sign of the gravest verdict in it.
fn head(section: &str, judged: &[&Judged], width: usize) -> String {
    let gravest = judged.iter().map(|it| it.verdict).max();
    let gravest = gravest.unwrap_or(Verdict::Skip);
    let (style, symbol) = (style(gravest), symbol(gravest));
    let told = format!("{TITLE}{section}{TITLE:#}: {}", counts(judged));
    format!("{style}{symbol}{style:#} ") + &wrapped(&told, width, 2, 6)
}

fn entry(run: &CheckRun, judged: &Judged, width: usize, detail: Detail) -> String {
    match (judged.verdict, detail) {
        (Verdict::Fail | Verdict::Warn, _) => broken(run, judged, width, detail),
        (_, Detail::Verbose) => {
            let text = name(judged, width);
            text + &indented(&printable(&judged.reason), width, 6)
        }
        _ => String::new(),
    }
}

/// The line that a requirement begins with.
fn name(judged: &Judged, width: usize) -> String {
    let (style, symbol) = (style(judged.verdict), symbol(judged.verdict));
    let (id, level) = (judged.requirement.id.as_str(), judged.level);
    let told = match judged.verdict {
        Verdict::Fail => format!("{style}{symbol} {id}{style:#} {level}"),
        _ => format!("{style}{symbol}{style:#} {id} {level}"),
    };
    indented(&told, width, 2)
}

/// A requirement that is not kept, and what shows it.
fn broken(run: &CheckRun, judged: &Judged, width: usize, detail: Detail) -> String {
    let requirement = &judged.requirement;
    let mut text = name(judged, width);
    text += &indented(&requirement.statement, width, 6);
    text += &labelled("section", &requirement.section, width, 6);
    let (sights, more) = sights(run, judged);
    if sights.is_empty() {
        text += &indented(&printable(&judged.reason), width, 6);
    }
    for Sight { exchange, evidence } in sights {
        if let Some(exchange) = exchange {
            let told = format!("{} {}", request(exchange), answered(exchange));
            text += &indented(&told, width, 6);
        }
        for evidence in evidence {
            text += &compared(evidence, width);
        }
        if let Some(exchange) = exchange
            && detail != Detail::Quiet
        {
            let command = command(run, exchange);
            let label = repeat_it(std::slice::from_ref(&command));
            text += &indented(&format!("{LABEL}{label}:{LABEL:#}"), width, 6);
            block(&mut text, 8, &command);
        }
    }
    if more > 0 {
        line(&mut text, 6, &format!("and {more} more"));
    }
    text
}

fn compared(evidence: &Evidence, width: usize) -> String {
    let expected = labelled("expected", &printable(&evidence.expected), width, 8);
    expected + &labelled("actual", &printable(&evidence.actual), width, 8)
}

/// Something behind a label, or below it where it has several lines.
fn labelled(label: &str, content: &str, width: usize, indent: usize) -> String {
    const COLUMN: usize = "expected  ".len();
    let head = format!("{:indent$}{LABEL}{label}{LABEL:#}", "");
    let taken = indent + COLUMN;
    let gap = COLUMN.saturating_sub(label.len());
    match content.contains('\n') {
        false => format!(
            "{head}{:gap$}{}",
            "",
            wrapped(&spaced(content), width, taken, taken)
        ),
        true => format!("{head}\n{}", indented(content, width, indent + 2)),
    }
}

/// Each line of a content, further lines of it under the first.
fn indented(content: &str, width: usize, indent: usize) -> String {
    let mut text = String::new();
    for content in content.lines() {
        let content = spaced(content);
        let content = content.trim_end();
        if !content.is_empty() {
            text += &" ".repeat(indent);
            text += &wrapped(content, width, indent, indent);
        }
    }
    text
}

/// A line without tabs, whose width nobody knows.
fn spaced(content: &str) -> String {
    content.replace('\t', "    ")
}

/// Whether the user did not want it to be judged.
fn is_left_out(judged: &Judged) -> bool {
    judged.reason.starts_with(LEFT_OUT)
}

/// Why what was skipped.
fn not_judged(run: &CheckRun, width: usize) -> String {
    let mut text = String::new();
    for (reason, judged) in skipped(run) {
        if judged.iter().any(|judged| is_left_out(judged)) {
            continue;
        }
        let ids = judged.iter().map(|it| it.requirement.id.as_str());
        let ids: Vec<&str> = ids.take(MOST_IDS).collect();
        let more = match judged.len().saturating_sub(MOST_IDS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let number = judged.len();
        let told = format!("{} ({number}): {}{more}", printable(reason), ids.join(", "));
        let told = spaced(&told.replace('\n', " "));
        text += &format!("  {UNSURE}–{UNSURE:#} {}", wrapped(&told, width, 4, 6));
    }
    match text.as_str() {
        "" => text,
        text => format!("\n{TITLE}Skipped{TITLE:#}\n{text}  -v tells the reason for each\n"),
    }
}

/// What a run comes to.
fn summary(run: &CheckRun, width: usize) -> String {
    let mut text = String::new();
    if let Some(cut_short) = &run.cut_short {
        let head = match cut_short {
            CutShort::NoBaseline(_) => "could not be judged",
            CutShort::NoInstance(_) | CutShort::Failed | CutShort::Interrupted => "cut short",
        };
        let words = printable(cut_short.words());
        let words = spaced(&words.replace('\n', " "));
        let words = wrapped(&words, width, head.len() + 2, 6);
        text += &format!("{BAD}{head}{BAD:#}: {words}");
        if let CutShort::NoBaseline(_) = cut_short {
            return text;
        }
    }
    let kinds = kinds(run).map(tally);
    let together = kinds.join(" · ");
    match textwrap::core::display_width(&together) <= width {
        true => line(&mut text, 0, &together),
        false => kinds
            .iter()
            .for_each(|kind| text += &wrapped(kind, width, 0, 6)),
    }
    line(&mut text, 0, &effort(run));
    for leftover in &run.leftovers {
        text += &left_behind(leftover, width);
    }
    let Some(command) = see_again(run) else {
        return text;
    };
    let recorded = recorded_basic();
    let logged_in = run
        .exchanges
        .iter()
        .any(|it| it.request.header("authorization") == Some(recorded.as_str()));
    let needs = match logged_in {
        true => format!(", with USER:PASS in {}", crate::AUTH_VARIABLE),
        false => String::new(),
    };
    let label = format!("{LABEL}see it again{needs}:{LABEL:#}");
    text += &wrapped(&label, width, 0, 6);
    line(&mut text, 2, &command);
    text
}

/// How many requirements of a kind came to what.
fn tally(kind: Kind) -> String {
    let parts = VERDICTS.into_iter().filter_map(|verdict| {
        let told = |number| format!("{number} {}", participle(verdict));
        match count(&kind.tally, verdict) {
            0 if kind.verdicts.contains(&verdict) => Some(told(0)),
            0 => None,
            number => Some(format!("{0}{1}{0:#}", style(verdict), told(number))),
        }
    });
    format!("{} {}", kind.name, parts.collect::<Vec<_>>().join(", "))
}
