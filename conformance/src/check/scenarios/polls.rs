//! Polls of the last operation, in every way that a platform may send them.

use serde_json::Value;

use super::{Scenario, bindable};
use crate::check::call::{Call, Resource, Work};
use crate::check::session::Stop;
use crate::check::stage::{Learned, Stage};

pub(super) const POLLS: Scenario = Scenario {
    name: "polls of an instance",
    judges: &[
        "last-operation.hints-optional",
        "last-operation.state-remembered",
        "last-operation.status-400-invalid",
        "last-operation.status-400-malformed",
        "errors.appropriate-status",
    ],
    needs: |stage| {
        let learned = &stage.learned;
        let any =
            Learned::is(&learned.provisions_async) || Learned::is(&learned.deprovisions_async);
        any.then_some(())
            .ok_or("no plan that was judged answers a provision or deprovision with 202")
    },
    play: |stage| Box::pin(instances(stage)),
};

pub(super) const BINDING_POLLS: Scenario = Scenario {
    name: "polls of a binding",
    judges: &[
        "binding-last-operation.hints-optional",
        "binding-last-operation.state-remembered",
        "binding-last-operation.status-400-invalid",
        "binding-last-operation.status-400-malformed",
        "errors.appropriate-status",
    ],
    needs: |stage| {
        bindable(stage)?;
        let learned = &stage.learned;
        let any = Learned::is(&learned.binds_async) || Learned::is(&learned.unbinds_async);
        any.then_some(())
            .ok_or("no plan that was judged answers a bind or unbind with 202")
    },
    play: |stage| Box::pin(bindings(stage)),
};

/// The ids that an instance and a binding have of their own.
#[derive(Clone, Copy)]
struct Ids {
    hints: &'static str,
    remembered: &'static str,
    invalid: &'static str,
    malformed: &'static str,
}

const OF_INSTANCE: Ids = Ids {
    hints: "last-operation.hints-optional",
    remembered: "last-operation.state-remembered",
    invalid: "last-operation.status-400-invalid",
    malformed: "last-operation.status-400-malformed",
};

const OF_BINDING: Ids = Ids {
    hints: "binding-last-operation.hints-optional",
    remembered: "binding-last-operation.state-remembered",
    invalid: "binding-last-operation.status-400-invalid",
    malformed: "binding-last-operation.status-400-malformed",
};

async fn instances(stage: &Stage) -> Result<(), Stop> {
    let call = stage.provision(&stage.fresh());
    let instance = followed(stage, call, OF_INSTANCE).await?;
    deleted(stage, &instance, OF_INSTANCE).await
}

async fn bindings(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let call = stage.bind(&stage.fresh_binding(&instance));
    let binding = followed(stage, call, OF_BINDING).await?;
    deleted(stage, &binding, OF_BINDING).await?;
    stage.remove(&instance).await.map(drop)
}

/// Polls a creation with and without hints, and after its end once more.
async fn followed(stage: &Stage, call: Call, ids: Ids) -> Result<Resource, Stop> {
    let made = stage.begin(call).await?;
    let resource = made.resource.clone();
    if !made.is_async() {
        return Ok(resource);
    }
    let accepted = made.reply.clone();
    let operation = Stage::operation(&accepted);
    let with = stage.poll(&resource, Work::Create, operation.as_deref());
    let mut without = stage.poll_without_hints(&resource, Work::Create);
    if let Some(operation) = &operation {
        without = without.query("operation", operation);
    }
    let reply = stage.send(&with).await?;
    if reply.status == 200 {
        let bare = stage.send(&without).await?;
        let expected = "200 to a poll without the hints as well";
        stage.prefer(&bare, ids.hints, bare.status == 200, expected);
    }
    odd(stage, &with, ids).await?;
    stage.complete(made).await?;
    let again = stage.send(&with).await?;
    let state = again.member("state").and_then(Value::as_str);
    let is_same = again.status == 200 && state == Some("succeeded");
    let expected = "the same end of an operation when it is polled once more";
    stage.prefer(&again, ids.remembered, is_same, expected);
    Ok(resource)
}

/// Polls with a defect. Most answers are right; a fault of the broker's is not.
async fn odd(stage: &Stage, right: &Call, ids: Ids) -> Result<(), Stop> {
    let foreign = right.clone().query("operation", "conformance-made-this-up");
    let reply = stage.send(&foreign).await?;
    if reply.status < 500 {
        stage.kept(&reply, ids.invalid, "400, or an ordinary answer");
    }
    let expected = "no 5xx to a poll with an operation that does not exist";
    stage.expect(
        &reply,
        "errors.appropriate-status",
        reply.status < 500,
        expected,
    );
    let undecodable = right.clone().raw_query("conformance=%zz");
    let reply = stage.send(&undecodable).await?;
    // Who ignores what it does not know need not decode it.
    let is_right = reply.status < 500;
    let expected = "400 (or an ordinary answer) to a query that cannot be decoded";
    stage.prefer(&reply, ids.malformed, is_right, expected);
    Ok(())
}

async fn deleted(stage: &Stage, resource: &Resource, ids: Ids) -> Result<(), Stop> {
    let deletion = stage.remove(resource).await?;
    if deletion.status != 202 {
        return Ok(());
    }
    let operation = Stage::operation(&deletion);
    let poll = stage.poll(resource, Work::Delete, operation.as_deref());
    let again = stage.send(&poll).await?;
    let state = again.member("state").and_then(Value::as_str);
    // The 404 of what is gone fits its row as well.
    let is_same = state == Some("succeeded") || matches!(again.status, 404 | 410);
    let expected = "the same end of a deletion when it is polled once more";
    stage.prefer(&again, ids.remembered, is_same, expected);
    Ok(())
}
