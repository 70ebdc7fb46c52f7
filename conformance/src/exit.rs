//! The exit codes.

use std::process::{ExitCode, Termination};

use crate::check::{CheckRun, CutShort, Judged, Verdict};
use crate::run::{Outcome, Reason, Run};

/// What a run comes to; each number is a case that a script may want to tell
/// apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every example matches, or is about what the target does not offer.
    Kept = 0,
    /// An example does not match, even if the run was cut short later.
    Broken = 1,
    /// The command line or a fixture is wrong.
    Usage = 2,
    /// Something could not be judged, and nothing was shown broken.
    NotJudged = 3,
    /// The user interrupted, nothing was shown broken, and what was created has
    /// been removed.
    Interrupted = 130,
}

impl Exit {
    /// What these runs come to together. Leftovers do not change it.
    pub fn of(runs: &[Run]) -> Self {
        let outcomes = || {
            let examples = runs.iter().flat_map(Run::examples);
            examples.map(|example| &example.outcome)
        };
        let interrupted = |outcome| matches!(outcome, &Outcome::NotJudged(Reason::Interrupted));
        if outcomes().any(|outcome| matches!(outcome, Outcome::Mismatch(_))) {
            Exit::Broken
        } else if outcomes().any(interrupted) {
            Exit::Interrupted
        } else if outcomes().any(|outcome| matches!(outcome, Outcome::NotJudged(_))) {
            Exit::NotJudged
        } else {
            Exit::Kept
        }
    }
}

impl Exit {
    /// What a check comes to; if it is `strict`, a SHOULD counts as a MUST.
    /// Leftovers do not change it.
    pub fn of_check(run: &CheckRun, strict: bool) -> Self {
        let warned = |judged: &&Judged| !judged.level.is_must();
        let is_warned = strict && run.with(Verdict::Warn).any(|judged| warned(&judged));
        match &run.cut_short {
            _ if run.with(Verdict::Fail).next().is_some() || is_warned => Exit::Broken,
            Some(CutShort::Interrupted) => Exit::Interrupted,
            Some(CutShort::NoBaseline(_) | CutShort::NoInstance(_) | CutShort::Failed) => {
                Exit::NotJudged
            }
            None => Exit::Kept,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn or_worse(self, other: Exit) -> Exit {
        let order = [
            Exit::Broken,
            Exit::Usage,
            Exit::Interrupted,
            Exit::NotJudged,
            Exit::Kept,
        ];
        let worse = order.into_iter().find(|exit| [self, other].contains(exit));
        worse.unwrap_or(self)
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
