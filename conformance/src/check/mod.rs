//! Judges a target by the requirements of the specification.

mod activity;
mod book;
mod call;
mod how;
mod ledger;
mod options;
mod outcome;
mod patience;
mod proof;
mod rules;
mod run;
mod scenarios;
mod session;
mod stage;
mod subject;
mod sweep;

pub use how::{How, how};
pub use ledger::LedgerError;
pub use options::{Auth, Expect, Options, Parameters, Plans};
pub use outcome::{CheckRun, CutShort, Evidence, Judged, Tally, Verdict};
#[cfg(feature = "reports")]
pub(crate) use outcome::{INVISIBLE, LEFT_OUT, UNSEEN};
pub use proof::mutants;
pub use run::{CheckError, CheckEvent, check, clean_up, interrupted_target, judge};
pub(crate) use subject::{Subject, subjects};
