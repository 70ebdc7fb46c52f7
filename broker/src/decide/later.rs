//! Operations that are carried out after their request: their beginning, and
//! what becomes of them when the broker has been away.

use super::instance::work;
use super::{Circumstances, Decision, Next, Stored, Verb, Work, plan_of};
use crate::conduct::{Fault, Wrong};
use crate::instance::Phase;
use crate::operation::{Kind, Operation, State};
use crate::reply::Reply;

/// Begins the operation with this id, whose time has come. If it has been
/// halted since, nothing is to be done.
pub fn begin(at: &Circumstances<'_>, mut stored: Stored, operation: &str) -> Decision {
    let fault = fault(at, &stored);
    let Some(current) = current(at, &mut stored).filter(|current| current.id == operation) else {
        return stored.reply(Reply::Concurrency);
    };
    if !current.is_waiting() {
        return stored.reply(Reply::Concurrency);
    }
    if fault.is_some_and(|fault| fault.what == Wrong::NeverEnds) {
        return stored.reply(Reply::Concurrency);
    }
    let fails = |fault: &Fault| {
        fault.what == Wrong::FailsLater && fault.times.is_none_or(|times| current.failures < times)
    };
    if fault.is_some_and(fails) {
        current.failures = current.failures.saturating_add(1);
        current.state = State::Failed {
            why: "this plan's operation fails on purpose".to_owned(),
        };
        return failed_on_purpose(at, stored);
    }
    current.state = State::Working;
    let verb = verb(current.kind);
    with_work(at, stored, verb)
}

/// Takes up the operation that was in progress when the broker ended, whatever
/// had come of it: what is to be created may have been, and is ours then.
pub fn recover(at: &Circumstances<'_>, mut stored: Stored) -> Decision {
    let Some(current) = current(at, &mut stored) else {
        return stored.reply(Reply::Gone);
    };
    if !current.is_in_progress() {
        return stored.reply(Reply::Gone);
    }
    let kind = current.kind;
    current.state = State::Working;
    if kind == Kind::Create {
        let maybe_made = Phase::Creating { maybe_made: true };
        match (at.binding, &mut stored.instance, &mut stored.binding) {
            (None, Some(instance), _) => instance.phase = maybe_made,
            (Some(_), _, Some(binding)) => binding.phase = maybe_made,
            _ => {}
        }
    }
    with_work(at, stored, verb(kind))
}

fn verb(kind: Kind) -> Verb {
    match kind {
        Kind::Create => Verb::Create,
        Kind::Update => Verb::Nothing,
        Kind::Delete => Verb::Delete,
    }
}

fn with_work(at: &Circumstances<'_>, stored: Stored, verb: Verb) -> Decision {
    let work = match (&stored.instance, &stored.binding, at.binding) {
        (Some(instance), _, None) => work(instance, verb),
        (Some(instance), Some(binding), Some(_)) => Work {
            verb,
            backend: instance.backend,
            operation: binding.operation.id.clone(),
        },
        _ => return stored.reply(Reply::Gone),
    };
    stored.next(Next::Work(work))
}

/// The operation of what the circumstances are about.
fn current<'s>(at: &Circumstances<'_>, stored: &'s mut Stored) -> Option<&'s mut Operation> {
    match at.binding {
        None => stored.instance.as_mut().map(|i| &mut i.operation),
        Some(_) => stored.binding.as_mut().map(|b| &mut b.operation),
    }
}

/// What is to go wrong with the current operation on purpose.
fn fault<'a>(at: &Circumstances<'a>, stored: &Stored) -> Option<&'a Fault> {
    let faults = &plan_of(at, stored.instance.as_ref()?)?.conduct.faults;
    match (at.binding, stored.binding.as_ref()) {
        (None, _) => match stored.instance.as_ref()?.operation.kind {
            Kind::Create => faults.provision.as_ref(),
            Kind::Update => faults.update.as_ref(),
            Kind::Delete => faults.deprovision.as_ref(),
        },
        (Some(_), Some(binding)) => match binding.operation.kind {
            Kind::Create | Kind::Update => faults.bind.as_ref(),
            Kind::Delete => faults.unbind.as_ref(),
        },
        (Some(_), None) => None,
    }
}

/// A creation that fails leaves nothing, another operation leaves things as
/// they were.
fn failed_on_purpose(at: &Circumstances<'_>, mut stored: Stored) -> Decision {
    match (at.binding, &mut stored.instance, &mut stored.binding) {
        (None, Some(instance), _) => {
            instance.update = None;
            if instance.operation.kind == Kind::Create {
                instance.phase = after_none_was_made(instance.phase);
            }
        }
        (Some(_), _, Some(binding)) if binding.operation.kind == Kind::Create => {
            binding.phase = after_none_was_made(binding.phase);
        }
        _ => {}
    }
    stored.reply(Reply::Gone)
}

/// What is left of a creation for which the echo service was not called: what an
/// earlier attempt may have made there.
fn after_none_was_made(begun: Phase) -> Phase {
    match begun.maybe_made() {
        true => begun,
        false => Phase::Gone,
    }
}

/// The id of the operation that is waiting on what `stored` is about, and when
/// its time comes, in milliseconds since 1970.
pub fn waiting_operation(stored: &Stored, is_binding: bool) -> Option<(String, u64)> {
    let operation = match is_binding {
        false => stored.instance.as_ref().map(|i| &i.operation),
        true => stored.binding.as_ref().map(|b| &b.operation),
    }?;
    match operation.state {
        State::Waiting { until } => Some((operation.id.clone(), until)),
        _ => None,
    }
}
