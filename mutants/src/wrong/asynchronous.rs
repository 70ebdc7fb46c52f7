//! Wrong about asynchronous operations, and about requests that meet one.

use std::time::Duration;

use serde_json::json;

use super::tables::{answers, refusal};
use super::telling::tell;
use super::ways::{Phase, follow, instead, phase};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Mutant, on_answer, on_both, on_request};

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[
    OPERATIONS, TIMING, UNASKED, FALSE, REQUIRED, BLOCKING, UPDATED,
];

/// Mutants whose operations of an endpoint have names that do not fit into a URL.
macro_rules! naming {
    ($($name:literal: $endpoint:pat, $suffix:literal;)*) => {
        &[$(
            on_both(
                $name,
                "async.operation-unreserved-characters",
                |_, request| {
                    let operation = request.query("operation").unwrap_or_default();
                    if let Some((name, _)) = operation.clone().split_once('%') {
                        let name = name.to_owned();
                        request.set_query("operation", Some(&name));
                    }
                    None
                },
                |_, request, answer| {
                    if matches!(request.endpoint(), $endpoint) && answer.status == 202 {
                        let name = answer.member("operation");
                        let name = name.as_str().unwrap_or_default();
                        answer.replace("operation", format!("{name}{}", $suffix));
                    }
                },
            )
            .of("show-async/only")
        ),*]
    };
}

#[rustfmt::skip]
const OPERATIONS: &[Mutant] = naming! {
    "provision-operation-has-a-slash": Endpoint::Provision, "/1";
    "update-operation-has-a-blank": Endpoint::Update, " 1";
    "deprovision-operation-has-a-plus": Endpoint::Deprovision, "+1";
    "bind-operation-has-a-question-mark": Endpoint::Bind, "?";
    "unbind-operation-has-an-umlaut": Endpoint::Unbind, "\u{e4}";
};

