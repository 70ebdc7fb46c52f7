//! What platforms are told when they ask: the state of the last operation, and
//! what an instance or a binding is.

use super::{Circumstances, plan_of};
use crate::binding_answer;
use crate::conduct::PlanConduct;
use crate::instance::{Binding, Instance, Phase};
use crate::operation::{Kind, Operation, State};
use crate::reply::{Polled, Reply};

/// The state of the last operation on an instance.
pub fn poll_instance(
    at: &Circumstances<'_>,
    stored: Option<&Instance>,
    operation: Option<&str>,
) -> Reply {
    let Some(instance) = stored else {
        return Reply::NotFound;
    };
    let conduct = plan_of(at, instance).map(|plan| &plan.conduct);
    let halted = instance.halted.as_deref();
    let is_of_instance = true;
    polled(
        at,
        &instance.operation,
        halted,
        operation,
        conduct,
        is_of_instance,
    )
}

/// The state of the last operation on a binding.
pub fn poll_binding(
    at: &Circumstances<'_>,
    instance: Option<&Instance>,
    binding: Option<&Binding>,
    operation: Option<&str>,
) -> Reply {
    let (Some(instance), Some(binding)) = (instance, binding) else {
        return Reply::NotFound;
    };
    let conduct = plan_of(at, instance).map(|plan| &plan.conduct);
    let halted = binding.halted.as_deref();
    polled(at, &binding.operation, halted, operation, conduct, false)
}

fn polled(
    at: &Circumstances<'_>,
    current: &Operation,
    halted: Option<&str>,
    asked: Option<&str>,
    conduct: Option<&PlanConduct>,
    is_of_instance: bool,
) -> Reply {
    let asks_for_halted = match asked {
        Some(asked) if asked == current.id => false,
        Some(asked) if halted == Some(asked) => true,
        // It has ended, and how is not known any more.
        Some(_) => {
            return Reply::bad("operation is not the last one; leave it out to ask for that");
        }
        // Without an id it is the deletion that is asked for, while there is
        // one to be asked for; a synchronous one has told its end already.
        None => halted.is_some() && !current.is_async,
    };
    if asks_for_halted {
        return Reply::Polled(Polled::Failed {
            description: "the creation was halted by a deletion".to_owned(),
            failed_change: None,
        });
    }
    let what = match current.kind {
        Kind::Create => "creation",
        Kind::Update => "update",
        Kind::Delete => "deletion",
    };
    Reply::Polled(match &current.state {
        State::Waiting { .. } | State::Working => Polled::InProgress {
            description: format!("the {what} is in progress"),
            retry_after: retry_after(at, conduct),
        },
        State::Succeeded => Polled::Succeeded {
            description: format!("the {what} has succeeded"),
        },
        State::Failed { why } => Polled::Failed {
            description: format!("the {what} has failed: {why}"),
            failed_change: is_of_instance.then_some(current.kind),
        },
    })
}

/// Whole seconds, so that a delay below one cannot be told.
fn retry_after(at: &Circumstances<'_>, conduct: Option<&PlanConduct>) -> Option<u64> {
    let of_plan = conduct.and_then(|conduct| conduct.retry_after);
    of_plan.or_else(|| Some(at.async_delay.as_secs()).filter(|seconds| *seconds > 0))
}

/// What an instance is.
pub fn fetch_instance(at: &Circumstances<'_>, stored: Option<&Instance>) -> Reply {
    let Some(instance) = stored.filter(|instance| instance.phase == Phase::Ready) else {
        return Reply::NotFound;
    };
    let offering = at.catalog.offering(&instance.asked.service_id);
    if !offering.is_some_and(|offering| offering.instances_retrievable) {
        return Reply::NotRetrievable;
    }
    Reply::Instance(Box::new(instance.clone()))
}

/// What a binding is.
pub fn fetch_binding(
    at: &Circumstances<'_>,
    instance: Option<&Instance>,
    binding: Option<&Binding>,
) -> Reply {
    let (Some(instance), Some(binding), Some(id)) = (instance, binding, at.binding) else {
        return Reply::NotFound;
    };
    if instance.phase != Phase::Ready || binding.phase != Phase::Ready {
        return Reply::NotFound;
    }
    let offering = at.catalog.offering(&instance.asked.service_id);
    if !offering.is_some_and(|offering| offering.bindings_retrievable) {
        return Reply::NotRetrievable;
    }
    let plan = plan_of(at, instance);
    let mut body = binding_answer::body(
        at.echo_public_url,
        plan,
        (at.instance, instance),
        (id, binding),
    );
    body["parameters"] = binding.asked.parameters.clone().into();
    Reply::Binding { body }
}
