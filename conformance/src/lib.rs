//! Judges a service broker, in whatever language it is written, by its URL.
//!
//! [`replay`] sends the examples of [`fixtures::Suite`]s to a target through a
//! [`Client`], compares the answers and removes what it has created. What comes
//! out is a [`Run`]: plain data, from which reports and the [`Exit`] code are
//! made. This library knows HTTP and JSON, no type of any broker, and never
//! prints.
//!
//! ```no_run
//! # async fn judge() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use conformance::{Client, Exit, Interrupt, Target, replay};
//!
//! let (target, credentials) = Target::parse("http://user:pass@127.0.0.1:8080")?;
//! let client = Client::new(target, Duration::from_secs(10))?;
//! let suites = [fixtures::Suite::named("echo-broker-2.3")?];
//! let run = replay(&suites, &client, credentials.as_ref(), &Interrupt::new(), &mut |_| {}).await;
//! assert_eq!(Exit::of(&[run]), Exit::Kept);
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
mod references;
mod replay;
#[cfg(feature = "reports")]
pub mod reports;
mod run;
mod secrets;
mod target;

pub use check::{
    Auth, CheckError, CheckEvent, CheckRun, CutShort, Evidence, Expect, How, Judged, LedgerError,
    Options, Parameters, Plans, Tally, Verdict, check, clean_up, how, interrupted_target,
};
pub use client::{Client, ClientError, Trust};
pub use compare::{Difference, Side};
pub use curl::curl;
pub use exchange::{Answer, Exchange, Failure, Request, Role};
pub use exit::Exit;
pub use interrupt::Interrupt;
pub use replay::{Event, replay};
pub use run::{ExampleRun, Leftover, Mismatch, Outcome, Reason, Run, SuiteRun};
pub use target::{Credentials, CredentialsError, Target, TargetError, Token, TokenError};

/// The environment variable that holds the credentials, `USER:PASS`. In recorded
/// requests and curl lines its name stands in their place.
pub const AUTH_VARIABLE: &str = "CONFORMANCE_AUTH";

/// The environment variable that holds a bearer token, likewise.
pub const TOKEN_VARIABLE: &str = "CONFORMANCE_TOKEN";
