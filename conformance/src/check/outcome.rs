//! What a check has found out about a target: plain data, the whole truth of
//! one run, from which reports and the exit code are made.

use std::fmt;
use std::time::{Duration, SystemTime};

use fixtures::{ApiVersion, Level, Requirement};

use crate::curl::curl;
use crate::exchange::Exchange;
use crate::printable::{printable, visible};
use crate::run::Leftover;
use crate::target::Target;

/// What came of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It could not be told whether it is kept; the reason says why.
    Skip,
    /// It is kept, as far as the run has seen.
    Pass,
    /// A SHOULD is not kept, or a MUST in a way that a fair reading of the
    /// specification does not call a violation.
    Warn,
    /// A MUST is broken.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Warn => "warn",
            Verdict::Skip => "skip",
        })
    }
}

/// An exchange that shows a verdict, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The position of the exchange in [`CheckRun::exchanges`].
    pub exchange: usize,
    /// What was expected of the answer.
    pub expected: String,
    /// What came instead, or that it came.
    pub actual: String,
}

/// The verdict on one requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The requirement.
    pub requirement: Requirement,
    /// How binding it is in the version that was judged.
    pub level: Level,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it is a skip, a warning or a failure, in words for the broker's
    /// author; empty for a pass.
    pub reason: String,
    /// What shows it: for a failure or warning each different sight of it, for a
    /// pass one.
    pub evidence: Vec<Evidence>,
}

/// How the reason begins why a requirement was not judged that no answer was
/// about.
pub(crate) const UNSEEN: &str = "the run saw nothing of it";

/// How it begins for a requirement that no answer can be about.
pub(crate) const INVISIBLE: &str = "not visible over HTTP";

/// How it begins for a requirement that the user did not want to be judged.
pub(crate) const LEFT_OUT: &str = "left out by";

/// What is said where a scenario has panicked.
pub(super) const FAILED: &str = "the check itself failed, which is a bug in it: please report it";

/// Why a check could not judge the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutShort {
    /// There is no connection, or the target does not answer its catalog: the
    /// words say what happened, and what to do.
    NoBaseline(String),
    /// No plan of the catalog could be provisioned: the words say what the broker
    /// answered.
    NoInstance(String),
    /// The check itself has failed, which is a bug in it.
    Failed,
    /// The user interrupted.
    Interrupted,
}

impl CutShort {
    /// What happened, in words.
    pub fn words(&self) -> &str {
        match self {
            CutShort::NoBaseline(words) | CutShort::NoInstance(words) => words,
            CutShort::Failed => FAILED,
            CutShort::Interrupted => "interrupted",
        }
    }
}

/// How many requirements of a kind came to each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kept.
    pub pass: usize,
    /// Broken.
    pub fail: usize,
    /// Not kept, without breaking the specification.
    pub warn: usize,
    /// Not judged.
    pub skip: usize,
}

/// What a check has found out about a target.
#[derive(Clone, Debug)]
pub struct CheckRun {
    /// The target.
    pub target: Target,
    /// The version of the API whose requirements were judged.
    pub api_version: ApiVersion,
    /// When it began.
    pub started_at: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// One entry for each requirement of the version, in the order of the
    /// specification.
    pub results: Vec<Judged>,
    /// What was created and could not be removed.
    pub leftovers: Vec<Leftover>,
    /// Everything that was sent and answered, without credentials.
    pub exchanges: Vec<Exchange>,
    /// Why the run came to its end early, if it did.
    pub cut_short: Option<CutShort>,
}

/// What is broken, and what shows it: for the message of an assertion.
impl fmt::Display for CheckRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.target;
        if let Some(cut_short) = &self.cut_short {
            let words = printable(cut_short.words());
            writeln!(f, "{target} could not be judged: {words}")?;
        }
        for judged in self.with(Verdict::Fail) {
            let Requirement { id, statement, .. } = &judged.requirement;
            writeln!(f, "{target} breaks {id}: {statement}")?;
            writeln!(f, "  {}", printable(&judged.reason))?;
            let shown = judged.evidence.first();
            if let Some(exchange) = shown.and_then(|shown| self.exchanges.get(shown.exchange)) {
                writeln!(f, "{}", visible(&curl(target, &exchange.request)))?;
            }
        }
        let must = self.tally(Level::is_must);
        let (pass, fail, skip) = (must.pass, must.fail, must.skip);
        write!(f, "MUST: {pass} kept, {fail} broken, {skip} not judged")
    }
}

impl CheckRun {
    /// The verdicts on the requirements whose level `counts`.
    pub fn tally(&self, counts: impl Fn(Level) -> bool) -> Tally {
        let mut tally = Tally::default();
        for judged in self.results.iter().filter(|judged| counts(judged.level)) {
            *match judged.verdict {
                Verdict::Pass => &mut tally.pass,
                Verdict::Fail => &mut tally.fail,
                Verdict::Warn => &mut tally.warn,
                Verdict::Skip => &mut tally.skip,
            } += 1;
        }
        tally
    }

    /// Whether the target was judged and breaks no MUST.
    pub fn is_kept(&self) -> bool {
        self.cut_short.is_none() && self.with(Verdict::Fail).next().is_none()
    }

    /// The requirements with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Judged> {
        self.results
            .iter()
            .filter(move |judged| judged.verdict == verdict)
    }
}
