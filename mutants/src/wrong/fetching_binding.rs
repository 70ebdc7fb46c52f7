//! Wrong about fetching service bindings.

use serde_json::{Value, json};

use crate::message::{Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_request};
use crate::rows::rows;

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "bindings-cannot-be-fetched" breaks "fetch-binding.endpoint-supported" of "show-sync":
        fetched => say(404, json!({}));
    "bindings-fetch-is-not-implemented" breaks "fetch-binding.endpoint-supported" of "show-sync":
        fetched => say(501, json!({}));
    "bindings-fetch-is-answered-201" breaks "fetch-binding.endpoint-supported" of "show-sync":
        fetched => status(201);
    "new-binding-cannot-be-fetched-at-once" breaks "fetch-binding.available-after-success" of "show-async":
        fetched_first => say(404, json!({}));
    "new-binding-is-fetched-with-202" breaks "fetch-binding.available-after-success" of "show-async":
        fetched_first => status(202);
    "fetch-of-binding-without-hints-is-refused" breaks "fetch-binding.hints-optional" of "show-sync":
        fetch_without_hints => refuse(400, "MissingHints");
    "fetch-of-unknown-binding-says-gone" breaks "fetch-binding.status-404-unknown" of "show-sync":
        fetch_of_nothing => say(410, json!({}));
    "fetch-of-unknown-binding-is-empty" breaks "fetch-binding.status-404-unknown" of "show-sync":
        fetch_of_nothing => say(200, json!({}));
    "fetch-of-deleted-binding-says-gone" breaks "fetch-binding.status-404-unknown" of "show-sync":
        fetch_of_the_deleted => say(410, json!({}));
    "fetch-of-binding-in-progress-is-empty" breaks "fetch-binding.status-404-in-progress" of "show-async":
        fetched_early => say(200, json!({}));
    "fetch-of-binding-in-progress-is-blocked" breaks "fetch-binding.status-404-in-progress" of "show-async":
        fetched_early => refuse(422, "ConcurrencyError");
    "fetch-of-binding-in-progress-is-accepted" breaks "fetch-binding.status-404-in-progress" of "show-async":
        fetched_early => say(202, json!({}));
};

/// Bindings that are taken for others.
pub const MIXED_UP: &[Mutant] = &[
    on_answer(
        "fetch-tells-another-binding-s-credentials",
        "fetch-binding.credentials-own",
        |memory, request, answer| {
            let credentials = answer.member("credentials");
            if request.is(Endpoint::Bind) && answer.status == 201 {
                let of_instance = memory.notes.entry(request.instance().to_owned());
                let all = of_instance.or_insert(json!([]));
                if let Some(all) = all.as_array_mut() {
                    all.push(credentials);
                }
            } else if request.is(Endpoint::FetchBinding) && answer.status == 200 {
                let all = memory.notes.get(request.instance());
                let mut all = all.and_then(Value::as_array).into_iter().flatten();
                if let Some(other) = all.rfind(|other| **other != credentials) {
                    answer.set("credentials", other.clone());
                }
            }
        },
    )
    .of("show-sync"),
    on_request(
        "binding-is-fetched-from-any-instance",
        "fetch-binding.status-404-unknown",
        |memory, request| {
            at_home(memory, request, Endpoint::FetchBinding);
            None
        },
    )
    .of("show-sync")
    .capped(),
];

/// Turns a request for a binding below a wrong instance into one below its own.
pub fn at_home(memory: &mut Memory, request: &mut Request, endpoint: Endpoint) {
    let Some((_, binding)) = request.path().split_once("/service_bindings/") else {
        return;
    };
    let binding = binding.to_owned();
    if request.is(Endpoint::Bind) {
        memory.notes.insert(binding, request.path().into());
    } else if request.is(endpoint)
        && let Some(home) = memory.notes.get(&binding).and_then(Value::as_str)
    {
        request.0.path = request.0.path.replace(request.path(), home);
    }
}
