//! Updates: changes that are carried out, and such as are to be refused.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Scenario;
use super::bindings::without_incomplete;
use super::control::REFUSED_TOO;
use super::life::{is_busy_with, matches_id};
use super::provisions::{
    BROKEN_JSON, OTHER_VERSION, UNKNOWN_FIELD, asynchronous_only, is_async_required,
    maintenance_conflict, same_as_absent, unknown_field, unprocessable, wrong_parameters,
};
use crate::check::book::Sign;
use crate::check::call::{Call, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{End, Learned, Made, Stage, context};
use crate::check::subject::Subject;
use crate::parameters::{self, demanded};

pub(super) const CHANGES: Scenario = Scenario {
    name: "updates that change something, or nothing",
    judges: &[
        "update.status-200-applied",
        "update.status-200-no-effect",
        "update.status-202-in-progress",
        "update.context-updates-declared",
        "update.plan-unchanged-when-absent",
        "update.parameters-unchanged-when-absent",
        "update.parameter-interpretation-free",
        "update.dashboard-url-initial",
        "update.maintenance-info-other-fields",
        "update.maintenance-info-conflict-422",
        "update.no-change-on-4xx",
        "update.no-change-on-5xx",
        "fetch-instance.parameters-current",
        "extension.unknown-fields-ignored",
        "extension.unknown-fields-not-fatal",
    ],
    needs: updateable,
    play: |stage| Box::pin(changes(stage)),
};

pub(super) const REFUSALS: Scenario = Scenario {
    name: "updates that are to be refused",
    judges: &[
        "update.status-400-malformed",
        "update.status-400-missing-service-id",
        "update.status-400-invalid",
        "update.parameters-validated",
        "update.maintenance-info-conflict-422",
        "update.maintenance-info-conflict-code",
        "update.no-change-on-4xx",
        "update.no-change-on-5xx",
        "content-type.unprocessable-400",
        "errors.update-repeatable-false-final",
        "errors.appropriate-status",
    ],
    needs: updateable,
    play: |stage| Box::pin(refusals(stage)),
};

pub(super) const PLANS: Scenario = Scenario {
    name: "changes of the plan",
    judges: &[
        "update.plan-updateable-declared",
        "update.unsupported-plan-change-message",
        "update.status-422-unsupported",
        "update.status-422-instance-state",
        "fetch-instance.plan-id-matches",
    ],
    needs: |stage| match stage.subject.siblings.is_empty() {
        true => Err("no offering that was judged has a second plan"),
        false => Ok(()),
    },
    play: |stage| Box::pin(plans(stage)),
};

pub(super) const SYNCHRONOUS: Scenario = Scenario {
    name: "updates that have to be synchronous",
    judges: &[
        "async.no-202-unless-accepted",
        "async.false-equals-absent",
        "update.async-required-422",
        "update.async-required-code",
    ],
    needs: updateable,
    play: |stage| Box::pin(synchronous(stage)),
};

pub(super) fn updateable(stage: &Stage) -> Result<(), &'static str> {
    match stage.learned.update.get() {
        Some(_) => Ok(()),
        None => Err("no plan that was judged announces an update that the broker carries out"),
    }
}

fn supported(stage: &Stage) -> Value {
    stage
        .learned
        .update
        .get()
        .cloned()
        .unwrap_or_else(|| json!({}))
}

/// The same, with other parameters than a provision has where that can be, so
/// that its effect shows.
pub(super) fn different(stage: &Stage) -> Value {
    let mut changes = supported(stage);
    if let (Some(schema), Some(base)) = (&stage.subject.update_schema, changes.get("parameters"))
        && let Some(variant) = parameters::variants(schema, base).into_iter().next()
    {
        changes["parameters"] = variant;
    }
    changes
}

/// Sends an update and waits until it has ended.
async fn change(stage: &Stage, instance: &Resource, call: &Call) -> Result<Reply, Stop> {
    let reply = stage.send(call).await?;
    if reply.status == 202 {
        let end = stage.settle(instance, Work::Update, &reply).await?;
        if end != End::Succeeded {
            let asked = &reply.asked;
            return Err(Stop::because(format!(
                "the operation of {asked} did not succeed"
            )));
        }
    }
    Ok(reply)
}

