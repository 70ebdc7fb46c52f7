//! The echo service that the reference broker manages, and its sibling that
//! inverts: instances, bindings of apps to them, and messages that come back.
//!
//! It keeps its state in memory, needs no authentication and answers JSON,
//! errors included: `{"error": "<message>"}`. What it keeps per instance does
//! not grow with the messages it is sent.

mod dashboard;
mod invert;
mod refusal;
mod routes;
mod state;

use rocket::{Build, Rocket};
use serving::{Listen, Running, StartError};

/// The port that the documents name.
pub const DEFAULT_PORT: u16 = 8090;

/// The service as a Rocket that is to listen where `listen` says.
pub fn rocket(listen: Listen) -> Rocket<Build> {
    serving::build(listen, refusal::body).attach(routes::stage())
}

/// Starts the service, with nothing provisioned, and returns when it listens.
pub async fn start(listen: Listen) -> Result<Running, StartError> {
    serving::start(rocket(listen)).await
}
