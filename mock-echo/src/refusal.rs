//! What the service refuses, and how it says so.

use rocket::Request;
use rocket::http::Status;
use rocket::response::{self, Responder};
use serde_json::{Value, json};
use serving::Answer;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    AlreadyProvisioned,
    NothingToDeprovision,
    AlreadyBound,
    BindingNotFound,
    InstanceNotFound,
    AppBindingNotFound,
    /// A message's body, with what is wrong with it.
    Unreadable(String),
    NotInvertible,
}

impl Refusal {
    fn status(&self) -> Status {
        match self {
            Refusal::AlreadyProvisioned | Refusal::AlreadyBound => Status::Conflict,
            Refusal::NothingToDeprovision
            | Refusal::BindingNotFound
            | Refusal::InstanceNotFound
            | Refusal::AppBindingNotFound => Status::NotFound,
            Refusal::Unreadable(_) | Refusal::NotInvertible => Status::BadRequest,
        }
    }

    /// The documented words, where there are any.
    fn message(&self) -> String {
        match self {
            Refusal::AlreadyProvisioned => {
                "Resource already provisioned for the provided ID".into()
            }
            Refusal::NothingToDeprovision => "Deprovision failed, Instance not found".into(),
            Refusal::AlreadyBound => "App binding already exists".into(),
            Refusal::BindingNotFound => "Binding not found".into(),
            Refusal::InstanceNotFound => "Instance not found".into(),
            Refusal::AppBindingNotFound => "App binding not found".into(),
            Refusal::Unreadable(why) => {
                format!(
                    "The body cannot be used: {why}; expecting a JSON object such as {{\"message\": \"Hello World\"}}"
                )
            }
            Refusal::NotInvertible => {
                "This message has no inverse: expecting a string, a boolean, a number or an array"
                    .into()
            }
        }
    }
}

/// An error's body.
pub(crate) fn body(message: &str) -> Value {
    json!({ "error": message })
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        Answer::json(self.status(), &body(&self.message())).respond_to(request)
    }
}
