//! What a check is told.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use fixtures::ApiVersion;
use serde_json::Value;

/// How a target wants to be logged in to.
#[derive(Clone, Debug)]
pub enum Auth {
    /// User name and password.
    Basic(crate::Credentials),
    /// A bearer token.
    Token(crate::Token),
}

/// What the user knows of the target, and its catalog does not tell. What
/// contradicts it is a failure where it would be a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expect {
    /// Bindings have credentials.
    Credentials,
    /// Offerings that require `syslog_drain` are log drains.
    SyslogDrain,
    /// Offerings that require `volume_mount` are volume services.
    VolumeMounts,
    /// Offerings that require `route_forwarding` have the platform forward.
    RouteProxied,
    /// Offerings that require `route_forwarding` are set up out of band.
    RouteOutOfBand,
}

/// Which plans are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// One for each behaviour that the catalog tells apart.
    Representatives,
    /// One for each behaviour that the first instances of all plans tell apart.
    Behaviours,
    /// Every one.
    All,
}

/// Parameters of the user's, in the place of those made from schemas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// For provisions.
    pub provision: Option<Value>,
    /// For updates.
    pub update: Option<Value>,
    /// For binds.
    pub bind: Option<Value>,
}

/// The settings of a check. [`Options::default`] judges everything.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version whose requirements are judged, and which is sent.
    pub api_version: ApiVersion,
    /// How to log in; nothing is sent without it.
    pub auth: Option<Auth>,
    /// Further header fields of every request.
    pub headers: Vec<(String, String)>,
    /// The only requirements to judge, unless it is empty.
    pub only: BTreeSet<String>,
    /// Requirements not to judge.
    pub skip: BTreeSet<String>,
    /// The only offering to judge, by name or id.
    pub service: Option<String>,
    /// The only plan to judge, by name or id.
    pub plan: Option<String>,
    /// Which of the plans are judged.
    pub plans: Plans,
    /// Parameters of the user's.
    pub parameters: Parameters,
    /// What the user knows of the target.
    pub expect: BTreeSet<Expect>,
    /// How many scenarios run side by side.
    pub jobs: usize,
    /// How long an asynchronous operation is polled; a plan's own limit counts
    /// if it is shorter.
    pub operation_timeout: Duration,
    /// How many requests are sent at most; those that clean up do not count.
    pub max_requests: usize,
    /// An answer that takes longer than this is not prompt.
    pub prompt: Duration,
    /// Nothing is sent but GET.
    pub read_only: bool,
    /// Where the ledger is kept; `None` for memory alone.
    pub ledger: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            api_version: ApiVersion::NEWEST,
            auth: None,
            headers: Vec::new(),
            only: BTreeSet::new(),
            skip: BTreeSet::new(),
            service: None,
            plan: None,
            plans: Plans::Representatives,
            parameters: Parameters::default(),
            expect: BTreeSet::new(),
            jobs: 4,
            operation_timeout: Duration::from_secs(300),
            max_requests: 10_000,
            prompt: Duration::from_secs(60),
            read_only: false,
            ledger: None,
        }
    }
}
