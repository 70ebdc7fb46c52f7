//! The endpoints of the Service Broker API.

use std::sync::Arc;

use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::{Request as HttpRequest, State, delete, get, patch, put, routes};
use serving::{Answer, Body, Id, PathId};

use crate::ask::{Query, Reader, Rotation};
use crate::auth::Authenticated;
use crate::catalog::Catalog;
use crate::decide::{Request, fetch_binding, fetch_instance, poll_binding, poll_instance};
use crate::lifecycle::{Lifecycle, Sender};
use crate::reply::Reply;
use crate::store::Key;
use crate::version::{ApiVersion, Named};

/// The longest `operation` that a platform may send back, in characters.
const LONGEST_OPERATION: usize = 10_000;

/// All endpoints.
pub(crate) fn stage() -> AdHoc {
    AdHoc::on_ignite("Service Broker API", |rocket| async {
        rocket.mount(
            "/v2",
            routes![
                catalog,
                provision,
                instance,
                update,
                deprovision,
                instance_last_operation,
                bind,
                binding,
                unbind,
                binding_last_operation
            ],
        )
    })
}

/// What every request but that for the catalog brings: the credentials, the
/// version, the query, and what is needed to answer it.
struct Call<'r> {
    sender: Sender,
    query: Query,
    catalog: &'r Catalog,
    lifecycle: &'r Lifecycle,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Call<'r> {
    type Error = ();

    async fn from_request(request: &'r HttpRequest<'_>) -> Outcome<Self, ()> {
        let named = match Named::from_request(request).await {
            Outcome::Success(named) => named,
            Outcome::Error(error) => return Outcome::Error(error),
            Outcome::Forward(status) => return Outcome::Forward(status),
        };
        let query = request.uri().query().map_or("", |query| query.as_str());
        let query = Query::read(query);
        let (catalog, lifecycle) = (
            request.rocket().state::<Arc<Catalog>>(),
            request.rocket().state::<Lifecycle>(),
        );
        match (catalog, lifecycle) {
            (Some(catalog), Some(lifecycle)) => Outcome::Success(Call {
                sender: Sender {
                    version: named.0.unwrap_or(ApiVersion::V2_3),
                    accepts_incomplete: query.accepts_incomplete(),
                },
                query,
                catalog,
                lifecycle,
            }),
            // Both are managed where the routes are mounted.
            _ => Outcome::Error((Status::InternalServerError, ())),
        }
    }
}

impl Call<'_> {
    fn reader(&self) -> Reader<'_> {
        Reader {
            catalog: self.catalog,
            version: self.sender.version,
        }
    }

    async fn carry_out(&self, key: Key, request: Result<Request, Reply>) -> Reply {
        match request {
            Ok(request) => self.lifecycle.carry_out(key, self.sender, request).await,
            Err(reply) => reply,
        }
    }

    /// The operation that the platform asks for.
    fn operation(&self) -> Result<Option<&str>, Reply> {
        match self.query.value("operation") {
            Some("") | None => Ok(None),
            Some(long) if long.chars().count() > LONGEST_OPERATION => {
                Err(Reply::bad("operation has more than 10,000 characters"))
            }
            Some(operation) => Ok(Some(operation)),
        }
    }
}

fn key(instance: PathId<2>, binding: Option<Id>) -> Key {
    Key {
        instance: instance.0,
        binding,
    }
}

/// The value of `If-None-Match`.
struct IfNoneMatch<'r>(Option<&'r str>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for IfNoneMatch<'r> {
    type Error = ();

    async fn from_request(request: &'r HttpRequest<'_>) -> Outcome<Self, ()> {
        Outcome::Success(IfNoneMatch(request.headers().get_one("If-None-Match")))
    }
}

impl IfNoneMatch<'_> {
    /// Whether the client has what has this entity tag. Tags are compared
    /// weakly (RFC 9110, section 13.1.2).
    fn matches(&self, etag: &str) -> bool {
        let mut tags = self.0.unwrap_or("").split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    }
}

#[get("/catalog")]
fn catalog(
    _who: Authenticated,
    version: Named,
    known: IfNoneMatch<'_>,
    catalog: &State<Arc<Catalog>>,
) -> Result<Answer, Reply> {
    if version.0.is_none() {
        return Err(Reply::MissingVersion);
    }
    let (status, body) = match known.matches(catalog.etag()) {
        true => (Status::NotModified, String::new()),
        false => (Status::Ok, catalog.body().to_owned()),
    };
    Ok(Answer::raw(status, body).with_header("ETag", catalog.etag().to_owned()))
}

