//! Bind, rotate and unbind.

use super::{
    Circumstances, Decision, Done, Next, Stored, Verb, Work, after_failure, created, operation,
    pace, plan_of,
};
use crate::ask;
use crate::binding_answer;
use crate::instance::{Binding, Instance, Phase};
use crate::operation::{Kind, State};
use crate::reply::Reply;
use crate::version::ApiVersion;

pub(super) fn bind(at: &Circumstances<'_>, stored: Stored, asked: &ask::Bind) -> Decision {
    let (instance, plan) = match bindable(at, &stored) {
        Ok(found) => found,
        Err(reply) => return stored.reply(reply),
    };
    let is_other =
        asked.service_id != instance.asked.service_id || asked.plan_id != instance.asked.plan_id;
    if is_other && at.version >= ApiVersion::STRICT {
        let why = "service_id or plan_id is not that of the service instance";
        return stored.reply(Reply::bad(why));
    }
    if is_other
        && let Err(reply) = ask::offered(at.catalog, at.version, &asked.service_id, &asked.plan_id)
    {
        return stored.reply(reply);
    }
    let schema = plan.and_then(|plan| plan.schemas.bind.as_ref());
    if let Err(reply) = ask::validate(at.version, schema, &asked.parameters) {
        return stored.reply(reply);
    }
    if plan.is_some_and(|plan| plan.conduct.requires_app) && asked.app_guid.is_none() {
        return stored.reply(Reply::RequiresApp);
    }
    let same = |binding: &Binding| binding.predecessor.is_none() && binding.asked == *asked;
    match existing(at, &stored, same) {
        Err(reply) => stored.reply(reply),
        Ok(phase) => create(at, stored, phase, asked.clone(), None),
    }
}

pub(super) fn rotate(
    at: &Circumstances<'_>,
    stored: Stored,
    rotation: &ask::Rotation,
    predecessor: Option<&Binding>,
) -> Decision {
    let plan = match bindable(at, &stored) {
        Ok((_, plan)) => plan,
        Err(reply) => return stored.reply(reply),
    };
    // What became of the predecessor since says nothing about a successor that
    // is there, or is being made.
    let same = |binding: &Binding| binding.predecessor.as_ref() == Some(&rotation.predecessor);
    let phase = match existing(at, &stored, same) {
        Ok(phase) => phase,
        Err(reply) => return stored.reply(reply),
    };
    if !plan.is_some_and(|plan| plan.binding_rotatable) {
        return stored.reply(Reply::bad("bindings of this plan cannot be rotated"));
    }
    let valid = predecessor.filter(|binding| {
        let ends = binding_answer::expires_at(plan, binding);
        binding.phase == Phase::Ready && ends.is_none_or(|ends| at.now < ends)
    });
    match valid {
        Some(predecessor) => {
            let asked = predecessor.asked.clone();
            create(at, stored, phase, asked, Some(rotation.predecessor.clone()))
        }
        None => stored.reply(Reply::bad(
            "predecessor_binding_id names no valid binding of this service instance",
        )),
    }
}

/// The instance to bind to and its plan, or why nothing can be bound.
fn bindable<'a, 's>(
    at: &Circumstances<'a>,
    stored: &'s Stored,
) -> Result<(&'s Instance, Option<&'a crate::catalog::Plan>), Reply> {
    let Some(instance) = &stored.instance else {
        return Err(Reply::UnknownInstance);
    };
    if instance.operation.is_in_progress() {
        return Err(Reply::Concurrency);
    }
    if instance.phase != Phase::Ready {
        return Err(Reply::UnknownInstance);
    }
    let plan = plan_of(at, instance);
    match plan {
        Some(plan) if !plan.bindable => Err(Reply::bad("instances of this plan cannot be bound")),
        plan => Ok((instance, plan)),
    }
}

