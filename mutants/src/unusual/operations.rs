//! Brokers that are unusual in how they conduct operations that go on after a
//! request, and in what they tell of them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Unusual, Warned, instead, is_logged_in, note, on_answer, on_both, on_request, warned};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::Memory;

/// Long enough that what happens meanwhile is seen in any case.
const SECONDS: Duration = Duration::from_millis(1200);

pub(super) const ALL: &[Unusual] = &[
    Unusual {
        takes: SECONDS,
        ..on_answer(
            "operations-without-a-name",
            "A 202 may name its operation, and need not.",
            |_, _, answer| answer.remove("operation"),
        )
    }
    .on("async")
    .uses(&[
        "binding-last-operation.single-without-identifier",
        "provision.operation-optional",
        "update.operation-optional",
        "bind.operation-optional",
        "unbind.operation-optional",
        "deprovision.operation-optional",
        "blocking.concurrency-degree",
        "blocking.bind-as-instance-mutation",
        "blocking.rejection-description",
    ]),
    on_both(
        "operations-with-the-longest-names",
        "The name of an operation has up to 10,000 characters.",
        |_, request| {
            let name = request.query("operation").unwrap_or_default();
            let name = name.trim_end_matches('~').to_owned();
            if !name.is_empty() {
                request.set_query("operation", Some(&name));
            }
            None
        },
        |_, _, answer| {
            if let Some(name) = answer.member("operation").as_str() {
                answer.set("operation", format!("{name:~<10000}"));
            }
        },
    )
    .on("async"),
    on_answer(
        "operations-with-an-empty-name",
        "Nothing forbids the empty string as an operation, but for updates.",
        |_, request, answer| match request.endpoint() {
            Endpoint::Update => answer.remove("operation"),
            _ => answer.replace("operation", ""),
        },
    )
    .on("async"),
    deletion_ends_in(
        "410-at-the-end-of-a-deletion",
        "410 may say that the deletion which is polled has succeeded.",
        |memory, request, answer| ends_in(410, memory, request, answer),
    )
    .uses(&[
        "last-operation.status-410-after-delete",
        "binding-last-operation.status-410-after-delete",
    ]),
    deletion_ends_in(
        "404-at-the-end-of-a-deletion",
        "404 says of what is polled that it is not there any more.",
        |memory, request, answer| ends_in(404, memory, request, answer),
    ),
    Unusual {
        takes: SECONDS,
        ..on_both(
            "one-thing-at-a-time",
            "A broker need not support concurrent requests for an instance: it says \
             ConcurrencyError.",
            |memory, request| match is_repeat(memory, request) {
                true => None,
                false => refused_while_busy(memory, request),
            },
            remember,
        )
    }
    .on("async")
    .uses(&[
        "blocking.concurrency-degree",
        "blocking.bind-as-instance-mutation",
        "blocking.rejection-description",
    ]),
    Unusual {
        takes: SECONDS,
        ..on_both(
            "one-thing-at-a-time-and-no-repeats",
            "A broker may refuse whatever it cannot handle at the time with ConcurrencyError.",
            refused_while_busy,
            remember,
        )
    }
    .on("async")
    .warns(REPEATS_REFUSED),
    Unusual {
        takes: Duration::from_millis(50),
        ..on_both(
            "one-thing-at-a-time-for-everybody",
            "A broker need not support concurrent requests, whatever they concern; what is \
             fetched is found or not.",
            |memory, request| {
                let busy = memory.notes.get("busy");
                let busy = busy.filter(|busy| busy["until"].as_f64() > Some(now()));
                let is_told = request.0.method == "GET" && !request.is(Endpoint::Catalog);
                match busy {
                    Some(busy) if !is_told && busy["asked"] != asked(request) => {
                        return instead(request, 422, &json!({"error": "ConcurrencyError"}));
                    }
                    // Nothing else comes in between until it is answered.
                    None if request.0.method != "GET" => keep_busy(memory, request),
                    _ => {}
                }
                None
            },
            |memory, request, answer| {
                let busy = memory.notes.get("busy");
                let is = |name: &str, what: Value| busy.is_some_and(|busy| busy[name] == what);
                let is_over = match is_poll(request) {
                    true => {
                        is("of", request.resource().into())
                            && matches!(answer.status, 200 | 410)
                            && answer.member("state") != "in progress"
                    }
                    false => is("asked", asked(request)) && answer.status != 202,
                };
                if is_over {
                    memory.notes.remove("busy");
                } else if answer.status == 202 {
                    keep_busy(memory, request);
                }
            },
        )
    }
    .on("async"),
    Unusual {
        takes: Duration::from_millis(400),
        ..on_both(
            "knows-its-last-operation-only",
            "A broker may refuse a poll that it has no use for: that of an operation which \
             another one has followed.",
            |memory, request| {
                let last = memory
                    .notes
                    .get(&note("last operation", request.resource()))?;
                let is_last = request.query("operation").is_none_or(|asked| last == asked);
                let refusal = json!({"description": "which operation?"});
                match is_poll(request) && !is_last {
                    true => instead(request, 400, &refusal),
                    false => None,
                }
            },
            |memory, request, answer| {
                if answer.status == 202 {
                    let last = note("last operation", request.resource());
                    memory.notes.insert(last, answer.member("operation"));
                }
            },
        )
    }
    .on("async"),
    Unusual {
        takes: SECONDS,
        ..on_both(
            "tells-nothing-of-instances-while-they-are-updated",
            "A broker that cannot tell of an instance while it is updated says ConcurrencyError.",
            |memory, request| {
                let busy = memory.notes.get(&note("busy", request.instance()))?;
                let is_updated =
                    busy["asked"][0] == "PATCH" && busy["until"].as_f64() > Some(now());
                match is_updated && request.is(Endpoint::FetchInstance) {
                    true => instead(request, 422, &json!({"error": "ConcurrencyError"})),
                    false => None,
                }
            },
            remember,
        )
    }
    .on("async"),
    on_answer(
        "polls-that-tell-the-state-alone",
        "Everything but the state is optional in the answer to a poll.",
        |_, request, answer| {
            if is_poll(request) && answer.is_success() {
                answer.set_json(&json!({"state": answer.member("state")}));
            }
        },
    )
    .on("async"),
    on_answer(
        "polls-with-another-message-each-time",
        "A poll may come with a message, which may differ each time.",
        |memory, request, answer| {
            if is_poll(request) && answer.is_success() {
                let count = memory.count("polls");
                answer.set("description", format!("{count} times asked.\n\"Still\" 🏗"));
            }
        },
    )
    .on("async")
    .uses(&["async.progress-message"]),
    Unusual {
        catalog: || include_str!("catalogs/only-synchronous.json").into(),
        ..on_request(
            "no-polls-where-nothing-is-asynchronous",
            "Without asynchronous operations there is nothing to be polled: it is not found.",
            |_, request| {
                let mut answer =
                    instead(request, 404, &Value::Null).filter(|_| is_poll(request))?;
                answer.body.clear();
                answer.set_header("content-type", None);
                Some(answer)
            },
        )
    },
    on_both(
        "repeats-are-conflicts",
        "409 to what is there already was recommended by 2.17's advice to \
         platforms; it breaks a SHOULD only.",
        |_, _| None,
        |_, request, answer| {
            let creates = request.is(Endpoint::Provision) || request.is(Endpoint::Bind);
            if creates && answer.status == 200 {
                answer.status = 409;
                answer.set_json(&json!({"description": "It is there already."}));
            }
        },
    )
    .on("sync")
    .warns(&[
        warned("provision.status-200-identical", "a repeat is answered 409"),
        warned("bind.status-200-identical", "likewise"),
    ]),
    on_both(
        "a-deletion-that-is-refused-once",
        "A 5xx is a fault of the broker's own, after which a deletion may be tried again; \
         what exists may be in no state to be deleted.",
        |memory, request| {
            let is_binding = request.is(Endpoint::Unbind);
            match is_first_deletion(memory, request) {
                true if is_binding => instead(request, 500, &json!({"description": "Not now."})),
                true => instead(request, 422, &json!({"error": "BackupRunning"})),
                false => None,
            }
        },
        remember_made,
    )
    .on("sync"),
    on_both(
        "a-deletion-that-fails-once",
        "An operation may fail, and be asked for again.",
        |memory, request| {
            if is_poll(request) && request.query("operation") == Some("fails") {
                let body = json!({"state": "failed", "description": "It is stuck."});
                return instead(request, 200, &body);
            }
            let accepts = request.query("accepts_incomplete") == Some("true");
            match accepts && is_first_deletion(memory, request) {
                true => instead(request, 202, &json!({"operation": "fails"})),
                false => None,
            }
        },
        remember_made,
    )
    .on("sync"),
];