const TIMING: &[Mutant] = &[
    on_answer(
        "catalog-takes-its-time",
        "async.prompt-response",
        |memory, request, _| {
            if request.is(Endpoint::Catalog) {
                memory.wait(Duration::from_millis(1_100));
            }
        },
    )
    .of("show-sync/small")
    .prompt_within(Duration::from_secs(1)),
    on_both(
        "instance-is-not-ready-to-be-bound-at-first",
        "async.async-when-incomplete",
        |memory, request| {
            let is_first = memory.notes.get("first") == Some(&json!(request.instance()));
            let is_early = request.is(Endpoint::Bind) && is_first && memory.count("binds") <= 2;
            is_early.then(|| {
                let mut answer = refusal(request, 422);
                answer.set("error", "ConcurrencyError");
                answer
            })
        },
        |memory, request, answer| {
            if request.is(Endpoint::Provision) && answer.status == 201 {
                let instance = json!(request.instance());
                memory.notes.entry("first".to_owned()).or_insert(instance);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "instance-can-be-fetched-only-later",
        "async.status-202",
        |memory, request, answer| {
            if request.is(Endpoint::FetchInstance) && answer.status == 200 {
                let first = memory.notes.entry("first".to_owned());
                let first = first.or_insert_with(|| json!(request.instance())).clone();
                if first == request.instance() && memory.count("fetches") <= 2 {
                    answer.status = 404;
                    answer.set_json(&json!({}));
                }
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "work-in-progress-is-told-as-done",
        "async.status-202",
        |_, request, answer| {
            // Without updates, which would meet the work that goes on.
            tell(
                request,
                answer,
                "/services/1/plan_updateable",
                &[false.into()],
            );
            if answer.status == 202 {
                let creates = matches!(request.endpoint(), Endpoint::Provision | Endpoint::Bind);
                answer.status = if creates { 201 } else { 200 };
            }
        },
    )
    .of("show-async/only"),
];

/// Mutants that work asynchronously without being allowed to: `name: endpoint,
/// value of accepts_incomplete`.
macro_rules! unasked {
    ($($name:literal: $endpoint:pat, $value:expr;)*) => {
        &[$(
            on_request($name, "async.no-202-unless-accepted", |_, request| {
                let value = request.query("accepts_incomplete");
                if matches!(request.endpoint(), $endpoint) && value == $value {
                    request.set_query("accepts_incomplete", Some("true"));
                }
                None
            })
            .of("show-async/only")
        ),*]
    };
}

#[rustfmt::skip]
const UNASKED: &[Mutant] = unasked! {
    "provision-is-asynchronous-unasked": Endpoint::Provision, None;
    "provision-is-asynchronous-against-the-request": Endpoint::Provision, Some("false");
    "update-is-asynchronous-unasked": Endpoint::Update, None;
    "update-is-asynchronous-against-the-request": Endpoint::Update, Some("false");
    "bind-is-asynchronous-unasked": Endpoint::Bind, None;
    "bind-is-asynchronous-against-the-request": Endpoint::Bind, Some("false");
    "unbind-is-asynchronous-unasked": Endpoint::Unbind, None;
    "unbind-is-asynchronous-against-the-request": Endpoint::Unbind, Some("false");
    "deprovision-is-asynchronous-unasked": Endpoint::Deprovision, None;
    "deprovision-is-asynchronous-against-the-request": Endpoint::Deprovision, Some("false");
};

fn is_false(request: &Request) -> bool {
    request.query("accepts_incomplete") == Some("false")
}

/// Where `false` is not the same as nothing.
#[rustfmt::skip]
const FALSE: &[Mutant] = answers! {
    "false-is-a-bad-request-in-provisions" breaks "async.false-equals-absent": Endpoint::Provision, 422 if is_false => |answer| answer.status = 400, of("show-async/only");
    "false-has-another-code-in-provisions" breaks "async.false-equals-absent": Endpoint::Provision, 422 if is_false => |answer| answer.set("error", "NotFalse"), of("show-async/only");
    "false-is-a-bad-request-in-updates" breaks "async.false-equals-absent": Endpoint::Update, 422 if is_false => |answer| answer.status = 400, of("show-async/only");
    "false-is-a-bad-request-in-binds" breaks "async.false-equals-absent": Endpoint::Bind, 422 if is_false => |answer| answer.status = 400, of("show-async/only");
    "false-is-a-bad-request-in-unbinds" breaks "async.false-equals-absent": Endpoint::Unbind, 422 if is_false => |answer| answer.status = 400, of("show-async/only");
    "false-is-a-bad-request-in-deprovisions" breaks "async.false-equals-absent": Endpoint::Deprovision, 422 if is_false => |answer| answer.status = 400, of("show-async/only");
};

fn has_code(answer: &Answer, code: &str) -> bool {
    answer.member("error") == code
}

/// Mutants that answer an error code otherwise: `name breaks requirement: code,
/// endpoint => change`.
macro_rules! coded {
    ($($name:literal breaks $id:literal: $code:literal, $endpoint:pat => $change:expr;)*) => {
        &[$(
            on_answer($name, $id, |_, request, answer| {
                if matches!(request.endpoint(), $endpoint) && has_code(answer, $code) {
                    let change: fn(&mut Answer) = $change;
                    change(answer);
                }
            })
            .of("show-async/only")
        ),*]
    };
}

#[rustfmt::skip]
const REQUIRED: &[Mutant] = coded! {
    "asynchronous-only-is-a-bad-request" breaks "async.required-422": "AsyncRequired", _ => |answer| answer.status = 400;
    "asynchronous-only-is-a-fault" breaks "async.required-422": "AsyncRequired", _ => |answer| answer.status = 501;
    "asynchronous-only-has-no-code" breaks "async.required-code": "AsyncRequired", _ => |answer| answer.remove("error");
    "asynchronous-only-has-another-code" breaks "async.required-code": "AsyncRequired", _ => |answer| answer.set("error", "asyncRequired");
    "asynchronous-only-is-a-text" breaks "async.required-code": "AsyncRequired", _ => |answer| answer.body = "AsyncRequired".to_owned();
};

#[rustfmt::skip]
const BLOCKING: &[Mutant] = coded! {
    "bind-meanwhile-is-a-conflict" breaks "blocking.rejection-422": "ConcurrencyError", Endpoint::Bind => |answer| answer.status = 409;
    "update-meanwhile-is-a-bad-request" breaks "blocking.rejection-422": "ConcurrencyError", Endpoint::Update => |answer| answer.status = 400;
    "unbind-meanwhile-is-a-conflict" breaks "blocking.rejection-422": "ConcurrencyError", Endpoint::Unbind => |answer| answer.status = 409;
    "bind-meanwhile-has-no-code" breaks "blocking.rejection-code": "ConcurrencyError", Endpoint::Bind => |answer| answer.remove("error");
    "update-meanwhile-has-another-code" breaks "blocking.rejection-code": "ConcurrencyError", Endpoint::Update => |answer| answer.set("error", "concurrencyError");
    "unbind-meanwhile-is-answered-with-a-text" breaks "blocking.rejection-code": "ConcurrencyError", Endpoint::Unbind => |answer| answer.body = "not now".to_owned();
};

const UPDATED: &[Mutant] = &[on_both(
    "another-update-meanwhile-is-a-conflict",
    "blocking.rejection-422",
    |memory, request| {
        let is_updating = phase(memory, request) == Phase::Updating;
        let is_same = memory.notes.get(&updated(request)) == Some(&request.json());
        match request.is(Endpoint::Update) && is_updating && !is_same {
            true => instead(request, 409, &json!({})),
            false => None,
        }
    },
    |memory, request, answer| {
        follow(memory, request, answer);
        if request.is(Endpoint::Update) && answer.status == 202 {
            memory.notes.insert(updated(request), request.json());
        }
    },
)
.of("show-async/only")];

fn updated(request: &Request) -> String {
    format!("update of {}", request.instance())
}
