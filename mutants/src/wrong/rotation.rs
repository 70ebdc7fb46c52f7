//! Wrong about rotating service bindings.

use serde_json::{Value, json};

use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_both, on_request};
use crate::rows::{instead, rows, say};

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "rotation-is-answered-200" breaks "rotate.new-binding-created" of "show-sync":
        rotated => status(200);
    "rotation-tells-an-array" breaks "rotate.response-same-as-create" of "show-sync":
        rotated => say(201, json!(["rotated"]));
    "accepted-rotation-tells-text" breaks "rotate.response-same-as-create" of "show-async":
        rotating => say(202, "rotating");
    "synchronous-rotation-is-answered-400" breaks "rotate.async-required-422" of "show-async":
        rotation_at_once => status(400);
    "synchronous-rotation-is-refused-by-another-code" breaks "rotate.async-required-422" of "show-async":
        rotation_at_once => put("/error", "AsyncNeeded");
};

/// Requests that are handled wrongly.
pub const CARRIED_OUT: &[Mutant] = &[
    on_request(
        "rotation-is-refused",
        "rotate.new-binding-created",
        |_, request| {
            let body = json!({"description": "bindings cannot be rotated"});
            predecessor(request).map(|_| instead(request, 400, &body))
        },
    )
    .of("show-sync"),
    on_answer(
        "rotation-deletes-the-predecessor",
        "rotate.predecessor-stays-valid",
        |memory, request, answer| {
            if let Some(old) = predecessor(request).filter(|_| answer.is_success()) {
                memory.send(unbind(request, &old));
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "rotation-hides-the-predecessor",
        "rotate.predecessor-stays-valid",
        |memory, request, answer| {
            if follows(memory, request, answer) && request.is(Endpoint::FetchBinding) {
                say(answer, 404, json!({}));
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "rotated-predecessor-is-said-to-be-gone",
        "rotate.predecessor-stays-valid",
        |memory, request, answer| {
            if follows(memory, request, answer) && request.is(Endpoint::Unbind) {
                say(answer, 410, json!({}));
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "unbind-of-the-predecessor-deletes-its-successor",
        "rotate.predecessor-stays-valid",
        |memory, request, answer| {
            let has_successor = follows(memory, request, answer);
            let new = memory.notes.get(request.path()).and_then(Value::as_str);
            if let Some(new) = new.filter(|_| has_successor && request.is(Endpoint::Unbind)) {
                let new = unbind_at(request, new);
                if answer.status == 200 {
                    memory.send(new);
                }
            }
        },
    )
    .of("show-sync"),
    on_request(
        "synchronous-rotation-is-accepted",
        "rotate.async-required-422",
        |_, request| {
            if predecessor(request).is_some() {
                request.set_query("accepts_incomplete", Some("true"));
            }
            None
        },
    )
    .of("show-async"),
    on_both(
        "rotation-of-an-unknown-binding-is-carried-out",
        "rotate.response-same-as-create",
        |memory, request| {
            let old = predecessor(request)?;
            if !memory.notes.contains_key(&old) {
                request.edit(|members| {
                    members.remove("predecessor_binding_id");
                });
            }
            None
        },
        |memory, request, _| {
            if request.is(Endpoint::Bind) {
                memory.notes.insert(request.path().to_owned(), true.into());
            }
        },
    )
    .of("show-sync")
    .capped(),
];

/// The path of the binding that is to be rotated.
fn predecessor(request: &Request) -> Option<String> {
    let old = request.member("predecessor_binding_id");
    let (instance, old) = (request.instance(), old.as_str()?);
    Some(format!("{instance}/service_bindings/{old}"))
}

/// Keeps in mind which binding has taken the place of which, and tells whether
/// one has taken the place of this.
fn follows(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    if let Some(old) = predecessor(request).filter(|_| answer.is_success()) {
        memory.notes.insert(old, request.path().into());
    }
    memory.notes.contains_key(request.path())
}

/// The unbind of another binding of the offering and plan of a bind.
fn unbind(request: &Request, path: &str) -> Request {
    let (service, plan) = (request.member("service_id"), request.member("plan_id"));
    let (service, plan) = (service.as_str(), plan.as_str());
    let mut unbind = request.another("DELETE", path, None);
    unbind.set_query("service_id", service);
    unbind.set_query("plan_id", plan);
    unbind
}

/// The same unbind of another binding.
fn unbind_at(request: &Request, path: &str) -> Request {
    let (_, query) = request.0.path.split_once('?').unwrap_or_default();
    request.another("DELETE", &format!("{path}?{query}"), None)
}
