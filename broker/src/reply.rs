//! Everything the broker can say, each with its status and body: the status
//! tables of the specification in one place.

use rocket::Request;
use rocket::http::Status;
use rocket::response::{self, Responder};
use serde_json::{Value, json};
use serving::Answer;

use crate::conduct::Metadata;
use crate::echo::EchoError;
use crate::instance::Instance;
use crate::operation::Kind;
use crate::version::ApiVersion;

/// What a request is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// 201: the instance has been created.
    Provisioned(Shown),
    /// 200: the instance exists as asked for.
    AlreadyProvisioned(Shown),
    /// 201: the binding has been created.
    Bound {
        /// Credentials and the rest.
        body: Value,
    },
    /// 200: the binding exists as asked for.
    AlreadyBound {
        /// As in the first answer.
        body: Value,
    },
    /// 202: the operation is in progress.
    Accepted {
        /// Its id.
        operation: String,
        /// What is told of the instance, if it is being created or updated.
        shown: Option<Shown>,
    },
    /// 200: the instance has been changed.
    Updated(Option<Shown>),
    /// 200: what was to be deleted has been deleted.
    Deleted,
    /// 200: the instance that was asked for.
    Instance(Box<Instance>),
    /// 200: the binding that was asked for.
    Binding {
        /// Credentials and the rest.
        body: Value,
    },
    /// 200: how far an operation has come.
    Polled(Polled),
    /// 400: the request cannot be understood, or names what does not exist.
    Bad(String),
    /// 400: the catalog is asked for without a version.
    MissingVersion,
    /// 401
    Unauthenticated,
    /// 404: the instance to bind to, or to update, does not exist.
    UnknownInstance,
    /// 404: what is asked for does not exist.
    NotFound,
    /// 404: the offering does not let its instances or bindings be fetched.
    NotRetrievable,
    /// 409: the id belongs to another instance.
    InstanceConflict,
    /// 409: the id belongs to another binding.
    BindingConflict,
    /// 410: what is to be deleted does not exist.
    Gone,
    /// 412
    UnsupportedVersion,
    /// 422: the plan does this only asynchronously.
    AsyncRequired,
    /// 422: the plan does this only asynchronously, as is possible since this
    /// version; the request accepts it and names an earlier one.
    AsyncUnknown(ApiVersion),
    /// 422: another operation works on the same resource.
    Concurrency,
    /// 422: the catalog has another version of the maintenance information.
    MaintenanceInfoConflict,
    /// 422: instances of the plan cannot be given another one.
    PlanChangeNotSupported,
    /// 422: bindings of the plan are for applications only.
    RequiresApp,
    /// 500: the store failed.
    Store(String),
    /// 502: the echo service does not know an instance that the broker has
    /// made.
    Forgotten,
    /// 5xx: the echo service did not do its part.
    Echo(EchoError),
    /// An update that is refused, and would be so again.
    FinalRefusal(Box<Reply>),
    /// Something is wrong on purpose.
    OnPurpose(OnPurpose),
}

/// A wrong answer that a plan gives on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPurpose {
    /// An error with this status.
    Error(u16),
    /// This status with an empty object.
    Status(u16),
    /// A body that is no JSON.
    Garbage,
    /// No answer: the connection is closed.
    Drop,
}

/// What is told of an instance when it is provisioned or updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Where a person sees it.
    pub dashboard_url: String,
    /// What its plan tells of it.
    pub metadata: Option<Metadata>,
}

impl Shown {
    fn body(&self) -> Value {
        let mut body = json!({ "dashboard_url": self.dashboard_url });
        if let Some(metadata) = &self.metadata {
            body["metadata"] = json!(metadata);
        }
        body
    }
}

/// How far an operation has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// It has not ended.
    InProgress {
        /// What is being done.
        description: String,
        /// After how many seconds to ask again.
        retry_after: Option<u64>,
    },
    /// It has ended well.
    Succeeded {
        /// What has been done.
        description: String,
    },
    /// It has failed.
    Failed {
        /// Why.
        description: String,
        /// What it was to do, if it was an operation on an instance.
        failed_change: Option<Kind>,
    },
}

impl Reply {
    /// A refusal of a request that cannot be understood.
    pub(crate) fn bad(why: &str) -> Reply {
        Reply::Bad(why.to_owned())
    }

    /// The same reply to an update, which says whether it would be another one
    /// the next time, for versions that know how to say so.
    pub(crate) fn for_update(self, version: ApiVersion) -> Reply {
        match self {
            Reply::Bad(_) | Reply::PlanChangeNotSupported if version >= ApiVersion::REPEATS => {
                Reply::FinalRefusal(Box::new(self))
            }
            reply => reply,
        }
    }

    /// What an error tells its user.
    pub(crate) fn description(&self) -> String {
        let (_, body) = self.parts();
        body["description"]
            .as_str()
            .unwrap_or("it failed")
            .to_owned()
    }

    /// The reply as it is sent.
    pub(crate) fn answer(self) -> Answer {
        let (status, body) = self.parts();
        let answer = Answer::json(status, &body);
        match self {
            Reply::Unauthenticated => answer.with_header(
                "WWW-Authenticate",
                r#"Basic realm="service broker", charset="UTF-8""#.to_owned(),
            ),
            Reply::OnPurpose(OnPurpose::Garbage) => {
                Answer::raw(Status::Ok, "{\"this is\": no JSON".to_owned())
            }
            // Hyper closes a connection whose answer cannot be written.
            Reply::OnPurpose(OnPurpose::Drop) => answer.with_header("X-Drop", "\n".to_owned()),
            Reply::Polled(Polled::InProgress {
                retry_after: Some(seconds),
                ..
            }) => answer.with_header("Retry-After", seconds.to_string()),
            _ => answer,
        }
    }

