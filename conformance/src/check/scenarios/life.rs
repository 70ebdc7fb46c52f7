//! The life of an instance and its binding, as a platform has it in the simplest
//! case. What is learned from it, the other scenarios build on.

use serde_json::{Value, json};

use super::first_bind::bound;
use super::{Scenario, always};
use crate::check::book::Sign;
use crate::check::call::{Call, Resource, Work};
use crate::check::patience::Moment;
use crate::check::rules::INFORMATION;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{End, Made, Stage, context, refused};
use crate::parameters;

pub(super) const LIFE: Scenario = Scenario {
    name: "the life of an instance",
    judges: &[
        "provision.creates-resource",
        "provision.status-201-created",
        "provision.status-202-in-progress",
        "provision.status-200-identical",
        "provision.status-200-sync-only",
        "provision.dashboard-url-initial",
        "provision.id-reuse-unsupported",
        "async.accepts-incomplete-ignorable",
        "async.mode-varies",
        "async.provision-200-unchanged",
        "async.status-202",
        "async.async-when-incomplete",
        "fetch-instance.endpoint-supported",
        "fetch-instance.available-after-success",
        "fetch-instance.hints-optional",
        "fetch-instance.status-404-unknown",
        "fetch-instance.service-id-matches",
        "fetch-instance.plan-id-matches",
        "update.endpoint-optional",
        "bind.bindable-declared",
        "bind.status-201-created",
        "bind.status-202-in-progress",
        "bind.status-200-identical",
        "bind.status-200-sync-only",
        "bind.info-may-be-returned-once",
        "bind.info-returned-at-least-once",
        "bind.endpoints-provided",
        "bind.network-hosts-provided",
        "bind.endpoint-optional",
        "fetch-binding.endpoint-supported",
        "fetch-binding.available-after-success",
        "fetch-binding.hints-optional",
        "fetch-binding.status-404-unknown",
        "fetch-binding.credentials-returned-async",
        "unbind.endpoint-optional",
        "unbind.deletes-resources",
        "unbind.status-200-deleted",
        "unbind.status-202-in-progress",
        "unbind.status-410-unknown",
        "deprovision.deletes-resources",
        "deprovision.with-bindings-unspecified",
        "deprovision.orphans-auto-deleted",
        "deprovision.status-200-deleted",
        "deprovision.status-202-in-progress",
        "deprovision.status-410-unknown",
        "last-operation.status-404-unknown",
        "last-operation.status-200",
        "last-operation.status-410-delete-only",
        "last-operation.status-410-after-delete",
        "binding-last-operation.status-404-unknown",
        "binding-last-operation.status-200",
        "binding-last-operation.status-410-delete-only",
        "binding-last-operation.status-410-after-delete",
        "errors.appropriate-status",
    ],
    needs: always,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<(), Stop> {
    unknown(stage).await?;
    let instance = stage.instance().await?;
    complete(stage, &instance).await?;
    found(stage, &instance).await?;
    same_again(stage, &instance).await?;
    learn_update(stage, &instance.resource, &instance.reply).await?;
    match stage.subject.is_bindable {
        true => of_binding(stage, &instance).await?,
        false => {
            for id in ["bind.endpoint-optional", "unbind.endpoint-optional"] {
                stage.kept(&instance.reply, id, "a plan that cannot be bound");
            }
        }
    }
    let delete = stage.deprovision(&instance.resource);
    let deleted = stage.insist(&delete).await?;
    let id = "provision.creates-resource";
    let is_gone = matches!(deleted.status, 404 | 410);
    let was_seen = stage.is_fetchable(&instance.resource) || stage.subject.is_bindable;
    if is_gone && !was_seen {
        nothing_made(stage, &instance, "it cannot be deleted");
        return Err(Stop::because(refused(&deleted)));
    }
    stage.kept(&instance.reply, id, SOMETHING);
    let deleted = stage.removed(&instance.resource, &delete, deleted).await?;
    stage.kept(
        &deleted,
        "deprovision.with-bindings-unspecified",
        "any conduct",
    );
    stage.kept(&deleted, "provision.id-reuse-unsupported", "any conduct");
    gone(stage, &instance.resource, &deleted).await
}

const SOMETHING: &str = "an instance that is known afterwards";

pub(super) fn nothing_made(stage: &Stage, made: &Made, actual: &str) {
    let id = "provision.creates-resource";
    stage.tell(&made.reply, id, Sign::Broken, SOMETHING, actual);
}

/// What was never there is not found, and gone.
async fn unknown(stage: &Stage) -> Result<(), Stop> {
    let nobody = stage.fresh();
    let reply = stage.send(&stage.deprovision(&nobody)).await?;
    let is_gone = reply.status == 410;
    let id = "deprovision.status-410-unknown";
    stage.expect(
        &reply,
        id,
        is_gone,
        "410 Gone for an instance that does not exist",
    );
    stage.kept(
        &reply,
        "deprovision.orphans-auto-deleted",
        "any answer to a clean-up",
    );
    stage.learned.learn_gone(&nobody, is_gone);
    if reply.status == 202 {
        // Whatever it accepted has to end before anything is judged by it.
        let _ = stage.settle(&nobody, Work::Delete, &reply).await;
    }
    not_polled(stage, &nobody, "last-operation.status-404-unknown").await?;
    if stage.is_fetchable(&nobody) {
        let reply = stage.send(&stage.fetch(&nobody)).await?;
        let id = "fetch-instance.status-404-unknown";
        stage.expect(
            &reply,
            id,
            reply.status == 404,
            "404 for an instance that does not exist",
        );
    }
    if stage.subject.is_updateable() {
        let call = stage.update(&nobody, &json!({"context": context("conformance")}));
        refuse_unknown(stage, &call).await?;
    }
    if stage.subject.is_bindable {
        let call = stage.bind(&stage.fresh_binding(&nobody));
        refuse_unknown(stage, &call).await?;
    }
    Ok(())
}

/// No status is prescribed for the parent that is not there, but a success or a
/// fault of the broker's own fits nothing.
async fn refuse_unknown(stage: &Stage, call: &Call) -> Result<(), Stop> {
    let reply = stage.send(call).await?;
    stage.expect(
        &reply,
        "errors.appropriate-status",
        reply.is_refusal(),
        "a 4xx for an instance that does not exist",
    );
    if reply.is_success() && call.creates() {
        let resource = call.resource.clone().unwrap_or_else(|| stage.fresh());
        let _ = stage.remove(&resource).await;
    }
    Ok(())
}

/// The last operation of what does not exist. A broker without asynchronous
/// operations may lack the endpoint.
async fn not_polled(stage: &Stage, resource: &Resource, id: &'static str) -> Result<(), Stop> {
    let reply = stage
        .send(&stage.poll(resource, Work::Unknown, None))
        .await?;
    let sign = match reply.status {
        405 | 501 => Sign::Deviates,
        _ => Sign::Broken,
    };
    stage.judge(
        &reply,
        id,
        reply.status == 404,
        sign,
        "404 for what does not exist",
    );
    Ok(())
}

/// After a synchronous success nothing may be in progress.
async fn complete(stage: &Stage, made: &Made) -> Result<(), Stop> {
    let (id, expected) = match made.resource.binding {
        None => (
            "provision.status-202-in-progress",
            "202 while the provisioning is in progress",
        ),
        Some(_) => (
            "bind.status-202-in-progress",
            "202 while the binding is in progress",
        ),
    };
    if made.is_async() {
        stage.kept(&made.reply, id, expected);
        return Ok(());
    }
    let poll = stage.poll(&made.resource, Work::Create, None);
    let polled = stage.send(&poll).await?;
    let is_busy = polled.status == 200
        && polled.member("state").and_then(Value::as_str) == Some("in progress");
    if is_busy {
        let actual = format!(
            "it was answered {}, and a poll says in progress",
            made.reply.status
        );
        stage.tell(&made.reply, id, Sign::Broken, expected, &actual);
        let reply = made.reply.clone();
        stage.settle(&made.resource, Work::Create, &reply).await?;
    }
    Ok(())
}

/// Fetches what was made, in both ways.
async fn found(stage: &Stage, made: &Made) -> Result<(), Stop> {
    let is_instance = made.resource.binding.is_none();
    if !stage.is_fetchable(&made.resource) {
        return Ok(());
    }
    let (supported, at_once, hints) = match is_instance {
        true => (
            "fetch-instance.endpoint-supported",
            "fetch-instance.available-after-success",
            "fetch-instance.hints-optional",
        ),
        false => (
            "fetch-binding.endpoint-supported",
            "fetch-binding.available-after-success",
            "fetch-binding.hints-optional",
        ),
    };
    let fetch = stage.fetch(&made.resource);
    let mut reply = stage.send(&fetch).await?;
    let expected = "200 to the fetch of what was made";
    if reply.status == 200 {
        stage.kept(&reply, supported, expected);
        if made.is_async() {
            stage.kept(&reply, at_once, expected);
        }
    } else {
        reply = absent(stage, made, &fetch, reply, (supported, at_once)).await?;
    }
    // Without the hints. What hands out its information once needs another one.
    let bare = fetch.without_query("service_id").without_query("plan_id");
    let without = stage.send(&bare).await?;
    if stage.knows(16) {
        stage.prefer(
            &without,
            hints,
            without.status == 200,
            "200 without the hints as well",
        );
    }
    match is_instance {
        true => instance_content(stage, made, &reply),
        false => binding_content(stage, made, &reply),
    }
    Ok(())
}

/// What was made cannot be fetched: because that takes time, because there is
/// nothing, or because nothing can be fetched. Gives a fetch that went well.
async fn absent(
    stage: &Stage,
    made: &Made,
    fetch: &Call,
    first: Reply,
    (supported, at_once): (&'static str, &'static str),
) -> Result<Reply, Stop> {
    let stopped = Err(Stop::because(refused(&first)));
    if appears(stage, fetch).await? {
        if Moment::of(&first).is_some() {
            // It says nothing of what was made.
            stage.unclear(at_once, &refused(&first));
        } else if made.is_async() {
            let expected = "200 as soon as the operation has succeeded";
            stage.expect(&first, at_once, false, expected);
        } else if first.status == 404 {
            let actual = "it was answered synchronously, but could be fetched only later";
            let expected = "202 where the work goes on after the answer";
            let id = "async.status-202";
            stage.tell(&made.reply, id, Sign::Broken, expected, actual);
        }
        return stage.send(fetch).await;
    }
    let is_instance = made.resource.binding.is_none();
    if is_instance && first.status == 404 && stage.learned.tells_gone(&made.resource) {
        let delete = stage.deprovision(&made.resource);
        let deleted = stage.insist(&delete).await?;
        if deleted.status == 410 {
            nothing_made(stage, made, "it can neither be fetched nor deleted");
            for id in [supported, at_once] {
                stage.unclear(id, "see provision.creates-resource, which is broken");
            }
            return stopped;
        }
        stage.removed(&made.resource, &delete, deleted).await?;
    }
    let expected = "200 to the fetch of what was made";
    stage.expect(&first, supported, false, expected);
    stage.unclear(at_once, &format!("see {supported}, which is broken"));
    stopped
}

/// Whether what cannot be fetched can be so after a while.
async fn appears(stage: &Stage, fetch: &Call) -> Result<bool, Stop> {
    let mut pause = std::time::Duration::from_millis(20);
    for _ in 0..6 {
        stage.pause(pause).await;
        if stage.send(fetch).await?.status == 200 {
            return Ok(true);
        }
        pause *= 2;
    }
    Ok(false)
}

fn instance_content(stage: &Stage, made: &Made, fetched: &Reply) {
    for (id, name, value) in [
        (
            "fetch-instance.service-id-matches",
            "service_id",
            &stage.subject.service_id,
        ),
        (
            "fetch-instance.plan-id-matches",
            "plan_id",
            &stage.subject.plan_id,
        ),
    ] {
        if let Some(own) = fetched.member(name).and_then(Value::as_str) {
            let expected = format!("the {name} that was provisioned");
            matches_id(stage, fetched, id, (own, value), &expected);
        }
    }
    if let Some(url) = fetched.member("dashboard_url") {
        first_dashboard(stage, made, url, "a fetch");
    }
}

/// An id that a fetch tells is the `right` one. An empty one is as good as none,
/// which many brokers send for what they do not tell.
pub(super) fn matches_id(
    stage: &Stage,
    fetched: &Reply,
    id: &'static str,
    (told, right): (&str, &str),
    expected: &str,
) {
    match told {
        _ if told == right => stage.kept(fetched, id, expected),
        "" => stage.tell(fetched, id, Sign::Deviates, expected, "it is empty"),
        _ => stage.tell(
            fetched,
            id,
            Sign::Broken,
            expected,
            &format!("it is {told}"),
        ),
    }
}

/// A dashboard that is told later has to be told first.
fn first_dashboard(stage: &Stage, made: &Made, url: &Value, later: &str) {
    if url == "" {
        return;
    }
    let id = "provision.dashboard-url-initial";
    let expected = "the dashboard_url in the first answer to a provision";
    match made.reply.member("dashboard_url") {
        Some(_) => stage.kept(&made.reply, id, expected),
        // What has another status is another entry's.
        None if !matches!(made.reply.status, 201 | 202) => {}
        None => {
            let actual = format!("it had none, and {later} gives {url}");
            stage.tell(&made.reply, id, Sign::Broken, expected, &actual);
        }
    }
}

fn binding_content(stage: &Stage, made: &Made, fetched: &Reply) {
    let has = |name: &&str| fetched.member(name).is_some();
    let id = "bind.info-may-be-returned-once";
    stage.kept(
        fetched,
        id,
        "the information of a binding, or none where it was told before",
    );
    if !made.is_async() {
        return;
    }
    stage.prefer_told(
        fetched,
        "bind.info-returned-at-least-once",
        INFORMATION.iter().any(has),
        "credentials, a URL or volume mounts at the first fetch",
    );
    if stage.subject.requires.is_empty() {
        stage.prefer_told(
            fetched,
            "fetch-binding.credentials-returned-async",
            has(&"credentials"),
            "credentials at the first fetch",
        );
    }
    if has(&"credentials") {
        for id in ["bind.endpoints-provided", "bind.network-hosts-provided"] {
            let holds = has(&"endpoints");
            let expected = "endpoints beside the credentials";
            stage.judge(fetched, id, holds, Sign::Deviates, expected);
        }
    }
}

/// The same request again changes nothing.
async fn same_again(stage: &Stage, made: &Made) -> Result<(), Stop> {
    let (identical, sync_only) = match made.resource.binding {
        None => (
            "provision.status-200-identical",
            "provision.status-200-sync-only",
        ),
        Some(_) => ("bind.status-200-identical", "bind.status-200-sync-only"),
    };
    let reply = stage.send(&made.call).await?;
    stage.prefer(
        &reply,
        identical,
        reply.status == 200,
        "200 to the same request again",
    );
    if let (None, Some(url)) = (&made.resource.binding, reply.member("dashboard_url")) {
        first_dashboard(stage, made, url, "the same request");
    }
    if reply.status == 200 {
        stage.kept(&reply, sync_only, "200 when nothing is in progress");
        if made.resource.binding.is_none() && !made.is_async() {
            stage.kept(
                &reply,
                "async.provision-200-unchanged",
                "200 to the same request",
            );
        }
    }
    if reply.status == 202 {
        // It goes on with what was there; nothing else may be judged meanwhile.
        stage.settle(&made.resource, Work::Create, &reply).await?;
    }
    Ok(())
}

/// Finds a change that the broker carries out.
async fn learn_update(stage: &Stage, instance: &Resource, made: &Reply) -> Result<(), Stop> {
    let subject = &stage.subject;
    if !subject.is_updateable() {
        let id = "update.endpoint-optional";
        stage.kept(made, id, "a plan that announces no updates");
        return Ok(());
    }
    let mut candidates = Vec::new();
    if let Some(own) = &stage.session.options.parameters.update {
        candidates.push(json!({"parameters": own}));
    }
    if let Some(schema) = &subject.update_schema
        && let Ok(valid) = parameters::valid(schema)
    {
        candidates.push(json!({"parameters": valid}));
    }
    if subject.allows_context_updates && stage.knows(15) {
        candidates.push(json!({"context": context("conformance-renamed")}));
    }
    if let Some(version) = subject
        .maintenance_version
        .as_ref()
        .filter(|_| stage.knows(15))
    {
        candidates.push(json!({"maintenance_info": {"version": version}}));
    }
    if subject.is_plan_updateable {
        let same = json!({"plan_id": subject.plan_id});
        candidates.push(same);
    }
    let mut last = None;
    for changes in candidates {
        let call = stage.update(instance, &changes);
        let reply = stage.send(&call).await?;
        if !reply.is_success() {
            stage.demands_maintenance(&call, &reply);
            last = Some(reply);
            continue;
        }
        let is_busy = reply.status == 202 || is_busy_with(stage, instance, &reply).await?;
        if is_busy && stage.settle(instance, Work::Update, &reply).await? != End::Succeeded {
            continue;
        }
        // The first sight counts.
        let _ = stage.learned.updates_async.set(reply.status == 202);
        let _ = stage.learned.update.set(changes);
        return Ok(());
    }
    if let Some(reply) = last.filter(|reply| matches!(reply.status, 404 | 405 | 501)) {
        stage.kept(&reply, "update.endpoint-optional", "updates, or none");
    }
    Ok(())
}

/// Whether an update goes on although it was answered as if it had ended.
pub(super) async fn is_busy_with(
    stage: &Stage,
    instance: &Resource,
    reply: &Reply,
) -> Result<bool, Stop> {
    let poll = stage.poll(instance, Work::Update, None);
    let polled = stage.send(&poll).await?;
    let state = polled.member("state").and_then(Value::as_str);
    let is_busy = polled.status == 200 && state == Some("in progress");
    if is_busy {
        let actual = format!(
            "it was answered {}, and a poll says in progress",
            reply.status
        );
        let id = "update.status-202-in-progress";
        let expected = "202 while an update is in progress";
        stage.tell(reply, id, Sign::Broken, expected, &actual);
    }
    Ok(is_busy)
}

async fn of_binding(stage: &Stage, instance: &Made) -> Result<(), Stop> {
    let nobody = stage.fresh_binding(&instance.resource);
    let reply = stage.send(&stage.unbind(&nobody)).await?;
    let id = "unbind.status-410-unknown";
    stage.expect(
        &reply,
        id,
        reply.status == 410,
        "410 Gone for a binding that does not exist",
    );
    stage.learned.learn_gone(&nobody, reply.status == 410);
    if stage.knows(14) {
        not_polled(stage, &nobody, "binding-last-operation.status-404-unknown").await?;
    }
    if stage.is_fetchable(&nobody) {
        let reply = stage.send(&stage.fetch(&nobody)).await?;
        let id = "fetch-binding.status-404-unknown";
        stage.expect(
            &reply,
            id,
            reply.status == 404,
            "404 for a binding that does not exist",
        );
    }
    let made = bound(stage, instance).await?;
    let id = "bind.bindable-declared";
    stage.kept(&made.reply, id, "a bind where the catalog says bindable");
    complete(stage, &made).await?;
    found(stage, &made).await?;
    if made.is_async() && !stage.subject.has_binding_fetch && stage.knows(14) {
        let id = "bind.info-returned-at-least-once";
        let expected = "bindings_retrievable where bindings are made asynchronously";
        stage.tell(
            &made.reply,
            id,
            Sign::Deviates,
            expected,
            "it is not declared",
        );
    }
    same_again(stage, &made).await?;
    let deleted = stage.remove(&made.resource).await?;
    gone(stage, &made.resource, &deleted).await
}

/// After a deletion that succeeded nothing is there.
async fn gone(stage: &Stage, resource: &Resource, deleted: &Reply) -> Result<(), Stop> {
    let (deletes, unknown, fetch_unknown, in_progress) = match resource.binding {
        None => (
            "deprovision.deletes-resources",
            "deprovision.status-410-unknown",
            "fetch-instance.status-404-unknown",
            "deprovision.status-202-in-progress",
        ),
        Some(_) => (
            "unbind.deletes-resources",
            "unbind.status-410-unknown",
            "fetch-binding.status-404-unknown",
            "unbind.status-202-in-progress",
        ),
    };
    let expected = "202 while the deletion is in progress";
    if deleted.status == 202 {
        stage.kept(deleted, in_progress, expected);
    } else {
        let poll = stage.poll(resource, Work::Delete, None);
        let polled = stage.send(&poll).await?;
        let state = polled.member("state").and_then(Value::as_str);
        if polled.status == 200 && state == Some("in progress") {
            let actual = format!(
                "it was answered {}, and a poll says in progress",
                deleted.status
            );
            stage.tell(deleted, in_progress, Sign::Broken, expected, &actual);
            stage.settle(resource, Work::Delete, deleted).await?;
        }
    }
    if !matches!(deleted.status, 200 | 202) {
        // That it has deleted anything, it does not say in the right way.
        return Ok(());
    }
    if stage.is_fetchable(resource) {
        let reply = stage.send(&stage.fetch(resource)).await?;
        match reply.status {
            200 => stage.expect(
                &reply,
                deletes,
                false,
                "404 to the fetch of what was deleted",
            ),
            404 => stage.kept(&reply, deletes, "404 to the fetch of what was deleted"),
            _ => stage.expect(
                &reply,
                fetch_unknown,
                false,
                "404 to the fetch of what was deleted",
            ),
        }
    }
    let reply = stage.send(&stage.delete(resource)).await?;
    let expected = "410 Gone for what was deleted already";
    if !stage.learned.tells_gone(resource) {
        return Ok(());
    }
    match reply.status {
        200..=299 => stage.expect(&reply, deletes, false, expected),
        410 => {
            stage.kept(&reply, deletes, expected);
            stage.kept(&reply, unknown, expected);
        }
        _ => stage.expect(&reply, unknown, false, expected),
    }
    if reply.status == 202 {
        stage.settle(resource, Work::Delete, &reply).await?;
    }
    Ok(())
}
