//! Binds that are wrong in one thing, odd but right, or about an id that is in
//! use.

use serde_json::{Value, json};

use super::provisions::{
    BROKEN_JSON, asynchronous_only, clear, invalid_data, same_as_absent, unknown_field,
    unprocessable, wrong_parameters,
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

/// Sends a bind, and removes what it creates all the same.
async fn attempt(stage: &Stage, call: &Call) -> Result<Reply, Stop> {
    let reply = stage.send(call).await?;
    match reply.is_success() {
        true => clear(stage, call, &reply).await?,
        false => stage.nothing_made(&reply, call).await?,
    }
    Ok(reply)
}

async fn refusals(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?;
    let right = || stage.bind(&stage.fresh_binding(&instance.resource));
    let reply = attempt(stage, &right().raw(BROKEN_JSON)).await?;
    let id = "bind.status-400-malformed";
    stage.expect(
        &reply,
        id,
        reply.status == 400,
        "400 to a body that is no JSON",
    );
    unprocessable(stage, &reply);
    unprocessable(stage, &attempt(stage, &right().raw("[]")).await?);
    for (name, id) in [
        ("service_id", "bind.status-400-missing-service-id"),
        ("plan_id", "bind.status-400-missing-plan-id"),
    ] {
        let reply = attempt(stage, &right().without_member(name)).await?;
        let expected = format!("400 to a bind without {name}");
        stage.expect(&reply, id, reply.status == 400, &expected);
    }
    for name in ["service_id", "plan_id"] {
        let call = right().member(name, stage.fresh().instance.into());
        let reply = attempt(stage, &call).await?;
        invalid_data(stage, &reply, "bind.status-400-invalid");
    }
    for (what, parameters) in wrong_parameters(stage.subject.bind_schema.as_ref()) {
        let reply = attempt(stage, &right().member("parameters", parameters)).await?;
        let expected = format!("a 4xx to parameters against the schema: {what}");
        let id = "bind.parameters-validated";
        stage.prefer(&reply, id, reply.is_refusal(), &expected);
    }
    stage.remove(&instance.resource).await.map(drop)
}

async fn odd(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?;
    let right = || stage.bind(&stage.fresh_binding(&instance.resource));
    let plain = attempt(stage, &right()).await?;
    let call = right().member("conformance_unknown_field", json!({"a": 1}));
    unknown_field(stage, &plain, &attempt(stage, &call).await?);
    let mut call = right();
    if let Content::Json(body) = &mut call.content
        && let Some(resource) = body.get_mut("bind_resource")
    {
        resource["conformance_unknown_field"] = json!(true);
    }
    unknown_field(stage, &plain, &attempt(stage, &call).await?);

    let call = right()
        .without_member("bind_resource")
        .without_member("app_guid");
    let reply = attempt(stage, &call).await?;
    if !plain.is_success() {
        return stage.remove(&instance.resource).await.map(drop);
    }
    let says_app = reply.code() == Some("RequiresApp");
    let is_right = reply.is_success() || (reply.status == 422 && says_app);
    let optional = "bind.bind-resource-optional";
    if is_right {
        stage.kept(
            &reply,
            optional,
            "a bind without bind_resource, or RequiresApp",
        );
    }
    if !reply.is_success() {
        let expected = "422 to a bind without the app that the broker needs";
        stage.expect(
            &reply,
            "bind.requires-app-422",
            reply.status == 422,
            expected,
        );
        if reply.status == 422 {
            let expected = "the error RequiresApp";
            stage.expect(&reply, "bind.requires-app-code", says_app, expected);
        }
    }
    stage.remove(&instance.resource).await.map(drop)
}

async fn conflicts(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?;
    let schema = stage.subject.bind_schema.as_ref();
    let valid = schema.and_then(|schema| parameters::valid(schema).ok());
    let own = stage.session.options.parameters.bind.clone();
    let resource = stage.fresh_binding(&instance.resource);
    let mut call = stage.bind(&resource);
    let given = own.or(valid);
    if let Some(given) = &given {
        call = call.member("parameters", given.clone());
    }
    let made = stage.make(call.clone()).await?;
    let variant = match (schema, &given) {
        (Some(schema), Some(base)) => parameters::variants(schema, base).into_iter().next(),
        _ => None,
    };
    let id = "bind.status-409-existing";
    let expected = "409 Conflict to a bind with other parameters under an id in use";
    let reply = match variant {
        Some(variant) => {
            let reply = stage.send(&call.member("parameters", variant)).await?;
            stage.expect(&reply, id, reply.status == 409, expected);
            reply
        }
        // The row speaks of parameters; a broker may not look at the app.
        None => {
            let other = stage.fresh().instance;
            let call = call
                .member("bind_resource", json!({"app_guid": other}))
                .member("app_guid", other.into());
            let reply = stage.send(&call).await?;
            stage.judge(&reply, id, reply.status == 409, Sign::Deviates, expected);
            reply
        }
    };
    if reply.status == 202 {
        stage.settle(&resource, Work::Create, &reply).await?;
    }
    stage.remove(&made.resource).await?;
    stage.remove(&instance.resource).await.map(drop)
}

async fn synchronous(stage: &Stage) -> Result<(), Stop> {
    if !stage.knows(14) {
        return Ok(());
    }
    let instance = stage.instance().await?;
    let mut absent = None;
    for value in [None, Some("false")] {
        let call = without_incomplete(stage.bind(&stage.fresh_binding(&instance.resource)), value);
        let reply = attempt(stage, &call).await?;
        if !same_as_absent(stage, &reply, &mut absent) {
            asynchronous_only(
                stage,
                &reply,
                Learned::is(&stage.learned.binds_async),
                "bind.async-required-422",
                "bind.async-required-code",
            );
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
