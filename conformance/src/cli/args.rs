//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Checks service brokers against the examples of their documentation.
///
/// Without a command, it starts the reference broker and its echo service on
/// free ports and replays every documented example against them.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 every example matches, 1 one does not, 2 wrong usage or fixture,\n\
                  3 something could not be judged and nothing was shown wrong, 130 interrupted"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Replay(Replay),
    /// Run the reference broker and its echo service, until Ctrl-C
    ///
    /// The broker listens on http://127.0.0.1:8080 (user name `user`, password
    /// `pass`), the echo service on http://127.0.0.1:8090, as documented.
    Up {
        /// What the broker offers: documented, showcase (every feature),
        /// scenarios (plans that misbehave on purpose), or a file of yours
        #[arg(long, value_name = "CATALOG", default_value = "documented")]
        catalog: String,

        /// Where the broker keeps its state: memory, or a file
        #[arg(long, value_name = "STORE", default_value = "memory")]
        store: String,
    },
}

/// Replay documented examples against a broker
///
/// Each example is sent exactly as its document shows it, and the whole answer
/// is compared. What the replay creates, it removes again.
#[derive(clap::Args)]
pub(crate) struct Replay {
    /// URL of the target, such as http://127.0.0.1:8080; credentials may stand
    /// in it
    // Read by hand: clap would repeat a malformed one, credentials and all.
    pub(crate) url: String,

    /// Suite to replay; may be repeated [default: echo-broker-2.3]
    #[arg(long = "suite", value_name = "NAME")]
    pub(crate) suites: Vec<String>,

    /// Folder with fixtures of your own; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) fixtures: Vec<PathBuf>,

    /// Credentials; else those in the URL, in CONFORMANCE_AUTH, or the
    /// documented user:pass
    #[arg(long, value_name = "USER:PASS")]
    pub(crate) auth: Option<String>,

    /// How long to wait for each answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("nothing answers within no time".to_owned()),
        Ok(timeout) => Ok(timeout),
        Err(error) => Err(error.to_string()),
    }
}