const REPEATS_REFUSED: &[Warned] = &[
    warned("provision.resent-202-not-200", "a repeat is refused"),
    warned("update.resent-202-not-200", "likewise"),
    warned("deprovision.resent-202-not-200", "likewise"),
    warned("bind.resent-202-not-200", "likewise"),
    warned("unbind.resent-202-not-200", "likewise"),
];

fn is_poll(request: &Request) -> bool {
    request.is(Endpoint::PollInstance) || request.is(Endpoint::PollBinding)
}

const fn deletion_ends_in(
    name: &'static str,
    right: &'static str,
    end: crate::mutant::After,
) -> Unusual {
    Unusual {
        after: end,
        ..on_request(name, right, |_, _| None)
    }
    .on("async")
}

/// What has been deleted is told by a status.
fn ends_in(status: u16, memory: &mut Memory, request: &Request, answer: &mut Answer) {
    let deletion = note("deletion", request.resource());
    if request.0.method == "DELETE" && answer.status == 202 {
        memory.notes.insert(deletion, true.into());
    } else if is_poll(request)
        && answer.member("state") == "succeeded"
        && memory.notes.contains_key(&deletion)
    {
        answer.status = status;
    }
}

/// Remembers what was made.
fn remember_made(memory: &mut Memory, request: &Request, answer: &mut Answer) {
    let creates = request.is(Endpoint::Provision) || request.is(Endpoint::Bind);
    if creates && answer.is_success() {
        let made = note("made", request.resource());
        memory.notes.insert(made, request.json());
    }
}

