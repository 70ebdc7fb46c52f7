//! Wrong about deprovisioning.

use serde_json::{Value, json};

use super::ways::{
    Phase, SMALL, SYNC, follow, forget_long_operation, instead, lacks, phase, refusal, says, turns,
};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_both, on_request};

/// The mutants.
pub const MUTANTS: &[Mutant] = &[
    turns!(
        "deleted-instance-can-be-deleted-again",
        "deprovision.deletes-resources", Deprovision 410 => 200, was_deleted
    )
    .of("show-sync/small"),
    on_answer(
        "deleted-instance-can-be-fetched",
        "deprovision.deletes-resources",
        |memory, request, answer| {
            let was_gone = follow(memory, request, answer) == Phase::Gone;
            let key = format!("fetched {}", request.path());
            if request.is(Endpoint::FetchInstance) && answer.status == 200 {
                memory.notes.insert(key, answer.json());
            } else if let (true, Some(body)) = (was_gone, memory.notes.get(&key))
                && request.is(Endpoint::FetchInstance)
            {
                answer.status = 200;
                answer.set_json(body);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "deprovision-deletes-the-next-instance-too",
        "deprovision.deletes-resources",
        |memory, request, answer| {
            // The two instances that are compared are fetched one after the other.
            if request.query("plan_id") != Some(APPS_ONLY) {
                return;
            }
            let fetched = memory.notes.entry("fetched".to_owned()).or_insert(json!([]));
            let path = json!(request.0.path);
            let place = |fetched: &Value, resource: &str| {
                let paths = fetched.as_array().into_iter().flatten();
                let mut paths = paths.filter_map(Value::as_str);
                paths.position(|path| path.starts_with(resource))
            };
            if request.is(Endpoint::FetchInstance) && answer.status == 200 {
                if let Some(paths) = fetched.as_array_mut() {
                    paths.push(path);
                }
            } else if request.is(Endpoint::Deprovision)
                && let Some(at) = place(fetched, request.path())
                && let Some(next) = fetched.get(at + 1).and_then(Value::as_str)
            {
                let delete = request.another("DELETE", next, None);
                memory.send(delete);
            }
        },
    )
    .of("show-app/apps-only"),
    on_both(
        "accepted-deprovision-lets-the-provision-go-on",
        "deprovision.during-create-halts",
        |memory, request| {
            let is_creating = phase(memory, request) == Phase::Creating;
            match request.is(Endpoint::Deprovision) && is_creating && memory.count("halted") == 1 {
                true => instead(request, 200, &json!({})),
                false => None,
            }
        },
        |memory, request, answer| {
            follow(memory, request, answer);
        },
    )
    .of("show-async/only"),
    on_both(
        "promised-deprovision-lets-the-provision-go-on",
        "deprovision.during-create-halts",
        |memory, request| {
            let is_creating = phase(memory, request) == Phase::Creating;
            match request.is(Endpoint::Deprovision) && is_creating && memory.count("halted") == 1 {
                true => instead(request, 202, &json!({})),
                false => None,
            }
        },
        |memory, request, answer| {
            follow(memory, request, answer);
        },
    )
    .of("show-async/only"),
    turns!(
        "halted-instance-can-be-deleted-again",
        "deprovision.during-create-halts", Deprovision 410 => 200,
        |memory, request, answer| is_halted(memory, request, answer)
    )
    .of("show-async/only"),
    on_answer(
        "end-of-the-provision-is-told-for-its-deletion",
        "deprovision.during-create-last-operation-async",
        |memory, request, answer| {
            // It can still be fetched when it is said to be gone.
            let is_halted = is_halted(memory, request, answer);
            let is_fetched = request.is(Endpoint::FetchInstance) && answer.status == 404;
            if is_halted && is_fetched && memory.count("fetched") == 1 {
                answer.status = 200;
                answer.set_json(&json!({}));
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "halted-provision-is-told-to-have-succeeded",
        "deprovision.during-create-last-operation-sync",
        |memory, request, answer| {
            if is_halted(memory, request, answer) {
                answer.replace("state", "succeeded");
            }
        },
    )
    .of("show-async/one-way"),
    on_answer(
        "halted-provision-is-in-progress-for-ever",
        "deprovision.during-create-last-operation-sync",
        |memory, request, answer| {
            if is_halted(memory, request, answer) {
                answer.replace("state", "in progress");
            }
        },
    )
    .of("show-async/one-way"),
    turns!("deprovision-is-201", "deprovision.status-200-deleted", Deprovision 200 => 201)
        .of("show-sync/small"),
    turns!("deprovision-is-203", "deprovision.status-200-deleted", Deprovision 200 => 203)
        .of("show-sync/small"),
    turns!("deprovision-is-204", "deprovision.status-200-deleted", Deprovision 200 => 204)
        .of("show-sync/small"),
    turns!("deprovision-of-what-exists-is-404", "deprovision.status-200-deleted", Deprovision 200 => 404)
        .of("show-sync/small"),
    turns!("deprovision-of-what-exists-is-410", "deprovision.status-200-deleted", Deprovision 200 => 410)
        .of("show-sync/small"),
    on_answer("deprovision-has-no-body", "deprovision.status-200-body", |_, request, answer| {
        if request.is(Endpoint::Deprovision) && answer.status == 200 {
            answer.body.clear();
        }
    })
    .of("show-sync/small"),
    on_answer("deprovision-is-answered-with-text", "deprovision.status-200-body", |_, request, answer| {
        if request.is(Endpoint::Deprovision) && answer.status == 200 {
            answer.set_json(&json!("deleted"));
        }
    })
    .of("show-sync/small"),
    turns!(
        "deprovision-is-200-while-in-progress",
        "deprovision.status-202-in-progress", Deprovision 202 => 200
    )
    .of("show-async/only"),
    turns!(
        "deprovision-is-204-while-in-progress",
        "deprovision.status-202-in-progress", Deprovision 202 => 204
    )
    .of("show-async/only"),
    on_answer(
        "resent-deprovision-has-another-operation",
        "deprovision.resent-operation-matches",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.replace("operation", "another");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "resent-deprovision-has-no-operation",
        "deprovision.resent-operation-matches",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.remove("operation");
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "resent-deprovision-is-200",
        "deprovision.resent-202-not-200", Deprovision 202 => 200, is_resent
    )
    .of("show-async/only"),
    turns!(
        "resent-deprovision-is-410",
        "deprovision.resent-202-not-200", Deprovision 202 => 410, is_resent
    )
    .of("show-async/only"),
    on_answer(
        "resent-deprovision-is-too-much-at-once",
        "deprovision.resent-202-not-200",
        |memory, request, answer| {
            if is_resent(memory, request, answer) {
                answer.status = 422;
                answer.set_json(&json!({"error": "ConcurrencyError"}));
            }
        },
    )
    .of("show-async/only")
    .capped(),
    on_request("undecodable-deprovision-is-500", "deprovision.status-400-malformed", |_, request| {
        match request.is(Endpoint::Deprovision) && request.0.path.contains("%zz") {
            true => refusal(request, 500),
            false => None,
        }
    })
    .of("show-sync/small")
    .capped(),
    on_request("undecodable-deprovision-is-404", "deprovision.status-400-malformed", |_, request| {
        match request.is(Endpoint::Deprovision) && request.0.path.contains("%zz") {
            true => refusal(request, 404),
            false => None,
        }
    })
    .of("show-sync/small")
    .capped(),
    on_request(
        "deprovision-without-service-id-is-carried-out",
        "deprovision.status-400-missing-service-id",
        |_, request| {
            if request.is(Endpoint::Deprovision) && request.query("service_id").is_none() {
                request.set_query("service_id", Some(SYNC));
            }
            None
        },
    )
    .of("show-sync/small"),
    turns!(
        "deprovision-without-service-id-is-422",
        "deprovision.status-400-missing-service-id", Deprovision 400 => 422,
        |_, request, _| request.query("service_id").is_none()
    )
    .of("show-sync/small"),
    on_request(
        "deprovision-without-plan-id-is-carried-out",
        "deprovision.status-400-missing-plan-id",
        |_, request| {
            if request.is(Endpoint::Deprovision) && request.query("plan_id").is_none() {
                request.set_query("plan_id", Some(SMALL));
            }
            None
        },
    )
    .of("show-sync/small"),
    turns!(
        "deprovision-without-plan-id-is-404",
        "deprovision.status-400-missing-plan-id", Deprovision 400 => 404,
        |_, request, _| request.query("plan_id").is_none()
    )
    .of("show-sync/small"),
    turns!(
        "deprovision-of-an-unknown-instance-is-404",
        "deprovision.status-410-unknown", Deprovision 410 => 404, was_never_there
    )
    .of("show-sync/small"),
    turns!(
        "deprovision-of-an-unknown-instance-is-200",
        "deprovision.status-410-unknown", Deprovision 410 => 200, was_never_there
    )
    .of("show-sync/small"),
    turns!(
        "deprovision-of-an-unknown-instance-is-202",
        "deprovision.status-410-unknown", Deprovision 410 => 202, was_never_there
    )
    .of("show-sync/small"),
    turns!(
        "second-deprovision-is-404",
        "deprovision.status-410-unknown", Deprovision 410 => 404, was_deleted
    )
    .of("show-sync/small"),
    turns!(
        "deprovision-that-has-to-be-asynchronous-is-400",
        "deprovision.async-required-422", Deprovision 422 => 400,
        |_, _, answer| answer.member("error") == "AsyncRequired"
    )
    .of("show-async/only"),
    turns!(
        "deprovision-with-false-accepts-incomplete-is-409",
        "async.false-equals-absent", Deprovision 422 => 409,
        |_, request, answer| answer.member("error") == "AsyncRequired"
            && request.query("accepts_incomplete") == Some("false")
    )
    .of("show-async/only"),
    on_answer(
        "deprovision-asks-to-be-asynchronous-without-a-code",
        "deprovision.async-required-code",
        |_, request, answer| {
            if request.is(Endpoint::Deprovision) && answer.member("error") == "AsyncRequired" {
                answer.remove("error");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "deprovision-asks-to-be-asynchronous-with-a-code-of-its-own",
        "deprovision.async-required-code",
        |_, request, answer| {
            if request.is(Endpoint::Deprovision) && answer.member("error") == "AsyncRequired" {
                answer.set("error", "Asynchronous");
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "deprovision-during-an-update-is-409",
        "deprovision.concurrency-422", Deprovision 422 => 409,
        |_, _, answer| answer.member("error") == "ConcurrencyError"
    )
    .of("show-async/only"),
    on_both(
        "deprovision-during-a-provision-is-400",
        "deprovision.concurrency-422",
        |memory, request| refuses_meanwhile(memory, request, 400, &json!({})),
        |memory, request, answer| {
            follow(memory, request, answer);
        },
    )
    .of("show-async/only"),
    lacks!(
        "deprovision-during-an-update-is-refused-without-a-code",
        "deprovision.concurrency-code", Deprovision 422, "error"
    )
    .of("show-async/only"),
    on_both(
        "deprovision-during-a-provision-is-refused-with-another-code",
        "deprovision.concurrency-code",
        |memory, request| refuses_meanwhile(memory, request, 422, &json!({"error": "Busy"})),
        |memory, request, answer| {
            follow(memory, request, answer);
        },
    )
    .of("show-async/only"),
    says!("deprovision-operation-is-a-number", "deprovision.operation-type", Deprovision 202, "operation": 7)
        .of("show-async/only"),
    says!("deprovision-operation-is-a-boolean", "deprovision.operation-type", Deprovision 202, "operation": true)
        .of("show-async/only"),
    says!(
        "deprovision-operation-is-an-object",
        "deprovision.operation-type", Deprovision 202, "operation": {"id": "7"}
    )
    .of("show-async/only"),
    says!("deprovision-operation-is-an-array", "deprovision.operation-type", Deprovision 202, "operation": ["7"])
        .of("show-async/only"),
    on_both(
        "deprovision-operation-is-too-long",
        "deprovision.operation-max-length",
        forget_long_operation,
        |_, request, answer| {
            if request.is(Endpoint::Deprovision) {
                answer.replace("operation", "x".repeat(10_001));
            }
        },
    )
    .of("show-async/only"),
];

/// The plan `apps-only` of the offering `show-app`.
const APPS_ONLY: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000401";

fn was_never_there(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    follow(memory, request, answer) == Phase::Unknown
}

fn was_deleted(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    follow(memory, request, answer) == Phase::Gone
}

/// Whether it is the same deprovision again, answered while it is in progress.
fn is_resent(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_deleting = follow(memory, request, answer) == Phase::Deleting;
    is_deleting && request.is(Endpoint::Deprovision) && answer.status == 202
}

/// Whether the instance was deleted while it was being provisioned.
fn is_halted(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let key = format!("halted {}", request.instance());
    let before = follow(memory, request, answer);
    if request.is(Endpoint::Deprovision) && before == Phase::Creating && answer.is_success() {
        memory.count(&key);
        return false;
    }
    memory.notes.contains_key(&key)
}

/// Refuses a deprovision while the provision is in progress.
fn refuses_meanwhile(
    memory: &mut Memory,
    request: &Request,
    status: u16,
    body: &Value,
) -> Option<Answer> {
    let is_creating = phase(memory, request) == Phase::Creating;
    match request.is(Endpoint::Deprovision) && is_creating {
        true => instead(request, status, body),
        false => None,
    }
}
