//! How a server starts, says where it is, and stops.

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use rocket::config::{Ident, LogLevel, Shutdown as ShutdownConfig, TlsConfig};
use rocket::error::ErrorKind;
use rocket::fairing::{AdHoc, Fairing, Info, Kind};
use rocket::{Build, Config, Data, Request, Rocket, Shutdown};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::answer::ErrorBody;
use crate::as_sent::AsSent;
use crate::interrupts::Interrupts;
use crate::log::silence_rocket;
use crate::{Listen, Tls, catchers};

/// How long a stop then waits for the last answers to leave and the
/// connections to close, of which Rocket tells nothing.
const LINGER: Duration = Duration::from_millis(100);

/// Why a server did not start, in one line for its user.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on: taken, not of this machine, or not
    /// permitted.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// Where it was to listen.
        address: Listen,
        /// What the system says.
        reason: String,
    },
    /// Anything else that Rocket or the runtime reports.
    #[error("cannot start: {0}")]
    Other(String),
}

/// A server that listens, until [`Running::stop`] or the end of the process.
pub struct Running {
    url: String,
    shutdown: Shutdown,
    under_way: TaskTracker,
    server: JoinHandle<Result<(), StartError>>,
}

/// A Rocket to mount routes on, which listens where `listen` says, takes
/// requests as they were sent, and words its errors by `error`. Nothing else
/// configures it: no file and no `ROCKET_` variable.
pub fn build(listen: Listen, error: fn(&str) -> Value) -> Rocket<Build> {
    silence_rocket();
    let tls = listen.tls.as_ref();
    let config = Config {
        tls: tls.map(|tls| TlsConfig::from_paths(&tls.certificate, &tls.key)),
        address: listen.address,
        port: listen.port,
        ident: Ident::none(),
        log_level: LogLevel::Off,
        cli_colors: false,
        shutdown: ShutdownConfig {
            // Signals are ours, and so is the grace: Rocket's must not end first.
            ctrlc: false,
            signals: HashSet::new(),
            grace: u32::MAX / 2,
            force: false,
            ..ShutdownConfig::default()
        },
        ..Config::release_default()
    };
    rocket::custom(config)
        .manage(listen)
        .manage(ErrorBody(error))
        .attach(AsSent)
        .register("/", catchers::all())
}

/// Starts `rocket` (made by [`build`]) and returns when it listens.
pub async fn start(rocket: Rocket<Build>) -> Result<Running, StartError> {
    let under_way = TaskTracker::new();
    let (ready, listening) = oneshot::channel();
    let tls_files = rocket
        .state::<Listen>()
        .and_then(|listen| listen.tls.clone());
    let tls = tls_files.clone();
    let rocket = rocket
        .attach(CountsRequests(under_way.clone()))
        .attach(AdHoc::on_liftoff("tells its URL", |rocket| {
            Box::pin(async move {
                // Nobody waits for it only if the start was given up.
                let _ = ready.send(at(rocket.config(), tls));
            })
        }))
        .ignite()
        .await
        .map_err(|error| StartError::Other(error.kind().to_string()))?;
    let wanted = at(rocket.config(), tls_files.clone());
    let shutdown = rocket.shutdown();
    let server = tokio::spawn(async move {
        let ended = rocket.launch().await;
        ended
            .map(drop)
            .map_err(|error| StartError::from_launch(wanted, &error))
    });
    match listening.await {
        Ok(listen) => Ok(Running {
            url: listen.url(),
            shutdown,
            under_way,
            server,
        }),
        Err(_) => Err(match server.await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => StartError::Other("it stopped at once".to_owned()),
            Err(panic) => StartError::Other(panic.to_string()),
        }),
    }
}

/// Where a Rocket with this configuration listens.
fn at(config: &Config, tls: Option<Tls>) -> Listen {
    Listen {
        address: config.address,
        port: config.port,
        tls,
    }
}

/// The whole life of a server's process after its arguments are read: starts
/// what `make` makes, prints one line with its name and URL on standard output,
/// stops it at Ctrl-C or SIGTERM (a second one ends it at once) and gives the
/// exit code. Where it cannot start, it prints one line on standard error.
///
/// Whether the port is free is seen before anything is made: who starts a
/// server twice is to hear of the port, and not of files that are in use.
pub async fn serve(
    name: &str,
    listen: &Listen,
    make: impl Future<Output = Result<Rocket<Build>, StartError>>,
    grace: Duration,
) -> ExitCode {
    let mut interrupts = Interrupts::listen();
    let started = async {
        is_free(listen)?;
        start(make.await?).await
    };
    let running = match started.await {
        Ok(running) => running,
        Err(error) => {
            let hint = match error {
                StartError::Bind { .. } => "; choose another place with --address and --port",
                StartError::Other(_) => "",
            };
            // There is nobody left to tell if this fails.
            let _ = writeln!(io::stderr(), "{name}: {error}{hint}");
            return ExitCode::FAILURE;
        }
    };
    // A closed standard output is no reason not to serve.
    let _ = writeln!(io::stdout(), "{name} listens on {}", running.url());
    interrupts.next().await;
    tokio::select! {
        () = running.stop(grace) => {}
        () = interrupts.next() => {}
    }
    ExitCode::SUCCESS
}

/// Whether a server can listen there now.
fn is_free(listen: &Listen) -> Result<(), StartError> {
    match TcpListener::bind((listen.address, listen.port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(StartError::Bind {
            address: listen.clone(),
            reason: plain(&error),
        }),
    }
}

impl StartError {
    /// The error of a server that was to listen at `wanted`. (Looking at its
    /// kind is also what keeps Rocket's error from panicking when dropped.)
    fn from_launch(wanted: Listen, error: &rocket::Error) -> StartError {
        match error.kind() {
            ErrorKind::Bind(reason) => StartError::Bind {
                address: wanted,
                reason: plain(reason),
            },
            ErrorKind::Io(reason) => StartError::Other(match &wanted.tls {
                Some(tls) => format!(
                    "{} and {} are no certificate and key in PEM: {}",
                    tls.certificate.display(),
                    tls.key.display(),
                    plain(reason)
                ),
                None => plain(reason),
            }),
            other => StartError::Other(other.to_string()),
        }
    }
}

/// An operating system's error in words, without its number.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "not permitted (ports below 1024 often need privileges)".to_owned()
        }
        _ => error.to_string(),
    }
}

impl Running {
    /// Where it listens, as `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Stops it: no new connection is taken, idle ones are closed, requests
    /// under way are given `grace` to end.
    ///
    /// Rocket's own end is not waited for: whenever a connection was open, it
    /// comes only after the whole of Rocket's grace period.
    pub async fn stop(self, grace: Duration) {
        self.shutdown.notify();
        self.under_way.close();
        // Either way there is nothing more to wait for.
        let _ = timeout(grace, self.under_way.wait()).await;
        let _ = timeout(LINGER, self.server).await;
    }
}

/// Counts the requests under way: a token lives as long as its request.
struct CountsRequests(TaskTracker);

#[rocket::async_trait]
impl Fairing for CountsRequests {
    fn info(&self) -> Info {
        Info {
            name: "requests under way",
            kind: Kind::Request,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(|| self.0.token());
    }
}
