//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use fixtures::ApiVersion;

/// Checks service brokers by the Open Service Broker API, 2.11 to 2.17.
///
/// `conformance check URL` judges any broker by every requirement of the
/// specification. Without a command, it starts the reference broker and its echo
/// service on free ports, replays every documented example against them and
/// checks them.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 no MUST is broken and every example matches, 1 a MUST is broken or an\n\
                  example does not match, 2 wrong usage or fixture, 3 something could not be judged\n\
                  and nothing was shown wrong, 130 interrupted"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Check(Box<Check>),
    Replay(Replay),
    Cleanup(Cleanup),
    /// List every requirement, and how it is judged
    Requirements {
        /// The form of the list
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: Listing,
    },
    /// Tell all that is known of a requirement
    Explain {
        /// Its id, such as provision.status-409-existing
        id: String,
    },
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
        store: broker::StorePlace,
    },
}

/// Judge a broker by every requirement of the specification
///
/// Everything but the URL and the credentials is read from the broker's catalog.
/// What the check creates, it removes again.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// URL of the broker, such as http://127.0.0.1:8080; credentials may stand in
    /// it
    // Read by hand: clap would repeat a malformed one, credentials and all.
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) login: Login,

    /// Version whose requirements are judged, 2.11 to 2.17
    #[arg(long, value_name = "VERSION", default_value = "2.17")]
    pub(crate) api_version: ApiVersion,

    /// Judge only this requirement; may be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) only: Vec<String>,

    /// Do not judge this requirement; may be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) skip: Vec<String>,

    /// Judge only this offering, by name or id
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// Judge only this plan, by name or id
    #[arg(long, value_name = "NAME")]
    pub(crate) plan: Option<String>,

    /// Judge every plan, not only one of each behaviour
    #[arg(long)]
    pub(crate) all_plans: bool,

    /// Parameters to send: a JSON file with any of the members provision, update
    /// and bind [default: made from the plan's schemas]
    #[arg(long, value_name = "FILE")]
    pub(crate) parameters: Option<PathBuf>,

    /// What you know of the broker and its catalog does not say; may be repeated
    #[arg(long, value_name = "WHAT")]
    pub(crate) expect: Vec<Expect>,

    /// How many scenarios run side by side
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub(crate) jobs: usize,

    /// How long to wait for each answer; six times as long where something is made
    /// or deleted
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,

    /// How long to poll an asynchronous operation; a plan's own limit counts if it
    /// is shorter
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = timeout)]
    pub(crate) operation_timeout: Duration,

    /// How many requests to send at most; those that clean up do not count
    #[arg(long, value_name = "N", default_value = "10000", value_parser = at_least_one)]
    pub(crate) max_requests: usize,

    /// Send nothing but GET, and judge what that shows
    #[arg(long)]
    pub(crate) read_only: bool,

    /// Let a SHOULD that is not kept count as a MUST in the exit code
    #[arg(long)]
    pub(crate) strict: bool,

    /// Where to keep what is created until it is removed [default: a new file
    /// conformance-ledger.jsonl here]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,

    /// Write a report, such as json=report.json: json, junit, html or markdown; may
    /// be repeated
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = report)]
    pub(crate) reports: Vec<(Format, PathBuf)>,

    /// Show only what is broken
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Show every requirement
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// How to log in to a broker, and what to believe of it.
#[derive(clap::Args)]
pub(crate) struct Login {
    /// Credentials; else those in the URL or in CONFORMANCE_AUTH
    #[arg(long, value_name = "USER:PASS", conflicts_with = "token")]
    pub(crate) auth: Option<String>,

    /// Bearer token; else that in CONFORMANCE_TOKEN
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// Header field to send with every request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,

    /// Certificates (PEM) to believe the broker by, beside the machine's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Believe whoever answers an https URL
    #[arg(long, conflicts_with = "ca_cert")]
    pub(crate) insecure: bool,
}

/// Remove what an interrupted check has left behind
#[derive(clap::Args)]
pub(crate) struct Cleanup {
    /// The ledger of the check
    pub(crate) ledger: PathBuf,

    #[command(flatten)]
    pub(crate) login: Login,

    /// How long to wait for each answer; six times as long where something is deleted
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

/// What a user may know of a broker.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Expect {
    /// Bindings have credentials
    Credentials,
    /// Offerings that require just syslog_drain are log drains
    SyslogDrain,
    /// Offerings that require just volume_mount are volume services
    VolumeMounts,
    /// The platform forwards requests to route services
    RouteProxied,
    /// Route services are set up out of band
    RouteOutOfBand,
}

impl From<Expect> for conformance::Expect {
    fn from(expect: Expect) -> conformance::Expect {
        match expect {
            Expect::Credentials => conformance::Expect::Credentials,
            Expect::SyslogDrain => conformance::Expect::SyslogDrain,
            Expect::VolumeMounts => conformance::Expect::VolumeMounts,
            Expect::RouteProxied => conformance::Expect::RouteProxied,
            Expect::RouteOutOfBand => conformance::Expect::RouteOutOfBand,
        }
    }
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Json,
    Junit,
    Html,
    Markdown,
}

/// The form of a list.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Listing {
    Table,
    Json,
    Markdown,
}

/// Replay documented examples against a broker
///
/// Each example is sent exactly as its document shows it, and the whole answer
/// is compared. Those of the suite osb are played on plans of the target's own
/// catalog and compared by their shape; of what it does not offer they are
/// skipped. What the replay creates, it removes again.
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

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it has to be one at least".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it is no number".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("there is no colon between name and value")?;
    let value = value.trim();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err("there is no name of a header field before the colon".to_owned());
    }
    let framing = ["content-length", "transfer-encoding", "host"];
    if framing.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("{name} follows from the request"));
    }
    match value.chars().any(char::is_control) {
        true => Err("the value holds a control character".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}

fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("a report is FORMAT=FILE, such as json=report.json")?;
    let format = Format::from_str(format, false)
        .map_err(|_| format!("{format:?} is none of json, junit, html and markdown"))?;
    match path {
        "" => Err("there is no file behind the =".to_owned()),
        path => Ok((format, PathBuf::from(path))),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("nothing answers within no time".to_owned()),
        Ok(timeout) => Ok(timeout),
        Err(_) => Err("expected a duration such as 10s or 500ms".to_owned()),
    }
}
