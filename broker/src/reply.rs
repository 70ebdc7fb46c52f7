//! Everything the broker can say, each with its status and body: the status
//! tables of the specification in one place.

use rocket::Request;
use rocket::http::Status;
use rocket::response::{self, Responder};
use serde_json::{Value, json};
use serving::Answer;

use crate::echo::EchoError;

/// What a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 201: the instance has been created.
    Provisioned {
        /// Where a person sees the instance.
        dashboard_url: String,
    },
    /// 200: the instance exists as asked for.
    AlreadyProvisioned {
        /// As in the first answer.
        dashboard_url: String,
    },
    /// 201: the binding has been created.
    Bound {
        /// Where the app sends its messages.
        uri: String,
    },
    /// 200: what was to be deleted has been deleted.
    Deleted,
    /// 410: what is to be deleted does not exist.
    Gone,
    /// 400: the request cannot be understood, or names what does not exist.
    Bad(String),
    /// 400: the catalog is asked for without a version.
    MissingVersion,
    /// 401
    Unauthenticated,
    /// 404: the instance to bind to does not exist.
    UnknownInstance,
    /// 409: the id belongs to another instance.
    InstanceConflict,
    /// 409: the binding exists.
    BindingConflict,
    /// 412
    UnsupportedVersion,
    /// 422: another operation works on the same resource.
    Concurrency,
    /// 502: the echo service does not know an instance that the broker has
    /// made.
    Forgotten,
    /// 5xx: the echo service did not do its part.
    Echo(EchoError),
}

impl Reply {
    /// The reply as it is sent.
    pub(crate) fn answer(self) -> Answer {
        let (status, body) = self.parts();
        let answer = Answer::json(status, &body);
        match self {
            Reply::Unauthenticated => answer.with_header(
                "WWW-Authenticate",
                r#"Basic realm="service broker", charset="UTF-8""#.to_owned(),
            ),
            _ => answer,
        }
    }

    fn parts(&self) -> (Status, Value) {
        match self {
            Reply::Provisioned { dashboard_url } => {
                (Status::Created, json!({ "dashboard_url": dashboard_url }))
            }
            Reply::AlreadyProvisioned { dashboard_url } => {
                (Status::Ok, json!({ "dashboard_url": dashboard_url }))
            }
            Reply::Bound { uri } => (Status::Created, json!({ "credentials": { "uri": uri } })),
            Reply::Deleted => (Status::Ok, json!({})),
            Reply::Gone => (Status::Gone, json!({})),
            Reply::Bad(why) => (Status::BadRequest, error_body(why)),
            Reply::MissingVersion => (
                Status::BadRequest,
                error_body("the header X-Broker-API-Version is missing; send for example 2.3"),
            ),
            Reply::Unauthenticated => (
                Status::Unauthorized,
                error_body("the user name or password is missing or wrong"),
            ),
            Reply::UnknownInstance => (
                Status::NotFound,
                error_body("there is no service instance with this id; provision it first"),
            ),
            Reply::InstanceConflict => (
                Status::Conflict,
                error_body("this id belongs to another service instance; choose a fresh one"),
            ),
            Reply::BindingConflict => (
                Status::Conflict,
                error_body("there is a service binding with this id already"),
            ),
            Reply::UnsupportedVersion => (
                Status::PreconditionFailed,
                error_body(
                    "this broker speaks API versions from 2.3 on, below 3.0; name one of them in X-Broker-API-Version",
                ),
            ),
            Reply::Concurrency => (
                Status::UnprocessableEntity,
                json!({
                    "error": "ConcurrencyError",
                    "description": "another operation works on this resource; try again when it has ended",
                }),
            ),
            Reply::Forgotten => (
                Status::BadGateway,
                error_body(
                    "the echo service has forgotten this service instance; deprovision it and provision a new one",
                ),
            ),
            Reply::Echo(error) => (error.status(), error_body(&error.to_string())),
        }
    }
}

/// An error's body.
pub(crate) fn error_body(description: &str) -> Value {
    json!({ "description": description })
}

impl<'r> Responder<'r, 'static> for Reply {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        self.answer().respond_to(request)
    }
}