#[put("/service_instances/<_>", data = "<body>")]
async fn provision(_who: Authenticated, call: Call<'_>, instance: PathId<2>, body: Body) -> Reply {
    let asked = call.reader().provision(&body.0);
    call.carry_out(key(instance, None), asked.map(Request::Provision))
        .await
}

#[get("/service_instances/<_>")]
async fn instance(_who: Authenticated, call: Call<'_>, instance: PathId<2>) -> Reply {
    let look = call
        .lifecycle
        .look(key(instance, None), call.sender, |at, stored| {
            fetch_instance(at, stored.instance.as_ref())
        });
    look.await.unwrap_or_else(|reply| reply)
}

#[patch("/service_instances/<_>", data = "<body>")]
async fn update(_who: Authenticated, call: Call<'_>, instance: PathId<2>, body: Body) -> Reply {
    let asked = call.reader().update(&body.0);
    let updated = call.carry_out(key(instance, None), asked.map(Request::Update));
    updated.await.for_update(call.sender.version)
}

#[delete("/service_instances/<_>")]
async fn deprovision(_who: Authenticated, call: Call<'_>, instance: PathId<2>) -> Reply {
    let hints = call.reader().hints(&call.query);
    call.carry_out(key(instance, None), hints.map(Request::Deprovision))
        .await
}

#[get("/service_instances/<_>/last_operation")]
async fn instance_last_operation(
    _who: Authenticated,
    call: Call<'_>,
    instance: PathId<2>,
) -> Reply {
    let operation = match call.operation() {
        Ok(operation) => operation,
        Err(reply) => return reply,
    };
    let look = call
        .lifecycle
        .look(key(instance, None), call.sender, |at, stored| {
            poll_instance(at, stored.instance.as_ref(), operation)
        });
    look.await.unwrap_or_else(|reply| reply)
}

#[put("/service_instances/<_>/service_bindings/<_>", data = "<body>")]
async fn bind(
    _who: Authenticated,
    call: Call<'_>,
    instance: PathId<2>,
    binding: PathId<4>,
    body: Body,
) -> Reply {
    let key = key(instance, Some(binding.0));
    let request = match call.reader().bind(&body.0) {
        Ok(Ok(asked)) => Ok(Request::Bind(asked)),
        Ok(Err(rotation)) => successor(&call, &key, rotation).await,
        Err(reply) => Err(reply),
    };
    call.carry_out(key, request).await
}

/// What a rotation asks for, with what its predecessor is.
async fn successor(call: &Call<'_>, key: &Key, rotation: Rotation) -> Result<Request, Reply> {
    let predecessor = Id::new(&rotation.predecessor)
        .map_err(|bad| Reply::Bad(format!("predecessor_binding_id: {bad}")))?;
    let key = Key {
        instance: key.instance.clone(),
        binding: Some(predecessor),
    };
    let look = call
        .lifecycle
        .look(key, call.sender, |_, stored| stored.binding.clone());
    let predecessor = look.await?;
    Ok(Request::Rotate {
        rotation,
        predecessor,
    })
}

#[get("/service_instances/<_>/service_bindings/<_>")]
async fn binding(
    _who: Authenticated,
    call: Call<'_>,
    instance: PathId<2>,
    binding: PathId<4>,
) -> Reply {
    let key = key(instance, Some(binding.0));
    let look = call.lifecycle.look(key, call.sender, |at, stored| {
        fetch_binding(at, stored.instance.as_ref(), stored.binding.as_ref())
    });
    look.await.unwrap_or_else(|reply| reply)
}

#[delete("/service_instances/<_>/service_bindings/<_>")]
async fn unbind(
    _who: Authenticated,
    call: Call<'_>,
    instance: PathId<2>,
    binding: PathId<4>,
) -> Reply {
    let hints = call.reader().hints(&call.query);
    let key = key(instance, Some(binding.0));
    call.carry_out(key, hints.map(Request::Unbind)).await
}

#[get("/service_instances/<_>/service_bindings/<_>/last_operation")]
async fn binding_last_operation(
    _who: Authenticated,
    call: Call<'_>,
    instance: PathId<2>,
    binding: PathId<4>,
) -> Reply {
    let operation = match call.operation() {
        Ok(operation) => operation,
        Err(reply) => return reply,
    };
    let key = key(instance, Some(binding.0));
    let look = call.lifecycle.look(key, call.sender, |at, stored| {
        let (instance, binding) = (stored.instance.as_ref(), stored.binding.as_ref());
        poll_binding(at, instance, binding, operation)
    });
    look.await.unwrap_or_else(|reply| reply)
}
