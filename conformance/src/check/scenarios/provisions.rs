//! Provisions that are wrong in one thing, odd but right, or about an id that is
//! in use.

use serde_json::{Map, Value, json};

use super::{Scenario, always};
use crate::check::book::Sign;
use crate::check::call::{Call, Resource, Work};
use crate::check::rules::is_extension;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Learned, Stage, after};
use crate::parameters;

pub(super) const REFUSALS: Scenario = Scenario {
    name: "malformed provisions",
    judges: &[
        "provision.status-400-malformed",
        "provision.status-400-missing-service-id",
        "provision.status-400-missing-plan-id",
        "provision.status-400-missing-organization-space",
        "content-type.unprocessable-400",
        "errors.4xx-no-side-effects",
        "errors.5xx-no-side-effects",
        "errors.appropriate-status",
    ],
    needs: always,
    play: |stage| Box::pin(malformed(stage)),
};

pub(super) const INVALID: Scenario = Scenario {
    name: "provisions with invalid data",
    judges: &[
        "provision.status-400-invalid",
        "provision.parameters-validated",
        "provision.maintenance-info-conflict-422",
        "provision.maintenance-info-conflict-code",
        "provision.maintenance-info-other-fields",
        "errors.appropriate-status",
        "errors.4xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(invalid(stage)),
};

pub(super) const TOLERANCE: Scenario = Scenario {
    name: "provisions that are odd but right",
    judges: &[
        "content-type.missing-may-be-processed",
        "content-type.mismatch-400",
        "extension.unknown-fields-ignored",
        "extension.unknown-fields-not-fatal",
        "extension.newer-fields-ignored",
        "api-version.missing-400",
        "errors.appropriate-status",
        "errors.4xx-no-side-effects",
        "errors.5xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(odd(stage)),
};

pub(super) const CONFLICTS: Scenario = Scenario {
    name: "provisions under an id in use",
    judges: &[
        "provision.status-409-existing",
        "errors.4xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(conflicts(stage)),
};

pub(super) const SYNCHRONOUS: Scenario = Scenario {
    name: "provisions that have to be synchronous",
    judges: &[
        "async.no-202-unless-accepted",
        "async.false-equals-absent",
        "provision.async-required-422",
        "provision.async-required-code",
        "errors.4xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(synchronous(stage)),
};

/// Text that is no JSON.
pub(super) const BROKEN_JSON: &str = r#"{"service_id": "#;

/// A version that no catalog has.
pub(super) const OTHER_VERSION: &str = "999.99.9";

async fn malformed(stage: &Stage) -> Result<(), Stop> {
    let right = || stage.provision(&stage.fresh());
    let call = right().raw(BROKEN_JSON);
    let reply = refuse(stage, &call).await?;
    let id = "provision.status-400-malformed";
    stage.expect(
        &reply,
        id,
        reply.status == 400,
        "400 to a body that is no JSON",
    );
    unprocessable(stage, &reply);

    let call = right().raw("[]");
    let reply = refuse(stage, &call).await?;
    unprocessable(stage, &reply);
    for (name, id) in [
        ("service_id", "provision.status-400-missing-service-id"),
        ("plan_id", "provision.status-400-missing-plan-id"),
    ] {
        let call = right().without_member(name);
        let reply = stage.send(&call).await?;
        let expected = format!("400 to a provision without {name}");
        stage.expect(&reply, id, reply.status == 400, &expected);
        match reply.is_success() {
            true => clear(stage, &call, &reply).await?,
            false => corrected(stage, &reply, &call).await?,
        }
    }
    for name in ["organization_guid", "space_guid"] {
        let call = right().without_member(name);
        let reply = refuse(stage, &call).await?;
        let sign = match reply.status {
            500.. => Sign::Broken,
            _ => Sign::Deviates,
        };
        let is_right = reply.is_success() || reply.status == 400;
        let expected = format!("400 to a provision without {name}, or a success");
        let id = "provision.status-400-missing-organization-space";
        stage.judge(&reply, id, is_right, sign, &expected);
    }
    Ok(())
}

/// Sends a provision that is to be refused, and makes sure that nothing stays.
pub(super) async fn refuse(stage: &Stage, call: &Call) -> Result<Reply, Stop> {
    let reply = stage.send(call).await?;
    match reply.is_success() {
        true => clear(stage, call, &reply).await?,
        false => stage.nothing_made(&reply, call).await?,
    }
    Ok(reply)
}

/// Removes what a call has created, whatever was meant by it.
pub(super) async fn clear(stage: &Stage, call: &Call, reply: &Reply) -> Result<(), Stop> {
    let Some(resource) = &call.resource else {
        return Ok(());
    };
    if reply.status == 202 {
        stage.settle(resource, Work::Create, reply).await?;
    }
    // What becomes of that says nothing of deletions.
    let deleted = stage.send(&stage.delete(resource)).await?;
    if deleted.status == 202 {
        stage.settle(resource, Work::Delete, &deleted).await?;
    }
    Ok(())
}

pub(super) fn unprocessable(stage: &Stage, reply: &Reply) {
    let id = "content-type.unprocessable-400";
    if reply.is_refusal() {
        let expected = "400 where a body cannot be processed";
        stage.prefer(reply, id, reply.status == 400, expected);
    }
}

/// After a refusal nothing is there: not to be fetched, not to be polled, and
/// the right request creates it.
async fn corrected(stage: &Stage, refused: &Reply, call: &Call) -> Result<(), Stop> {
    let Some(resource) = call.resource.clone() else {
        return Ok(());
    };
    let id = after(refused);
    if stage.is_fetchable(&resource) {
        let reply = stage.send(&stage.fetch(&resource)).await?;
        let expected = format!("nothing to fetch after {} was refused", refused.asked);
        stage.expect(&reply, id, reply.status != 200, &expected);
    }
    let polled = stage
        .send(&stage.poll(&resource, Work::Create, None))
        .await?;
    let state = polled.member("state").and_then(Value::as_str);
    let is_busy = polled.status == 200 && state == Some("in progress");
    let expected = format!("no operation after {} was refused", refused.asked);
    stage.expect(&polled, id, !is_busy, &expected);
    if is_busy {
        return Ok(());
    }
    let right = stage.provision(&resource);
    let reply = stage.send(&right).await?;
    let expected = format!(
        "201 or 202 to the right request after {} was refused",
        refused.asked
    );
    let is_new = reply.is_success() && (reply.status != 200 || answers_200_to_new(stage));
    stage.expect(&reply, id, is_new, &expected);
    match reply.is_success() {
        true => clear(stage, &right, &reply).await,
        false => Ok(()),
    }
}

/// Data that fits nothing. A 4xx is right; a success is unwise, as there is
/// nothing to make; a fault of the broker's own is wrong.
pub(super) fn invalid_data(stage: &Stage, reply: &Reply, id: &'static str) {
    let expected = "a 4xx to data that the catalog does not have";
    if reply.is_refusal() {
        stage.kept(reply, id, expected);
    }
    let sign = match reply.status {
        500.. => Sign::Broken,
        _ => Sign::Deviates,
    };
    let id = "errors.appropriate-status";
    stage.judge(reply, id, reply.is_refusal(), sign, expected);
}

async fn invalid(stage: &Stage) -> Result<(), Stop> {
    let right = || stage.provision(&stage.fresh());
    let subject = &stage.subject;
    let nobody = stage.fresh().instance;
    let mut calls = vec![
        right().member("service_id", nobody.clone().into()),
        right().member("plan_id", nobody.into()),
    ];
    if let Some((service, _)) = subject
        .stranger
        .as_ref()
        .filter(|(s, _)| *s != subject.service_id)
    {
        calls.push(right().member("service_id", service.clone().into()));
    }
    for call in calls {
        let reply = refuse(stage, &call).await?;
        invalid_data(stage, &reply, "provision.status-400-invalid");
    }
    for (what, parameters) in wrong_parameters(subject.create_schema.as_ref()) {
        let call = right().member("parameters", parameters);
        let reply = refuse(stage, &call).await?;
        let expected = format!("a 4xx to parameters against the schema: {what}");
        let id = "provision.parameters-validated";
        stage.prefer(&reply, id, reply.is_refusal(), &expected);
    }
    let Some(version) = subject
        .maintenance_version
        .as_ref()
        .filter(|_| stage.knows(15))
    else {
        return Ok(());
    };
    let call = right().member("maintenance_info", json!({"version": OTHER_VERSION}));
    let reply = refuse(stage, &call).await?;
    maintenance_conflict(
        stage,
        &reply,
        "provision.maintenance-info-conflict-422",
        "provision.maintenance-info-conflict-code",
    );
    let described = json!({"version": version, "description": "made up"});
    let call = right().member("maintenance_info", described);
    let reply = refuse(stage, &call).await?;
    let bare = match reply.is_refusal() {
        true => {
            let call = right().member("maintenance_info", json!({"version": version}));
            refuse(stage, &call).await?.is_success()
        }
        false => true,
    };
    let expected = "the same with and without a description in maintenance_info";
    let id = "provision.maintenance-info-other-fields";
    stage.prefer(&reply, id, !(reply.is_refusal() && bare), expected);
    Ok(())
}

/// A few parameters that a schema refuses.
pub(super) fn wrong_parameters(schema: Option<&Value>) -> Vec<(String, Value)> {
    const MOST: usize = 3;
    let Some(schema) = schema else {
        return Vec::new();
    };
    let Ok(base) = parameters::valid(schema) else {
        return Vec::new();
    };
    let mut wrong = parameters::invalid(schema, &base);
    let size = |value: &Value| value.as_object().map_or(0, Map::len);
    let mut rest = wrong.split_off(MOST.min(wrong.len())).into_iter();
    // What is required is easily forgotten.
    wrong.extend(rest.find(|(_, value)| size(value) < size(&base)));
    wrong.push(("they are no object".to_owned(), json!("text")));
    wrong
}

/// A maintenance version that is not the catalog's.
pub(super) fn maintenance_conflict(
    stage: &Stage,
    reply: &Reply,
    status: &'static str,
    code: &'static str,
) {
    let expected = "422 to a maintenance version that is not the catalog's";
    stage.expect(reply, status, reply.status == 422, expected);
    if reply.status == 422 {
        let is_right = reply.code() == Some("MaintenanceInfoConflict");
        stage.expect(reply, code, is_right, "the error MaintenanceInfoConflict");
    }
}

async fn odd(stage: &Stage) -> Result<(), Stop> {
    let right = || stage.provision(&stage.fresh());
    let call = right().without_header("Content-Type");
    let reply = refuse(stage, &call).await?;
    if reply.is_success() || reply.status == 400 {
        let id = "content-type.missing-may-be-processed";
        stage.kept(&reply, id, "a success or 400 without a Content-Type");
    }
    for media_type in ["text/plain", "application/xml"] {
        let call = right().header("Content-Type", media_type);
        let reply = refuse(stage, &call).await?;
        if reply.is_refusal() {
            let expected = "400 where the Content-Type is refused";
            stage.prefer(
                &reply,
                "content-type.mismatch-400",
                reply.status == 400,
                expected,
            );
        } else {
            stage.kept(&reply, "content-type.mismatch-400", "a success, or 400");
        }
    }
    let call = right().without_header("X-Broker-API-Version");
    let reply = refuse(stage, &call).await?;
    if reply.is_success() || matches!(reply.status, 400 | 412) {
        let id = "api-version.missing-400";
        stage.kept(&reply, id, "ordinary processing, or a refusal");
    }
    let id = "errors.appropriate-status";
    stage.expect(
        &reply,
        id,
        reply.status < 500,
        "no 5xx without the version header",
    );

    let plain = refuse(stage, &right()).await?;
    let call = right().member("conformance_unknown_field", json!({"a": 1}));
    let extended = refuse(stage, &call).await?;
    unknown_field(stage, &plain, &extended);
    let call = right()
        .header("X-Broker-API-Version", "2.17")
        .member("conformance_newer_field", json!("new"));
    let newer = refuse(stage, &call).await?;
    let id = "extension.newer-fields-ignored";
    match extended.is_success() {
        true => {
            let expected = "the same with and without a field that is newer than the broker";
            stage.prefer(
                &newer,
                id,
                !plain.is_success() || newer.is_success(),
                expected,
            );
        }
        false => stage.unclear(
            id,
            "see extension.unknown-fields-not-fatal, which is broken",
        ),
    }
    Ok(())
}

/// The same request with a field that nobody knows has to come to the same.
pub(super) fn unknown_field(stage: &Stage, plain: &Reply, extended: &Reply) {
    if !plain.is_success() {
        return;
    }
    let fatal = "extension.unknown-fields-not-fatal";
    let expected = "the same with and without a field that the broker does not know";
    stage.expect(extended, fatal, extended.is_success(), expected);
    if extended.is_success() {
        // What the broker adds of its own need not be the same every time.
        let members = |reply: &Reply| -> Option<Vec<String>> {
            let members = reply.json.as_ref()?.as_object()?.keys();
            let is_kept =
                |name: &&String| !is_extension(name) || name.contains("conformance_unknown_field");
            Some(members.filter(is_kept).cloned().collect())
        };
        let is_same = members(plain) == members(extended);
        let id = "extension.unknown-fields-ignored";
        match is_same {
            true => stage.kept(extended, id, expected),
            false => {
                let actual = "its body has other members";
                stage.tell(extended, id, Sign::Broken, expected, actual);
            }
        }
    }
}

async fn conflicts(stage: &Stage) -> Result<(), Stop> {
    let schema = stage.subject.create_schema.as_ref();
    let valid = schema.and_then(|schema| parameters::valid(schema).ok());
    let own = stage.session.options.parameters.provision.clone();
    let given = own.or(valid);
    let with = |resource: &Resource, parameters: Option<&Value>| {
        let call = stage.provision(resource);
        match parameters {
            Some(parameters) => call.member("parameters", parameters.clone()),
            None => call,
        }
    };
    let resource = stage.fresh();
    let call = with(&resource, given.as_ref());
    let made = stage.make(call.clone()).await?;
    let mut others = Vec::new();
    if let Some(sibling) = stage.subject.siblings.first() {
        others.push((
            "another plan",
            call.clone().member("plan_id", sibling.clone().into()),
        ));
    }
    if let Some((service, plan)) = &stage.subject.stranger {
        let other = call
            .clone()
            .member("service_id", service.clone().into())
            .member("plan_id", plan.clone().into());
        others.push(("another offering", other));
    }
    if let (Some(schema), Some(base)) = (schema, &given)
        && let Some(variant) = parameters::variants(schema, base).into_iter().next()
    {
        others.push((
            "other parameters",
            call.clone().member("parameters", variant),
        ));
    }
    for (what, other) in others {
        let reply = stage.send(&other).await?;
        let expected = format!("409 Conflict to {what} under an id in use");
        stage.expect(
            &reply,
            "provision.status-409-existing",
            reply.status == 409,
            &expected,
        );
        if reply.status == 202 {
            stage.settle(&resource, Work::Create, &reply).await?;
        }
        if reply.is_refusal() {
            let again = stage.send(&call).await?;
            let is_same = again.status != 409 || answers_409_always(stage);
            let expected = format!("the same instance as before {what} was refused");
            stage.expect(&again, "errors.4xx-no-side-effects", is_same, &expected);
        }
    }
    stage.remove(&made.resource).await.map(drop)
}

/// Whether 200 is what the broker answers to what is new, so that it tells nothing.
fn answers_200_to_new(stage: &Stage) -> bool {
    let book = &stage.session.record().book;
    let ids = [
        "provision.status-201-created",
        "provision.status-202-in-progress",
    ];
    ids.iter().any(|id| book.deviates(id))
}

/// Whether the broker answers 409 to every repeat, so that it tells nothing.
fn answers_409_always(stage: &Stage) -> bool {
    let record = stage.session.record();
    record.book.deviates("provision.status-200-identical")
}

async fn synchronous(stage: &Stage) -> Result<(), Stop> {
    let right = || stage.provision(&stage.fresh());
    let mut first_code = None;
    for value in [None, Some("false")] {
        let call = right().without_query("accepts_incomplete");
        let call = match value {
            None => call,
            Some(value) => call.query("accepts_incomplete", value),
        };
        let reply = refuse(stage, &call).await?;
        if !same_as_absent(stage, &reply, &mut first_code) {
            asynchronous_only(
                stage,
                &reply,
                Learned::is(&stage.learned.provisions_async),
                "provision.async-required-422",
                "provision.async-required-code",
            );
        }
    }
    Ok(())
}

/// What a request without `accepts_incomplete=true` may be answered, of a plan
/// that has answered 202 with it.
pub(super) fn asynchronous_only(
    stage: &Stage,
    reply: &Reply,
    is_async: bool,
    status: &'static str,
    code: &'static str,
) {
    let id = "async.no-202-unless-accepted";
    let expected = "no 202 without accepts_incomplete=true";
    stage.expect(reply, id, reply.status != 202, expected);
    if !is_async {
        return;
    }
    if reply.status == 202 {
        stage.unclear(status, "see async.no-202-unless-accepted, which is broken");
        return;
    }
    let is_right = matches!(reply.status, 200 | 201 | 422);
    let expected = "422 (or a synchronous success) without accepts_incomplete=true";
    stage.expect(reply, status, is_right, expected);
    if reply.status == 422 {
        let is_right = reply.code() == Some("AsyncRequired");
        stage.expect(reply, code, is_right, "the error AsyncRequired");
    }
}

/// `accepts_incomplete=false` comes to the same as its absence. Gives whether it
/// was judged by that.
pub(super) fn same_as_absent(
    stage: &Stage,
    reply: &Reply,
    absent: &mut Option<(u16, Option<String>)>,
) -> bool {
    let seen = (reply.status, reply.code().map(str::to_owned));
    match absent {
        None => *absent = Some(seen),
        // A 202 is another entry's.
        Some(absent) if absent.1.as_deref() == Some("AsyncRequired") && reply.status != 202 => {
            let id = "async.false-equals-absent";
            let expected = "the same with accepts_incomplete=false as without it";
            stage.expect(reply, id, *absent == seen, expected);
            return true;
        }
        Some(_) => {}
    }
    false
}
