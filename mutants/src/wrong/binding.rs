//! Wrong about creating service bindings.

use conformance::Expect;
use serde_json::{Value, json};

use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_both, on_request};
use crate::rows::{instead, is_rotation, put, rows};

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "bind-again-is-a-conflict" breaks "bind.status-200-identical" of "show-sync":
        bound_before => say(409, json!({}));
    "bind-again-is-created" breaks "bind.status-200-identical" of "show-sync":
        bound_before => status(201);
    "bind-again-is-refused" breaks "bind.status-200-identical" of "show-sync":
        bound_before => refuse(400, "AlreadyBound");
    "bind-again-while-in-progress-is-done" breaks "bind.status-200-sync-only" of "show-async":
        binding_still => say(200, json!({}));

    "bind-is-answered-200" breaks "bind.status-201-created" of "show-sync":
        bound_anew => status(200);
    "bind-is-answered-204" breaks "bind.status-201-created" of "show-sync":
        bound_anew => bare(204);
    "bind-in-progress-is-answered-201" breaks "bind.status-202-in-progress" of "show-async":
        binding_anew => reveal(201);
    "bind-in-progress-is-answered-200" breaks "bind.status-202-in-progress" of "show-async":
        binding_anew => reveal(200);

    "bind-again-starts-another-operation" breaks "bind.resent-operation-matches" of "show-async":
        binding_still => put("/operation", "another");
    "bind-again-tells-no-operation" breaks "bind.resent-operation-matches" of "show-async":
        binding_still => take("/operation");
    "bind-in-progress-again-is-answered-200" breaks "bind.resent-202-not-200" of "show-async":
        binding_still => say(200, json!({}));
    "bind-in-progress-again-is-answered-201" breaks "bind.resent-202-not-200" of "show-async":
        binding_still => reveal(201);
    "bind-in-progress-again-is-a-conflict" breaks "bind.resent-202-not-200" of "show-async":
        binding_still => say(409, json!({})).capped();
    "bind-in-progress-again-is-blocked" breaks "bind.resent-202-not-200" of "show-async":
        binding_still => refuse(422, "ConcurrencyError").capped();

    "malformed-bind-is-answered-422" breaks "bind.status-400-malformed" of "show-sync":
        bind_malformed => status(422);
    "malformed-bind-is-a-fault" breaks "bind.status-400-malformed" of "show-sync":
        bind_malformed => status(500);
    "bind-without-service-is-answered-404" breaks "bind.status-400-missing-service-id" of "show-sync":
        bind_without_service => status(404);
    "bind-without-plan-is-answered-422" breaks "bind.status-400-missing-plan-id" of "show-sync":
        bind_without_plan => status(422);

    "bind-with-other-parameters-is-answered-200" breaks "bind.status-409-existing" of "show-sync":
        bind_conflict => say(200, json!({}));
    "bind-with-other-parameters-is-answered-201" breaks "bind.status-409-existing" of "show-sync":
        bind_conflict => reveal(201);
    "bind-with-other-parameters-is-answered-202" breaks "bind.status-409-existing" of "show-sync":
        bind_conflict => say(202, json!({}));
    "bind-with-other-parameters-is-answered-400" breaks "bind.status-409-existing" of "show-sync":
        bind_conflict => status(400);
    "bind-for-another-app-is-answered-200" breaks "bind.status-409-existing" of "show-async/either":
        bind_conflict => say(200, json!({})).capped();
    "bind-with-others-in-progress-is-answered-200" breaks "bind.status-409-in-progress" of "show-async":
        bind_conflict_early => say(200, json!({}));
    "bind-with-others-in-progress-is-answered-201" breaks "bind.status-409-in-progress" of "show-async":
        bind_conflict_early => reveal(201);
    "bind-with-others-in-progress-is-answered-202" breaks "bind.status-409-in-progress" of "show-async":
        bind_conflict_early => say(202, json!({}));
    "bind-with-others-in-progress-is-answered-400" breaks "bind.status-409-in-progress" of "show-async":
        bind_conflict_early => status(400);

    "bind-without-app-is-answered-400" breaks "bind.requires-app-422" of "show-app":
        bind_without_app => status(400);
    "bind-without-app-is-a-fault" breaks "bind.requires-app-422" of "show-app":
        bind_without_app => status(500);
    "bind-without-app-is-refused-by-another-code" breaks "bind.requires-app-code" of "show-app":
        bind_without_app => put("/error", "AppRequired");
    "bind-without-app-is-refused-without-a-code" breaks "bind.requires-app-code" of "show-app":
        bind_without_app => take("/error");

    "synchronous-bind-is-answered-400" breaks "bind.async-required-422" of "show-async":
        bind_at_once => status(400);
    "synchronous-bind-is-a-fault" breaks "bind.async-required-422" of "show-async":
        bind_at_once => status(500);
    "synchronous-bind-is-refused-by-another-code" breaks "bind.async-required-code" of "show-async":
        bind_at_once => put("/error", "AsyncNeeded");
    "synchronous-bind-is-refused-without-a-code" breaks "bind.async-required-code" of "show-async":
        bind_at_once => take("/error");
};

