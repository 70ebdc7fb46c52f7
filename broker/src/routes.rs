//! The endpoints of the Service Broker API.

use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::{State, delete, get, put, routes};
use serving::{Answer, Body, PathId};

use crate::ask;
use crate::auth::Authenticated;
use crate::catalog::Catalog;
use crate::decide::Request;
use crate::lifecycle::Lifecycle;
use crate::reply::Reply;
use crate::version::Named;

/// All endpoints of API version 2.3.
pub(crate) fn stage() -> AdHoc {
    AdHoc::on_ignite("Service Broker API", |rocket| async {
        rocket.mount(
            "/v2",
            routes![catalog, provision, deprovision, bind, unbind],
        )
    })
}

#[get("/catalog")]
fn catalog(_who: Authenticated, version: Named, catalog: &State<Catalog>) -> Result<Answer, Reply> {
    match version.0 {
        Some(_) => Ok(Answer::json(Status::Ok, catalog.body())),
        None => Err(Reply::MissingVersion),
    }
}

#[put("/service_instances/<_>", data = "<body>")]
async fn provision(
    _who: Authenticated,
    _version: Named,
    instance: PathId<2>,
    body: Body,
    catalog: &State<Catalog>,
    lifecycle: &State<Lifecycle>,
) -> Reply {
    match ask::Provision::read(&body.0, catalog) {
        Ok((asked, backend)) => {
            let request = Request::Provision { asked, backend };
            lifecycle.carry_out(&instance.0, &request).await
        }
        Err(why) => Reply::Bad(why),
    }
}

#[delete("/service_instances/<_>")]
async fn deprovision(
    _who: Authenticated,
    _version: Named,
    instance: PathId<2>,
    lifecycle: &State<Lifecycle>,
) -> Reply {
    lifecycle
        .carry_out(&instance.0, &Request::Deprovision)
        .await
}

#[put("/service_instances/<_>/service_bindings/<_>", data = "<body>")]
async fn bind(
    _who: Authenticated,
    _version: Named,
    instance: PathId<2>,
    binding: PathId<4>,
    body: Body,
    catalog: &State<Catalog>,
    lifecycle: &State<Lifecycle>,
) -> Reply {
    match ask::Bind::read(&body.0, catalog) {
        Ok(asked) => {
            let request = Request::Bind {
                id: binding.0,
                asked,
            };
            lifecycle.carry_out(&instance.0, &request).await
        }
        Err(why) => Reply::Bad(why),
    }
}

#[delete("/service_instances/<_>/service_bindings/<_>")]
async fn unbind(
    _who: Authenticated,
    _version: Named,
    instance: PathId<2>,
    binding: PathId<4>,
    lifecycle: &State<Lifecycle>,
) -> Reply {
    let request = Request::Unbind { id: binding.0 };
    lifecycle.carry_out(&instance.0, &request).await
}
