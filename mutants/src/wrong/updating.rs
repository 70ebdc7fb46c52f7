//! Wrong about updating service instances.

use serde_json::{Value, json};

use super::ways::{
    Phase, SMALL, SYNC, fills, first_put, follow, instead, lacks, refusal, says, turn, turns,
};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_request};

/// The mutants.
pub const MUTANTS: &[Mutant] = &[
    refuses_context(
        "update-of-the-context-is-not-supported",
        |_, request| match is_of_context_alone(request) {
            true => refusal(request, 422),
            false => None,
        },
    ),
    refuses_context(
        "update-of-the-context-is-not-found",
        |_, request| match is_of_context_alone(request) {
            true => refusal(request, 404),
            false => None,
        },
    ),
    refuses_context(
        "update-of-the-context-is-not-implemented",
        |_, request| match is_of_context_alone(request) {
            true => refusal(request, 501),
            false => None,
        },
    ),
    on_request(
        "change-of-the-plan-is-not-found",
        "update.plan-updateable-declared",
        |_, request| match is_of_plan(request) {
            true => refusal(request, 404),
            false => None,
        },
    )
    .of("show-sync/small"),
    on_request(
        "change-of-the-plan-is-not-implemented",
        "update.plan-updateable-declared",
        |_, request| match is_of_plan(request) {
            true => refusal(request, 501),
            false => None,
        },
    )
    .of("show-sync/small"),
    on_request(
        "no-change-of-the-plan-is-supported",
        "update.plan-updateable-declared",
        |_, request| match is_of_plan(request) {
            true => refusal(request, 422),
            false => None,
        },
    )
    .of("show-sync/small")
    .capped(),
    lacks!(
        "change-of-the-plan-is-refused-without-a-word",
        "update.unsupported-plan-change-message", Update 422, "description"
    )
    .of("show-sync/fixed"),
    on_answer(
        "update-of-parameters-goes-to-the-first-plan",
        "update.plan-unchanged-when-absent",
        |memory, request, answer| goes_to_small(memory, request, answer, "parameters"),
    )
    .of("show-sync/large"),
    on_answer(
        "update-of-the-context-goes-to-the-first-plan",
        "update.plan-unchanged-when-absent",
        |memory, request, answer| goes_to_small(memory, request, answer, "context"),
    )
    .of("show-sync/large"),
    on_answer(
        "update-of-maintenance-goes-to-the-first-plan",
        "update.plan-unchanged-when-absent",
        |memory, request, answer| goes_to_small(memory, request, answer, "maintenance_info"),
    )
    .of("show-sync/large"),
    on_answer(
        "update-of-a-later-plan-goes-to-the-first",
        "update.plan-unchanged-when-absent",
        |memory, request, answer| goes_to_small(memory, request, answer, "context"),
    )
    .of("show-sync/small"),
    on_request(
        "update-drops-parameters-of-a-wrong-type",
        "update.parameters-validated",
        |_, request| {
            drop_parameters(request, |name, value| match name {
                "greeting" => !value.is_string(),
                _ => !value.is_number(),
            });
            None
        },
    )
    .of("show-sync/small"),
    on_request(
        "update-drops-parameters-that-no-schema-knows",
        "update.parameters-validated",
        |_, request| {
            drop_parameters(request, |name, _| !["greeting", "repeat"].contains(&name));
            None
        },
    )
    .of("show-sync/small"),
    on_request(
        "update-drops-parameters-that-are-no-object",
        "update.parameters-validated",
        |_, request| {
            if request.is(Endpoint::Update) && request.member("parameters").is_string() {
                request.edit(|body| drop(body.remove("parameters")));
            }
            None
        },
    )
    .of("show-sync/small"),
    on_request(
        "update-minds-the-description-of-maintenance",
        "update.maintenance-info-other-fields",
        |_, request| {
            let says = request.member("/maintenance_info/description");
            match request.is(Endpoint::Update) && !says.is_null() {
                true => refusal(request, 422),
                false => None,
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-without-parameters-changes-them",
        "update.parameters-unchanged-when-absent",
        |memory, request, answer| {
            if is_updated_without(memory, request, answer, "parameters") {
                answer.set("parameters", json!({"greeting": "reset"}));
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-without-parameters-takes-them-away",
        "update.parameters-unchanged-when-absent",
        |memory, request, answer| {
            if is_updated_without(memory, request, answer, "parameters") {
                answer.set("parameters", json!({}));
            }
        },
    )
    .of("show-sync/small")
    .capped(),
    turns!("update-is-201", "update.status-200-applied", Update 200 => 201).of("show-sync/small"),
    turns!("update-is-203", "update.status-200-applied", Update 200 => 203).of("show-sync/small"),
    turns!("update-is-204", "update.status-200-applied", Update 200 => 204).of("show-sync/small"),
    on_answer("update-has-no-body", "update.status-200-body", |_, request, answer| {
        if request.is(Endpoint::Update) && answer.status == 200 {
            answer.body.clear();
        }
    })
    .of("show-sync/small"),
    on_answer("update-is-answered-with-a-list", "update.status-200-body", |_, request, answer| {
        if request.is(Endpoint::Update) && answer.status == 200 {
            answer.set_json(&json!([]));
        }
    })
    .of("show-sync/small"),
    turns!("update-is-200-while-in-progress", "update.status-202-in-progress", Update 202 => 200)
        .of("show-async/only"),
    turns!("update-is-201-while-in-progress", "update.status-202-in-progress", Update 202 => 201)
        .of("show-async/only"),
    on_answer(
        "resent-update-has-another-operation",
        "update.resent-operation-matches",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.replace("operation", "another");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "resent-update-has-no-operation",
        "update.resent-operation-matches",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.remove("operation");
            }
        },
    )
    .of("show-async/only"),
    turns!("resent-update-is-200", "update.resent-202-not-200", Update 202 => 200, is_resent)
        .of("show-async/only"),
    on_answer(
        "resent-update-is-too-much-at-once",
        "update.resent-202-not-200",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.status = 422;
                answer.set_json(&json!({"error": "ConcurrencyError"}));
            }
        },
    )
    .of("show-async/only")
    .capped(),
    turns!(
        "malformed-update-is-422",
        "update.status-400-malformed", Update 400 => 422, |_, request, _| request.json().is_null()
    )
    .of("show-sync/small"),
    turns!(
        "malformed-update-is-500",
        "update.status-400-malformed", Update 400 => 500, |_, request, _| request.json().is_null()
    )
    .of("show-sync/small"),
    turns!(
        "malformed-update-is-200",
        "update.status-400-malformed", Update 400 => 200, |_, request, _| request.json().is_null()
    )
    .of("show-sync/small"),
    fills!(
        "update-without-service-id-is-carried-out",
        "update.status-400-missing-service-id", Update, "service_id": SYNC
    )
    .of("show-sync/small"),
    turns!(
        "update-without-service-id-is-422",
        "update.status-400-missing-service-id", Update 400 => 422,
        |_, request, _| request.json().is_object() && request.member("service_id").is_null()
    )
    .of("show-sync/small"),
    turns!("unsupported-update-is-404", "update.status-422-unsupported", Update 422 => 404)
        .of("show-sync/fixed"),
    turns!("unsupported-update-is-405", "update.status-422-unsupported", Update 422 => 405)
        .of("show-sync/fixed"),
    turns!("unsupported-update-is-409", "update.status-422-unsupported", Update 422 => 409)
        .of("show-sync/fixed"),
    turns!("unsupported-update-is-501", "update.status-422-unsupported", Update 422 => 501)
        .of("show-sync/fixed"),
    turns!("unsupported-update-is-500", "update.status-422-unsupported", Update 422 => 500)
        .of("show-sync/fixed"),
    turns!(
        "update-that-has-to-be-asynchronous-is-400",
        "update.async-required-422", Update 422 => 400,
        |_, _, answer| answer.member("error") == "AsyncRequired"
    )
    .of("show-async/only"),
    turns!(
        "update-with-false-accepts-incomplete-is-409",
        "async.false-equals-absent", Update 422 => 409,
        |_, request, answer| answer.member("error") == "AsyncRequired"
            && request.query("accepts_incomplete") == Some("false")
    )
    .of("show-async/only"),
    on_answer(
        "update-asks-to-be-asynchronous-without-a-code",
        "update.async-required-code",
        |_, request, answer| {
            if request.is(Endpoint::Update) && answer.member("error") == "AsyncRequired" {
                answer.remove("error");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "update-asks-to-be-asynchronous-with-a-code-of-its-own",
        "update.async-required-code",
        |_, request, answer| {
            if request.is(Endpoint::Update) && answer.member("error") == "AsyncRequired" {
                answer.set("error", "Asynchronous");
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "update-of-another-maintenance-version-is-409",
        "update.maintenance-info-conflict-422", Update 422 => 409,
        |_, _, answer| answer.member("error") == "MaintenanceInfoConflict"
    )
    .of("show-sync/small"),
    on_request(
        "update-of-another-maintenance-version-is-carried-out",
        "update.maintenance-info-conflict-422",
        |_, request| {
            if request.is(Endpoint::Update) {
                request.edit(|body| drop(body.remove("maintenance_info")));
            }
            None
        },
    )
    .of("show-sync/small"),
    on_request(
        "update-has-to-name-the-maintenance-version",
        "update.maintenance-info-conflict-422",
        |_, request| {
            const RIGHT: &str = "Basic dXNlcjpwYXNz";
            let is_right = request.header("authorization") == Some(RIGHT);
            match is_of_parameters_alone(request) && is_right {
                true => instead(request, 422, &json!({"error": "MaintenanceInfoConflict"})),
                false => None,
            }
        },
    )
    .of("show-sync/small"),
    on_request(
        "update-minds-the-former-maintenance-version",
        "update.maintenance-info-conflict-422",
        |_, request| {
            let former = request.member("/previous_values/maintenance_info/version");
            let wanted = request.member("/maintenance_info/version");
            let is_minded = former.is_string() && wanted.is_string() && former != wanted;
            match request.is(Endpoint::Update) && is_minded {
                true => instead(request, 422, &json!({"error": "MaintenanceInfoConflict"})),
                false => None,
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-of-another-maintenance-version-is-refused-without-a-code",
        "update.maintenance-info-conflict-code",
        |_, request, answer| {
            if request.is(Endpoint::Update) && answer.member("error") == "MaintenanceInfoConflict" {
                answer.remove("error");
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-of-another-maintenance-version-is-refused-with-another-code",
        "update.maintenance-info-conflict-code",
        |_, request, answer| {
            if request.is(Endpoint::Update) {
                answer.replace("error", "Maintenance");
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-refused-for-its-maintenance-changes-the-parameters",
        "update.no-change-on-4xx",
        |memory, request, answer| {
            if answer.member("error") == "MaintenanceInfoConflict" {
                does_half(memory, request, answer);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-refused-for-its-plan-changes-the-parameters",
        "update.no-change-on-4xx",
        |memory, request, answer| {
            if request.member("plan_id").is_string() {
                does_half(memory, request, answer);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "update-fails-and-is-carried-out",
        "update.no-change-on-5xx",
        |memory, request, answer| {
            let first = first_put(memory, request, answer);
            let has_parameters = first["parameters"].is_object();
            let is_applied = request.is(Endpoint::Update) && answer.status == 200;
            if is_applied && has_parameters && memory.count(request.path()) == 1 {
                turn(answer, 500);
            }
        },
    )
    .of("show-sync/small"),
    says!("update-has-a-number-as-dashboard", "update.dashboard-url-type", Update 200, "dashboard_url": 7)
        .of("show-sync/small"),
    says!(
        "update-in-progress-has-a-list-as-dashboard",
        "update.dashboard-url-type", Update 202, "dashboard_url": ["https://example.com"]
    )
    .of("show-async/only"),
    says!(
        "all-updated-instances-have-one-dashboard",
        "update.dashboard-url-identifies", Update 200,
        "dashboard_url": "https://example.com/dashboard"
    )
    .of("show-sync/small")
    .capped(),
    on_answer(
        "new-dashboard-is-not-told-with-the-update",
        "update.dashboard-url-initial",
        |memory, request, answer| changes_dashboard(memory, request, answer, false),
    )
    .of("show-sync/small"),
    on_answer(
        "new-dashboard-is-null-in-the-update",
        "update.dashboard-url-initial",
        |memory, request, answer| changes_dashboard(memory, request, answer, true),
    )
    .of("show-async/only"),
    says!("update-operation-is-a-number", "update.operation-type", Update 202, "operation": 7)
        .of("show-async/only"),
    says!("update-operation-is-a-boolean", "update.operation-type", Update 202, "operation": false)
        .of("show-async/only"),
    says!("update-operation-is-an-object", "update.operation-type", Update 202, "operation": {"id": "7"})
        .of("show-async/only"),
    says!("update-operation-is-an-array", "update.operation-type", Update 202, "operation": ["7"])
        .of("show-async/only"),
    says!("update-operation-is-empty", "update.operation-nonempty", Update 202, "operation": "")
        .of("show-async/only"),
    says!("metadata-of-an-update-is-text", "update.metadata-type", Update 200, "metadata": "text")
        .of("show-sync/small"),
    says!("metadata-of-an-update-in-progress-is-a-list", "update.metadata-type", Update 202, "metadata": [])
        .of("show-async/only"),
];

/// A mutant that does not do what its catalog declares of contexts.
const fn refuses_context(
    name: &'static str,
    before: fn(&mut Memory, &mut Request) -> Option<Answer>,
) -> Mutant {
    on_request(name, "update.context-updates-declared", before)
        .of("show-sync/small")
        .capped()
}

/// Whether an update has these members and no others.
fn is_update_of(request: &Request, names: &[&str]) -> bool {
    let body = request.json();
    let Some(members) = body.as_object() else {
        return false;
    };
    let mut members = members.iter();
    request.is(Endpoint::Update) && members.all(|(name, _)| names.contains(&name.as_str()))
}

fn is_of_context_alone(request: &Request) -> bool {
    is_update_of(request, &["service_id", "context"]) && request.member("context").is_object()
}

fn is_of_parameters_alone(request: &Request) -> bool {
    is_update_of(request, &["service_id", "parameters"])
}

fn is_of_plan(request: &Request) -> bool {
    is_update_of(request, &["service_id", "plan_id"]) && request.member("plan_id") != SMALL
}

/// Lets the fetches of an instance tell the first plan once an update that names
/// none, but has this member, has been carried out.
fn goes_to_small(memory: &mut Memory, request: &Request, answer: &mut Answer, member: &str) {
    let is_update = request.is(Endpoint::Update) && answer.is_success();
    let names_plan = request.member("plan_id").is_string();
    if is_update && !names_plan && !request.member(member).is_null() {
        memory.count(request.path());
    }
    if request.is(Endpoint::FetchInstance) && memory.notes.contains_key(request.path()) {
        answer.replace("plan_id", SMALL);
    }
}

/// Whether a fetch tells of an instance whose last update had no such member.
fn is_updated_without(
    memory: &mut Memory,
    request: &Request,
    answer: &Answer,
    member: &str,
) -> bool {
    if request.is(Endpoint::Update) && answer.is_success() {
        let is_without = request.member(member).is_null();
        memory
            .notes
            .insert(request.path().to_owned(), is_without.into());
    }
    let is_without = memory.notes.get(request.path()) == Some(&Value::Bool(true));
    request.is(Endpoint::FetchInstance) && answer.is_success() && is_without
}

/// Whether it is the same update again, answered while it is in progress.
fn is_resent(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_updating = follow(memory, request, answer) == Phase::Updating;
    is_updating && request.is(Endpoint::Update) && answer.status == 202
}

/// Carries out the change of the parameters all the same.
fn does_half(memory: &mut Memory, request: &Request, answer: &Answer) {
    if request.is(Endpoint::Update) && matches!(answer.status, 400 | 422) {
        let parameters = request.member("parameters");
        let half = json!({"service_id": SYNC, "parameters": parameters});
        memory.send(request.another("PATCH", &request.0.path, Some(&half)));
    }
}

/// Gives an updated instance another dashboard, which only a fetch tells.
fn changes_dashboard(memory: &mut Memory, request: &Request, answer: &mut Answer, is_null: bool) {
    const NEW: &str = "https://example.com/dashboard";
    if request.is(Endpoint::Update) && answer.is_success() {
        memory.count(request.path());
        match is_null {
            true => answer.set("dashboard_url", Value::Null),
            false => answer.remove("dashboard_url"),
        }
    } else if request.is(Endpoint::FetchInstance) && memory.notes.contains_key(request.path()) {
        answer.replace("dashboard_url", format!("{NEW}{}", request.path()));
    }
}

/// Takes those parameters out of an update that the schema refuses.
fn drop_parameters(request: &mut Request, is_wrong: fn(&str, &Value) -> bool) {
    if request.is(Endpoint::Update) {
        super::ways::drop_parameters(request, is_wrong);
    }
}
