//! Provisions that are wrong in one thing, or odd but right.

use serde_json::{Map, Value, json};

use super::bindings::without_incomplete;
use super::control::controlled;
use super::{Scenario, always};
use crate::check::book::Sign;
use crate::check::call::{Call, Work};
use crate::check::rules::is_extension;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Learned, Stage, after, refused};
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
    let is_400 = |reply: &Reply| reply.status == 400;
    let (id, unprocessed) = (
        "provision.status-400-malformed",
        "content-type.unprocessable-400",
    );
    let wrong = || right().raw(BROKEN_JSON);
    if let Some(reply) = judged(stage, wrong, is_400, &[id, unprocessed]).await? {
        let expected = "400 to a body that is no JSON";
        stage.expect(&reply, id, reply.status == 400, expected);
        unprocessable(stage, &reply);
    }
    let wrong = || right().raw("[]");
    if let Some(reply) = judged(stage, wrong, is_400, &[unprocessed]).await? {
        unprocessable(stage, &reply);
    }
    for (name, id) in [
        ("service_id", "provision.status-400-missing-service-id"),
        ("plan_id", "provision.status-400-missing-plan-id"),
    ] {
        let wrong = || right().without_member(name);
        let call = wrong();
        let reply = stage.send(&call).await?;
        match reply.is_success() {
            true => clear(stage, &call, &reply).await?,
            false => corrected(stage, &reply, &call).await?,
        }
        if let Some(reply) = controlled(stage, reply, is_400, (wrong, right), &[id]).await? {
            let expected = format!("400 to a provision without {name}");
            stage.expect(&reply, id, reply.status == 400, &expected);
        }
    }
    for name in ["organization_guid", "space_guid"] {
        let id = "provision.status-400-missing-organization-space";
        let wrong = || right().without_member(name);
        let Some(reply) = judged(stage, wrong, is_400, &[id]).await? else {
            continue;
        };
        let sign = match reply.status {
            500.. => Sign::Broken,
            _ => Sign::Deviates,
        };
        let is_right = reply.is_success() || reply.status == 400;
        let expected = format!("400 to a provision without {name}, or a success");
        stage.judge(&reply, id, is_right, sign, &expected);
    }
    Ok(())
}