    fn parts(&self) -> (Status, Value) {
        let refused = |status: Status, description: &str| (status, error_body(description));
        let unprocessable = |error: &str, description: &str| {
            let body = json!({ "error": error, "description": description });
            (Status::UnprocessableEntity, body)
        };
        match self {
            Reply::Provisioned(shown) => (Status::Created, shown.body()),
            Reply::AlreadyProvisioned(shown) => (Status::Ok, shown.body()),
            Reply::Bound { body } => (Status::Created, body.clone()),
            Reply::AlreadyBound { body } | Reply::Binding { body } => (Status::Ok, body.clone()),
            Reply::Accepted { operation, shown } => {
                let mut body = shown.as_ref().map_or(json!({}), Shown::body);
                body["operation"] = operation.as_str().into();
                (Status::Accepted, body)
            }
            Reply::Updated(Some(shown)) => (Status::Ok, shown.body()),
            Reply::Updated(None) | Reply::Deleted => (Status::Ok, json!({})),
            Reply::Instance(instance) => (Status::Ok, instance_body(instance)),
            Reply::Polled(polled) => (Status::Ok, polled.body()),
            Reply::Bad(why) => refused(Status::BadRequest, why),
            Reply::MissingVersion => refused(
                Status::BadRequest,
                "the header X-Broker-API-Version is missing; send for example 2.17",
            ),
            Reply::Unauthenticated => refused(
                Status::Unauthorized,
                "the user name or password is missing or wrong",
            ),
            Reply::UnknownInstance => refused(
                Status::NotFound,
                "there is no service instance with this id; provision it first",
            ),
            Reply::NotFound => refused(Status::NotFound, "there is nothing with this id"),
            Reply::NotRetrievable => refused(
                Status::NotFound,
                "this service offering does not support fetching",
            ),
            Reply::InstanceConflict => refused(
                Status::Conflict,
                "this id belongs to another service instance; choose a fresh one",
            ),
            Reply::BindingConflict => refused(
                Status::Conflict,
                "this id belongs to another service binding; choose a fresh one",
            ),
            Reply::Gone => (Status::Gone, json!({})),
            Reply::UnsupportedVersion => refused(
                Status::PreconditionFailed,
                "this broker speaks API versions from 2.3 on, below 3.0; name one of them in X-Broker-API-Version",
            ),
            Reply::AsyncRequired => unprocessable(
                "AsyncRequired",
                "this plan does this only asynchronously; add accepts_incomplete=true",
            ),
            Reply::AsyncUnknown(since) => {
                let why = "this plan does this only asynchronously; name X-Broker-API-Version";
                unprocessable("AsyncRequired", &format!("{why} {since} or later"))
            }
            Reply::Concurrency => unprocessable(
                "ConcurrencyError",
                "another operation works on this resource; try again when it has ended",
            ),
            Reply::MaintenanceInfoConflict => unprocessable(
                "MaintenanceInfoConflict",
                "the plan has another maintenance_info.version; fetch the catalog again",
            ),
            Reply::PlanChangeNotSupported => unprocessable(
                "PlanChangeNotSupported",
                "instances of this plan cannot be given another plan",
            ),
            Reply::RequiresApp => unprocessable(
                "RequiresApp",
                "bindings of this plan are for applications only; send app_guid",
            ),
            Reply::Store(why) => refused(Status::InternalServerError, why),
            Reply::Forgotten => refused(
                Status::BadGateway,
                "the echo service has forgotten this service instance; deprovision it and provision a new one",
            ),
            Reply::Echo(error) => (error.status(), error_body(&error.to_string())),
            Reply::FinalRefusal(reply) => {
                let (status, mut body) = reply.parts();
                body["instance_usable"] = true.into();
                body["update_repeatable"] = false.into();
                (status, body)
            }
            Reply::OnPurpose(wrong) => match wrong {
                OnPurpose::Error(status) => (
                    Status::new(*status),
                    error_body("this plan fails on purpose"),
                ),
                OnPurpose::Status(status) => (Status::new(*status), json!({})),
                OnPurpose::Garbage | OnPurpose::Drop => (Status::Ok, Value::Null),
            },
        }
    }
}

impl Polled {
    fn body(&self) -> Value {
        match self {
            Polled::InProgress { description, .. } => {
                json!({ "state": "in progress", "description": description })
            }
            Polled::Succeeded { description } => {
                json!({ "state": "succeeded", "description": description })
            }
            Polled::Failed {
                description,
                failed_change,
            } => {
                let mut body = json!({ "state": "failed", "description": description });
                if matches!(failed_change, Some(Kind::Update | Kind::Delete)) {
                    body["instance_usable"] = true.into();
                }
                if *failed_change == Some(Kind::Update) {
                    body["update_repeatable"] = true.into();
                }
                body
            }
        }
    }
}

fn instance_body(instance: &Instance) -> Value {
    let asked = &instance.asked;
    let mut body = json!({
        "service_id": asked.service_id,
        "plan_id": asked.plan_id,
        "dashboard_url": instance.dashboard_url,
        "parameters": asked.parameters,
    });
    if let Some(metadata) = &instance.metadata {
        body["metadata"] = json!(metadata);
    }
    if let Some(version) = &asked.maintenance_version {
        body["maintenance_info"] = json!({ "version": version });
    }
    body
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