/// Requests that are handled wrongly.
pub const CARRIED_OUT: &[Mutant] = &[
    on_request(
        "bind-of-bindable-plan-has-no-endpoint",
        "bind.bindable-declared",
        |_, request| {
            let mut missing = instead(request, 404, &json!({}));
            missing.body = String::new();
            request.is(Endpoint::Bind).then_some(missing)
        },
    )
    .of("show-sync"),
    on_request(
        "bind-of-bindable-plan-is-not-allowed",
        "bind.bindable-declared",
        |_, request| {
            let body = json!({"description": "there is no such verb"});
            request
                .is(Endpoint::Bind)
                .then(|| instead(request, 405, &body))
        },
    )
    .of("show-sync"),
    on_both(
        "bind-of-bindable-plan-is-not-implemented",
        "bind.bindable-declared",
        |memory, request| {
            let is_there = memory.notes.contains_key(request.instance());
            (is_there && request.is(Endpoint::Bind)).then(|| instead(request, 501, &json!({})))
        },
        |memory, request, _| {
            if request.is(Endpoint::Provision) {
                memory
                    .notes
                    .insert(request.instance().to_owned(), true.into());
            }
        },
    )
    .of("show-sync"),
    on_request(
        "bind-of-bindable-plan-says-not-bindable",
        "bind.bindable-declared",
        |_, request| {
            let body = json!({"description": "This plan is not bindable."});
            request
                .is(Endpoint::Bind)
                .then(|| instead(request, 400, &body))
        },
    )
    .of("show-sync"),
    on_both(
        "asynchronous-bindings-cannot-be-fetched",
        "bind.info-returned-at-least-once",
        |_, _| None,
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                put(answer, "/services/1/bindings_retrievable", false);
            }
        },
    )
    .of("show-async")
    .capped(),
    on_answer(
        "bindings-share-their-credentials",
        "bind.credentials-unique",
        |memory, request, answer| {
            let credentials = answer.member("credentials");
            if !credentials.is_null() {
                let of_instance = memory.notes.entry(request.instance().to_owned());
                let first = of_instance.or_insert(credentials).clone();
                answer.set("credentials", first);
            }
        },
    )
    .of("show-sync"),
    on_answer(
        "asynchronous-bindings-share-their-credentials",
        "bind.credentials-unique",
        |memory, request, answer| {
            if request.is(Endpoint::FetchBinding) && answer.status == 200 {
                let of_instance = memory.notes.entry(request.instance().to_owned());
                let first = of_instance.or_insert(answer.member("credentials")).clone();
                answer.set("credentials", first);
            }
        },
    )
    .of("show-async"),
    on_both(
        "route-out-of-band-is-told",
        "bind.route-service-url-out-of-band",
        |_, _| None,
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                put(answer, "/services/0/requires", json!(["route_forwarding"]));
            } else if request.is(Endpoint::Bind) && answer.status == 201 {
                answer.set("route_service_url", "https://127.0.0.1/route");
            }
        },
    )
    .of("show-sync")
    .expecting(Expect::RouteOutOfBand),
    on_both(
        "route-out-of-band-is-told-when-it-is-fetched",
        "bind.route-service-url-out-of-band",
        |_, _| None,
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                let requires = json!(["route_forwarding", "syslog_drain"]);
                put(answer, "/services/0/requires", requires);
            } else if request.is(Endpoint::FetchBinding) && answer.status == 200 {
                answer.set("route_service_url", "https://127.0.0.1/route");
            }
        },
    )
    .of("show-sync")
    .expecting(Expect::RouteOutOfBand),
    on_request(
        "bind-takes-wrong-parameters",
        "bind.parameters-validated",
        |_, request| {
            let color = request.member("/parameters/color");
            let is_known = ["red", "green", "blue"].iter().any(|known| color == *known);
            if request.is(Endpoint::Bind) && !is_known {
                request.edit(|members| {
                    members.remove("parameters");
                });
            }
            None
        },
    )
    .of("show-sync"),
    on_request(
        "malformed-bind-is-carried-out",
        "bind.status-400-malformed",
        |memory, request| {
            if request.is(Endpoint::Bind) && !request.json().is_object() {
                request.set_json(&provisioned(memory, request));
            }
            provisioned(memory, request);
            None
        },
    )
    .of("show-sync"),
    on_request(
        "bind-without-service-is-carried-out",
        "bind.status-400-missing-service-id",
        |memory, request| fill(memory, request, "service_id"),
    )
    .of("show-sync"),
    on_request(
        "bind-without-plan-is-carried-out",
        "bind.status-400-missing-plan-id",
        |memory, request| fill(memory, request, "plan_id"),
    )
    .of("show-sync"),
    on_both(
        "second-bind-is-a-conflict",
        "bind.concurrency-422",
        |memory, request| blocked(memory, request, 409, json!({})),
        block,
    )
    .of("show-async"),
    on_both(
        "second-bind-is-a-fault",
        "bind.concurrency-422",
        |memory, request| blocked(memory, request, 500, json!({})),
        block,
    )
    .of("show-async"),
    on_both(
        "second-bind-is-refused-without-the-code",
        "bind.concurrency-422",
        |memory, request| blocked(memory, request, 422, json!({"error": "Busy"})),
        block,
    )
    .of("show-async"),
    on_request(
        "synchronous-bind-is-accepted",
        "async.no-202-unless-accepted",
        |_, request| {
            let is_right = request.query("accepts_incomplete").is_some() || is_rotation(request);
            if request.is(Endpoint::Bind) && !is_right {
                request.set_query("accepts_incomplete", Some("true"));
            }
            None
        },
    )
    .of("show-async"),
    on_request(
        "bind-that-accepts-nothing-incomplete-is-accepted",
        "async.no-202-unless-accepted",
        |_, request| {
            if request.is(Endpoint::Bind) && request.query("accepts_incomplete") == Some("false") {
                request.set_query("accepts_incomplete", Some("true"));
            }
            None
        },
    )
    .of("show-async"),
    on_both(
        "bind-names-its-operation-at-length",
        "bind.operation-max-length",
        |_, request| {
            if request.is(Endpoint::PollBinding) {
                request.set_query("operation", None);
            }
            None
        },
        |_, request, answer| {
            if request.is(Endpoint::Bind) && answer.status == 202 {
                answer.set("operation", "x".repeat(10_001));
            }
        },
    )
    .of("show-async"),
];

