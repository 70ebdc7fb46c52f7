//! The reference service broker: it offers the echo service and its sibling
//! that inverts, by every version of the Service Broker API from 2.3 to 2.17.
//!
//! A request is read ([`ask`], and the guards in `version` and `auth`), decided
//! on without any I/O ([`decide`]), carried out against the store ([`store`])
//! and the echo service, and answered ([`reply`]).

pub mod ask;
pub mod backend;
pub mod catalog;
pub mod conduct;
pub mod decide;
pub mod instance;
pub mod operation;
pub mod reply;
pub mod schema;
pub mod store;

mod auth;
mod binding_answer;
mod config;
mod echo;
mod health;
mod identity;
mod lifecycle;
mod mischief;
mod routes;
mod version;

use std::sync::Arc;

use rocket::{Build, Rocket};
use serving::{Listen, Running, StartError};

pub use auth::{ColonInUsername, Credentials};
pub use config::{BadEchoUrl, BadStorePlace, CatalogSource, Config, EchoUrl, StorePlace};
pub use echo::{EchoError, Effect};
pub use version::{ApiVersion, Unsupported};

use lifecycle::Lifecycle;

/// The port that the documents name.
pub const DEFAULT_PORT: u16 = 8080;

/// The broker as a Rocket that is to listen where `listen` says. What was under
/// way when it ended last is taken up already. Fails where its catalog, its
/// store or its TLS cannot be set up.
pub async fn rocket(listen: Listen, config: &Config) -> Result<Rocket<Build>, StartError> {
    let catalog = config.catalog.read(config.echo_public_url().as_str());
    let catalog = Arc::new(catalog.map_err(StartError::Other)?);
    let open = |lost| config.store.open(config.largest_group, lost);
    let lifecycle = Lifecycle::new(config, catalog.clone(), open)?;
    let recovered = lifecycle.recover().await;
    recovered.map_err(|error| StartError::Other(error.to_string()))?;
    Ok(serving::build(listen, reply::error_body)
        .manage(catalog)
        .manage(config.credentials.clone())
        .manage(lifecycle)
        .attach(routes::stage())
        .attach(health::stage())
        .attach(identity::Identities))
}

/// Starts a broker and returns when it listens.
pub async fn start(listen: Listen, config: &Config) -> Result<Running, StartError> {
    serving::start(rocket(listen, config).await?).await
}
