//! Brokers that are unusual in what they refuse, and in how they say so.

use serde_json::json;

use super::{Unusual, on_answer, on_both, on_request};
use crate::message::{Answer, Endpoint, Request};

pub(super) const ALL: &[Unusual] = &[
    on_answer(
        "errors-without-a-body",
        "The body of an error is optional where no error code is prescribed.",
        |_, _, answer| {
            if answer.is_error() && answer.status != 422 {
                answer.body.clear();
                answer.set_header("content-type", None);
            }
        },
    )
    .on("sync"),
    on_answer(
        "errors-with-a-code-at-most",
        "error and description are optional; a code is prescribed with some 422 only.",
        |_, _, answer| {
            if answer.is_error() {
                let code = answer.member("error");
                answer.set_json(&match answer.status {
                    422 => json!({"error": code}),
                    _ => json!({}),
                });
            }
        },
    )
    .on("async"),
    on_answer(
        "errors-with-codes-of-its-own",
        "A broker may use other codes where none is prescribed.",
        |_, _, answer| {
            if answer.is_error() && answer.status != 422 {
                answer.set("error", format!("Trouble{}", answer.status));
                answer.set("description", "Règle n° 1: 読んでください.\n\u{1f926}");
            }
        },
    )
    .on("sync")
    .uses(&["provision.error-descriptions", "unbind.error-descriptions"]),
    on_answer(
        "invalid-data-is-refused-by-422",
        "400 is a MAY for what is there and wrong; 422 says as much.",
        |_, request, answer| {
            if answer.status == 400 && is_invalid_only(request) {
                answer.status = 422;
                answer.set("error", "CatalogMismatch");
            }
        },
    )
    .on("sync")
    .uses(&["provision.status-400-invalid", "bind.status-400-invalid"]),
    on_answer(
        "invalid-data-is-refused-by-404-without-a-body",
        "400 is a MAY for what is there and wrong; 404 says that it is not found.",
        |_, request, answer| {
            if answer.status == 400 && is_invalid_only(request) {
                answer.status = 404;
                answer.body.clear();
                answer.set_header("content-type", None);
            }
        },
    )
    .on("sync")
    .uses(&["provision.status-400-invalid", "update.status-400-invalid"]),
    on_both(
        "deletes-whatever-the-hints-say",
        "On a deletion service_id and plan_id are hints, which have to be there \
         and may be wrong.",
        |memory, request| {
            let deletes = request.is(Endpoint::Deprovision) || request.is(Endpoint::Unbind);
            let made = memory.notes.get(request.resource())?.clone();
            for name in ["service_id", "plan_id"].iter().filter(|_| deletes) {
                if request.query(name).is_some_and(|value| !value.is_empty()) {
                    request.set_query(name, made[*name].as_str());
                }
            }
            None
        },
        |memory, request, answer| {
            if !answer.is_success() {
                return;
            }
            let resource = request.resource().to_owned();
            match request.endpoint() {
                Endpoint::Provision | Endpoint::Bind => {
                    memory.notes.insert(resource, request.json());
                }
                Endpoint::Update => {
                    let plan = request.member("plan_id");
                    let made = memory.notes.get_mut(&resource).filter(|_| plan.is_string());
                    if let Some(made) = made {
                        made["plan_id"] = plan;
                    }
                }
                _ => {}
            }
        },
    )
    .on("sync")
    .uses(&[
        "unbind.status-400-invalid",
        "deprovision.status-400-invalid",
    ]),
    on_request(
        "has-no-time-for-every-fifth-request",
        "Who stands before a broker may say that there are too many requests, or that \
         nobody can answer now.",
        |memory, _| {
            let count = memory.count("requests");
            let status = if count % 10 == 0 { 429 } else { 503 };
            (count % 5 == 0).then(|| Answer {
                status,
                headers: vec![("retry-after".to_owned(), "0".to_owned())],
                body: "<h1>Later</h1>".to_owned(),
            })
        },
    )
    .on("async"),
    on_request(
        "needs-no-organization-and-space",
        "organization_guid and space_guid are deprecated in favour of the context.",
        |_, request| {
            if request.is(Endpoint::Provision) {
                request.edit(|body| {
                    for name in ["organization_guid", "space_guid"] {
                        body.entry(name).or_insert_with(|| "anywhere".into());
                    }
                });
            }
            None
        },
    )
    .on("sync"),
];

/// Whether everything that a request has to have is there and readable, so that
/// what it was refused for is the value of something.
fn is_invalid_only(request: &Request) -> bool {
    let body = request.json();
    let has = |name: &str| body[name].is_string();
    match request.endpoint() {
        Endpoint::Provision => ["service_id", "plan_id", "organization_guid", "space_guid"]
            .iter()
            .all(|name| has(name)),
        Endpoint::Bind => has("service_id") && has("plan_id"),
        Endpoint::Update => has("service_id"),
        Endpoint::Deprovision | Endpoint::Unbind => {
            let hints = ["service_id", "plan_id"];
            !request.0.path.contains("%zz")
                && hints.iter().all(|hint| request.query(hint).is_some())
        }
        _ => false,
    }
}
