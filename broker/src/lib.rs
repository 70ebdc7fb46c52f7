//! The reference service broker: it offers the echo service and its sibling
//! that inverts, by the Service Broker API 2.3 as it is documented.
//!
//! A request is read ([`ask`], and the guards in `version` and `auth`), decided
//! on without any I/O ([`decide`]), carried out against the store ([`store`])
//! and the echo service, and answered ([`reply`]).

pub mod ask;
pub mod backend;
pub mod catalog;
pub mod decide;
pub mod instance;
pub mod reply;
pub mod store;

mod auth;
mod config;
mod echo;
mod lifecycle;
mod routes;
mod version;

use rocket::{Build, Rocket};
use serving::{Listen, Running, StartError};

pub use auth::{ColonInUsername, Credentials};
pub use config::{BadEchoUrl, Config, EchoUrl};
pub use echo::{EchoError, Effect};
pub use version::{ApiVersion, Unsupported};

use catalog::Catalog;
use lifecycle::Lifecycle;

/// The port that the documents name.
pub const DEFAULT_PORT: u16 = 8080;

/// The broker as a Rocket that is to listen where `listen` says. Fails where
/// its catalog or its TLS cannot be set up.
pub fn rocket(listen: Listen, config: &Config) -> Result<Rocket<Build>, StartError> {
    let catalog = Catalog::documented(config.echo_public_url().as_str())
        .map_err(|error| StartError::Other(error.to_string()))?;
    Ok(serving::build(listen, reply::error_body)
        .manage(catalog)
        .manage(config.credentials.clone())
        .manage(Lifecycle::new(config)?)
        .attach(routes::stage()))
}

/// Starts a broker with an empty store and returns when it listens.
pub async fn start(listen: Listen, config: &Config) -> Result<Running, StartError> {
    serving::start(rocket(listen, config)?).await
}