/// The offering and plan that an instance was provisioned with.
fn provisioned(memory: &mut Memory, request: &Request) -> Value {
    if request.is(Endpoint::Provision) {
        let ids = json!({
            "service_id": request.member("service_id"),
            "plan_id": request.member("plan_id"),
        });
        memory.notes.insert(request.instance().to_owned(), ids);
    }
    let ids = memory.notes.get(request.instance());
    ids.cloned().unwrap_or_default()
}

/// Gives a bind the id that it lacks.
fn fill(memory: &mut Memory, request: &mut Request, name: &str) -> Option<Answer> {
    let id = provisioned(memory, request)[name].clone();
    if request.is(Endpoint::Bind) {
        request.edit(|members| {
            members.entry(name).or_insert(id);
        });
    }
    None
}

/// The answer to a bind while another binding of the instance is being created.
fn blocked(memory: &Memory, request: &Request, status: u16, body: Value) -> Option<Answer> {
    let busy = memory.notes.get(request.instance())?;
    let is_other = busy.as_str() != Some(request.resource());
    (request.is(Endpoint::Bind) && is_other).then(|| instead(request, status, &body))
}

/// Keeps in mind which binding of an instance is being created.
fn block(memory: &mut Memory, request: &Request, answer: &mut Answer) {
    let instance = request.instance().to_owned();
    match request.endpoint() {
        Endpoint::Bind if answer.status == 202 => {
            memory.notes.insert(instance, request.resource().into());
        }
        Endpoint::PollBinding if answer.member("state") != "in progress" => {
            memory.notes.remove(&instance);
        }
        _ => {}
    }
}