/// What a fetch tells, if the offering has one.
async fn look(stage: &Stage, instance: &Resource) -> Result<Option<Reply>, Stop> {
    if !stage.is_fetchable(instance) {
        return Ok(None);
    }
    let reply = stage.send(&stage.fetch(instance)).await?;
    Ok((reply.status == 200).then_some(reply))
}

async fn changes(stage: &Stage) -> Result<(), Stop> {
    let instance = provisioned_with_parameters(stage).await?.resource;
    let before = look(stage, &instance).await?;
    let update = stage.update(&instance, &different(stage));
    let reply = change(stage, &instance, &update).await?;
    if reply.status >= 400 {
        // A failure has changed nothing.
        unchanged(stage, &instance, before, &[reply]).await?;
        return stage.remove(&instance).await.map(drop);
    }
    let is_hidden = reply.status != 202 && is_busy_with(stage, &instance, &reply).await?;
    if is_hidden {
        stage.settle(&instance, Work::Update, &reply).await?;
    } else {
        stage.expect(
            &reply,
            "update.status-200-applied",
            matches!(reply.status, 200 | 202),
            "200 (or 202 Accepted) to an update that is carried out",
        );
    }
    if reply.status == 202 {
        let expected = "202 while an update is in progress";
        stage.kept(&reply, "update.status-202-in-progress", expected);
    } else if reply.is_success() {
        stage.kept(
            &reply,
            "async.accepts-incomplete-ignorable",
            "a synchronous success",
        );
    }
    if supported(stage).get("parameters").is_some() {
        stage.kept(
            &reply,
            "update.parameter-interpretation-free",
            "any meaning of parameters",
        );
    }
    let after = look(stage, &instance).await?;
    if let (Some(before), Some(after)) = (&before, &after) {
        compare_urls(stage, &reply, before, after);
        updated_parameters(stage, after);
        same_plan(stage, before, after);
    }

    let again = change(stage, &instance, &update).await?;
    if again.is_success() || again.is_refusal() {
        stage.kept(
            &again,
            "update.status-200-no-effect",
            "any answer to an update of nothing",
        );
    }
    if again.is_success() {
        // What changes nothing is compared with what changed nothing.
        let odd = update.member(UNKNOWN_FIELD, json!({"a": 1}));
        let extended = change(stage, &instance, &odd).await?;
        unknown_field(stage, &again, &extended);
    }
    without_parameters(stage, &instance).await?;
    context_alone(stage, &instance).await?;
    described_maintenance(stage, &instance).await?;
    stage.remove(&instance).await?;
    later_plan(stage).await
}

/// An instance that has parameters where the plan has a schema for them.
pub(super) async fn provisioned_with_parameters(stage: &Stage) -> Result<Made, Stop> {
    let call = stage.provision(&stage.fresh());
    let schema = stage.subject.create_schema.as_ref();
    let own = stage.provision_parameters();
    let given = own.or_else(|| schema.and_then(|schema| parameters::valid(schema).ok()));
    let call = match given {
        Some(given) => call.member("parameters", given),
        None => call,
    };
    stage.make(call).await
}

/// A new dashboard is told with the answer to the update.
fn compare_urls(stage: &Stage, reply: &Reply, before: &Reply, after: &Reply) {
    let id = "update.dashboard-url-initial";
    let expected = "a new dashboard_url in the first answer to the update that changes it";
    let (old, new) = (
        before.member("dashboard_url"),
        after.member("dashboard_url"),
    );
    if new.is_none() && old.is_none() {
        return;
    }
    if old == new || reply.member("dashboard_url").is_some() {
        stage.kept(reply, id, expected);
    } else {
        let actual = "it had none, and a fetch has another one than before";
        stage.tell(reply, id, Sign::Broken, expected, actual);
    }
}

