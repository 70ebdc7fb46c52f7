//! Removes what a run has created and not removed, and tells what it could not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::call::{Call, Endpoint, Resource, Work};
use super::ledger::Entry;
use super::patience::Moment;
use super::session::{Reply, Session};
use crate::pause::{Pauses, retry_after};
use crate::run::Leftover;

/// How often a deletion is tried that is refused, and the pause after the first
/// attempt, which doubles.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Deletes these entries of the session's ledger, bindings first and as many side
/// by side as there are jobs, and gives what is left of them after `limit`.
pub(crate) async fn sweep(
    session: &Arc<Session>,
    entries: Vec<Entry>,
    limit: Duration,
) -> Vec<Leftover> {
    let until = Instant::now() + limit;
    let (bindings, instances): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|entry| entry.binding.is_some());
    let mut leftovers = Vec::new();
    for entries in [bindings, instances] {
        let places = Arc::new(Semaphore::new(session.options.jobs.max(1)));
        let mut deletions = JoinSet::new();
        for entry in entries {
            // An instance has taken its bindings with it.
            if !session.ledger().has(&entry.resource()) {
                continue;
            }
            let (session, places) = (session.clone(), places.clone());
            deletions.spawn(async move {
                // Nobody closes the semaphore.
                let _place = places.acquire().await.ok();
                delete(&session, &entry, until).await
            });
        }
        leftovers.extend(deletions.join_all().await.into_iter().flatten());
    }
    leftovers
}

async fn delete(session: &Session, entry: &Entry, until: Instant) -> Option<Leftover> {
    let resource = entry.resource();
    let mut plans = entry.plans();
    let mut plan = plans.next()?;
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        let call = deletion(session, entry, plan);
        let mut left = Leftover {
            id: resource.id(),
            request: call.request(&[], None).to_string(),
            instead: String::new(),
        };
        // Somebody who does not answer is not asked again and again, nor for each
        // entry as long as a deletion may take.
        let speaks = match session.is_silent() {
            true => session.clean(&Call::catalog(), None).await.map(drop),
            false => Ok(()),
        };
        let reply = match speaks {
            Ok(()) => session.clean(&call, None).await,
            Err(failure) => Err(failure),
        };
        let reply = match reply {
            Ok(reply) => reply,
            Err(failure) => {
                left.instead = failure.to_string();
                return Some(left);
            }
        };
        left.instead = format!("was answered {}", reply.status);
        // It may be that the plan is not the one that it has now.
        if matches!(reply.status, 400 | 404 | 410)
            && let Some(other) = plans.next()
        {
            plan = other;
            continue;
        }
        match reply.status {
            404 | 410 => {
                if let Some(wait) = session.may_appear_within(&resource) {
                    if Instant::now() + wait >= until {
                        left.instead = "is not there, but may still appear".to_owned();
                        return Some(left);
                    }
                    tokio::time::sleep(wait).await;
                    continue;
                }
                session.ledger().strike(&resource);
                return None;
            }
            // It will not like it better the next time.
            400 => return Some(left),
            202 => match follow(session, entry, plan, &reply, until).await {
                Followed::Gone => {
                    session.ledger().strike(&resource);
                    return None;
                }
                Followed::Failed => attempts += 1,
                Followed::Still => {
                    left.instead = "was accepted, and has not ended".to_owned();
                    return Some(left);
                }
            },
            200..=299 => {
                session.ledger().strike(&resource);
                return None;
            }
            _ if Moment::of(&reply).is_some() => {}
            _ => attempts += 1,
        }
        let span = retry_after(&reply.answer).unwrap_or(pause);
        if attempts >= ATTEMPTS || Instant::now() + span >= until {
            return Some(left);
        }
        tokio::time::sleep(span).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn deletion(session: &Session, entry: &Entry, plan: &str) -> Call {
    let endpoint = match entry.binding {
        None => Endpoint::Deprovision,
        Some(_) => Endpoint::Unbind,
    };
    let call = with_hints(Call::on(endpoint, &entry.resource()), entry, plan);
    // Bindings can be deleted asynchronously since 2.14.
    match endpoint == Endpoint::Deprovision || session.version().is_at_least(14) {
        true => call.query("accepts_incomplete", "true"),
        false => call,
    }
}

fn with_hints(call: Call, entry: &Entry, plan: &str) -> Call {
    call.query("service_id", &entry.service_id)
        .query("plan_id", plan)
}

/// What has become of an asynchronous deletion.
enum Followed {
    Gone,
    Failed,
    /// It is in progress, or nobody says.
    Still,
}

async fn follow(
    session: &Session,
    entry: &Entry,
    plan: &str,
    accepted: &Reply,
    until: Instant,
) -> Followed {
    let resource: Resource = entry.resource();
    let endpoint = match resource.binding {
        None => Endpoint::PollInstance(Work::Delete),
        Some(_) => Endpoint::PollBinding(Work::Delete),
    };
    let mut poll = with_hints(Call::on(endpoint, &resource), entry, plan);
    if let Some(operation) = accepted.member("operation").and_then(Value::as_str) {
        poll = poll.query("operation", operation);
    }
    let mut pauses = Pauses::new();
    loop {
        let Ok(reply) = session.clean(&poll, None).await else {
            return Followed::Still;
        };
        let state = reply.member("state").and_then(Value::as_str);
        match (reply.status, state) {
            (404 | 410, _) | (200, Some("succeeded")) => return Followed::Gone,
            (200, Some("in progress")) | (500.., _) => {}
            _ if Moment::of(&reply).is_some() => {}
            _ => return Followed::Failed,
        }
        let pause = pauses.after(&reply.answer);
        if Instant::now() + pause >= until {
            return Followed::Still;
        }
        tokio::time::sleep(pause).await;
    }
}
