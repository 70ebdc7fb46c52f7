//! Whether the broker is alive, and whether it can do its work.

use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::{State, get, routes};
use serde_json::{Value, json};
use serving::Answer;

use crate::lifecycle::Lifecycle;

/// `/health` and `/health/ready`, which ask for no credentials.
pub(crate) fn stage() -> AdHoc {
    AdHoc::on_ignite("health", |rocket| async {
        rocket.mount("/health", routes![alive, ready])
    })
}

/// The process answers: there is no reason to restart it.
#[get("/")]
fn alive() -> Answer {
    Answer::json(Status::Ok, &json!({ "status": "ok" }))
}

/// What a request needs, the store and the echo service, is there: requests
/// may be sent here.
#[get("/ready")]
async fn ready(lifecycle: &State<Lifecycle>) -> Answer {
    let (store, echo) = lifecycle.ready().await;
    let is_ready = store.is_ok() && echo.is_ok();
    let status = match is_ready {
        true => Status::Ok,
        false => Status::ServiceUnavailable,
    };
    let word = |result: Result<(), String>| result.map_or_else(Value::from, |()| "ok".into());
    let body = json!({
        "status": if is_ready { "ok" } else { "not ready" },
        "store": word(store),
        "echo_service": word(echo),
    });
    Answer::json(status, &body)
}
