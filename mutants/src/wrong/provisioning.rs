//! Wrong about provisioning.

use serde_json::{Value, json};

use super::ways::{
    Phase, SMALL, SYNC, drop_parameters, fills, first_put, follow, forget_long_operation, instead,
    lacks, phase, refusal, says, turns,
};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_both, on_request};

/// The mutants.
pub const MUTANTS: &[Mutant] = &[
    on_request(
        "provision-makes-nothing",
        "provision.creates-resource",
        |_, request| match request.is(Endpoint::Provision) {
            true => instead(request, 201, &json!({})),
            false => None,
        },
    )
    .of("show-sync/small"),
    on_both(
        "provision-makes-nothing-that-can-be-bound",
        "provision.creates-resource",
        makes_nothing,
        cannot_be_fetched,
    )
    .of("show-sync/small"),
    on_both(
        "provision-makes-nothing-that-can-be-deleted",
        "provision.creates-resource",
        makes_nothing,
        cannot_be_fetched,
    )
    .of("show-unbindable/alone"),
    on_request(
        "provision-succeeds-later-and-makes-nothing",
        "provision.creates-resource",
        |memory, request| {
            let is_promised = memory.notes.contains_key(request.instance());
            if request.is(Endpoint::Provision) {
                memory.count(request.instance());
                return instead(request, 202, &json!({}));
            }
            let is_polled = request.is(Endpoint::PollInstance) && is_promised;
            match is_polled {
                true => instead(request, 200, &json!({"state": "succeeded"})),
                false => None,
            }
        },
    )
    .of("show-async/only"),
    on_request(
        "provision-drops-parameters-of-a-wrong-type",
        "provision.parameters-validated",
        |_, request| {
            if request.is(Endpoint::Provision) {
                drop_parameters(request, |name, value| match name {
                    "greeting" => !value.is_string(),
                    _ => !value.is_number(),
                });
            }
            None
        },
    )
    .of("show-sync/small"),
    on_request(
        "provision-drops-parameters-that-no-schema-knows",
        "provision.parameters-validated",
        |_, request| {
            if request.is(Endpoint::Provision) {
                drop_parameters(request, |name, _| !["greeting", "repeat"].contains(&name));
            }
            None
        },
    )
    .of("show-sync/small"),
    on_request(
        "provision-drops-parameters-that-are-no-object",
        "provision.parameters-validated",
        |_, request| {
            if request.is(Endpoint::Provision) && request.member("parameters").is_string() {
                request.edit(|body| drop(body.remove("parameters")));
            }
            None
        },
    )
    .of("show-sync/small"),
    on_answer(
        "provision-does-without-a-required-parameter",
        "provision.parameters-validated",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.edit(|catalog| {
                    let plan = catalog.pointer_mut("/services/0/plans/0/schemas");
                    if let Some(schemas) = plan {
                        schemas["service_instance"]["create"]["parameters"]["required"] =
                            json!(["greeting"]);
                    }
                });
            }
        },
    )
    .of("show-sync/small"),
    on_request(
        "provision-minds-the-description-of-maintenance",
        "provision.maintenance-info-other-fields",
        |_, request| {
            let says = request.member("/maintenance_info/description");
            match request.is(Endpoint::Provision) && !says.is_null() {
                true => refusal(request, 400),
                false => None,
            }
        },
    )
    .of("show-sync/small"),
    turns!("same-provision-is-a-conflict", "provision.status-200-identical", Provision 200 => 409)
        .of("show-sync/small"),
    turns!("same-provision-is-refused", "provision.status-200-identical", Provision 200 => 422)
        .of("show-sync/small"),
    turns!("same-provision-creates-again", "provision.status-200-identical", Provision 200 => 201)
        .of("show-sync/small"),
    turns!("same-provision-is-in-progress", "provision.status-200-identical", Provision 200 => 202)
        .of("show-sync/small"),
    turns!(
        "provision-is-confirmed-while-in-progress",
        "provision.status-200-sync-only", Provision 202 => 200, is_resent
    )
    .of("show-async/only"),
    turns!("new-instance-is-200", "provision.status-201-created", Provision 201 => 200)
        .of("show-sync/small"),
    turns!("new-instance-is-204", "provision.status-201-created", Provision 201 => 204)
        .of("show-sync/small"),
    turns!("new-instance-is-203", "provision.status-201-created", Provision 201 => 203)
        .of("show-sync/small"),
    turns!(
        "provision-is-201-while-in-progress",
        "provision.status-202-in-progress", Provision 202 => 201
    )
    .of("show-async/only"),
    turns!(
        "provision-is-200-while-in-progress",
        "provision.status-202-in-progress", Provision 202 => 200
    )
    .of("show-async/only"),
    on_answer(
        "resent-provision-has-another-operation",
        "provision.resent-operation-matches",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.replace("operation", "another");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "resent-provision-has-no-operation",
        "provision.resent-operation-matches",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.remove("operation");
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "resent-provision-is-200",
        "provision.resent-202-not-200", Provision 202 => 200, is_resent
    )
    .of("show-async/only"),
    turns!(
        "resent-provision-is-201",
        "provision.resent-202-not-200", Provision 202 => 201, is_resent
    )
    .of("show-async/only"),
    turns!(
        "resent-provision-is-409",
        "provision.resent-202-not-200", Provision 202 => 409, is_resent
    )
    .of("show-async/only")
    .capped(),
    on_answer(
        "resent-provision-is-too-much-at-once",
        "provision.resent-202-not-200",
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
        "malformed-provision-is-422",
        "provision.status-400-malformed", Provision 400 => 422, is_malformed
    )
    .of("show-sync/small"),
    turns!(
        "malformed-provision-is-500",
        "provision.status-400-malformed", Provision 400 => 500, is_malformed
    )
    .of("show-sync/small"),
    on_request(
        "malformed-provision-is-carried-out",
        "provision.status-400-malformed",
        |_, request| {
            if request.is(Endpoint::Provision) && request.json().is_null() {
                request.set_json(&json!({
                    "service_id": SYNC,
                    "plan_id": SMALL,
                    "organization_guid": "guessed",
                    "space_guid": "guessed",
                }));
            }
            None
        },
    )
    .of("show-sync/small"),
    fills!(
        "provision-without-service-id-is-carried-out",
        "provision.status-400-missing-service-id", Provision, "service_id": SYNC
    )
    .of("show-sync/small"),
    turns!(
        "provision-without-service-id-is-422",
        "provision.status-400-missing-service-id", Provision 400 => 422,
        |_, request, _| is_without(request, "service_id")
    )
    .of("show-sync/small"),
    fills!(
        "provision-without-plan-id-is-carried-out",
        "provision.status-400-missing-plan-id", Provision, "plan_id": SMALL
    )
    .of("show-sync/small"),
    turns!(
        "provision-without-plan-id-is-422",
        "provision.status-400-missing-plan-id", Provision 400 => 422,
        |_, request, _| is_without(request, "plan_id")
    )
    .of("show-sync/small"),
    turns!(
        "provision-without-organization-is-500",
        "provision.status-400-missing-organization-space", Provision 400 => 500,
        |_, request, _| is_without(request, "organization_guid")
    )
    .of("show-sync/small"),
    turns!(
        "provision-without-space-is-422",
        "provision.status-400-missing-organization-space", Provision 400 => 422,
        |_, request, _| is_without(request, "space_guid")
    )
    .of("show-sync/small")
    .capped(),
    turns!(
        "provision-of-another-plan-is-taken-for-the-same",
        "provision.status-409-existing", Provision 409 => 200,
        |memory, request, answer| follow(memory, request, answer) == Phase::Ready
            && first_put(memory, request, answer)["service_id"] == request.member("service_id")
            && differs(memory, request, answer, "plan_id")
    )
    .of("show-sync/small"),
    turns!(
        "provision-of-another-offering-is-taken-for-the-same",
        "provision.status-409-existing", Provision 409 => 200,
        |memory, request, answer| follow(memory, request, answer) == Phase::Ready
            && differs(memory, request, answer, "service_id")
    )
    .of("show-sync/small"),
    turns!(
        "provision-with-other-parameters-is-taken-for-the-same",
        "provision.status-409-existing", Provision 409 => 200,
        |memory, request, answer| differs(memory, request, answer, "parameters")
    )
    .of("show-sync/small"),
    turns!("conflict-is-answered-201", "provision.status-409-existing", Provision 409 => 201)
        .of("show-sync/small"),
    turns!("conflict-is-answered-202", "provision.status-409-existing", Provision 409 => 202)
        .of("show-sync/small"),
    turns!("conflict-is-answered-422", "provision.status-409-existing", Provision 409 => 422)
        .of("show-sync/small"),
    turns!(
        "provision-of-another-plan-is-taken-for-the-one-in-progress",
        "provision.status-409-in-progress", Provision 409 => 202,
        |memory, request, answer| follow(memory, request, answer) == Phase::Creating
            && first_put(memory, request, answer)["service_id"] == request.member("service_id")
    )
    .of("show-async/only"),
    turns!(
        "provision-of-another-offering-is-200-while-in-progress",
        "provision.status-409-in-progress", Provision 409 => 200,
        |memory, request, answer| follow(memory, request, answer) == Phase::Creating
            && differs(memory, request, answer, "service_id")
    )
    .of("show-async/only"),
    turns!(
        "conflict-is-answered-400-while-in-progress",
        "provision.status-409-in-progress", Provision 409 => 400,
        |memory, request, answer| follow(memory, request, answer) == Phase::Creating
    )
    .of("show-async/only"),
    on_answer(
        "provision-with-other-parameters-is-taken-for-the-one-in-progress",
        "provision.status-409-in-progress",
        |memory, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.edit(|catalog| {
                    let schema = json!({
                        "$schema": "http://json-schema.org/draft-04/schema#",
                        "type": "object",
                        "properties": {"greeting": {"type": "string"}},
                    });
                    if let Some(plan) = catalog.pointer_mut("/services/1/plans/0") {
                        plan["schemas"] =
                            json!({"service_instance": {"create": {"parameters": schema}}});
                    }
                });
            }
            let is_creating = follow(memory, request, answer) == Phase::Creating;
            if differs(memory, request, answer, "parameters") && is_creating {
                answer.status = 202;
                answer.set_json(&json!({}));
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "provision-that-has-to-be-asynchronous-is-400",
        "provision.async-required-422", Provision 422 => 400, |_, _, answer| is_async_required(answer)
    )
    .of("show-async/only"),
    turns!(
        "provision-with-false-accepts-incomplete-is-400",
        "async.false-equals-absent", Provision 422 => 400,
        |_, request, answer| is_async_required(answer)
            && request.query("accepts_incomplete") == Some("false")
    )
    .of("show-async/only"),
    turns!(
        "provision-that-has-to-be-asynchronous-is-409",
        "provision.async-required-422", Provision 422 => 409, |_, _, answer| is_async_required(answer)
    )
    .of("show-async/only"),
    on_answer(
        "provision-asks-to-be-asynchronous-without-a-code",
        "provision.async-required-code",
        |_, request, answer| {
            if request.is(Endpoint::Provision) && is_async_required(answer) {
                answer.remove("error");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "provision-asks-to-be-asynchronous-with-a-code-of-its-own",
        "provision.async-required-code",
        |_, request, answer| {
            if request.is(Endpoint::Provision) && is_async_required(answer) {
                answer.set("error", "asyncRequired");
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "provision-of-another-maintenance-version-is-400",
        "provision.maintenance-info-conflict-422", Provision 422 => 400,
        |_, _, answer| answer.member("error") == "MaintenanceInfoConflict"
    )
    .of("show-sync/small"),
    on_request(
        "provision-of-another-maintenance-version-is-carried-out",
        "provision.maintenance-info-conflict-422",
        |_, request| {
            if request.is(Endpoint::Provision) {
                request.edit(|body| drop(body.remove("maintenance_info")));
            }
            None
        },
    )
    .of("show-sync/small"),
    on_both(
        "provision-has-to-name-the-maintenance-version",
        "provision.maintenance-info-conflict-422",
        |memory, request| {
            let is_of_small = request.member("plan_id") == SMALL;
            let is_without = request.member("maintenance_info").is_null();
            let is_new = phase(memory, request) == Phase::Unknown;
            match request.is(Endpoint::Provision) && is_of_small && is_without && is_new {
                true => instead(request, 422, &json!({"error": "MaintenanceInfoConflict"})),
                false => None,
            }
        },
        |memory, request, answer| {
            follow(memory, request, answer);
        },
    )
    .of("show-sync/small"),
    lacks!(
        "provision-of-another-maintenance-version-is-refused-without-a-code",
        "provision.maintenance-info-conflict-code", Provision 422, "error"
    )
    .of("show-sync/small"),
    says!(
        "provision-of-another-maintenance-version-is-refused-with-another-code",
        "provision.maintenance-info-conflict-code", Provision 422, "error": "Maintenance"
    )
    .of("show-sync/small"),
    says!(
        "new-instance-has-a-number-as-dashboard",
        "provision.dashboard-url-type", Provision 201, "dashboard_url": 7
    )
    .of("show-sync/small"),
    says!(
        "same-provision-has-an-object-as-dashboard",
        "provision.dashboard-url-type", Provision 200, "dashboard_url": {"url": "https://example.com"}
    )
    .of("show-sync/small"),
    says!(
        "instance-in-progress-has-a-boolean-as-dashboard",
        "provision.dashboard-url-type", Provision 202, "dashboard_url": false
    )
    .of("show-async/only"),
    says!(
        "all-new-instances-have-one-dashboard",
        "provision.dashboard-url-identifies", Provision 200..=202,
        "dashboard_url": "https://example.com/dashboard"
    )
    .of("show-unbindable/alone")
    .capped(),
    lacks!(
        "dashboard-comes-with-the-fetch-only",
        "provision.dashboard-url-initial", Provision 201, "dashboard_url"
    )
    .of("show-sync/small"),
    says!(
        "dashboard-is-null-while-in-progress",
        "provision.dashboard-url-initial", Provision 202, "dashboard_url": null
    )
    .of("show-async/only"),
    on_answer(
        "dashboard-comes-with-the-second-provision-only",
        "provision.dashboard-url-initial",
        |_, request, answer| {
            let is_first = request.is(Endpoint::Provision) && answer.status == 201;
            if is_first || request.is(Endpoint::FetchInstance) {
                answer.remove("dashboard_url");
            }
        },
    )
    .of("show-sync/small"),
    says!("provision-operation-is-a-number", "provision.operation-type", Provision 202, "operation": 7)
        .of("show-async/only"),
    says!("provision-operation-is-a-boolean", "provision.operation-type", Provision 202, "operation": true)
        .of("show-async/only"),
    says!(
        "provision-operation-is-an-object",
        "provision.operation-type", Provision 202, "operation": {"id": "7"}
    )
    .of("show-async/only"),
    says!("provision-operation-is-an-array", "provision.operation-type", Provision 202, "operation": ["7"])
        .of("show-async/only"),
    on_both(
        "provision-operation-is-too-long",
        "provision.operation-max-length",
        forget_long_operation,
        |_, request, answer| {
            if request.is(Endpoint::Provision) {
                answer.replace("operation", "x".repeat(10_001));
            }
        },
    )
    .of("show-async/only"),
    says!("metadata-of-a-new-instance-is-text", "provision.metadata-type", Provision 201, "metadata": "text")
        .of("show-sync/small"),
    says!("metadata-of-the-same-instance-is-a-list", "provision.metadata-type", Provision 200, "metadata": [])
        .of("show-sync/small"),
    says!(
        "metadata-of-an-instance-in-progress-is-a-number",
        "provision.metadata-type", Provision 202, "metadata": 7
    )
    .of("show-async/only"),
    says!(
        "labels-of-a-new-instance-are-a-list",
        "provision.metadata-labels-type", Provision 200..=202, "metadata": {"labels": ["a"]}
    )
    .of("show-sync/small"),
    says!(
        "labels-of-an-updated-instance-are-text",
        "provision.metadata-labels-type", Update 200, "metadata": {"labels": "a"}
    )
    .of("show-sync/small"),
    says!(
        "labels-of-a-fetched-instance-are-a-number",
        "provision.metadata-labels-type", FetchInstance 200, "metadata": {"labels": 7}
    )
    .of("show-sync/small"),
    says!(
        "attributes-of-a-new-instance-are-a-list",
        "provision.metadata-attributes-type", Provision 200..=202, "metadata": {"attributes": ["a"]}
    )
    .of("show-sync/small"),
    says!(
        "attributes-of-an-updated-instance-are-text",
        "provision.metadata-attributes-type", Update 200, "metadata": {"attributes": "a"}
    )
    .of("show-sync/small"),
    says!(
        "attributes-of-a-fetched-instance-are-a-number",
        "provision.metadata-attributes-type", FetchInstance 200, "metadata": {"attributes": 7}
    )
    .of("show-sync/small"),
];

/// Answers as if there were an instance from now on.
fn makes_nothing(memory: &mut Memory, request: &mut Request) -> Option<Answer> {
    if !request.is(Endpoint::Provision) {
        return None;
    }
    let is_first = memory.count(request.path()) == 1;
    instead(request, if is_first { 201 } else { 200 }, &json!({}))
}

/// No offering says that its instances can be fetched.
fn cannot_be_fetched(_: &mut Memory, request: &Request, answer: &mut Answer) {
    if request.is(Endpoint::Catalog) {
        answer.edit(|catalog| {
            let services = catalog.get_mut("services").and_then(Value::as_array_mut);
            for service in services.into_iter().flatten() {
                service["instances_retrievable"] = false.into();
            }
        });
    }
}

/// Whether it is the same provision again, answered while it is in progress.
fn is_resent(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_creating = follow(memory, request, answer) == Phase::Creating;
    is_creating && request.is(Endpoint::Provision) && answer.status == 202
}

fn is_malformed(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.json().is_null()
}

/// Whether the body lacks a member.
fn is_without(request: &Request, member: &str) -> bool {
    request.json().is_object() && request.member(member).is_null()
}

/// Whether a provision under an id in use differs in this member from the first.
fn differs(memory: &mut Memory, request: &Request, answer: &Answer, member: &str) -> bool {
    let first = first_put(memory, request, answer);
    request.is(Endpoint::Provision) && first.get(member) != request.json().get(member)
}

fn is_async_required(answer: &Answer) -> bool {
    answer.member("error") == "AsyncRequired"
}
