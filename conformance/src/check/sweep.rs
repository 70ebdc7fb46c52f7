//! Removes what a run has created and not removed, and tells what it could not.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::call::{Call, Endpoint, Resource, Work};
use super::ledger::Entry;
use super::session::{Reply, Session};
use crate::run::Leftover;

/// How often a deletion is tried, and the pause after the first attempt, which
/// doubles.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long an asynchronous deletion is followed.
const LONGEST_DELETION: Duration = Duration::from_secs(60);

/// Deletes everything that the session's ledger has, bindings first, and gives
/// what is left.
pub(crate) async fn sweep(session: &Session) -> Vec<Leftover> {
    let mut leftovers = Vec::new();
    for entry in session.ledger().entries() {
        if let Some(leftover) = delete(session, &entry).await {
            leftovers.push(leftover);
        }
    }
    leftovers
}

async fn delete(session: &Session, entry: &Entry) -> Option<Leftover> {
    let resource = entry.resource();
    let endpoint = match resource.binding {
        None => Endpoint::Deprovision,
        Some(_) => Endpoint::Unbind,
    };
    let mut call = with_hints(Call::on(endpoint, &resource), entry);
    // Bindings can be deleted asynchronously since 2.14.
    if endpoint == Endpoint::Deprovision || session.version().is_at_least(14) {
        call = call.query("accepts_incomplete", "true");
    }
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    for attempt in 1..=ATTEMPTS {
        let reply = match session.clean(&call, None).await {
            Ok(reply) => reply,
            Err(failure) => {
                last = Some((shown(&call), failure.to_string()));
                // Somebody who does not answer is not asked again and again.
                break;
            }
        };
        match reply.status {
            200..=299 if reply.status != 202 => return None,
            404 | 410 => return None,
            202 if follow(session, entry, &resource, &reply).await => {
                session.ledger().strike(&resource);
                return None;
            }
            _ => {
                last = Some((
                    reply.asked.clone(),
                    format!("was answered {}", reply.status),
                ))
            }
        }
        if reply.status == 400 {
            // It will not like it better the next time.
            break;
        }
        if attempt < ATTEMPTS {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
    let (request, instead) = last?;
    Some(Leftover {
        id: resource.id(),
        request,
        instead,
    })
}

fn shown(call: &Call) -> String {
    call.request(&[], None).to_string()
}

fn with_hints(call: Call, entry: &Entry) -> Call {
    call.query("service_id", &entry.service_id)
        .query("plan_id", &entry.plan_id)
}

/// Follows an asynchronous deletion; gives whether it has succeeded.
async fn follow(session: &Session, entry: &Entry, resource: &Resource, accepted: &Reply) -> bool {
    let endpoint = match resource.binding {
        None => Endpoint::PollInstance(Work::Delete),
        Some(_) => Endpoint::PollBinding(Work::Delete),
    };
    let mut poll = with_hints(Call::on(endpoint, resource), entry);
    if let Some(operation) = accepted.member("operation").and_then(Value::as_str) {
        poll = poll.query("operation", operation);
    }
    let started = Instant::now();
    let mut pause = Duration::from_millis(10);
    while started.elapsed() < LONGEST_DELETION {
        let Ok(reply) = session.clean(&poll, None).await else {
            return false;
        };
        let state = reply.member("state").and_then(Value::as_str);
        match (reply.status, state) {
            (404 | 410, _) | (200, Some("succeeded")) => return true,
            (200, Some("in progress")) => {}
            _ => return false,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_secs(2));
    }
    false
}
