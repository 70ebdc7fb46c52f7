//! Brokers that are unusual in what they have room for, and in which values they
//! take.

use conformance::Plans;
use serde_json::{Map, Value, json};

use super::{Unusual, instead, is_logged_in, note, on_both, unusual};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::Memory;

pub(super) const ALL: &[Unusual] = &[
    on_both(
        "three-instances-at-most",
        "A broker may have room for a few instances, and refuses what goes beyond.",
        full,
        |memory, request, answer| match request.endpoint() {
            Endpoint::Provision if answer.is_success() => {
                let live = note(LIVE, request.resource());
                memory.notes.insert(live, true.into());
            }
            Endpoint::Deprovision if answer.is_success() => {
                memory.notes.remove(&note(LIVE, request.resource()));
            }
            _ => {}
        },
    ),
    on_both(
        "no-change-is-synchronous-and-none-is-undone",
        "An update that changes nothing may be answered at once where others take time; \
         which change a broker supports is its affair.",
        unchanged,
        |memory, request, answer| {
            let parameters = request.member("parameters");
            let is_change = request.is(Endpoint::Provision) || request.is(Endpoint::Update);
            let (had, busy) = (request.resource(), note("busy", request.resource()));
            if is_change && answer.is_success() && parameters.is_object() {
                let had = memory.notes.entry(note("had", had)).or_insert(json!([]));
                if let Some(had) = had
                    .as_array_mut()
                    .filter(|had| had.last() != Some(&parameters))
                {
                    had.push(parameters);
                }
            }
            if answer.status == 202 {
                memory.notes.insert(busy, true.into());
            } else if request.is(Endpoint::PollInstance) && answer.member("state") == "succeeded" {
                memory.notes.remove(&busy);
            }
        },
    )
    .on("async"),
    Unusual {
        before: unavailable,
        plans: Plans::Representatives,
        ..unusual(
            "has-one-version-and-looks-at-parameters-first",
            "In which order a request is validated is nowhere said, and a schema need not \
             say all that a broker demands of parameters.",
            || include_str!("catalogs/one-version.json").into(),
        )
    },
    Unusual {
        before: |_, request| {
            let body = request.json();
            let is_bind = request.is(Endpoint::Bind) && is_logged_in(request);
            let is_readable = body["service_id"].is_string() && body["plan_id"].is_string();
            match is_bind && is_readable && !body["bind_resource"]["route"].is_string() {
                true => instead(request, 400, &json!({"description": "Which route?"})),
                false => None,
            }
        },
        ..unusual(
            "binds-only-routes",
            "A route service needs the route.",
            || include_str!("catalogs/routes.json").into(),
        )
    },
];

const LIVE: &str = "live";

/// Refuses a fourth instance, in one way or another, before anything else is looked at.
fn full(memory: &mut Memory, request: &mut Request) -> Option<Answer> {
    const WAYS: [(u16, &str); 3] = [
        (422, "QuotaExceeded"),
        (403, "Forbidden"),
        (409, "QuotaExceeded"),
    ];
    let start = note(LIVE, "");
    let live = memory.notes.keys().filter(|note| note.starts_with(&start));
    let is_full = live.count() >= 3 && !memory.notes.contains_key(&note(LIVE, request.resource()));
    if !request.is(Endpoint::Provision) || !is_logged_in(request) || !is_full {
        return None;
    }
    let way = memory.count("refused") as usize;
    let (status, code) = WAYS[way % WAYS.len()];
    let body = json!({"error": code, "description": "There are three instances already."});
    instead(request, status, &body)
}

/// Answers an update at once that changes nothing, and refuses one that goes back.
fn unchanged(memory: &mut Memory, request: &mut Request) -> Option<Answer> {
    const OTHERS: [&str; 4] = ["plan_id", "context", "maintenance_info", "previous_values"];
    let parameters = request.member("parameters");
    let is_alone = OTHERS.iter().all(|name| request.member(name).is_null());
    let is_busy = memory.notes.contains_key(&note("busy", request.resource()));
    let is_right = is_alone && request.member("service_id").is_string();
    if !request.is(Endpoint::Update) || !is_logged_in(request) || !is_right || is_busy {
        return None;
    }
    let had = memory.notes.get(&note("had", request.resource()))?;
    let (now, before) = had.as_array()?.split_last()?;
    if parameters == *now {
        instead(request, 200, &json!({}))
    } else if before.contains(&parameters) {
        let body = json!({"description": "What was given up cannot be had again."});
        instead(request, 422, &body)
    } else {
        None
    }
}

/// Refuses parameters that the plan which is named does not have, whatever the request
/// is for.
fn unavailable(_: &mut Memory, request: &mut Request) -> Option<Answer> {
    let is_made = request.is(Endpoint::Provision) || request.is(Endpoint::Bind);
    if !is_logged_in(request) || !(is_made || request.is(Endpoint::Update)) {
        return None;
    }
    let parameters = request.member("parameters");
    let parameters: &Map<String, Value> = parameters.as_object()?;
    let is_sized = request.member("plan_id") == SIZED;
    let is_had = |(name, value): (&String, &Value)| match is_sized {
        true => name == "size",
        false => name == "size" || (name == "version" && value == "8.0"),
    };
    match parameters.iter().all(is_had) {
        true => None,
        false => instead(request, 400, &json!({"description": "There is none such."})),
    }
}

/// The plan that has sizes and no versions.
const SIZED: &str = "7d0c1b5e-0030-4c3c-9f0e-000000000003";