/// The phase in which a binding that is asked for begins, or what is answered
/// since the id is taken, by `same` as what is asked for or by another one.
fn existing(
    at: &Circumstances<'_>,
    stored: &Stored,
    same: impl Fn(&Binding) -> bool,
) -> Result<Phase, Reply> {
    let Some(binding) = &stored.binding else {
        return Ok(Phase::FRESH);
    };
    if binding.operation.is_in_progress() {
        return Err(match binding.operation.kind {
            Kind::Create if !same(binding) => Reply::BindingConflict,
            Kind::Create => in_progress(at, binding),
            Kind::Update | Kind::Delete => Reply::Concurrency,
        });
    }
    match binding.phase {
        Phase::Ready if same(binding) && at.version >= ApiVersion::STRICT => {
            let body = body(at, stored);
            Err(Reply::AlreadyBound { body })
        }
        Phase::Ready => Err(Reply::BindingConflict),
        Phase::Creating { .. } => Ok(binding.phase),
        Phase::Gone => Ok(Phase::FRESH),
    }
}

fn create(
    at: &Circumstances<'_>,
    mut stored: Stored,
    phase: Phase,
    asked: ask::Bind,
    predecessor: Option<String>,
) -> Decision {
    let is_async = match pace_of(at, &stored, Kind::Create) {
        Ok(is_async) => is_async,
        Err(reply) => return stored.reply(reply),
    };
    let last = stored.binding.map(|binding| binding.operation);
    stored.binding = Some(Binding {
        asked,
        predecessor,
        asked_at: at.now,
        phase,
        operation: operation(at, last, Kind::Create, is_async),
    });
    started(stored, Verb::Create)
}

fn pace_of(at: &Circumstances<'_>, stored: &Stored, kind: Kind) -> Result<bool, Reply> {
    let plan = stored.instance.as_ref().and_then(|i| plan_of(at, i));
    let Some(conduct) = plan.map(|plan| &plan.conduct) else {
        return Ok(false);
    };
    let (wanted, fault) = match kind {
        Kind::Create | Kind::Update => (conduct.bind, conduct.faults.bind.as_ref()),
        Kind::Delete => (conduct.unbind, conduct.faults.unbind.as_ref()),
    };
    pace(at, ApiVersion::ASYNC_BINDINGS, wanted, fault)
}

/// The answer to a request that is the one in progress, sent again.
fn in_progress(at: &Circumstances<'_>, binding: &Binding) -> Reply {
    match binding.operation.is_async && at.accepts_incomplete {
        true => Reply::Accepted {
            operation: binding.operation.id.clone(),
            shown: None,
        },
        false => Reply::Concurrency,
    }
}

/// The decision for an operation that has just been entered in the binding.
fn started(stored: Stored, verb: Verb) -> Decision {
    let (Some(instance), Some(binding)) = (&stored.instance, &stored.binding) else {
        return stored.reply(Reply::Gone);
    };
    let operation = binding.operation.id.clone();
    let next = match binding.operation.is_async {
        true => Next::Accepted(Reply::Accepted {
            operation,
            shown: None,
        }),
        false => Next::Work(Work {
            verb,
            backend: instance.backend,
            operation,
        }),
    };
    stored.next(next)
}

