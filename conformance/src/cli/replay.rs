//! `conformance replay`, and `conformance` without a command.

use std::env::{self, VarError};
use std::time::Duration;

use conformance::{AUTH_VARIABLE, Client, Credentials, Event, Exit, Interrupt, Run, Target};
use fixtures::Suite;
use serving::Interrupts;

use super::args;
use super::console;
use super::pair::Pair;
use super::report;

/// The suite for the broker, which is replayed where none is named.
const BROKER_SUITE: &str = "echo-broker-2.3";

/// The suite for the echo service.
const ECHO_SUITE: &str = "echo-service";

/// How long the reference pair, which is in this process, may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is to be replayed, and where.
pub(crate) struct Plan {
    suites: Vec<Suite>,
    client: Client,
    credentials: Option<Credentials>,
}

impl Plan {
    /// Reads the arguments; an error says in words what is wrong with them.
    pub(crate) fn new(args: args::Replay) -> Result<Plan, String> {
        let (target, in_url) = Target::parse(&args.url).map_err(|error| error.to_string())?;
        let credentials = match (args.auth, in_url) {
            (Some(auth), _) => Some(credentials("--auth", &auth)?),
            (None, Some(in_url)) => Some(in_url),
            (None, None) => from_environment()?,
        };
        let mut names: Vec<&str> = args.suites.iter().map(String::as_str).collect();
        if names.is_empty() && args.fixtures.is_empty() {
            names.push(BROKER_SUITE);
        }
        let named = names.into_iter().map(Suite::named);
        let own = args.fixtures.iter().map(|dir| Suite::from_dir(dir));
        let suites = named.chain(own).collect::<Result<_, _>>();
        let client = Client::new(target, args.timeout).map_err(|error| error.to_string())?;
        Ok(Plan {
            suites: suites.map_err(|error| error.to_string())?,
            client,
            credentials,
        })
    }

    /// One suite, with the credentials that it documents.
    fn documented(suite: &str, url: &str) -> Result<Plan, String> {
        let (target, _) = Target::parse(url).map_err(|error| error.to_string())?;
        let suite = Suite::named(suite).map_err(|error| error.to_string())?;
        let client = Client::new(target, TIMEOUT).map_err(|error| error.to_string())?;
        Ok(Plan {
            suites: vec![suite],
            client,
            credentials: None,
        })
    }

    /// Replays and reports.
    pub(crate) async fn run(self) -> Exit {
        let interrupt = Interrupt::new();
        tokio::select! {
            run = self.replay(&interrupt) => conclude(&[run]),
            () = interrupted_twice(&interrupt) => Exit::Interrupted,
        }
    }

    async fn replay(&self, interrupt: &Interrupt) -> Run {
        let width = console::width();
        let target = self.client.target();
        let mut show = |event: Event<'_>| console::print(report::event(target, &event, width));
        let credentials = self.credentials.as_ref();
        conformance::replay(
            &self.suites,
            &self.client,
            credentials,
            interrupt,
            &mut show,
        )
        .await
    }
}

/// `conformance`: replays both suites against a pair of its own.
pub(crate) async fn reference_pair() -> Exit {
    let interrupt = Interrupt::new();
    let judged = async {
        let pair = Pair::on_free_ports()
            .await
            .map_err(|error| error.to_string())?;
        let mut runs = Vec::new();
        for (suite, url) in [
            (BROKER_SUITE, pair.broker.url()),
            (ECHO_SUITE, pair.echo.url()),
        ] {
            let plan = Plan::documented(suite, &url)?;
            runs.push(plan.replay(&interrupt).await);
        }
        pair.stop().await;
        Ok::<_, String>(conclude(&runs))
    };
    let exit = tokio::select! {
        exit = judged => exit,
        () = interrupted_twice(&interrupt) => Ok(Exit::Interrupted),
    };
    exit.unwrap_or_else(|why| {
        console::complain(why);
        Exit::NotJudged
    })
}

/// Prints the summary.
fn conclude(runs: &[Run]) -> Exit {
    console::print(report::summary(runs));
    Exit::of(runs)
}

fn from_environment() -> Result<Option<Credentials>, String> {
    match env::var(AUTH_VARIABLE) {
        Ok(text) => credentials(AUTH_VARIABLE, &text).map(Some),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{AUTH_VARIABLE} is not UTF-8")),
    }
}

/// Reads `USER:PASS`; an error says where it came from and repeats nothing.
fn credentials(from: &str, text: &str) -> Result<Credentials, String> {
    Credentials::parse(text).map_err(|error| format!("{from} is no USER:PASS: {error}"))
}

/// Resolves at the second Ctrl-C. The first one asks the replay to clean up.
async fn interrupted_twice(interrupt: &Interrupt) {
    let mut interrupts = Interrupts::listen();
    interrupts.next().await;
    interrupt.raise();
    console::complain("cleaning up; Ctrl-C again ends it at once and may leave something behind");
    interrupts.next().await;
}