/// Whether it is the first deletion of what was made that is right in everything.
fn is_first_deletion(memory: &mut Memory, request: &Request) -> bool {
    let resource = request.resource();
    let made = memory.notes.get(&note("made", resource));
    let is_right = made.is_some_and(|made| {
        let hints = ["service_id", "plan_id"];
        hints
            .iter()
            .all(|hint| request.query(hint) == made[hint].as_str())
    });
    request.0.method == "DELETE"
        && is_right
        && is_logged_in(request)
        && !request.0.path.contains("%zz")
        && memory.count(&note("deletions of", resource)) == 1
}

/// Remembers what everybody has to wait for.
fn keep_busy(memory: &mut Memory, request: &Request) {
    let (of, until) = (request.resource(), now() + 5.0);
    let busy = json!({"of": of, "asked": asked(request), "until": until});
    memory.notes.insert("busy".to_owned(), busy);
}

/// Remembers which operation of an instance has not been told to have ended.
fn remember(memory: &mut Memory, request: &Request, answer: &mut Answer) {
    let busy = note("busy", request.instance());
    if answer.status == 202 {
        let until = now() + 2.0 * SECONDS.as_secs_f64();
        let asked = json!({"of": request.resource(), "asked": asked(request), "until": until});
        memory.notes.insert(busy, asked);
    } else if is_poll(request) && answer.member("state") != "in progress" {
        let is_it = memory
            .notes
            .get(&busy)
            .is_some_and(|busy| busy["of"] == request.resource());
        if is_it && is_logged_in(request) {
            memory.notes.remove(&busy);
        }
    }
}

/// In seconds.
fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

fn asked(request: &Request) -> Value {
    json!([request.0.method, request.0.path, request.0.body])
}

fn is_repeat(memory: &Memory, request: &Request) -> bool {
    let busy = memory.notes.get(&note("busy", request.instance()));
    busy.is_some_and(|busy| busy["asked"] == asked(request))
}

fn refused_while_busy(memory: &mut Memory, request: &mut Request) -> Option<Answer> {
    let busy = memory.notes.get(&note("busy", request.instance()));
    // Nobody need poll an operation for it to end.
    let is_busy = busy?["until"].as_f64() > Some(now());
    if !is_busy || request.0.method == "GET" {
        return None;
    }
    let body = json!({"error": "ConcurrencyError", "description": "One thing at a time."});
    instead(request, 422, &body)
}
