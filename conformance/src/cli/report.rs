//! What a replay looks like on a terminal: functions from the run's data to
//! text.

use conformance::reports::text::{
    BAD, GOOD, LABEL, TITLE, UNSURE, block, left_behind, line, one_line, printable, repeat_it,
    wrapped,
};
use conformance::{
    Difference, Event, ExampleRun, Mismatch, Outcome, Reason, Role, Run, Side, Target, curl,
};

/// Up to this many characters JSON stays on one line.
const ONE_LINE: usize = 60;

/// The lines of one event.
pub(crate) fn event(target: &Target, event: &Event<'_>, width: usize) -> String {
    match event {
        Event::Started(suite) => {
            let title = suite.title();
            format!("{TITLE}{title}{TITLE:#} ({}) at {target}\n", suite.name())
        }
        Event::Judged(example) => example_lines(target, example, width),
        Event::LeftBehind(leftover) => left_behind(leftover, width),
    }
}

fn example_lines(target: &Target, example: &ExampleRun, width: usize) -> String {
    let title = &example.title;
    match &example.outcome {
        Outcome::Passed => format!("  {GOOD}✔{GOOD:#} {title}\n"),
        Outcome::Mismatch(mismatch) => {
            let plan = example.plan.as_ref();
            let plan = plan.map_or(String::new(), |plan| format!(" ({})", printable(plan)));
            let head = format!("  {BAD}✘ {title}{BAD:#}{plan}\n");
            head + &mismatch_lines(target, example, mismatch)
        }
        Outcome::Skipped(skip) => {
            let head = format!("  {UNSURE}–{UNSURE:#} {title}: ");
            let why = format!("skipped: {skip}");
            head + &wrapped(&printable(&why), width, 4 + title.chars().count() + 2, 6)
        }
        Outcome::NotJudged(Reason::NotReached) => {
            format!("  {UNSURE}–{UNSURE:#} {title}: not reached\n")
        }
        Outcome::NotJudged(reason) => {
            let head = format!("  {UNSURE}–{UNSURE:#} {title}: ");
            let why = format!("could not be judged: {reason}");
            head + &wrapped(&printable(&why), width, 4 + title.chars().count() + 2, 6)
        }
    }
}

fn mismatch_lines(target: &Target, example: &ExampleRun, mismatch: &Mismatch) -> String {
    let mut text = String::new();
    if let Some(exchange) = example.exchanges.get(mismatch.exchange) {
        let status = exchange.result.as_ref().map(|answer| answer.status);
        let answered = status.map_or(String::new(), |status| format!(" was answered {status}"));
        line(&mut text, 6, &format!("{}{answered}", exchange.request));
    }
    for difference in mismatch.differences.iter().take(MOST_DIFFERENCES) {
        text += &difference_lines(difference);
    }
    let more = mismatch.differences.len().saturating_sub(MOST_DIFFERENCES);
    if more > 0 {
        line(&mut text, 6, &format!("and {more} more differences"));
    }
    let mut again: Vec<String> = example
        .exchanges
        .iter()
        .filter(|exchange| matches!(exchange.role, Role::Setup | Role::Judged | Role::Poll))
        .map(|exchange| curl(target, &exchange.request))
        .collect();
    // A poll is repeated until the operation has ended.
    again.dedup();
    let label = repeat_it(&again);
    line(&mut text, 6, &format!("{LABEL}{label}:{LABEL:#}"));
    again
        .iter()
        .for_each(|command| block(&mut text, 8, command));
    text
}

fn difference_lines(difference: &Difference) -> String {
    let mut text = String::new();
    line(&mut text, 6, &one_line(&difference.at));
    for (label, side) in [
        ("expected", &difference.expected),
        ("actual  ", &difference.actual),
    ] {
        let shown = shown(side);
        let head = format!("{LABEL}{label}{LABEL:#}");
        match shown.contains('\n') {
            false => line(&mut text, 8, &format!("{head}  {shown}")),
            true => {
                line(&mut text, 8, &head);
                block(&mut text, 10, &shown);
            }
        }
    }
    text
}

fn shown(side: &Side) -> String {
    match side {
        Side::Absent => "(absent)".to_owned(),
        Side::Words(words) => words.clone(),
        Side::Text(text) => printable(text),
        Side::Json(value) => {
            let short = value.to_string();
            match short.chars().count() <= ONE_LINE {
                true => printable(&short),
                false => printable(&format!("{value:#}")),
            }
        }
    }
}

/// How many differences of an answer are shown.
const MOST_DIFFERENCES: usize = 20;

/// How many examples came to what, and what is left behind.
pub(crate) fn summary(runs: &[Run]) -> String {
    let examples: Vec<&ExampleRun> = runs.iter().flat_map(Run::examples).collect();
    let count = |of: fn(&Outcome) -> bool| examples.iter().filter(|e| of(&e.outcome)).count();
    let mut parts = Vec::new();
    for (number, style, what) in [
        (count(|o| matches!(o, Outcome::Passed)), GOOD, "passed"),
        (count(|o| matches!(o, Outcome::Mismatch(_))), BAD, "failed"),
        (
            count(|o| matches!(o, Outcome::Skipped(_))),
            UNSURE,
            "skipped",
        ),
        (
            count(|o| matches!(o, Outcome::NotJudged(_))),
            UNSURE,
            "could not be judged",
        ),
    ] {
        if number > 0 {
            parts.push(format!("{style}{number} {what}{style:#}"));
        }
    }
    let leftovers = runs.iter().map(|run| run.leftovers.len()).sum::<usize>();
    if leftovers > 0 {
        parts.push(format!("{BAD}{leftovers} left behind{BAD:#}"));
    }
    let total = examples.len();
    let noun = if total == 1 { "example" } else { "examples" };
    format!("{total} {noun}: {}\n", parts.join(", "))
}