fn updated_parameters(stage: &Stage, after: &Reply) {
    let changed = different(stage);
    let Some(changed) = changed.get("parameters").and_then(Value::as_object) else {
        return;
    };
    let Some(told) = after.member("parameters").and_then(Value::as_object) else {
        return;
    };
    let stale = changed
        .iter()
        .find(|(name, value)| told.get(*name).is_some_and(|told| told != *value));
    let id = "fetch-instance.parameters-current";
    let expected = "the value that the last update gave a parameter";
    match stale {
        None => stage.kept(after, id, expected),
        Some((name, _)) => {
            let actual = format!("{name} has another one");
            stage.tell(after, id, Sign::Deviates, expected, &actual);
        }
    }
}

fn same_plan(stage: &Stage, before: &Reply, after: &Reply) {
    let (old, new) = (before.member("plan_id"), after.member("plan_id"));
    let (Some(old), Some(new)) = (old, new) else {
        return;
    };
    if supported(stage).get("plan_id").is_some() {
        return;
    }
    let id = "update.plan-unchanged-when-absent";
    let expected = "the same plan after an update without plan_id";
    match old == new {
        true => stage.kept(after, id, expected),
        false => stage.tell(after, id, Sign::Broken, expected, &format!("it is {new}")),
    }
}

/// An update without parameters leaves them as they are.
async fn without_parameters(stage: &Stage, instance: &Resource) -> Result<(), Stop> {
    let subject = &stage.subject;
    let same_plan = || json!({"plan_id": subject.plan_id});
    let same_plan = subject.is_plan_updateable.then(same_plan);
    let Some(changes) = neither_plan_nor_parameters(stage).or(same_plan) else {
        return Ok(());
    };
    let Some(before) = look(stage, instance).await? else {
        return Ok(());
    };
    let reply = change(stage, instance, &stage.update(instance, &changes)).await?;
    let Some(after) = look(stage, instance).await?.filter(|_| reply.is_success()) else {
        return Ok(());
    };
    let told = before.member("parameters").and_then(Value::as_object);
    if let Some(told) = told.filter(|told| !told.is_empty()) {
        let now = after.member("parameters");
        let lost = told.iter().find(|(name, value)| {
            let now = now.and_then(|now| now.get(name.as_str()));
            now.is_some_and(|now| now != *value)
        });
        let is_gone = now.is_none_or(|now| now.as_object().is_some_and(serde_json::Map::is_empty));
        let id = "update.parameters-unchanged-when-absent";
        let expected = "the same parameters after an update without parameters";
        match (lost, is_gone) {
            (None, false) => stage.kept(&after, id, expected),
            (Some((name, _)), _) => {
                let actual = format!("{name} has another value");
                stage.tell(&after, id, Sign::Broken, expected, &actual);
            }
            // A broker may leave out parameters whenever it likes.
            (None, true) => stage.tell(&after, id, Sign::Deviates, expected, "there are none now"),
        }
    }
    same_plan_without(stage, &before, &after);
    Ok(())
}

/// An update that names neither a plan nor parameters.
fn neither_plan_nor_parameters(stage: &Stage) -> Option<Value> {
    let subject = &stage.subject;
    if !stage.knows(15) {
        return None;
    }
    if subject.allows_context_updates {
        return Some(json!({"context": context("conformance-without-parameters")}));
    }
    let version = subject.maintenance_version.as_ref()?;
    Some(json!({"maintenance_info": {"version": version}}))
}

/// An update without a plan leaves an instance of a later plan with that one. Such a
/// plan is looked for where the stage's is the offering's first.
async fn later_plan(stage: &Stage) -> Result<(), Stop> {
    let is_fit = |plan: &&Arc<Subject>| {
        let schema = plan.create_schema.as_ref();
        plan.is_free && demanded(schema).is_none()
    };
    let later = stage.subject.siblings.iter().find(is_fit);
    let Some(later) = later.filter(|_| stage.subject.is_first) else {
        return Ok(());
    };
    let stage = stage.with(later.clone());
    let parameters = || {
        let valid = parameters::valid(stage.subject.update_schema.as_ref()?);
        Some(json!({"parameters": valid.ok()?}))
    };
    let Some(changes) = neither_plan_nor_parameters(&stage).or_else(parameters) else {
        return Ok(());
    };
    let instance = stage.instance().await?.resource;
    let before = look(&stage, &instance).await?;
    let reply = change(&stage, &instance, &stage.update(&instance, &changes)).await?;
    let after = look(&stage, &instance).await?;
    if let (Some(before), Some(after), true) = (before, after, reply.is_success()) {
        same_plan_without(&stage, &before, &after);
    }
    stage.remove(&instance).await.map(drop)
}

