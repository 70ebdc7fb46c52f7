//! Brokers that are unusual in what they refuse because of what is there already,
//! or still going on.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Unusual, instead, note, on_both, warned};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::Memory;

/// Long enough for a handful of requests on a machine that is busy.
const AWHILE: Duration = Duration::from_millis(600);

pub(super) const ALL: &[Unusual] = &[
    Unusual {
        catalog: || include_str!("catalogs/only-asynchronous.json").into(),
        takes: AWHILE,
        ..on_both(
            "knows-what-it-does-not-want",
            "A broker may bind an application once, take no parameters where it has no \
             schema for them, and refuse to delete what has bindings. An id that it does \
             not want to tell is empty.",
            |memory, request| {
                refused_parameters(request)
                    .or_else(|| bound_already(memory, request))
                    .or_else(|| has_bindings(memory, request))
            },
            |memory, request, answer| {
                remember_bindings(memory, request, answer);
                not_there_yet(memory, request, answer);
                let tells_it = request.is(Endpoint::Provision) || request.is(Endpoint::Update);
                if tells_it {
                    answer.remove("dashboard_url");
                } else if request.is(Endpoint::FetchInstance) {
                    for name in ["service_id", "plan_id", "dashboard_url"] {
                        answer.replace(name, "");
                    }
                }
            },
        )
    }
    .warns(&[
        warned(
            "blocking.rejection-422",
            "what is being provisioned is not there yet",
        ),
        warned("fetch-instance.service-id-matches", "it is empty"),
        warned("fetch-instance.plan-id-matches", "likewise"),
    ]),
    Unusual {
        catalog: || include_str!("catalogs/only-asynchronous.json").into(),
        ..on_both(
            "halts-with-trouble",
            "The deletion of what is being created may fail, and then be asked for again; \
             after one that has succeeded, another one may be refused for the moment.",
            deletion_fails,
            |memory, request, answer| {
                if is_being_created(memory, request) && request.is(Endpoint::Unbind) {
                    memory.notes.insert(halted(request), true.into());
                }
                remember_creation(memory, request, answer);
            },
        )
    },
    Unusual {
        catalog: || include_str!("catalogs/nothing-to-fetch.json").into(),
        takes: Duration::from_millis(1),
        ..on_both(
            "binds-few-applications",
            "A broker may look up the application that is to be bound, and not find it, or \
             find it bound already.",
            |memory, request| {
                let app = request.member("/bind_resource/app_guid");
                let is_right =
                    ["service_id", "plan_id"].map(|name| request.member(name).is_string());
                if request.is(Endpoint::Bind) && app.is_string() && is_right == [true; 2] {
                    let first = memory.notes.entry("application".to_owned());
                    let is_first = *first.or_insert(app.clone()) == app;
                    let other = match (request.member("plan_id") == SYNC, is_first) {
                        (true, _) => NOT_FOUND,
                        (false, true) => BOUND_ALREADY,
                        (false, false) => return None,
                    };
                    request.edit(|body| _ = body.insert("plan_id".to_owned(), other.into()));
                }
                None
            },
            |_, request, answer| {
                if request.is(Endpoint::Bind) && answer.status == 400 {
                    let plan = request.member("plan_id");
                    let (status, says) = match plan.as_str() {
                        Some(NOT_FOUND) => (404, "There is no such application."),
                        Some(BOUND_ALREADY) => (409, "An application cannot be bound twice."),
                        _ => return,
                    };
                    answer.status = status;
                    answer.set_json(&json!({"description": says}));
                }
            },
        )
    },
];

/// The plan `sync` of the offering that cannot be fetched.
const SYNC: &str = "7d0c1b5e-0008-4c3c-9f0e-000000000001";

/// Plans that are not there: what names them is refused, if not for another reason.
const NOT_FOUND: &str = "application-not-found";
const BOUND_ALREADY: &str = "application-bound-already";

fn refused_parameters(request: &Request) -> Option<Answer> {
    let has_any = request.member("parameters").is_object();
    let body = json!({"description": "There are no parameters of bindings."});
    match request.is(Endpoint::Bind) && has_any {
        true => instead(request, 400, &body),
        false => None,
    }
}

