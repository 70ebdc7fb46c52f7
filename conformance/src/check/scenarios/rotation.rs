//! A binding that takes the place of another one.

use serde_json::Value;

use super::bindings::without_incomplete;
use super::provisions::clear;
use super::{Scenario, bindable};
use crate::check::book::Sign;
use crate::check::call::{Call, Resource, Work};
use crate::check::session::Stop;
use crate::check::stage::{Learned, Stage, refused};

pub(super) const ROTATION: Scenario = Scenario {
    name: "a binding that is rotated",
    judges: &[
        "rotate.new-binding-created",
        "rotate.predecessor-stays-valid",
        "rotate.response-same-as-create",
        "rotate.async-required-422",
        "errors.appropriate-status",
    ],
    needs: |stage| {
        bindable(stage)?;
        match stage.subject.is_rotatable && stage.knows(17) {
            true => Ok(()),
            false => Err("no plan that was judged declares binding_rotatable: true"),
        }
    },
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let old = stage.binding(&instance).await?.resource;
    let predecessor = Value::from(old.binding.clone().unwrap_or_default());
    let rotate = || -> Call {
        stage
            .bind(&stage.fresh_binding(&instance))
            .member("predecessor_binding_id", predecessor.clone())
    };
    let call = rotate();
    let reply = stage.send(&call).await?;
    let id = "rotate.new-binding-created";
    let is_created = matches!(reply.status, 201 | 202);
    stage.prefer(
        &reply,
        id,
        is_created,
        "201 (or 202 Accepted) to a rotation",
    );
    if !reply.is_success() {
        stage.remove(&old).await?;
        stage.remove(&instance).await?;
        return Err(Stop::because(refused(&reply)));
    }
    let id = "rotate.response-same-as-create";
    let is_object = reply.json.as_ref().is_some_and(Value::is_object);
    // A body that is empty is no other body.
    let sign = match reply.answer.body.is_empty() {
        true => Sign::Deviates,
        false => Sign::Broken,
    };
    stage.judge(&reply, id, is_object, sign, "the answer of a bind");
    let new = stage.taken_up(call, reply).await?;

    let id = "rotate.predecessor-stays-valid";
    let expected = "the old binding beside the new one";
    if stage.is_fetchable(&old) {
        for resource in [&old, &new.resource] {
            let fetched = stage.send(&stage.fetch(resource)).await?;
            stage.expect(&fetched, id, fetched.status == 200, expected);
        }
    }
    still_there(stage, &old, expected).await?;
    let expected = "the new binding when the old one is deleted";
    if stage.is_fetchable(&new.resource) {
        let fetched = stage.send(&stage.fetch(&new.resource)).await?;
        stage.expect(&fetched, id, fetched.status == 200, expected);
    }
    still_there(stage, &new.resource, expected).await?;
    of_nothing(stage, &instance).await?;
    synchronous(stage, &instance).await?;
    stage.remove(&instance).await.map(drop)
}

/// Deletes a binding: one that was there.
async fn still_there(stage: &Stage, binding: &Resource, expected: &str) -> Result<(), Stop> {
    let id = "rotate.predecessor-stays-valid";
    let deleted = stage.insist(&stage.unbind(binding)).await?;
    let is_gone = matches!(deleted.status, 404 | 410);
    stage.expect(&deleted, id, !is_gone, expected);
    match deleted.status {
        202 => stage
            .settle(binding, Work::Delete, &deleted)
            .await
            .map(drop),
        200..=299 | 404 | 410 => Ok(()),
        // Why it is refused is not known.
        _ => Err(Stop::because(refused(&deleted))),
    }
}

/// A rotation of a binding that does not exist. No status is prescribed for it.
async fn of_nothing(stage: &Stage, instance: &Resource) -> Result<(), Stop> {
    let nobody = stage.fresh_binding(instance);
    let call = stage
        .bind(&stage.fresh_binding(instance))
        .member("predecessor_binding_id", nobody.binding.into());
    let reply = stage.send(&call).await?;
    if reply.status >= 500 {
        let id = "errors.appropriate-status";
        let expected = "a 4xx to the rotation of a binding that does not exist";
        stage.expect(&reply, id, false, expected);
    } else {
        let id = "rotate.response-same-as-create";
        let expected = "a refusal of the rotation of a binding that does not exist";
        stage.prefer(&reply, id, reply.is_refusal(), expected);
    }
    if reply.is_success() {
        clear(stage, &call, &reply).await?;
    }
    Ok(())
}

/// A rotation that has to be synchronous, of a plan that binds asynchronously.
async fn synchronous(stage: &Stage, instance: &Resource) -> Result<(), Stop> {
    if !Learned::is(&stage.learned.binds_async) {
        return Ok(());
    }
    let old = stage.binding(instance).await?.resource;
    let call = stage
        .bind(&stage.fresh_binding(instance))
        .member("predecessor_binding_id", old.binding.clone().into());
    let call = without_incomplete(call, None);
    let reply = stage.send(&call).await?;
    let id = "rotate.async-required-422";
    let says = reply.status == 422 && reply.code() == Some("AsyncRequired");
    let expected = "422 AsyncRequired (or a synchronous success) without accepts_incomplete=true";
    stage.expect(&reply, id, says || reply.status == 201, expected);
    if reply.is_success() {
        clear(stage, &call, &reply).await?;
    }
    stage.remove(&old).await.map(drop)
}