fn same_plan_without(stage: &Stage, before: &Reply, after: &Reply) {
    if let (Some(old), Some(new)) = (before.member("plan_id"), after.member("plan_id")) {
        let id = "update.plan-unchanged-when-absent";
        let expected = "the same plan after an update that names no other";
        match old == new {
            true => stage.kept(after, id, expected),
            false => stage.tell(after, id, Sign::Broken, expected, &format!("it is {new}")),
        }
    }
}

async fn context_alone(stage: &Stage, instance: &Resource) -> Result<(), Stop> {
    if !stage.subject.allows_context_updates || !stage.knows(15) {
        return Ok(());
    }
    let changes = json!({"context": context("conformance-context")});
    let reply = change(stage, instance, &stage.update(instance, &changes)).await?;
    let id = "update.context-updates-declared";
    let expected = "200 or 202 to an update of the context, which the catalog allows";
    stage.prefer(&reply, id, reply.is_success(), expected);
    Ok(())
}

async fn described_maintenance(stage: &Stage, instance: &Resource) -> Result<(), Stop> {
    let Some(version) = stage
        .subject
        .maintenance_version
        .as_ref()
        .filter(|_| stage.knows(15))
    else {
        return Ok(());
    };
    let with = |info: Value| stage.update(instance, &json!({"maintenance_info": info}));
    let before = look(stage, instance).await?;
    let right = with(json!({"version": version}));
    let bare = change(stage, instance, &right).await?;
    if let (Some(before), Some(after)) = (before, look(stage, instance).await?) {
        same_plan_without(stage, &before, &after);
    }
    let described = with(json!({"version": version, "description": "made up"}));
    let reply = change(stage, instance, &described).await?;
    if bare.is_success() {
        let expected = "the same with and without a description in maintenance_info";
        let id = "update.maintenance-info-other-fields";
        stage.prefer(&reply, id, !reply.is_refusal(), expected);
        former_maintenance(stage, instance, right).await?;
    }
    Ok(())
}

/// What the maintenance version was before takes no part in the comparison.
async fn former_maintenance(stage: &Stage, instance: &Resource, right: Call) -> Result<(), Stop> {
    let former = json!({"maintenance_info": {"version": "0.0.1"}});
    let call = right.member("previous_values", former);
    let reply = change(stage, instance, &call).await?;
    let id = "update.maintenance-info-conflict-422";
    let is_conflict = reply.code() == Some("MaintenanceInfoConflict");
    let expected = "no conflict with the version of the catalog, whatever was before";
    stage.expect(&reply, id, !is_conflict, expected);
    Ok(())
}