/// The note about the bindings of an instance: their paths, and their applications.
fn bindings(request: &Request) -> String {
    note("bindings", request.instance())
}

fn remember_bindings(memory: &mut Memory, request: &Request, answer: &Answer) {
    if !answer.is_success() && answer.status != 410 {
        return;
    }
    let known = memory.notes.entry(bindings(request));
    let known = known.or_insert_with(|| json!({}));
    match (request.endpoint(), known.as_object_mut()) {
        (Endpoint::Bind, Some(known)) => {
            let app = request.member("/bind_resource/app_guid");
            known.insert(request.resource().to_owned(), app);
        }
        (Endpoint::Unbind, Some(known)) => _ = known.remove(request.resource()),
        _ => {}
    }
}

/// Refuses to bind an application to an instance a second time.
fn bound_already(memory: &Memory, request: &Request) -> Option<Answer> {
    let app = request.member("/bind_resource/app_guid");
    let known = memory.notes.get(&bindings(request))?.as_object()?;
    let mut others = known.iter().filter(|(path, _)| *path != request.resource());
    let is_bound = app.is_string() && others.any(|(_, other)| *other == app);
    let body = json!({"description": "The application is bound to this instance already."});
    match request.is(Endpoint::Bind) && is_bound {
        true => instead(request, 409, &body),
        false => None,
    }
}

/// Refuses to delete an instance that has bindings, before it looks at anything else.
fn has_bindings(memory: &Memory, request: &Request) -> Option<Answer> {
    let known = memory.notes.get(&bindings(request))?.as_object()?;
    let body = json!({"error": "BindingsExist", "description": "Unbind first."});
    match request.is(Endpoint::Deprovision) && !known.is_empty() {
        true => instead(request, 400, &body),
        false => None,
    }
}

fn being_created(request: &Request) -> String {
    note("being created", request.resource())
}

fn is_being_created(memory: &Memory, request: &Request) -> bool {
    memory.notes.contains_key(&being_created(request))
}

fn remember_creation(memory: &mut Memory, request: &Request, answer: &Answer) {
    let being_created = being_created(request);
    match request.endpoint() {
        Endpoint::Provision | Endpoint::Bind if answer.status == 202 => {
            memory.notes.insert(being_created, true.into());
        }
        Endpoint::PollInstance | Endpoint::PollBinding
            if answer.member("state") != "in progress" =>
        {
            memory.notes.remove(&being_created);
        }
        _ => {}
    }
}

/// What is being provisioned can neither be bound nor updated, since it is not there.
fn not_there_yet(memory: &mut Memory, request: &Request, answer: &mut Answer) {
    remember_creation(memory, request, answer);
    let instance = note("being created", request.instance());
    let is_early = memory.notes.contains_key(&instance);
    let wants_it = request.is(Endpoint::Bind) || request.is(Endpoint::Update);
    if is_early && wants_it && answer.member("error") == "ConcurrencyError" {
        answer.status = 404;
        answer.set_json(&json!({"description": "There is no such instance."}));
    }
}

fn halted(request: &Request) -> String {
    note("halted", request.resource())
}

/// The first deletion of an instance that is being provisioned fails. After a
/// binding was deleted while it was being made, a further deletion has to wait.
fn deletion_fails(memory: &mut Memory, request: &mut Request) -> Option<Answer> {
    if request.is(Endpoint::PollInstance) && request.query("operation") == Some("fails") {
        let body = json!({"state": "failed", "description": "It is stuck."});
        return instead(request, 200, &body);
    }
    let is_early = is_being_created(memory, request);
    match request.endpoint() {
        Endpoint::Deprovision if is_early && memory.count(&halted(request)) == 1 => {
            instead(request, 202, &json!({"operation": "fails"}))
        }
        Endpoint::Unbind if memory.notes.get(&halted(request)) == Some(&Value::Bool(true)) => {
            let body = json!({"error": "ConcurrencyError"});
            instead(request, 422, &body)
        }
        _ => None,
    }
}
