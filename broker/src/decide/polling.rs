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
    let current = (&instance.operation, instance.phase);
    polled(at, current, operation, conduct, true)
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
    let current = (&binding.operation, binding.phase);
    polled(at, current, operation, conduct, false)
}

fn polled(
    at: &Circumstances<'_>,
    (current, phase): (&Operation, Phase),
    asked: Option<&str>,
    conduct: Option<&PlanConduct>,
    is_of_instance: bool,
) -> Reply {
    let mut earlier = current.earlier.iter();
    let found = match asked {
        Some(asked) if asked == current.id => None,
        Some(asked) => match earlier.find(|ended| ended.id == asked) {
            Some(ended) => Some(ended),
            None => {
                let why =
                    "operation names none that is remembered; leave it out to ask for the last one";
                return Reply::bad(why);
            }
        },
        // A deletion that is asked for has been accepted; one that was done at
        // once has told its end already.
        None if !current.is_async => current.failed_creation(phase),
        None => None,
    };
    let (kind, state) = match found {
        Some(ended) => (ended.kind, &ended.state),
        None => (current.kind, &current.state),
    };
    let what = match kind {
        Kind::Create => "creation",
        Kind::Update => "update",
        Kind::Delete => "deletion",
    };
    Reply::Polled(match state {
        State::Waiting { .. } | State::Working => Polled::InProgress {
            description: format!("the {what} is in progress"),
            retry_after: retry_after(at, conduct),
        },
        State::Succeeded => Polled::Succeeded {
            description: format!("the {what} has succeeded"),
        },
        State::Failed { why } => Polled::Failed {
            description: format!("the {what} has failed: {why}"),
            failed_change: is_of_instance.then_some(kind),
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
