//! `conformance replay`, and `conformance` without a command.

use std::time::Duration;

use conformance::{
    Auth, Client, Credentials, Event, Exit, Interrupt, Options, Plans, Run, Target, reports,
};
use fixtures::Suite;

use super::args;
use super::check::watched;
use super::console;
use super::interrupted_twice;
use super::login;
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
        let (target, credentials) = login::target(&args.url, args.auth.as_deref())?;
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

/// `conformance`: replays both suites against a pair of its own, and checks
/// another one that offers everything.
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
        let replayed = conclude(&runs);
        if replayed == Exit::Interrupted {
            return Ok(replayed);
        }
        Ok::<_, String>(replayed.or_worse(checked(&interrupt).await?))
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

/// Checks a pair with the showcase.
async fn checked(interrupt: &Interrupt) -> Result<Exit, String> {
    let pair = Pair::of_showcase()
        .await
        .map_err(|error| error.to_string())?;
    let (target, _) = Target::parse(&pair.broker.url()).map_err(|error| error.to_string())?;
    let client = Client::new(target, TIMEOUT).map_err(|error| error.to_string())?;
    let documented = Credentials::parse("user:pass").map_err(|error| error.to_string())?;
    let options = Options {
        auth: Some(Auth::Basic(documented)),
        plans: Plans::Behaviours,
        ..Options::default()
    };
    let run = watched(client, options, interrupt).await?;
    pair.stop().await;
    let shown = reports::terminal(&run, console::width(), reports::Detail::Verbose);
    console::print(format_args!("\n{shown}"));
    Ok(Exit::of_check(&run, false))
}

/// Prints the summary.
fn conclude(runs: &[Run]) -> Exit {
    console::print(report::summary(runs));
    Exit::of(runs)
}
