//! Wrong about deleting service bindings.

use serde_json::{Value, json};

use super::fetching_binding::at_home;
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_both, on_request};
use crate::rows::{doing, instead, rows, say, under_way};

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "unbind-is-answered-201" breaks "unbind.status-200-deleted" of "show-sync":
        unbound => status(201);
    "unbind-is-answered-204" breaks "unbind.status-200-deleted" of "show-sync":
        unbound => bare(204);
    "unbind-of-a-binding-says-gone" breaks "unbind.status-200-deleted" of "show-sync":
        unbound_first => say(410, json!({}));
    "unbind-of-a-binding-says-not-found" breaks "unbind.status-200-deleted" of "show-sync":
        unbound_first => say(404, json!({}));
    "unbind-says-nothing" breaks "unbind.status-200-body" of "show-sync":
        unbound => bare(200);
    "unbind-says-an-array" breaks "unbind.status-200-body" of "show-sync":
        unbound => write("[]");
    "unbind-says-ok" breaks "unbind.status-200-body" of "show-sync":
        unbound => write("OK");
    "unbind-in-progress-is-answered-200" breaks "unbind.status-202-in-progress" of "show-async":
        unbinding => say(200, json!({}));

    "unbind-again-starts-another-operation" breaks "unbind.resent-operation-matches" of "show-async":
        unbinding_still => put("/operation", "another");
    "unbind-again-tells-no-operation" breaks "unbind.resent-operation-matches" of "show-async":
        unbinding_still => take("/operation");
    "unbind-in-progress-again-is-answered-200" breaks "unbind.resent-202-not-200" of "show-async":
        unbinding_still => say(200, json!({}));
    "unbind-in-progress-again-says-gone" breaks "unbind.resent-202-not-200" of "show-async":
        unbinding_still => say(410, json!({}));
    "unbind-in-progress-again-is-blocked" breaks "unbind.resent-202-not-200" of "show-async":
        unbinding_still => refuse(422, "ConcurrencyError").capped();

    "unbind-without-service-is-answered-422" breaks "unbind.status-400-missing-service-id" of "show-sync":
        unbind_without_service => status(422);
    "unbind-without-plan-is-answered-404" breaks "unbind.status-400-missing-plan-id" of "show-sync":
        unbind_without_plan => status(404);

    "unbind-of-unknown-binding-is-answered-404" breaks "unbind.status-410-unknown" of "show-sync":
        unbind_of_nothing => say(404, json!({}));
    "unbind-of-unknown-binding-is-answered-200" breaks "unbind.status-410-unknown" of "show-sync":
        unbind_of_nothing => say(200, json!({}));
    "unbind-of-deleted-binding-is-answered-404" breaks "unbind.status-410-unknown" of "show-sync":
        unbind_of_the_deleted => say(404, json!({}));

    "synchronous-unbind-is-answered-400" breaks "unbind.async-required-422" of "show-async":
        unbind_at_once => status(400);
    "synchronous-unbind-is-refused-by-another-code" breaks "unbind.async-required-code" of "show-async":
        unbind_at_once => put("/error", "AsyncNeeded");
    "synchronous-unbind-is-refused-without-a-code" breaks "unbind.async-required-code" of "show-async":
        unbind_at_once => take("/error");

    "unbind-tells-a-number-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", 7);
    "unbind-tells-a-boolean-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", true);
    "unbind-tells-an-object-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", json!({"id": "unbind"}));
    "unbind-tells-an-array-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", json!(["unbind"]));
};