pub(super) fn unbind(at: &Circumstances<'_>, mut stored: Stored, hints: &ask::Hints) -> Decision {
    let gone = |instance: &Instance| instance.phase == Phase::Gone;
    if stored.instance.as_ref().is_none_or(gone) {
        return stored.reply(Reply::Gone);
    }
    if stored
        .instance
        .as_ref()
        .is_some_and(|i| i.operation.is_in_progress())
    {
        return stored.reply(Reply::Concurrency);
    }
    let Some(binding) = &mut stored.binding else {
        return stored.reply(Reply::Gone);
    };
    if binding.phase == Phase::Gone {
        return stored.reply(Reply::Gone);
    }
    let halts = binding.operation.kind == Kind::Create && binding.operation.is_waiting();
    if binding.operation.is_in_progress() && !halts {
        let reply = match binding.operation.kind {
            Kind::Delete => in_progress(at, binding),
            Kind::Create | Kind::Update => Reply::Concurrency,
        };
        return stored.reply(reply);
    }
    // The instance may have been given another plan since.
    let plan_now = stored.instance.as_ref().map(|i| &i.asked.plan_id);
    let asked = &binding.asked;
    let is_service = hints
        .service_id
        .as_ref()
        .is_none_or(|h| *h == asked.service_id);
    let is_plan = |hint: &String| *hint == asked.plan_id || Some(hint) == plan_now;
    let is_right = is_service && hints.plan_id.as_ref().is_none_or(is_plan);
    if !is_right && at.version >= ApiVersion::STRICT {
        let why = "service_id or plan_id is not that of the service binding";
        return stored.reply(Reply::bad(why));
    }
    let is_async = match pace_of(at, &stored, Kind::Delete) {
        Ok(is_async) => is_async,
        Err(reply) => return stored.reply(reply),
    };
    if let Some(binding) = &mut stored.binding {
        binding.operation = operation(at, Some(binding.operation.clone()), Kind::Delete, is_async);
    }
    started(stored, Verb::Delete)
}

/// What it means that the work on a binding has ended so.
pub(super) fn resume(
    at: &Circumstances<'_>,
    mut stored: Stored,
    work: &Work,
    done: Done,
) -> Decision {
    // What an operation works on is stored until that operation has ended.
    let Some(binding) = stored.binding.take_if(|b| b.operation.id == work.operation) else {
        return stored.reply(Reply::Concurrency);
    };
    match work.verb {
        Verb::Create | Verb::Nothing => made(at, stored, binding, done),
        Verb::Delete => deleted(stored, binding, done),
    }
}

fn made(at: &Circumstances<'_>, mut stored: Stored, mut binding: Binding, done: Done) -> Decision {
    let (phase, failed) = match done {
        Ok(effect) if created(binding.phase, effect) => (Phase::Ready, None),
        Ok(crate::echo::Effect::NoInstance) => (Phase::Gone, Some(Reply::Forgotten)),
        Ok(_) => (Phase::Gone, Some(Reply::BindingConflict)),
        Err(error) => (
            after_failure(binding.phase, &error),
            Some(Reply::Echo(error)),
        ),
    };
    binding.phase = phase;
    binding.operation.state = match &failed {
        None => State::Succeeded,
        Some(reply) => State::Failed {
            why: reply.description(),
        },
    };
    // Nobody asks for the state of a synchronous operation that has failed.
    let forgotten = phase == Phase::Gone && !binding.operation.is_async;
    stored.binding = (!forgotten).then_some(binding);
    let reply = match failed {
        Some(reply) => reply,
        None => Reply::Bound {
            body: body(at, &stored),
        },
    };
    stored.reply(reply)
}

fn body(at: &Circumstances<'_>, stored: &Stored) -> serde_json::Value {
    match (&stored.instance, &stored.binding, at.binding) {
        (Some(instance), Some(binding), Some(id)) => {
            let plan = plan_of(at, instance);
            binding_answer::body(
                at.echo_public_url,
                plan,
                (at.instance, instance),
                (id, binding),
            )
        }
        _ => serde_json::json!({}),
    }
}

/// A binding that the echo service did not know is gone as well.
fn deleted(mut stored: Stored, mut binding: Binding, done: Done) -> Decision {
    match done {
        Ok(_) => {
            let operation = &mut binding.operation;
            let cleaned_up = operation.failed_creation(binding.phase).is_some();
            let remembered = operation.is_async || cleaned_up;
            operation.state = State::Succeeded;
            binding.phase = Phase::Gone;
            stored.binding = remembered.then_some(binding);
            stored.reply(Reply::Deleted)
        }
        Err(error) => {
            binding.operation.state = State::Failed {
                why: error.to_string(),
            };
            stored.binding = Some(binding);
            stored.reply(Reply::Echo(error))
        }
    }
}