/// The answer by which a provision can be judged that is wrong, or odd, in one thing.
async fn judged(
    stage: &Stage,
    wrong: impl Fn() -> Call,
    is_expected: impl Fn(&Reply) -> bool,
    ids: &[&'static str],
) -> Result<Option<Reply>, Stop> {
    let right = || stage.provision(&stage.fresh());
    let reply = refuse(stage, &wrong()).await?;
    controlled(stage, reply, is_expected, (wrong, right), ids).await
}

/// Sends a creation that is to be refused, and makes sure that nothing stays.
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
/// the right request does not find it there.
async fn corrected(stage: &Stage, refusal: &Reply, call: &Call) -> Result<(), Stop> {
    let Some(resource) = call.resource.clone() else {
        return Ok(());
    };
    let id = after(refusal);
    if stage.is_fetchable(&resource) {
        let reply = stage.send(&stage.fetch(&resource)).await?;
        let expected = format!("nothing to fetch after {} was refused", refusal.asked);
        stage.expect(&reply, id, reply.status != 200, &expected);
    }
    let polled = stage
        .send(&stage.poll(&resource, Work::Create, None))
        .await?;
    let state = polled.member("state").and_then(Value::as_str);
    let is_busy = polled.status == 200 && state == Some("in progress");
    let expected = format!("no operation after {} was refused", refusal.asked);
    stage.expect(&polled, id, !is_busy, &expected);
    if is_busy {
        return Ok(());
    }
    let right = || stage.provision(&resource);
    let reply = stage.send(&right()).await?;
    if reply.is_success() {
        clear(stage, &right(), &reply).await?;
    }
    let is_in_use = |reply: &Reply| reply.status == 409;
    let reply = match is_in_use(&reply) {
        // What is in use may be something else, say a name among the parameters.
        true => {
            let fresh = || stage.provision(&stage.fresh());
            controlled(stage, reply, |_| false, (right, fresh), &[id]).await?
        }
        false => Some(reply),
    };
    let Some(reply) = reply else {
        return Ok(());
    };
    if !reply.is_success() && !is_in_use(&reply) {
        stage.unclear(id, &refused(&reply));
        return Ok(());
    }
    let expected = format!(
        "201 or 202 to the right request after {} was refused",
        refusal.asked
    );
    let is_new = reply.is_success() && (reply.status != 200 || answers_200_to_new(stage));
    stage.expect(&reply, id, is_new, &expected);
    Ok(())
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
    let mut calls = vec![("service_id", nobody.clone()), ("plan_id", nobody)];
    if let Some(stranger) = &subject.stranger {
        calls.push(("service_id", stranger.service_id.clone()));
    }
    for (name, unknown) in calls {
        let wrong = || right().member(name, unknown.clone().into());
        let id = "provision.status-400-invalid";
        let ids = [id, "errors.appropriate-status"];
        if let Some(reply) = judged(stage, wrong, Reply::is_refusal, &ids).await? {
            invalid_data(stage, &reply, id);
        }
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
    let with = |info: Value| right().member("maintenance_info", info);
    let (status, code) = (
        "provision.maintenance-info-conflict-422",
        "provision.maintenance-info-conflict-code",
    );
    let wrong = || with(json!({"version": OTHER_VERSION}));
    if let Some(reply) = judged(stage, wrong, is_maintenance_conflict, &[status, code]).await? {
        maintenance_conflict(stage, &reply, status, code);
    }
    let described = || with(json!({"version": version, "description": "made up"}));
    let bare = || with(json!({"version": version}));
    let reply = refuse(stage, &described()).await?;
    let id = "provision.maintenance-info-other-fields";
    if let Some(reply) = controlled(stage, reply, |_| false, (described, bare), &[id]).await? {
        let expected = "the same with and without a description in maintenance_info";
        stage.prefer(&reply, id, !reply.is_refusal(), expected);
    }
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

fn is_maintenance_conflict(reply: &Reply) -> bool {
    reply.status == 422 && reply.code() == Some("MaintenanceInfoConflict")
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
        let is_right = is_maintenance_conflict(reply);
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
        let id = "content-type.mismatch-400";
        let wrong = || right().header("Content-Type", media_type);
        match judged(stage, wrong, |reply| reply.status == 400, &[id]).await? {
            Some(reply) if reply.is_refusal() => {
                let expected = "400 where the Content-Type is refused";
                stage.prefer(&reply, id, reply.status == 400, expected);
            }
            Some(reply) => stage.kept(&reply, id, "a success, or 400"),
            None => {}
        }
    }
    let wrong = || right().without_header("X-Broker-API-Version");
    let id = "errors.appropriate-status";
    if let Some(reply) = judged(stage, wrong, Reply::is_refusal, &[id]).await? {
        if reply.is_success() || matches!(reply.status, 400 | 412) {
            let id = "api-version.missing-400";
            stage.kept(&reply, id, "ordinary processing, or a refusal");
        }
        let expected = "no 5xx without the version header";
        stage.expect(&reply, id, reply.status < 500, expected);
    }
    more_fields(stage).await
}

/// Fields that nobody knows, and such as are newer than the broker.
async fn more_fields(stage: &Stage) -> Result<(), Stop> {
    let right = || stage.provision(&stage.fresh());
    let plain = refuse(stage, &right()).await?;
    if !plain.is_success() {
        return Ok(());
    }
    let odd = || right().member(UNKNOWN_FIELD, json!({"a": 1}));
    let Some(extended) = judged(stage, odd, |_| false, UNKNOWN_FIELDS).await? else {
        return Ok(());
    };
    unknown_field(stage, &plain, &extended);
    let id = "extension.newer-fields-ignored";
    if !extended.is_success() {
        let why = "see extension.unknown-fields-not-fatal, which is broken";
        stage.unclear(id, why);
        return Ok(());
    }
    // A broker may refuse the version whatever comes with it.
    let right = || right().header("X-Broker-API-Version", "2.17");
    let odd = || right().member("conformance_newer_field", json!("new"));
    let newer = refuse(stage, &odd()).await?;
    if let Some(newer) = controlled(stage, newer, |_| false, (odd, right), &[id]).await? {
        let expected = "the same with and without a field that is newer than the broker";
        stage.prefer(&newer, id, newer.is_success(), expected);
    }
    Ok(())
}

/// A field that no broker knows, and what is judged by it.
pub(super) const UNKNOWN_FIELD: &str = "conformance_unknown_field";
pub(super) const UNKNOWN_FIELDS: &[&str] = &[
    "extension.unknown-fields-not-fatal",
    "extension.unknown-fields-ignored",
];

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
            let is_kept = |name: &&String| !is_extension(name) || name.contains(UNKNOWN_FIELD);
            Some(members.filter(is_kept).cloned().collect())
        };
        // Another success, say of what has become asynchronous, has others.
        let is_same = plain.status != extended.status || members(plain) == members(extended);
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

/// Whether 200 is what the broker answers to what is new, so that it tells nothing.
fn answers_200_to_new(stage: &Stage) -> bool {
    let book = &stage.session.record().book;
    let ids = [
        "provision.status-201-created",
        "provision.status-202-in-progress",
    ];
    ids.iter().any(|id| book.deviates(id))
}

async fn synchronous(stage: &Stage) -> Result<(), Stop> {
    let right = || stage.provision(&stage.fresh());
    let is_async = Learned::is(&stage.learned.provisions_async);
    let (status, code) = (
        "provision.async-required-422",
        "provision.async-required-code",
    );
    let mut absent = None;
    for value in [None, Some("false")] {
        let wrong = || without_incomplete(right(), value);
        let is_expected = |reply: &Reply| !is_async || is_async_required(reply);
        let ids = [status, code, "async.false-equals-absent"];
        let Some(reply) = judged(stage, wrong, is_expected, &ids).await? else {
            continue;
        };
        if !same_as_absent(stage, &reply, &mut absent) {
            asynchronous_only(stage, &reply, is_async, status, code);
        }
    }
    Ok(())
}

pub(super) fn is_async_required(reply: &Reply) -> bool {
    reply.status == 422 && reply.code() == Some("AsyncRequired")
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
        let is_right = is_async_required(reply);
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