/// Requests that are handled wrongly.
pub const CARRIED_OUT: &[Mutant] = &[
    on_both(
        "unbind-deletes-nothing",
        "unbind.deletes-resources",
        |memory, request| {
            let is_there = memory.notes.contains_key(request.path());
            let says = is_there && request.is(Endpoint::Unbind) && is_right(request);
            says.then(|| instead(request, 200, &json!({})))
        },
        |memory, request, answer| {
            if request.is(Endpoint::Bind) && answer.status == 201 {
                memory.notes.insert(request.path().to_owned(), true.into());
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "deleted-binding-is-fetched",
        "unbind.deletes-resources",
        |memory, request, answer| {
            if request.is(Endpoint::Bind) && answer.status == 201 {
                memory
                    .notes
                    .insert(request.path().to_owned(), answer.json());
            } else if request.is(Endpoint::FetchBinding)
                && answer.status == 404
                && let Some(body) = memory.notes.get(request.path())
            {
                say(answer, 200, body.clone());
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "deleted-asynchronous-binding-is-fetched",
        "unbind.deletes-resources",
        |memory, request, answer| {
            if request.is(Endpoint::FetchBinding) && answer.status == 200 {
                memory
                    .notes
                    .insert(request.path().to_owned(), answer.json());
            } else if request.is(Endpoint::FetchBinding)
                && answer.status == 404
                && let Some(body) = memory.notes.get(request.path())
            {
                say(answer, 200, body.clone());
            }
        },
    )
    .of("show-async"),
    on_answer(
        "binding-is-deleted-again",
        "unbind.deletes-resources",
        |memory, request, answer| {
            if request.is(Endpoint::Unbind) && answer.status == 200 {
                memory.notes.insert(request.path().to_owned(), true.into());
            } else if request.is(Endpoint::Unbind) && memory.notes.contains_key(request.path()) {
                say(answer, 200, json!({}));
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "unbind-deletes-the-bindings-of-the-instance",
        "unbind.deletes-resources",
        |memory, request, answer| {
            if request.is(Endpoint::Bind) && answer.status == 201 {
                let of_instance = memory.notes.entry(request.instance().to_owned());
                let all = of_instance.or_insert(json!([]));
                if let Some(all) = all.as_array_mut() {
                    all.push(request.path().into());
                }
            } else if request.is(Endpoint::Unbind) && answer.status == 200 {
                let all = memory.notes.remove(request.instance()).unwrap_or_default();
                let all = all.as_array().into_iter().flatten();
                for other in all.filter_map(Value::as_str) {
                    let path = request.0.path.replace(request.path(), other);
                    memory.send(request.another("DELETE", &path, None));
                }
            }
        },
    )
    .of("show-sync"),
    on_request(
        "unbind-without-service-is-carried-out",
        "unbind.status-400-missing-service-id",
        |memory, request| fill(memory, request, "service_id"),
    )
    .of("show-sync"),
    on_request(
        "unbind-without-plan-is-carried-out",
        "unbind.status-400-missing-plan-id",
        |memory, request| fill(memory, request, "plan_id"),
    )
    .of("show-sync"),
    on_request(
        "unbind-with-a-broken-query-is-answered-404",
        "unbind.status-400-malformed",
        |_, request| {
            let is_broken = request.is(Endpoint::Unbind) && request.0.path.contains("%zz");
            is_broken.then(|| instead(request, 404, &json!({})))
        },
    )
    .of("show-sync")
    .capped(),
    on_request(
        "binding-is-deleted-from-any-instance",
        "unbind.status-410-unknown",
        |memory, request| {
            at_home(memory, request, Endpoint::Unbind);
            None
        },
    )
    .of("show-sync")
    .capped(),
    on_request(
        "synchronous-unbind-is-accepted",
        "async.no-202-unless-accepted",
        |_, request| {
            if request.is(Endpoint::Unbind) && request.query("accepts_incomplete").is_none() {
                request.set_query("accepts_incomplete", Some("true"));
            }
            None
        },
    )
    .of("show-async"),
    on_both(
        "unbind-names-its-operation-at-length",
        "unbind.operation-max-length",
        |_, request| {
            if request.is(Endpoint::PollBinding) {
                request.set_query("operation", None);
            }
            None
        },
        |_, request, answer| {
            if request.is(Endpoint::Unbind) && answer.status == 202 {
                answer.set("operation", "x".repeat(10_001));
            }
        },
    )
    .of("show-async"),
    on_both(
        "unbind-during-bind-is-a-conflict",
        "unbind.concurrency-422",
        |memory, request| early(memory, request, instead(request, 409, &json!({}))),
        follow,
    )
    .of("show-async"),
    on_both(
        "unbind-during-bind-is-a-fault",
        "unbind.concurrency-422",
        |memory, request| early(memory, request, instead(request, 500, &json!({}))),
        follow,
    )
    .of("show-async"),
    on_both(
        "unbind-during-bind-is-refused-by-another-code",
        "unbind.concurrency-code",
        |memory, request| {
            early(
                memory,
                request,
                instead(request, 422, &json!({"error": "Busy"})),
            )
        },
        follow,
    )
    .of("show-async"),
    on_both(
        "unbind-during-bind-is-refused-without-a-code",
        "unbind.concurrency-code",
        |memory, request| early(memory, request, instead(request, 422, &json!({}))),
        follow,
    )
    .of("show-async"),
    on_both(
        "unbind-during-bind-halts-nothing",
        "unbind.during-create-halts",
        |memory, request| {
            let says = early(memory, request, instead(request, 200, &json!({})))?;
            let note = format!("halted {}", request.resource());
            let is_first = memory.notes.insert(note, true.into()).is_none();
            is_first.then_some(says)
        },
        |memory, request, answer| {
            follow(memory, request, answer);
            let is_halted = memory
                .notes
                .contains_key(&format!("halted {}", request.resource()));
            if is_halted && request.is(Endpoint::PollBinding) {
                answer.replace("state", "failed");
            }
        },
    )
    .of("show-async"),
    on_both(
        "halted-binding-comes-to-life-later",
        "unbind.during-create-halts",
        |memory, request| {
            let note = format!("halted {}", request.resource());
            let is_first = !memory.notes.contains_key(&note);
            let status = if is_first { 200 } else { 410 };
            let says = early(memory, request, instead(request, status, &json!({})))?;
            memory.notes.insert(note, true.into());
            Some(says)
        },
        |memory, request, answer| {
            let is_halted = memory
                .notes
                .contains_key(&format!("halted {}", request.resource()));
            if is_halted && request.is(Endpoint::PollBinding) {
                answer.replace("state", "failed");
            } else {
                follow(memory, request, answer);
            }
        },
    )
    .of("show-async"),
    on_answer(
        "halted-binding-can-be-fetched",
        "unbind.during-create-halts",
        |memory, request, answer| {
            if was_halted(memory, request, answer) && request.is(Endpoint::FetchBinding) {
                say(answer, 200, json!({"credentials": {"user": "halted"}}));
            }
        },
    )
    .of("show-async"),
    on_answer(
        "halted-binding-is-told-as-created",
        "unbind.during-create-last-operation-async",
        |memory, request, answer| {
            let is_fetch = request.is(Endpoint::FetchBinding);
            if was_halted(memory, request, answer)
                && is_fetch
                && memory.count(request.resource()) == 1
            {
                say(answer, 200, json!({"credentials": {"user": "halted"}}));
            }
        },
    )
    .of("show-async"),
    on_both(
        "bind-halted-at-once-is-told-as-succeeded",
        "unbind.during-create-last-operation-sync",
        at_once,
        |memory, request, answer| halted_says(memory, request, answer, "succeeded"),
    )
    .of("show-async"),
    on_both(
        "bind-halted-at-once-is-told-as-in-progress",
        "unbind.during-create-last-operation-sync",
        at_once,
        |memory, request, answer| halted_says(memory, request, answer, "in progress"),
    )
    .of("show-async"),
];

/// The plan `either` of the offering `show-async`.
const EITHER: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000202";

/// Whether an unbind lacks nothing.
fn is_right(request: &Request) -> bool {
    request.query("service_id").is_some() && request.query("plan_id").is_some()
}

/// Gives an unbind the id that it lacks.
fn fill(memory: &mut Memory, request: &mut Request, name: &str) -> Option<Answer> {
    if request.is(Endpoint::Provision) {
        let id = request.member(name);
        memory.notes.insert(request.instance().to_owned(), id);
    } else if request.is(Endpoint::Unbind) && request.query(name).is_none() {
        let id = memory.notes.get(request.instance()).and_then(Value::as_str);
        request.set_query(name, id);
    }
    None
}

/// The answer to an unbind of a binding that is being created.
fn early(memory: &Memory, request: &Request, says: Answer) -> Option<Answer> {
    let is_early = under_way(memory, request.resource()) == Some(Endpoint::Bind);
    (is_early && request.is(Endpoint::Unbind)).then_some(says)
}

fn follow(memory: &mut Memory, request: &Request, answer: &mut Answer) {
    doing(memory, request, answer);
}

/// Keeps in mind which bindings were deleted while they were being created, and
/// tells whether this was one.
fn was_halted(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let note = format!("halted {}", request.resource());
    let before = doing(memory, request, answer);
    let was_halted = memory.notes.contains_key(&note);
    if request.is(Endpoint::Unbind) && answer.is_success() && before == Some(Endpoint::Bind) {
        memory.notes.insert(note, true.into());
    }
    was_halted
}

/// Has a binding that is being created deleted within the request.
fn at_once(memory: &mut Memory, request: &mut Request) -> Option<Answer> {
    let is_early = early(memory, request, instead(request, 200, &json!({}))).is_some();
    if is_early && request.query("plan_id") == Some(EITHER) {
        request.set_query("accepts_incomplete", None);
    }
    None
}

fn halted_says(memory: &mut Memory, request: &Request, answer: &mut Answer, state: &str) {
    if was_halted(memory, request, answer) && request.is(Endpoint::PollBinding) {
        say(answer, 200, json!({ "state": state }));
    }
}
