//! Two instances of a plan, and two bindings of an instance: what is one's is
//! not the other's.

use serde_json::Value;

use super::bindings::credentials;
use super::updates::{different, provisioned_with_parameters};
use super::{Scenario, always, bindable};
use crate::check::book::Sign;
use crate::check::call::Work;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Stage, refused};

pub(super) const INSTANCES: Scenario = Scenario {
    name: "two instances of a plan",
    judges: &[
        "provision.dashboard-url-identifies",
        "update.dashboard-url-identifies",
        "fetch-instance.dashboard-url-identifies",
        "fetch-instance.parameters-own",
        "deprovision.deletes-resources",
    ],
    needs: always,
    play: |stage| Box::pin(instances(stage)),
};

pub(super) const BINDINGS: Scenario = Scenario {
    name: "two bindings of an instance",
    judges: &[
        "bind.credentials-unique",
        "fetch-binding.credentials-own",
        "fetch-binding.status-404-unknown",
        "unbind.status-410-unknown",
        "unbind.deletes-resources",
    ],
    needs: bindable,
    play: |stage| Box::pin(bindings(stage)),
};

/// Equal URLs of two instances are evidence, not proof: the session could tell
/// them apart.
fn urls(stage: &Stage, id: &'static str, one: &Reply, other: &Reply) {
    let url = |reply: &Reply| {
        reply
            .member("dashboard_url")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if let (Some(one_url), Some(other_url)) = (url(one), url(other))
        && !one_url.is_empty()
    {
        let expected = "different dashboard URLs of different instances";
        match one_url != other_url {
            true => stage.kept(other, id, expected),
            false => stage.tell(other, id, Sign::Deviates, expected, "they are equal"),
        }
    }
}

async fn instances(stage: &Stage) -> Result<(), Stop> {
    let one = provisioned_with_parameters(stage).await?;
    let other = provisioned_with_parameters(stage).await?;
    urls(
        stage,
        "provision.dashboard-url-identifies",
        &one.reply,
        &other.reply,
    );
    let mut before = None;
    if stage.is_fetchable(&one.resource) {
        let first = stage.send(&stage.fetch(&one.resource)).await?;
        let second = stage.send(&stage.fetch(&other.resource)).await?;
        urls(
            stage,
            "fetch-instance.dashboard-url-identifies",
            &first,
            &second,
        );
        before = Some(second);
    }
    if stage.learned.update.get().is_some() {
        let changes = different(stage);
        let first = stage.send(&stage.update(&one.resource, &changes)).await?;
        if first.status == 202 {
            stage.settle(&one.resource, Work::Update, &first).await?;
        }
        if let Some(before) = before {
            let after = stage.send(&stage.fetch(&other.resource)).await?;
            let id = "fetch-instance.parameters-own";
            let expected = "the parameters of an instance as they were when another one is updated";
            let told = |reply: &Reply| reply.member("parameters").cloned();
            if let (Some(old), Some(new)) = (told(&before), told(&after)) {
                match old == new {
                    true => stage.kept(&after, id, expected),
                    false => stage.tell(&after, id, Sign::Broken, expected, "they are others"),
                }
            }
        }
        let second = stage.send(&stage.update(&other.resource, &changes)).await?;
        if second.status == 202 {
            stage.settle(&other.resource, Work::Update, &second).await?;
        }
        urls(stage, "update.dashboard-url-identifies", &first, &second);
    }
    stage.remove(&one.resource).await?;
    if stage.is_fetchable(&other.resource) {
        let left = stage.send(&stage.fetch(&other.resource)).await?;
        let expected = "the other instance when one is deleted";
        is_left(stage, &left, "deprovision.deletes-resources", expected);
        if left.status == 404 {
            // What a deletion says of it, tells nothing more.
            return stage
                .send(&stage.deprovision(&other.resource))
                .await
                .map(drop);
        }
    }
    stage.remove(&other.resource).await.map(drop)
}

/// Judges the fetch of what is to be there still. Only what is not found tells that
/// it is not.
fn is_left(stage: &Stage, fetched: &Reply, id: &'static str, expected: &str) {
    match fetched.status {
        200 | 404 | 410 => stage.expect(fetched, id, fetched.status == 200, expected),
        _ => stage.unclear(id, &refused(fetched)),
    }
}

async fn bindings(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let one = stage.binding(&instance).await?;
    let other = stage.binding(&instance).await?;
    let of_one = credentials(stage, &one.resource, &one.reply).await?;
    let of_other = credentials(stage, &other.resource, &other.reply).await?;
    // Where there is nothing to connect with, nothing can differ.
    let is_empty = |told: &Value| told.as_object().is_some_and(|told| told.is_empty());
    if let (Some(of_one), Some(of_other)) = (&of_one, &of_other)
        && !(is_empty(of_one) && is_empty(of_other))
    {
        let id = "bind.credentials-unique";
        let expected = "different credentials of different bindings";
        match of_one != of_other {
            true => stage.kept(&other.reply, id, expected),
            false => stage.tell(&other.reply, id, Sign::Deviates, expected, "they are equal"),
        }
        if of_one != of_other && stage.is_fetchable(&one.resource) {
            let fetched = stage.send(&stage.fetch(&one.resource)).await?;
            let id = "fetch-binding.credentials-own";
            let expected = "the credentials of the binding that is fetched";
            match fetched.member("credentials") {
                Some(told) if told == of_other => {
                    stage.tell(
                        &fetched,
                        id,
                        Sign::Broken,
                        expected,
                        "they are another binding's",
                    );
                }
                Some(_) => stage.kept(&fetched, id, expected),
                None => {}
            }
        }
    }
    if !elsewhere(stage, &one.resource).await? {
        stage.remove(&one.resource).await?;
    }
    let (id, expected) = (
        "unbind.deletes-resources",
        "the other binding when one is deleted",
    );
    if stage.is_fetchable(&other.resource) {
        let left = stage.send(&stage.fetch(&other.resource)).await?;
        is_left(stage, &left, id, expected);
    }
    let deleted = stage.send(&stage.unbind(&other.resource)).await?;
    stage.expect(&deleted, id, !deleted.says_gone(), expected);
    if deleted.status == 202 {
        stage
            .settle(&other.resource, Work::Delete, &deleted)
            .await?;
    }
    stage.remove(&instance).await.map(drop)
}

/// A binding belongs to its instance: below another one it does not exist. A
/// broker that finds it all the same relies on ids that are unique everywhere.
/// Gives whether it has deleted the binding.
async fn elsewhere(stage: &Stage, binding: &crate::check::call::Resource) -> Result<bool, Stop> {
    let Some(id) = &binding.binding else {
        return Ok(false);
    };
    let instance = stage.instance().await?.resource;
    let stray = instance.with_binding(id.clone());
    if stage.is_fetchable(&stray) {
        let reply = stage.send(&stage.fetch(&stray)).await?;
        let expected = "404 for a binding of another instance";
        let id = "fetch-binding.status-404-unknown";
        stage.prefer(&reply, id, reply.status == 404, expected);
    }
    let reply = stage.send(&stage.unbind(&stray)).await?;
    if stage.learned.tells_gone(&stray) {
        let expected = "410 for a binding of another instance";
        let id = "unbind.status-410-unknown";
        stage.prefer(&reply, id, reply.status == 410, expected);
    }
    if reply.status == 202 {
        stage.settle(&stray, Work::Delete, &reply).await?;
    }
    stage.remove(&instance).await?;
    Ok(reply.is_success())
}
