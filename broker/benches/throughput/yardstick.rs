//! Bare Rocket handlers that take what the broker takes, and answer fixed JSON
//! of the same size.

use rocket::http::{ContentType, Status};
use rocket::{delete, get, put, routes};
use serde_json::json;
use serving::Running;

type Fixed = (Status, (ContentType, String));

/// The headers that the broker reads as well.
struct Headers;

#[rocket::async_trait]
impl<'r> rocket::request::FromRequest<'r> for Headers {
    type Error = ();

    async fn from_request(request: &'r rocket::Request<'_>) -> rocket::request::Outcome<Self, ()> {
        let has = |name: &str| request.headers().contains(name);
        match has("Authorization") && has("X-Broker-API-Version") {
            true => rocket::request::Outcome::Success(Headers),
            false => rocket::request::Outcome::Error((Status::BadRequest, ())),
        }
    }
}

fn fixed(status: Status, body: String) -> Fixed {
    (status, (ContentType::JSON, body))
}

#[get("/v2/catalog")]
fn catalog(_headers: Headers, body: &rocket::State<Catalog>) -> Fixed {
    fixed(Status::Ok, body.0.clone())
}

#[put("/v2/service_instances/<_>", data = "<_body>")]
fn provision(_headers: Headers, _body: Vec<u8>) -> Fixed {
    let url = "http://127.0.0.1:45678/echo/dashboard/instance-1000";
    fixed(Status::Created, json!({ "dashboard_url": url }).to_string())
}

#[put("/v2/service_instances/<_>/service_bindings/<_>", data = "<_body>")]
fn bind(_headers: Headers, _body: Vec<u8>) -> Fixed {
    let uri = "http://127.0.0.1:45678/echo/instance-1000/binding-1000";
    fixed(
        Status::Created,
        json!({ "credentials": { "uri": uri } }).to_string(),
    )
}

#[delete("/v2/service_instances/<_>")]
fn deprovision(_headers: Headers) -> Fixed {
    fixed(Status::Ok, "{}".to_owned())
}

#[delete("/v2/service_instances/<_>/service_bindings/<_>")]
fn unbind(_headers: Headers) -> Fixed {
    fixed(Status::Ok, "{}".to_owned())
}

/// A catalog of the size of the broker's.
struct Catalog(String);

pub(crate) async fn start() -> Running {
    let catalog = include_str!("../../catalogs/documented.json");
    let catalog: serde_json::Value = serde_json::from_str(catalog).unwrap();
    let config = rocket::Config {
        port: 0,
        log_level: rocket::config::LogLevel::Off,
        ..rocket::Config::release_default()
    };
    let rocket = rocket::custom(config)
        .manage(Catalog(catalog.to_string()))
        .mount("/", routes![catalog, provision, bind, deprovision, unbind]);
    serving::start(rocket).await.unwrap()
}
