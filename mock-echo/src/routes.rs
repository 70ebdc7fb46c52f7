//! The HTTP interface, the same for both services.

use std::collections::BTreeMap;

use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::http::uri::Authority;
use rocket::request::{FromRequest, Outcome};
use rocket::response::content::RawHtml;
use rocket::{Request, State, delete, get, post, put, routes};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use serving::{Answer, Body, Listen, PathId};

use crate::dashboard::page;
use crate::invert::{NotInvertible, invert};
use crate::refusal::Refusal;
use crate::state::{Instances, Service};

/// Both services, with nothing provisioned.
pub(crate) fn stage() -> AdHoc {
    AdHoc::on_ignite("echo service", |rocket| async {
        let service = routes![provision, deprovision, bind, unbind, message, dashboard];
        rocket
            .manage(Instances::default())
            .mount("/echo", service.clone())
            .mount("/invert", service)
            .mount("/", routes![provisioned_dashboard, health])
    })
}

#[put("/<_>")]
fn provision(
    service: Service,
    instance: PathId<1>,
    host: Host,
    instances: &State<Instances>,
) -> Result<Answer, Refusal> {
    let id = &instance.0;
    instances.provision(service, id)?;
    // The documented place of an echo instance's dashboard has no segment that
    // tells the services apart.
    let dashboard = match service {
        Service::Echo => "dashboard",
        Service::Invert => "invert/dashboard",
    };
    Ok(ok(&json!({
        "instance_id": id.as_str(),
        "state": "provision_success",
        "dashboard_url": format!("http://{}/{dashboard}/{}", host.0, id.encoded()),
    })))
}

#[delete("/<_>")]
fn deprovision(
    service: Service,
    instance: PathId<1>,
    instances: &State<Instances>,
) -> Result<Answer, Refusal> {
    let deleted = instances.deprovision(service, &instance.0)?;
    Ok(ok(&json!({
        "id": instance.0.as_str(),
        "state": "deprovision_success",
        "bindings": deleted.bindings(),
        "messages": deleted.messages(),
    })))
}

#[put("/<_>/<_>")]
fn bind(
    service: Service,
    instance: PathId<1>,
    app: PathId<2>,
    instances: &State<Instances>,
) -> Result<Answer, Refusal> {
    instances.bind(service, &instance.0, &app.0)?;
    Ok(ok(&json!({
        "id": instance.0.as_str(),
        "app": app.0.as_str(),
        "state": "bind_success",
    })))
}

#[delete("/<_>/<_>")]
fn unbind(
    service: Service,
    instance: PathId<1>,
    app: PathId<2>,
    instances: &State<Instances>,
) -> Result<Answer, Refusal> {
    instances.unbind(service, &instance.0, &app.0)?;
    Ok(ok(&json!({
        "id": instance.0.as_str(),
        "app": app.0.as_str(),
        "state": "unbind_success",
    })))
}

#[post("/<_>/<_>", data = "<body>")]
fn message(
    service: Service,
    instance: PathId<1>,
    app: PathId<2>,
    _json: DeclaredJson,
    body: Body,
    instances: &State<Instances>,
) -> Result<Answer, Refusal> {
    let response = instances.message(service, &instance.0, &app.0, || {
        let message = read_message(&body.0)?;
        let response = match service {
            Service::Echo => message.get().to_owned(),
            Service::Invert => invert(message).map_err(|NotInvertible| Refusal::NotInvertible)?,
        };
        Ok((message.get().to_owned(), response))
    })?;
    Ok(Answer::raw(
        Status::Ok,
        format!(r#"{{"response":{response}}}"#),
    ))
}

#[get("/dashboard/<_>")]
fn dashboard(
    service: Service,
    instance: PathId<2>,
    instances: &State<Instances>,
) -> Result<RawHtml<String>, Refusal> {
    let shown = instances.look_at(service, &instance.0)?;
    Ok(RawHtml(page(&instance.0, &shown).into_string()))
}

/// The same page at the place that the answer to an echo provision names.
#[get("/dashboard/<_>")]
fn provisioned_dashboard(
    instance: PathId<1>,
    instances: &State<Instances>,
) -> Result<RawHtml<String>, Refusal> {
    let shown = instances.look_at(Service::Echo, &instance.0)?;
    Ok(RawHtml(page(&instance.0, &shown).into_string()))
}

#[get("/health")]
fn health() -> Answer {
    ok(&json!({ "status": "ok" }))
}

fn ok(body: &Value) -> Answer {
    Answer::json(Status::Ok, body)
}

/// The member `message` of a body, as it was written.
fn read_message(body: &[u8]) -> Result<&RawValue, Refusal> {
    let unreadable = |error: serde_json::Error| Refusal::Unreadable(error.to_string());
    // Read as a value first: what passes is text, has finite numbers and can
    // be read by whoever gets it back.
    serde_json::from_slice::<Value>(body).map_err(unreadable)?;
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).map_err(unreadable)?;
    members
        .get("message")
        .copied()
        .ok_or_else(|| Refusal::Unreadable("it has no member \"message\"".to_owned()))
}

/// The service whose path was called.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for Service {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let inverts = request
            .route()
            .is_some_and(|route| route.uri.base() == "/invert");
        Outcome::Success(if inverts {
            Service::Invert
        } else {
            Service::Echo
        })
    }
}

/// The authority by which the client knows this service: the request's Host
/// if it is one, else where this service listens.
struct Host(String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Host {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let sent = request
            .headers()
            .get_one("Host")
            .and_then(|host| Authority::parse(host).ok())
            .filter(|host| host.user_info().is_none() && !host.host().is_empty());
        Outcome::Success(Host(match sent {
            Some(host) => host.to_string(),
            None => {
                let config = request.rocket().config();
                let listen = Listen {
                    address: config.address,
                    ..Listen::locally(config.port)
                };
                listen.to_string()
            }
        }))
    }
}

/// A request whose content type is JSON; any other is answered 415.
struct DeclaredJson;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for DeclaredJson {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.content_type() {
            Some(kind) if kind.is_json() => Outcome::Success(DeclaredJson),
            _ => Answer::error(
                request,
                Status::UnsupportedMediaType,
                "Unsupported Content-Type: expecting application/json",
            )
            .refuse(request),
        }
    }
}
