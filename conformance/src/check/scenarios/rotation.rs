//! A binding that takes the place of another one.

use serde_json::Value;

use super::bindings::without_incomplete;
use super::{Scenario, bindable};
use crate::check::book::Sign;
use crate::check::call::{Call, Work};
use crate::check::session::Stop;
use crate::check::stage::{Learned, Stage, refused};

pub(super) const ROTATION: Scenario = Scenario {
    name: "a binding that is rotated",
    judges: &[
        "rotate.new-binding-created",
        "rotate.predecessor-stays-valid",
        "rotate.response-same-as-create",
        "rotate.async-required-422",
        "errors.specified-codes",
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
    let is_same = is_object && (reply.status != 201 || tells(&reply.json));
    stage.expect(&reply, id, is_same, "the answer of a bind");
    let new = stage.taken_up(call, reply).await?;

    let id = "rotate.predecessor-stays-valid";
    let expected = "the old binding beside the new one";
    if stage.is_fetchable(&old) {
        for resource in [&old, &new.resource] {
            let fetched = stage.send(&stage.fetch(resource)).await?;
            stage.expect(&fetched, id, fetched.status == 200, expected);
        }
    }
    let gone = stage.insist(&stage.unbind(&old)).await?;
    stage.expect(&gone, id, gone.is_success(), expected);
    if gone.status == 202 {
        stage.settle(&old, Work::Delete, &gone).await?;
    }
    if stage.is_fetchable(&new.resource) {
        let fetched = stage.send(&stage.fetch(&new.resource)).await?;
        let expected = "the new binding when the old one is deleted";
        stage.expect(&fetched, id, fetched.status == 200, expected);
    }
    stage.remove(&new.resource).await?;
    synchronous(stage, &instance).await?;
    stage.remove(&instance).await.map(drop)
}

/// Whether a body tells how to reach the service.
fn tells(body: &Option<Value>) -> bool {
    let body = body.as_ref();
    let has = |name: &&str| body.is_some_and(|b| b.get(name).is_some_and(|v| !v.is_null()));
    crate::check::rules::INFORMATION.iter().any(has)
}

/// A rotation that has to be synchronous, of a plan that binds asynchronously.
async fn synchronous(stage: &Stage, instance: &crate::check::call::Resource) -> Result<(), Stop> {
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
    let is_right = reply.status == 201 || reply.status == 422;
    let expected = "422 (or a synchronous success) without accepts_incomplete=true";
    stage.expect(&reply, id, is_right, expected);
    if reply.status == 422 && reply.code() != Some("AsyncRequired") {
        let id = "errors.specified-codes";
        let actual = "its error is another one";
        stage.tell(&reply, id, Sign::Broken, "the error AsyncRequired", actual);
    }
    if reply.is_success() {
        let new = stage.taken_up(call, reply).await?;
        stage.remove(&new.resource).await?;
    }
    stage.remove(&old).await.map(drop)
}