async fn refusals(stage: &Stage) -> Result<(), Stop> {
    let instance = provisioned_with_parameters(stage).await?.resource;
    let before = look(stage, &instance).await?;
    let right = || stage.update(&instance, &different(stage));
    let mut refused = Refused {
        stage,
        instance: &instance,
        all: Vec::new(),
    };
    let reply = refused.send(right().raw(BROKEN_JSON)).await?;
    let id = "update.status-400-malformed";
    stage.expect(
        &reply,
        id,
        reply.status == 400,
        "400 to a body that is no JSON",
    );
    unprocessable(stage, &reply);
    unprocessable(stage, &refused.send(right().raw("[]")).await?);

    let mut reply = refused.send(right().without_member("service_id")).await?;
    if reply.is_refusal() && reply.status != 400 {
        // What makes it differ may be what is refused.
        let known = stage.update(&instance, &supported(stage));
        reply = refused.send(known.without_member("service_id")).await?;
    }
    let id = "update.status-400-missing-service-id";
    stage.expect(
        &reply,
        id,
        reply.status == 400,
        "400 to an update without service_id",
    );

    for name in ["plan_id", "service_id"] {
        let call = right().member(name, stage.fresh().instance.into());
        let reply = refused.send(call).await?;
        if reply.is_refusal() {
            let expected = "a 4xx to data that the catalog does not have";
            stage.kept(&reply, "update.status-400-invalid", expected);
        }
        if reply.status >= 500 {
            let expected = "no 5xx to data that the catalog does not have";
            stage.expect(&reply, "errors.appropriate-status", false, expected);
        }
    }
    for (what, parameters) in wrong_parameters(stage.subject.update_schema.as_ref()) {
        // A valid change beside it would show that half of it was done.
        let reply = refused
            .send(right().member("parameters", parameters))
            .await?;
        let expected = format!("a 4xx to parameters against the schema: {what}");
        let id = "update.parameters-validated";
        stage.prefer(&reply, id, reply.is_refusal(), &expected);
    }
    if stage.subject.maintenance_version.is_some() && stage.knows(15) {
        let wrong = json!({"maintenance_info": {"version": OTHER_VERSION}});
        let reply = refused.send(stage.update(&instance, &wrong)).await?;
        maintenance_conflict(
            stage,
            &reply,
            "update.maintenance-info-conflict-422",
            "update.maintenance-info-conflict-code",
        );
        // A valid change beside it would show that half of it was done.
        let both = right().without_member("plan_id");
        let both = both.member("maintenance_info", wrong["maintenance_info"].clone());
        refused.send(both).await?;
    }
    let all = refused.all;
    let replies: Vec<Reply> = all.iter().map(|(_, reply)| reply.clone()).collect();
    unchanged(stage, &instance, before, &replies).await?;
    final_refusals(stage, &instance, &all).await?;
    stage.remove(&instance).await.map(drop)
}

/// Updates of an instance that are to be refused, and their answers.
struct Refused<'a> {
    stage: &'a Stage,
    instance: &'a Resource,
    all: Vec<(Call, Reply)>,
}

impl Refused<'_> {
    async fn send(&mut self, call: Call) -> Result<Reply, Stop> {
        let reply = change(self.stage, self.instance, &call).await?;
        self.all.push((call, reply.clone()));
        Ok(reply)
    }
}

/// After updates that were refused, everything is as it was.
async fn unchanged(
    stage: &Stage,
    instance: &Resource,
    before: Option<Reply>,
    refused: &[Reply],
) -> Result<(), Stop> {
    let (Some(before), Some(after)) = (before, look(stage, instance).await?) else {
        return Ok(());
    };
    if refused.iter().any(Reply::is_success) {
        // What was carried out may show.
        return Ok(());
    }
    let told = |reply: &Reply, pointer: &str| {
        let told = reply.json.as_ref().and_then(|body| body.pointer(pointer));
        told.filter(|told| !told.is_null()).cloned()
    };
    let is_same = ["/plan_id", "/parameters", "/maintenance_info/version"]
        .iter()
        .all(|pointer| told(&before, pointer) == told(&after, pointer));
    let has_5xx = refused.iter().any(|reply| reply.status >= 500);
    let id = match has_5xx {
        true => "update.no-change-on-5xx",
        false => "update.no-change-on-4xx",
    };
    let expected = "the same instance as before updates were refused";
    match is_same {
        true => stage.kept(&after, id, expected),
        false => {
            let actual = "plan_id, parameters or maintenance_info are others";
            stage.tell(&after, id, Sign::Broken, expected, actual);
        }
    }
    Ok(())
}

/// What was called final fails again.
async fn final_refusals(
    stage: &Stage,
    instance: &Resource,
    refused: &[(Call, Reply)],
) -> Result<(), Stop> {
    for (call, reply) in refused {
        if reply.member("update_repeatable") == Some(&Value::Bool(false)) {
            let again = change(stage, instance, call).await?;
            let id = "errors.update-repeatable-false-final";
            let expected = "another failure after update_repeatable was false";
            stage.prefer(&again, id, !again.is_success(), expected);
        }
    }
    Ok(())
}

