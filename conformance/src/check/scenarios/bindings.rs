//! Binds that are wrong in one thing, odd but right, or about an id that is in
//! use.

use serde_json::{Value, json};

use super::control::{controlled, is_carried_out};
use super::provisions::{
    BROKEN_JSON, UNKNOWN_FIELD, UNKNOWN_FIELDS, asynchronous_only, invalid_data, is_async_required,
    refuse, same_as_absent, unknown_field, unprocessable, wrong_parameters,
};
use super::{Scenario, bindable};
use crate::check::book::Sign;
use crate::check::call::{Call, Content, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Learned, Stage};
use crate::parameters;

pub(super) const REFUSALS: Scenario = Scenario {
    name: "binds that are to be refused",
    judges: &[
        "bind.status-400-malformed",
        "bind.status-400-missing-service-id",
        "bind.status-400-missing-plan-id",
        "bind.status-400-invalid",
        "bind.parameters-validated",
        "content-type.unprocessable-400",
        "errors.4xx-no-side-effects",
        "errors.5xx-no-side-effects",
        "errors.appropriate-status",
    ],
    needs: bindable,
    play: |stage| Box::pin(refusals(stage)),
};

pub(super) const TOLERANCE: Scenario = Scenario {
    name: "binds that are odd but right",
    judges: &[
        "bind.bind-resource-optional",
        "bind.requires-app-422",
        "bind.requires-app-code",
        "extension.unknown-fields-ignored",
        "extension.unknown-fields-not-fatal",
        "errors.4xx-no-side-effects",
    ],
    needs: bindable,
    play: |stage| Box::pin(odd(stage)),
};

pub(super) const CONFLICTS: Scenario = Scenario {
    name: "binds under an id in use",
    judges: &["bind.status-409-existing"],
    needs: bindable,
    play: |stage| Box::pin(conflicts(stage)),
};

pub(super) const SYNCHRONOUS: Scenario = Scenario {
    name: "binds that have to be synchronous",
    judges: &[
        "async.no-202-unless-accepted",
        "async.false-equals-absent",
        "bind.async-required-422",
        "bind.async-required-code",
        "errors.4xx-no-side-effects",
    ],
    needs: bindable,
    play: |stage| Box::pin(synchronous(stage)),
};

async fn refusals(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?;
    let right = || stage.bind(&stage.fresh_binding(&instance.resource));
    let reply = refuse(stage, &right().raw(BROKEN_JSON)).await?;
    let id = "bind.status-400-malformed";
    stage.expect(
        &reply,
        id,
        reply.status == 400,
        "400 to a body that is no JSON",
    );
    unprocessable(stage, &reply);
    unprocessable(stage, &refuse(stage, &right().raw("[]")).await?);
    for (name, id) in [
        ("service_id", "bind.status-400-missing-service-id"),
        ("plan_id", "bind.status-400-missing-plan-id"),
    ] {
        let reply = refuse(stage, &right().without_member(name)).await?;
        let expected = format!("400 to a bind without {name}");
        stage.expect(&reply, id, reply.status == 400, &expected);
    }
    for name in ["service_id", "plan_id"] {
        let call = right().member(name, stage.fresh().instance.into());
        let reply = refuse(stage, &call).await?;
        invalid_data(stage, &reply, "bind.status-400-invalid");
    }
    for (what, parameters) in wrong_parameters(stage.subject.bind_schema.as_ref()) {
        let reply = refuse(stage, &right().member("parameters", parameters)).await?;
        let expected = format!("a 4xx to parameters against the schema: {what}");
        let id = "bind.parameters-validated";
        stage.prefer(&reply, id, reply.is_refusal(), &expected);
    }
    stage.remove(&instance.resource).await.map(drop)
}

async fn odd(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?;
    let right = || stage.bind(&stage.fresh_binding(&instance.resource));
    let plain = refuse(stage, &right()).await?;
    if plain.is_success() {
        let odd = || right().member(UNKNOWN_FIELD, json!({"a": 1}));
        unknown_member(stage, &plain, (odd, right)).await?;
        let odd = || with_resource(right(), |resource| resource[UNKNOWN_FIELD] = json!(true));
        unknown_member(stage, &plain, (odd, right)).await?;
        without_app(stage, right).await?;
    }
    stage.remove(&instance.resource).await.map(drop)
}

/// A bind with another `bind_resource`, if it has one.
fn with_resource(mut call: Call, change: impl FnOnce(&mut Value)) -> Call {
    if let Content::Json(body) = &mut call.content
        && let Some(resource) = body.get_mut("bind_resource")
    {
        change(resource);
    }
    call
}

async fn unknown_member(
    stage: &Stage,
    plain: &Reply,
    (odd, right): (impl Fn() -> Call, impl Fn() -> Call),
) -> Result<(), Stop> {
    let extended = refuse(stage, &odd()).await?;
    let extended = controlled(stage, extended, |_| false, (odd, right), UNKNOWN_FIELDS).await?;
    if let Some(extended) = extended {
        unknown_field(stage, plain, &extended);
    }
    Ok(())
}

