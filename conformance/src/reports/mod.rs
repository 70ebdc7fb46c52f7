//! What a run looks like: functions from its data to text, for a terminal, for
//! CI servers, for a pull request, for a browser, and as data.

mod html;
mod json;
mod junit;
mod markdown;
mod terminal;
#[cfg(test)]
mod tests;
pub mod text;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fixtures::{ApiVersion, Level};
pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use terminal::{Detail, terminal};

use crate::check::{CheckRun, CutShort, Evidence, INVISIBLE, Judged, Tally, UNSEEN, Verdict};
use crate::curl::curl;
use crate::exchange::Exchange;
use crate::printable::visible;

/// How many pieces of evidence for a verdict are shown to people.
const MOST_EVIDENCE: usize = 3;

/// The longest command that is shown to people.
const LONGEST_COMMAND: usize = 4000;

/// The verdicts, in the order in which they are counted.
const VERDICTS: [Verdict; 4] = [Verdict::Pass, Verdict::Fail, Verdict::Warn, Verdict::Skip];

/// How the requirements of a kind were judged.
struct Kind {
    /// The kind.
    name: &'static str,
    /// The verdicts that it has.
    verdicts: &'static [Verdict],
    /// How many came to each.
    tally: Tally,
}

/// How the requirements of each kind were judged.
fn kinds(run: &CheckRun) -> [Kind; 3] {
    let is_should = |level: Level| !level.is_must() && !level.is_may();
    [
        Kind {
            name: "MUST",
            verdicts: &VERDICTS,
            tally: run.tally(Level::is_must),
        },
        Kind {
            name: "SHOULD",
            verdicts: &[Verdict::Pass, Verdict::Warn, Verdict::Skip],
            tally: run.tally(is_should),
        },
        Kind {
            name: "MAY",
            verdicts: &[Verdict::Pass, Verdict::Skip],
            tally: run.tally(Level::is_may),
        },
    ]
}

/// What a verdict is called behind a number.
fn participle(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Warn => "warned",
        Verdict::Skip => "skipped",
    }
}

/// The sign of a verdict.
fn symbol(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✔',
        Verdict::Fail => '✘',
        Verdict::Warn => '!',
        Verdict::Skip => '–',
    }
}

/// How many of these came to what.
fn counts(judged: &[&Judged]) -> String {
    let number = |verdict| judged.iter().filter(|it| it.verdict == verdict).count();
    let counts: Vec<String> = VERDICTS
        .into_iter()
        .filter(|verdict| number(*verdict) > 0)
        .map(|verdict| format!("{} {}", number(verdict), participle(verdict)))
        .collect();
    counts.join(", ")
}

/// How many came to a verdict.
fn count(tally: &Tally, verdict: Verdict) -> usize {
    match verdict {
        Verdict::Pass => tally.pass,
        Verdict::Fail => tally.fail,
        Verdict::Warn => tally.warn,
        Verdict::Skip => tally.skip,
    }
}

/// What a run comes to, in a few words.
fn headline(run: &CheckRun) -> String {
    match (&run.cut_short, run.with(Verdict::Fail).count()) {
        (_, 1) => "✘ 1 requirement is broken".to_owned(),
        (_, failed @ 2..) => format!("✘ {failed} requirements are broken"),
        (Some(CutShort::NoBaseline(_) | CutShort::NoInstance(_) | CutShort::Failed), 0) => {
            "– The broker could not be judged".to_owned()
        }
        (Some(CutShort::Interrupted), 0) => "– Interrupted, nothing broken so far".to_owned(),
        (None, 0) => "✔ No requirement is broken".to_owned(),
    }
}

/// The first of the headings that a requirement stands under.
fn heading(judged: &Judged) -> &str {
    let section = judged.requirement.section.as_str();
    section
        .split_once(" / ")
        .map_or(section, |(first, _)| first)
}

/// Puts together what has the same key, each group where its first member is.
fn grouped<T, K: PartialEq>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for item in items {
        let key = key(&item);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    groups
}

/// The requirements that were not judged, by the reason for it.
fn skipped(run: &CheckRun) -> Vec<(&str, Vec<&Judged>)> {
    grouped(run.with(Verdict::Skip), |judged| why(judged))
}

