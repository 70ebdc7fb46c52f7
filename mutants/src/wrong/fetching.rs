//! Wrong about fetching service instances.

use serde_json::{Value, json};

use super::ways::{Phase, first_put, follow, refusal, says, turn, turns};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_both, on_request};

/// The mutants.
pub const MUTANTS: &[Mutant] = &[
    turns!(
        "no-instance-can-be-fetched",
        "fetch-instance.endpoint-supported", FetchInstance 200 => 404
    )
    .of("show-sync/small"),
    turns!(
        "fetching-instances-is-not-implemented",
        "fetch-instance.endpoint-supported", FetchInstance 200 => 501
    )
    .of("show-sync/small"),
    turns!(
        "instances-are-never-ready-to-be-fetched",
        "fetch-instance.endpoint-supported", FetchInstance 200 => 422
    )
    .of("show-sync/small"),
    turns!(
        "instances-of-one-plan-cannot-be-fetched",
        "fetch-instance.endpoint-supported", FetchInstance 200 => 404,
        |_, _, answer| answer.member("plan_id") == LARGE
    )
    .of("show-sync"),
    turns!(
        "instances-that-took-time-cannot-be-fetched",
        "fetch-instance.endpoint-supported", FetchInstance 200 => 404
    )
    .of("show-async/only"),
    turns!(
        "instance-is-fetched-only-the-second-time",
        "fetch-instance.available-after-success", FetchInstance 200 => 404,
        is_first_fetch
    )
    .of("show-async/only"),
    turns!(
        "instance-is-updating-when-it-is-first-fetched",
        "fetch-instance.available-after-success", FetchInstance 200 => 422,
        is_first_fetch
    )
    .of("show-async/only"),
    on_request(
        "fetch-of-an-instance-needs-its-service",
        "fetch-instance.hints-optional",
        |_, request| {
            let is_without = request.query("service_id").is_none();
            match request.is(Endpoint::FetchInstance) && is_without {
                true => refusal(request, 400),
                false => None,
            }
        },
    )
    .of("show-sync/small"),
    turns!(
        "fetch-of-an-instance-without-its-plan-is-404",
        "fetch-instance.hints-optional", FetchInstance 200 => 404,
        |_, request, _| request.query("plan_id").is_none()
    )
    .of("show-sync/small"),
    turns!(
        "fetch-of-an-unknown-instance-is-410",
        "fetch-instance.status-404-unknown", FetchInstance 404 => 410, was_never_there
    )
    .of("show-sync/small"),
    turns!(
        "fetch-of-an-unknown-instance-is-400",
        "fetch-instance.status-404-unknown", FetchInstance 404 => 400, was_never_there
    )
    .of("show-sync/small"),
    turns!(
        "fetch-of-an-unknown-instance-is-200",
        "fetch-instance.status-404-unknown", FetchInstance 404 => 200, was_never_there
    )
    .of("show-sync/small"),
    turns!(
        "fetch-of-a-deleted-instance-is-410",
        "fetch-instance.status-404-unknown", FetchInstance 404 => 410,
        |memory, request, answer| follow(memory, request, answer) == Phase::Gone
    )
    .of("show-sync/small"),
    turns!(
        "instance-is-fetched-while-it-is-being-provisioned",
        "fetch-instance.status-404-in-progress", FetchInstance 404 => 200,
        |memory, request, answer| follow(memory, request, answer) == Phase::Creating
    )
    .of("show-async/only"),
    turns!(
        "fetch-is-422-while-the-instance-is-being-provisioned",
        "fetch-instance.status-404-in-progress", FetchInstance 404 => 422,
        |memory, request, answer| follow(memory, request, answer) == Phase::Creating
    )
    .of("show-async/only"),
    turns!(
        "fetch-is-404-while-the-instance-is-being-updated",
        "fetch-instance.status-422-updating", FetchInstance 200 => 404, is_updating
    )
    .of("show-async/only"),
    turns!(
        "fetch-is-409-while-the-instance-is-being-updated",
        "fetch-instance.status-422-updating", FetchInstance 200 => 409, is_updating
    )
    .of("show-async/only"),
    turns!(
        "fetch-is-503-while-the-instance-is-being-updated",
        "fetch-instance.status-422-updating", FetchInstance 200 => 503, is_updating
    )
    .of("show-async/only"),
    turns!(
        "fetch-during-an-update-is-refused-without-a-code",
        "fetch-instance.concurrency-error-code", FetchInstance 200 => 422, is_updating
    )
    .of("show-async/only"),
    on_answer(
        "fetch-during-an-update-is-refused-with-another-code",
        "fetch-instance.concurrency-error-code",
        |memory, request, answer| {
            if is_updating(memory, request, answer) && request.is(Endpoint::FetchInstance) {
                turn(answer, 422);
                answer.set("error", "UpdateInProgress");
            }
        },
    )
    .of("show-async/only"),
    says!(
        "fetched-service-id-is-a-number",
        "fetch-instance.service-id-type", FetchInstance 200, "service_id": 7
    )
    .of("show-sync/small"),
    says!(
        "fetched-service-id-is-another",
        "fetch-instance.service-id-matches", FetchInstance 200, "service_id": "another"
    )
    .of("show-sync/small"),
    says!(
        "fetched-plan-id-is-an-object",
        "fetch-instance.plan-id-type", FetchInstance 200, "plan_id": {"id": "7"}
    )
    .of("show-sync/small"),
    says!(
        "fetched-plan-id-is-another",
        "fetch-instance.plan-id-matches", FetchInstance 200, "plan_id": "another"
    )
    .of("show-sync/small"),
    on_answer(
        "fetched-plan-id-is-the-first-one",
        "fetch-instance.plan-id-matches",
        |memory, request, answer| {
            let first = first_put(memory, request, answer);
            if request.is(Endpoint::FetchInstance) && first["plan_id"].is_string() {
                answer.replace("plan_id", first["plan_id"].clone());
            }
        },
    )
    .of("show-sync/small"),
    says!(
        "fetched-dashboard-is-a-number",
        "fetch-instance.dashboard-url-type", FetchInstance 200, "dashboard_url": 7
    )
    .of("show-sync/small"),
    says!(
        "all-fetched-instances-have-one-dashboard",
        "fetch-instance.dashboard-url-identifies", FetchInstance 200,
        "dashboard_url": "https://example.com/dashboard"
    )
    .of("show-sync/small")
    .capped(),
    says!(
        "fetched-parameters-are-a-list",
        "fetch-instance.parameters-type", FetchInstance 200, "parameters": []
    )
    .of("show-sync/small"),
    says!(
        "fetched-parameters-are-text",
        "fetch-instance.parameters-type", FetchInstance 200, "parameters": "{}"
    )
    .of("show-sync/small"),
    on_both(
        "update-changes-a-parameter-of-another-instance",
        "fetch-instance.parameters-own",
        |memory, request| {
            if request.is(Endpoint::Update) {
                memory.count(&format!("updates of {}", request.path()));
                let given = request.member("/parameters/greeting");
                if !given.is_null() {
                    memory.notes.insert("greeting".to_owned(), given);
                }
            }
            None
        },
        |memory, request, answer| {
            let updates = format!("updates of {}", request.path());
            let is_untouched = !memory.notes.contains_key(&updates);
            let is_hinted = request.query("plan_id").is_some();
            if request.is(Endpoint::FetchInstance)
                && is_untouched
                && is_hinted
                && memory.count(request.path()) == 2
                && let Some(greeting) = memory.notes.get("greeting").cloned()
            {
                change_parameter(answer, "greeting", greeting);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "fetched-parameters-are-those-of-the-provision",
        "fetch-instance.parameters-current",
        |memory, request, answer| {
            let first = first_put(memory, request, answer);
            if request.is(Endpoint::FetchInstance) && first["parameters"].is_object() {
                answer.replace("parameters", first["parameters"].clone());
            }
        },
    )
    .of("show-sync/small"),
    says!(
        "fetched-maintenance-is-text",
        "fetch-instance.maintenance-info-type", FetchInstance 200, "maintenance_info": "1.2.0"
    )
    .of("show-sync/small"),
    says!(
        "fetched-maintenance-has-no-version",
        "fetch-instance.maintenance-info-type", FetchInstance 200,
        "maintenance_info": {"description": "A newer echo."}
    )
    .of("show-sync/small"),
    says!(
        "fetched-maintenance-has-half-a-version",
        "fetch-instance.maintenance-info-type", FetchInstance 200, "maintenance_info": {"version": "1.2"}
    )
    .of("show-sync/small"),
    says!(
        "fetched-metadata-is-a-list",
        "fetch-instance.metadata-type", FetchInstance 200, "metadata": ["a"]
    )
    .of("show-sync/small"),
];

/// The plan `large` of the offering `show-sync`.
const LARGE: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000102";

/// The plan `only` of the offering `show-async`.
const ONLY: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000201";

/// Whether nobody has tried to provision it.
fn was_never_there(memory: &mut Memory, request: &Request, _: &Answer) -> bool {
    let key = format!("put {}", request.path());
    match request.is(Endpoint::Provision) {
        true => memory.count(&key) == 0,
        false => !memory.notes.contains_key(&key),
    }
}

/// Whether an instance of the plan `only` is fetched for the first time.
fn is_first_fetch(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_ready = follow(memory, request, answer) == Phase::Ready;
    let is_of_only = answer.member("plan_id") == ONLY;
    let is_fetch = request.is(Endpoint::FetchInstance);
    is_ready && is_of_only && is_fetch && memory.count(request.path()) == 1
}

fn is_updating(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    follow(memory, request, answer) == Phase::Updating
}

/// Gives a parameter that a fetch tells another value.
fn change_parameter(answer: &mut Answer, name: &str, value: Value) {
    let mut parameters = answer.member("parameters");
    if parameters.get(name).is_some() {
        parameters[name] = value;
        answer.set("parameters", json!(parameters));
    }
}