/// A bind without the application, or without whatever else it is for.
async fn without_app(stage: &Stage, right: impl Fn() -> Call) -> Result<(), Stop> {
    let (status, code) = ("bind.requires-app-422", "bind.requires-app-code");
    // What is for a route says nothing of applications.
    let has_app = right().given("app_guid").is_some();
    let without = || {
        right()
            .without_member("bind_resource")
            .without_member("app_guid")
    };
    let is_app_required =
        |reply: &Reply| reply.status == 422 && reply.code() == Some("RequiresApp");
    let is_expected = |reply: &Reply| !has_app || is_app_required(reply);
    let reply = refuse(stage, &without()).await?;
    let reply = controlled(
        stage,
        reply,
        is_expected,
        (without, &right),
        &[status, code],
    )
    .await?;
    let Some(reply) = reply else {
        return Ok(());
    };
    if reply.is_success() || is_app_required(&reply) {
        let expected = "a bind without bind_resource, or RequiresApp";
        stage.kept(&reply, "bind.bind-resource-optional", expected);
    }
    if !reply.is_success() && has_app {
        let expected = "422 to a bind without the app that the broker needs";
        stage.expect(&reply, status, reply.status == 422, expected);
        if reply.status == 422 {
            let expected = "the error RequiresApp";
            stage.expect(&reply, code, is_app_required(&reply), expected);
        }
    }
    Ok(())
}

async fn conflicts(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?;
    let schema = stage.subject.bind_schema.as_ref();
    let valid = schema.and_then(|schema| parameters::valid(schema).ok());
    let own = stage.session.options.parameters.bind.clone();
    let resource = stage.fresh_binding(&instance.resource);
    let given = own.or(valid);
    let with = |resource: &Resource, given: Option<&Value>| match given {
        Some(given) => stage.bind(resource).member("parameters", given.clone()),
        None => stage.bind(resource),
    };
    let made = stage.make(with(&resource, given.as_ref())).await?;
    let variants = match (schema, &given) {
        (Some(schema), Some(base)) => parameters::variants(schema, base),
        _ => Vec::new(),
    };
    let id = "bind.status-409-existing";
    let expected = "409 Conflict to a bind with other parameters under an id in use";
    let send = async |call: Call| {
        let reply = stage.send(&call).await?;
        if reply.status == 202 {
            stage.settle(&resource, Work::Create, &reply).await?;
        }
        Ok(reply)
    };
    if variants.is_empty() {
        // The row speaks of parameters; a broker may not look at the app.
        let reply = send(for_another(stage, made.call.clone())).await?;
        stage.judge(&reply, id, reply.status == 409, Sign::Deviates, expected);
    }
    for variant in &variants {
        let reply = send(with(&resource, Some(variant))).await?;
        let is_right = reply.status == 409;
        if !is_right && reply.is_refusal() {
            // What the schema accepts, the broker need not have.
            let fresh = stage.fresh_binding(&instance.resource);
            if !is_carried_out(stage, &with(&fresh, Some(variant))).await? {
                stage.unclear(id, OTHERS_REFUSED);
                continue;
            }
        }
        stage.expect(&reply, id, is_right, expected);
        break;
    }
    stage.remove(&made.resource).await?;
    stage.remove(&instance.resource).await.map(drop)
}

/// Why other parameters say nothing.
pub(super) const OTHERS_REFUSED: &str = "other parameters that the schema accepts were refused \
     under an id of their own, too: a schema that names the values to be had would show it";

/// A bind for another application, or for another route.
fn for_another(stage: &Stage, call: Call) -> Call {
    let app = stage.fresh().instance;
    match call.given("app_guid").is_some() {
        true => with_resource(call, |resource| *resource = json!({"app_guid": app}))
            .member("app_guid", app.into()),
        false => with_resource(call, |resource| resource["route"] = json!(OTHER_ROUTE)),
    }
}

const OTHER_ROUTE: &str = "other.conformance.example.com";

async fn synchronous(stage: &Stage) -> Result<(), Stop> {
    if !stage.knows(14) {
        return Ok(());
    }
    let instance = stage.instance().await?;
    let right = || stage.bind(&stage.fresh_binding(&instance.resource));
    let is_async = Learned::is(&stage.learned.binds_async);
    let (status, code) = ("bind.async-required-422", "bind.async-required-code");
    let mut absent = None;
    for value in [None, Some("false")] {
        let wrong = || without_incomplete(right(), value);
        let is_expected = |reply: &Reply| !is_async || is_async_required(reply);
        let ids = [status, code, "async.false-equals-absent"];
        let reply = refuse(stage, &wrong()).await?;
        let reply = controlled(stage, reply, is_expected, (wrong, right), &ids).await?;
        if let Some(reply) = reply
            && !same_as_absent(stage, &reply, &mut absent)
        {
            asynchronous_only(stage, &reply, is_async, status, code);
        }
    }
    stage.remove(&instance.resource).await.map(drop)
}

/// A call that does not accept asynchronous work: by this value, or by silence.
pub(super) fn without_incomplete(call: Call, value: Option<&str>) -> Call {
    let call = call.without_query("accepts_incomplete");
    match value {
        None => call,
        Some(value) => call.query("accepts_incomplete", value),
    }
}

/// The credentials of a binding, as its creation or its fetch tells them.
pub(super) async fn credentials(
    stage: &Stage,
    resource: &Resource,
    reply: &Reply,
) -> Result<Option<Value>, Stop> {
    if let Some(credentials) = reply.member("credentials") {
        return Ok(Some(credentials.clone()));
    }
    if !stage.is_fetchable(resource) {
        return Ok(None);
    }
    let fetched = stage.send(&stage.fetch(resource)).await?;
    Ok(fetched.member("credentials").cloned())
}