/// Why a requirement was not judged, without what is said of it alone.
fn why(judged: &Judged) -> &str {
    let reason = judged.reason.as_str();
    let mut kinds = [UNSEEN, INVISIBLE].into_iter();
    let kind = kinds.find(|kind| reason.starts_with(kind));
    kind.unwrap_or(reason)
}

/// An exchange that shows a verdict, with all that it shows.
struct Sight<'a> {
    /// The exchange, if it was recorded.
    exchange: Option<&'a Exchange>,
    /// What it shows.
    evidence: Vec<&'a Evidence>,
}

/// What shows a verdict to people, and how many pieces of evidence there are
/// beyond that.
fn sights<'a>(run: &'a CheckRun, judged: &'a Judged) -> (Vec<Sight<'a>>, usize) {
    let shown = judged.evidence.iter().take(MOST_EVIDENCE);
    let sights = grouped(shown, |evidence| evidence.exchange)
        .into_iter()
        .map(|(exchange, evidence)| Sight {
            exchange: run.exchanges.get(exchange),
            evidence,
        });
    let more = judged.evidence.len().saturating_sub(MOST_EVIDENCE);
    (sights.collect(), more)
}

/// What was expected and what came, further lines of each below the first.
fn compared(evidence: &Evidence) -> String {
    let side = |text: &str| text::printable(text).replace('\n', "\n          ");
    let (expected, actual) = (side(&evidence.expected), side(&evidence.actual));
    format!("expected: {expected}\nactual:   {actual}")
}

/// A request, without control characters and without end.
fn request(exchange: &Exchange) -> String {
    text::one_line(&exchange.request.to_string())
}

/// What came of a request, to stand behind it.
fn answered(exchange: &Exchange) -> String {
    match &exchange.result {
        Ok(answer) => format!("was answered {}", answer.status),
        Err(failure) => text::one_line(&format!("got no answer: {failure}")),
    }
}

/// The command that repeats a request; a comment, where a command cut off in the
/// middle would be the only other thing to show.
fn command(run: &CheckRun, exchange: &Exchange) -> String {
    let command = curl(&run.target, &exchange.request);
    match command.chars().count() {
        0..=LONGEST_COMMAND => visible(&command),
        length => format!("# too long to be shown: a command of {length} characters"),
    }
}

/// The command that shows again what is not kept, or nothing if all of it is.
fn see_again(run: &CheckRun) -> Option<String> {
    // More ids than these are more than one command should name.
    const MOST: usize = 6;
    let with = |verdict| run.with(verdict).collect::<Vec<_>>();
    let mut kinds = [Verdict::Fail, Verdict::Warn].into_iter().map(with);
    let broken = kinds.find(|broken| !broken.is_empty())?;
    let mut command = format!("conformance check {}", run.target);
    if run.api_version != ApiVersion::NEWEST {
        command += &format!(" --api-version {}", run.api_version);
    }
    if broken.len() <= MOST {
        let ids = broken.iter().map(|judged| judged.requirement.id.as_str());
        command.extend(ids.map(|id| format!(" --only {id}")));
    }
    Some(command)
}

/// When a run began, by RFC 3339.
fn timestamp(run: &CheckRun) -> String {
    // The end of the year 9999, which is as far as RFC 3339 goes.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let began = run.started_at.duration_since(UNIX_EPOCH);
    let began: SystemTime = UNIX_EPOCH + began.unwrap_or_default().min(LAST);
    humantime::format_rfc3339_millis(began).to_string()
}

/// How long a run took.
fn milliseconds(run: &CheckRun) -> u64 {
    u64::try_from(run.duration.as_millis()).unwrap_or(u64::MAX)
}

/// How many requests a run has sent, and how long it took.
fn effort(run: &CheckRun) -> String {
    let requests = match run.exchanges.len() {
        1 => "1 request".to_owned(),
        number => format!("{number} requests"),
    };
    let duration = humantime::format_duration(Duration::from_millis(milliseconds(run)));
    format!("{requests} in {duration}")
}
