//! What came of a run, as plain data: the whole truth, for reports to show.

use std::fmt;

use fixtures::Need;

use crate::compare::Difference;
use crate::exchange::{Exchange, Failure};
use crate::target::Target;

/// What came of replaying suites against one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Where the requests went.
    pub target: Target,
    /// The suites, in order.
    pub suites: Vec<SuiteRun>,
    /// What could not be removed from the target.
    pub leftovers: Vec<Leftover>,
}

impl Run {
    /// The examples of all suites, in order.
    pub fn examples(&self) -> impl Iterator<Item = &ExampleRun> {
        self.suites.iter().flat_map(|suite| &suite.examples)
    }
}

/// What came of one suite.
#[derive(Clone, Debug, PartialEq)]
pub struct SuiteRun {
    /// The suite's name.
    pub name: String,
    /// What a reader calls it.
    pub title: String,
    /// Its examples, in order.
    pub examples: Vec<ExampleRun>,
}

/// What came of one example.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleRun {
    /// The fixture's name.
    pub name: String,
    /// What a reader calls it.
    pub title: String,
    /// The offering and plan that it was played on, by their names, if it needs
    /// one.
    pub plan: Option<String>,
    /// Whether it matches.
    pub outcome: Outcome,
    /// Every request that was sent for it on this plan, in order, clean-up
    /// included.
    pub exchanges: Vec<Exchange>,
}

/// Whether an example matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It matches.
    Passed,
    /// The target answers otherwise.
    Mismatch(Mismatch),
    /// The target does not offer what it is about.
    Skipped(Skip),
    /// That could not be found out.
    NotJudged(Reason),
}

/// What the target does not offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// No plan declares all of this.
    NoPlan(Vec<Need>),
    /// No plan gives the answer that the example is about.
    NotShown {
        /// The request, as the fixture names it.
        request: String,
        /// The status of its answer.
        status: u16,
    },
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::NoPlan(needs) if needs.is_empty() => f.write_str("there is no plan"),
            Skip::NoPlan(needs) => {
                let names: Vec<&str> = needs.iter().map(|need| need.name()).collect();
                write!(f, "no plan declares {}", names.join(", "))
            }
            Skip::NotShown { request, status } => {
                write!(f, "no plan shows it: {request} was answered {status}")
            }
        }
    }
}

/// An answer that is not the one expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The place of the exchange in [`ExampleRun::exchanges`].
    pub exchange: usize,
    /// How the answer differs: at least once.
    pub differences: Vec<Difference>,
}

/// Something that the run created and could not remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its id.
    pub id: String,
    /// The request that should have removed it.
    pub request: String,
    /// What came of that request.
    pub instead: String,
}

/// Why an example could not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no connection to the target.
    Unreachable {
        /// The target's URL.
        target: String,
        /// Why there is none.
        why: String,
    },
    /// The target wants other credentials.
    WrongCredentials {
        /// The request that it refused.
        request: String,
    },
    /// The target is not what the suite is about.
    NoBaseline {
        /// The request that shows it.
        request: String,
        /// What came of it.
        instead: String,
    },
    /// The fixture's own id is in use on the target.
    Taken {
        /// The id.
        id: String,
        /// The request that would have created it.
        request: String,
        /// The status of its answer.
        status: u16,
        /// The status for an id that is not in use.
        control: u16,
    },
    /// What an earlier example of this run created could not be removed.
    LeftBehind {
        /// The id that is still in use.
        id: String,
    },
    /// A step before the one to be judged did not succeed.
    SetupFailed {
        /// What the step is called.
        step: String,
        /// Its request.
        request: String,
        /// The status of its answer.
        status: u16,
    },
    /// The target refuses what only it can know to be wrong.
    Refused {
        /// The request.
        request: String,
        /// The status of its answer.
        status: u16,
    },
    /// An operation that was accepted has failed.
    OperationFailed {
        /// The request that began it.
        request: String,
    },
    /// An operation does not end.
    StillInProgress {
        /// The request that tells so.
        request: String,
    },
    /// A request got no answer.
    NoAnswer {
        /// The request.
        request: String,
        /// Why there is none.
        failure: Failure,
    },
    /// The answer lacks a value that the next steps need.
    NothingToCapture {
        /// The request.
        request: String,
        /// Where the value should be.
        pointer: String,
    },
    /// The fixture asks for what cannot be made.
    Unplayable(String),
    /// The user interrupted.
    Interrupted,
    /// The run was over before.
    NotReached,
}

impl Reason {
    /// Whether nothing more can be judged after this.
    pub fn ends_the_run(&self) -> bool {
        matches!(
            self,
            Reason::Unreachable { .. }
                | Reason::WrongCredentials { .. }
                | Reason::NoBaseline { .. }
                | Reason::Taken { .. }
                | Reason::Interrupted
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unreachable { target, why } => write!(f, "cannot reach {target}: {why}"),
            Reason::WrongCredentials { request } => write!(
                f,
                "wrong credentials: {request} was answered 401; give them in the URL \
                 (http://USER:PASS@HOST), by --auth USER:PASS or in {}",
                crate::AUTH_VARIABLE
            ),
            Reason::NoBaseline { request, instead } => {
                write!(f, "{request} {instead}: is this a broker?")
            }
            Reason::Taken {
                id,
                request,
                status,
                control,
            } => write!(
                f,
                "{id} is taken on the target ({request} was answered {status}, with a fresh id \
                 {control}); delete it or replay against a target where it is free"
            ),
            Reason::LeftBehind { id } => write!(
                f,
                "{id} is still there: an earlier example created it, and it could not be removed"
            ),
            Reason::SetupFailed {
                step,
                request,
                status,
            } => write!(
                f,
                "its setup \"{step}\" failed: {request} was answered {status}"
            ),
            Reason::Refused { request, status } => {
                write!(f, "{request} was refused with {status}")
            }
            Reason::OperationFailed { request } => {
                write!(f, "the operation of {request} failed")
            }
            Reason::StillInProgress { request } => {
                write!(f, "{request} still says that it is in progress")
            }
            Reason::NoAnswer { request, failure } => write!(f, "{request}: {failure}"),
            Reason::NothingToCapture { request, pointer } => write!(
                f,
                "the answer to {request} has no string, number or boolean at {pointer}, which a later step needs"
            ),
            Reason::Unplayable(why) => write!(f, "the fixture cannot be played: {why}"),
            Reason::Interrupted => f.write_str("interrupted"),
            Reason::NotReached => f.write_str("not reached"),
        }
    }
}