async fn plans(stage: &Stage) -> Result<(), Stop> {
    let subject = &stage.subject;
    let is_declared = subject.is_plan_updateable;
    if !is_declared && stage.learned.update.get().is_none() {
        // A broker without updates need not refuse them in any certain way.
        return Ok(());
    }
    let instance = stage.instance().await?.resource;
    let mut worked = None;
    let mut last = None;
    for sibling in subject.siblings.iter().map(|plan| plan.plan_id.as_str()) {
        let call = stage.update(&instance, &json!({"plan_id": sibling}));
        let reply = stage.send(&call).await?;
        if reply.is_success() {
            if (reply.status == 202 || is_busy_with(stage, &instance, &reply).await?)
                && stage.settle(&instance, Work::Update, &reply).await? != End::Succeeded
            {
                // A change may fail; then the plan is the old one.
                continue;
            }
            if !is_declared {
                let id = "update.plan-updateable-declared";
                let expected = "plan_updateable where the plan can be changed";
                stage.tell(&reply, id, Sign::Deviates, expected, "it is not declared");
            }
            moved(stage, &instance, sibling).await?;
            worked = Some(sibling);
            last = Some(reply);
            break;
        }
        unsupported(stage, &reply, is_declared);
        last = Some(reply);
    }
    if let (true, Some(reply)) = (is_declared, &last) {
        let id = "update.plan-updateable-declared";
        let is_absent = matches!(reply.status, 404 | 405 | 501);
        let sign = if is_absent {
            Sign::Broken
        } else {
            Sign::Deviates
        };
        let expected = "a change of the plan where the catalog declares plan_updateable";
        stage.judge(reply, id, worked.is_some(), sign, expected);
    }
    stage.unclear(
        "update.status-422-instance-state",
        "which state of an instance rules out which change, only its author knows",
    );
    match worked {
        Some(plan) => stage.remove_from(&instance, plan).await.map(drop),
        None => stage.remove(&instance).await.map(drop),
    }
}

/// A change that is refused for good is one that the broker does not support.
fn unsupported(stage: &Stage, reply: &Reply, is_declared: bool) {
    let is_absent = matches!(reply.status, 404 | 405 | 501);
    if is_absent && (is_declared || stage.learned.update.get().is_none()) {
        return;
    }
    let is_busy = reply.code() == Some("ConcurrencyError");
    if is_busy {
        return;
    }
    let is_right = matches!(reply.status, 400 | 422);
    let expected = "422 to a change of the plan that the broker does not support";
    stage.expect(reply, "update.status-422-unsupported", is_right, expected);
    let says = reply.member("description").and_then(Value::as_str);
    let id = "update.unsupported-plan-change-message";
    let has_message = says.is_some_and(|text| !text.is_empty());
    stage.prefer(reply, id, has_message, "a description that says why");
}

async fn moved(stage: &Stage, instance: &Resource, plan: &str) -> Result<(), Stop> {
    if let Some(after) = look(stage, instance).await?
        && let Some(told) = after.member("plan_id").and_then(Value::as_str)
    {
        let id = "fetch-instance.plan-id-matches";
        let expected = "the plan that the last update gave the instance";
        matches_id(stage, &after, id, (told, plan), expected);
    }
    Ok(())
}

async fn synchronous(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let right = stage.update(&instance, &supported(stage));
    let (status, code) = ("update.async-required-422", "update.async-required-code");
    let mut absent = None;
    for value in [None, Some("false")] {
        let reply = change(stage, &instance, &without_incomplete(right.clone(), value)).await?;
        // What was done at once is not asynchronous only; the second time it is no change.
        let is_done = absent.as_ref().is_some_and(|(status, _)| *status < 300);
        let is_async = Learned::is(&stage.learned.updates_async) && !is_done;
        if same_as_absent(stage, &reply, &mut absent) {
            continue;
        }
        let is_refused = is_async && reply.is_refusal() && !is_async_required(&reply);
        if is_refused && !change(stage, &instance, &right).await?.is_success() {
            stage.unclear(status, REFUSED_TOO);
            stage.unclear(code, REFUSED_TOO);
            continue;
        }
        asynchronous_only(stage, &reply, is_async, status, code);
    }
    stage.remove(&instance).await.map(drop)
}
