//! Judges a service broker, in whatever language it is written, by its URL.
//!
//! [`judge`] and [`check`] judge it by every requirement of the Open Service
//! Broker API that HTTP can show; what comes out is a [`CheckRun`]. [`replay`]
//! sends the examples of [`fixtures::Suite`]s to a target and compares the
//! answers; what comes out is a [`Run`]. Both remove what they have created, and
//! give plain data, from which reports and the [`Exit`] code are made. This
//! library knows HTTP and JSON, no type of any broker, and never prints.
//!
//! In a test of a broker, without Rocket and the command line
//! (`default-features = false`):
//!
//! ```no_run
//! # async fn my_broker_conforms() -> Result<(), conformance::CheckError> {
//! let options = conformance::Options::default();
//! let run = conformance::judge("http://user:pass@127.0.0.1:8080", options).await?;
//! assert!(run.is_kept(), "{run}");
//! # Ok(())
//! # }
//! ```

mod bindings;
mod check;
mod client;
mod compare;
mod curl;
mod exchange;
mod exit;
mod fresh;
mod interrupt;
mod ledger;
mod parameters;
mod pause;
mod printable;
mod references;
mod replay;
#[cfg(feature = "reports")]
pub mod reports;
mod run;
mod secrets;
mod target;

pub use check::{
    Auth, CheckError, CheckEvent, CheckRun, CutShort, Evidence, Expect, How, Judged, LedgerError,
    Options, Parameters, Plans, Tally, Verdict, check, clean_up, how, interrupted_target, judge,
    mutants,
};
pub use client::{Client, ClientError, Trust};
pub use compare::{Difference, Side};
pub use curl::curl;
pub use exchange::{Answer, Exchange, Failure, Request, Role};
pub use exit::Exit;
pub use interrupt::Interrupt;
pub use replay::{Event, replay};
pub use run::{ExampleRun, Leftover, Mismatch, Outcome, Reason, Run, Skip, SuiteRun};
pub use target::{Credentials, CredentialsError, Target, TargetError, Token, TokenError};

/// The environment variable that holds the credentials, `USER:PASS`. In recorded
/// requests and curl lines its name stands in their place.
pub const AUTH_VARIABLE: &str = "CONFORMANCE_AUTH";

/// The environment variable that holds a bearer token, likewise.
pub const TOKEN_VARIABLE: &str = "CONFORMANCE_TOKEN";
