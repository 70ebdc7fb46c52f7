//! Provision, update and deprovision.

use super::{
    Circumstances, Decision, Done, Next, Stored, Verb, Work, after_failure, created, operation,
    pace, plan_of,
};
use crate::ask;
use crate::backend::Backend;
use crate::conduct::{Fault, Pace, PlanConduct};
use crate::instance::{Instance, Phase};
use crate::operation::{Kind, State};
use crate::reply::{Reply, Shown};
use crate::version::ApiVersion;

pub(super) fn provision(
    at: &Circumstances<'_>,
    stored: Stored,
    asked: &ask::Provision,
) -> Decision {
    let Some(instance) = &stored.instance else {
        return create(at, stored, asked, Phase::FRESH);
    };
    let same = instance.asked == *asked;
    if instance.operation.is_in_progress() {
        let reply = match instance.operation.kind {
            Kind::Create if !same => Reply::InstanceConflict,
            Kind::Create => in_progress(at, instance),
            Kind::Update if instance.phase == Phase::Ready && same => already(instance),
            Kind::Update | Kind::Delete => Reply::Concurrency,
        };
        return stored.reply(reply);
    }
    match instance.phase {
        Phase::Gone => create(at, stored, asked, Phase::FRESH),
        Phase::Ready if same => {
            let reply = already(instance);
            stored.reply(reply)
        }
        Phase::Ready => stored.reply(Reply::InstanceConflict),
        phase @ Phase::Creating { .. } => match backend(at, asked) == instance.backend {
            true => create(at, stored, asked, phase),
            false => clear(at, stored, asked),
        },
    }
}

fn already(instance: &Instance) -> Reply {
    Reply::AlreadyProvisioned(shown(instance))
}

fn shown(instance: &Instance) -> Shown {
    Shown {
        dashboard_url: instance.dashboard_url.clone(),
        metadata: instance.metadata.clone(),
    }
}

/// What is told of an instance that is or has been updated.
fn after_update(at: &Circumstances<'_>, instance: &Instance) -> Option<Shown> {
    (at.version >= ApiVersion::UPDATED_DASHBOARDS).then(|| shown(instance))
}

/// The answer to a request that is the one in progress, sent again.
fn in_progress(at: &Circumstances<'_>, instance: &Instance) -> Reply {
    match instance.operation.is_async && at.accepts_incomplete {
        true => Reply::Accepted {
            operation: instance.operation.id.clone(),
            shown: match instance.operation.kind {
                Kind::Create => Some(shown(instance)),
                // What the update makes of the metadata is known when it ends.
                Kind::Update => after_update(at, instance).map(|shown| Shown {
                    metadata: None,
                    ..shown
                }),
                Kind::Delete => None,
            },
        },
        false => Reply::Concurrency,
    }
}

fn backend(at: &Circumstances<'_>, asked: &ask::Provision) -> Backend {
    let offering = at.catalog.offering(&asked.service_id);
    offering.map_or(Backend::default(), |offering| offering.backend)
}

fn create(
    at: &Circumstances<'_>,
    stored: Stored,
    asked: &ask::Provision,
    phase: Phase,
) -> Decision {
    let is_async = match pace_of_provision(at, asked) {
        Ok(is_async) => is_async,
        Err(reply) => return stored.reply(reply),
    };
    let last = stored.instance.as_ref().map(|i| i.operation.clone());
    let backend = backend(at, asked);
    let plan = at.catalog.plan(&asked.plan_id);
    let instance = Instance {
        asked: asked.clone(),
        backend,
        dashboard_url: format!(
            "{}{}",
            at.echo_public_url,
            backend.dashboard_path(at.instance)
        ),
        metadata: plan.and_then(|plan| plan.conduct.metadata.clone()),
        phase,
        operation: operation(at, last, Kind::Create, is_async),
        update: None,
    };
    started(stored, instance, Verb::Create)
}

/// The pace of an operation of a plan that may not be in the catalog any more.
fn pace_of(
    at: &Circumstances<'_>,
    conduct: Option<&PlanConduct>,
    of: impl Fn(&PlanConduct) -> (Pace, Option<&Fault>),
) -> Result<bool, Reply> {
    let (wanted, fault) = conduct.map_or((Pace::Sync, None), of);
    pace(at, ApiVersion::ASYNC, wanted, fault)
}

/// The decision for an operation that has just been entered in `instance`.
fn started(stored: Stored, instance: Instance, verb: Verb) -> Decision {
    let next = match instance.operation.is_async {
        true => Next::Accepted(Reply::Accepted {
            operation: instance.operation.id.clone(),
            shown: match verb {
                Verb::Create => Some(shown(&instance)),
                Verb::Delete | Verb::Nothing => None,
            },
        }),
        false => Next::Work(work(&instance, verb)),
    };
    Stored {
        instance: Some(instance),
        ..stored
    }
    .next(next)
}

pub(super) fn work(instance: &Instance, verb: Verb) -> Work {
    Work {
        verb,
        backend: instance.backend,
        operation: instance.operation.id.clone(),
    }
}

/// What a failed attempt may have made is in the other service: it is deleted
/// before the new attempt begins.
fn clear(at: &Circumstances<'_>, mut stored: Stored, asked: &ask::Provision) -> Decision {
    if let Err(reply) = pace_of_provision(at, asked) {
        return stored.reply(reply);
    }
    let Some(instance) = &mut stored.instance else {
        return stored.reply(Reply::Gone);
    };
    instance.operation = operation(at, Some(instance.operation.clone()), Kind::Delete, false);
    let work = work(instance, Verb::Delete);
    stored.next(Next::Work(work))
}

fn pace_of_provision(at: &Circumstances<'_>, asked: &ask::Provision) -> Result<bool, Reply> {
    let conduct = at.catalog.plan(&asked.plan_id).map(|plan| &plan.conduct);
    pace_of(at, conduct, |c| (c.provision, c.faults.provision.as_ref()))
}

pub(super) fn update(at: &Circumstances<'_>, mut stored: Stored, asked: &ask::Update) -> Decision {
    let Some(instance) = &mut stored.instance else {
        return stored.reply(Reply::UnknownInstance);
    };
    if instance.operation.is_in_progress() {
        let reply = match instance.operation.kind {
            Kind::Update if instance.update.as_ref() == Some(asked) => in_progress(at, instance),
            _ => Reply::Concurrency,
        };
        return stored.reply(reply);
    }
    if instance.phase != Phase::Ready {
        return stored.reply(Reply::UnknownInstance);
    }
    let is_async = match may_update(at, instance, asked) {
        Ok(is_async) => is_async,
        Err(reply) => return stored.reply(reply),
    };
    if is_async {
        instance.operation = operation(at, Some(instance.operation.clone()), Kind::Update, true);
        instance.update = Some(asked.clone());
        let reply = in_progress(at, instance);
        return stored.next(Next::Accepted(reply));
    }
    let mut operation = operation(at, Some(instance.operation.clone()), Kind::Update, false);
    operation.state = State::Succeeded;
    instance.operation = operation;
    apply(at, instance, asked);
    let reply = Reply::Updated(after_update(at, instance));
    stored.reply(reply)
}

/// Whether the update is asynchronous, or why it is refused.
fn may_update(
    at: &Circumstances<'_>,
    instance: &Instance,
    asked: &ask::Update,
) -> Result<bool, Reply> {
    if asked.service_id != instance.asked.service_id {
        return Err(Reply::bad("service_id is not that of the service instance"));
    }
    let (now, other) = (plan_of(at, instance), &asked.plan_id);
    let plan = match other.as_ref().filter(|id| **id != instance.asked.plan_id) {
        None => now,
        Some(other) => {
            let offered = ask::offered(at.catalog, at.version, &asked.service_id, other)?;
            if !now.is_some_and(|plan| plan.updateable) {
                return Err(Reply::PlanChangeNotSupported);
            }
            Some(offered)
        }
    };
    let offered = plan.and_then(|plan| plan.maintenance_version.as_ref());
    if let Some(version) = &asked.maintenance_version
        && offered != Some(version)
    {
        return Err(Reply::MaintenanceInfoConflict);
    }
    let schema = plan.and_then(|plan| plan.schemas.update.as_ref());
    if !asked.parameters.is_empty() {
        ask::validate(at.version, schema, &asked.parameters)?;
    }
    // It is the plan that the instance has which is updated, or goes wrong.
    let conduct = now.map(|plan| &plan.conduct);
    pace_of(at, conduct, |c| (c.update, c.faults.update.as_ref()))
}

/// Makes the changes of an update. Parameters that it does not name stay.
pub(super) fn apply(at: &Circumstances<'_>, instance: &mut Instance, asked: &ask::Update) {
    if let Some(plan_id) = &asked.plan_id
        && *plan_id != instance.asked.plan_id
    {
        instance.asked.plan_id.clone_from(plan_id);
        let plan = at.catalog.plan(plan_id);
        instance.asked.maintenance_version = plan.and_then(|p| p.maintenance_version.clone());
        instance.metadata = plan.and_then(|p| p.conduct.metadata.clone());
    }
    if asked.maintenance_version.is_some() {
        instance
            .asked
            .maintenance_version
            .clone_from(&asked.maintenance_version);
    }
    instance.asked.parameters.extend(asked.parameters.clone());
    instance.update = None;
}

pub(super) fn deprovision(
    at: &Circumstances<'_>,
    mut stored: Stored,
    hints: &ask::Hints,
) -> Decision {
    let Some(instance) = &mut stored.instance else {
        return stored.reply(Reply::Gone);
    };
    if instance.phase == Phase::Gone {
        return stored.reply(Reply::Gone);
    }
    let halts = instance.operation.kind == Kind::Create && instance.operation.is_waiting();
    if instance.operation.is_in_progress() && !halts {
        let reply = match instance.operation.kind {
            Kind::Delete => in_progress(at, instance),
            Kind::Create | Kind::Update => Reply::Concurrency,
        };
        return stored.reply(reply);
    }
    if let Some(reply) = mismatch(at, instance, hints) {
        return stored.reply(reply);
    }
    if stored.bindings_in_progress {
        return stored.reply(Reply::Concurrency);
    }
    let conduct = plan_of(at, instance).map(|plan| &plan.conduct);
    let of = pace_of(at, conduct, |c| {
        (c.deprovision, c.faults.deprovision.as_ref())
    });
    let is_async = match of {
        Ok(is_async) => is_async,
        Err(reply) => return stored.reply(reply),
    };
    let mut instance = instance.clone();
    instance.operation = operation(at, Some(instance.operation.clone()), Kind::Delete, is_async);
    started(stored, instance, Verb::Delete)
}

/// Hints that are not those of the instance.
fn mismatch(at: &Circumstances<'_>, instance: &Instance, hints: &ask::Hints) -> Option<Reply> {
    // The catalog has no say: what it does not have any more can be deleted.
    let other = |hint: &Option<String>, is: &String| hint.as_ref().is_some_and(|h| h != is);
    let asked = &instance.asked;
    let differs =
        other(&hints.service_id, &asked.service_id) || other(&hints.plan_id, &asked.plan_id);
    (differs && at.version >= ApiVersion::STRICT)
        .then(|| Reply::bad("service_id or plan_id is not that of the service instance"))
}

/// What it means that the work on an instance has ended so.
pub(super) fn resume(
    at: &Circumstances<'_>,
    mut stored: Stored,
    work: &Work,
    done: Done,
    asked: Option<&ask::Provision>,
) -> Decision {
    // What an operation works on is stored until that operation has ended.
    let Some(instance) = stored
        .instance
        .take_if(|i| i.operation.id == work.operation)
    else {
        return stored.reply(Reply::Concurrency);
    };
    match (work.verb, asked) {
        (Verb::Delete, Some(asked)) => cleared(at, stored, instance, done, asked),
        (Verb::Delete, None) => deleted(stored, instance, done),
        (Verb::Create, _) => made(stored, instance, done),
        (Verb::Nothing, _) => updated(at, stored, instance),
    }
}

/// What a failed attempt may have left behind has been deleted, or not.
fn cleared(
    at: &Circumstances<'_>,
    mut stored: Stored,
    mut instance: Instance,
    done: Done,
    asked: &ask::Provision,
) -> Decision {
    match done {
        Ok(_) => {
            stored.instance = Some(instance);
            create(at, stored, asked, Phase::FRESH)
        }
        Err(error) => {
            instance.operation.state = State::Failed {
                why: error.to_string(),
            };
            stored.instance = Some(instance);
            stored.reply(Reply::Echo(error))
        }
    }
}

fn made(mut stored: Stored, mut instance: Instance, done: Done) -> Decision {
    let (phase, reply) = match done {
        Ok(effect) if created(instance.phase, effect) => {
            (Phase::Ready, Reply::Provisioned(shown(&instance)))
        }
        Ok(_) => (Phase::Gone, Reply::InstanceConflict),
        Err(error) => (after_failure(instance.phase, &error), Reply::Echo(error)),
    };
    instance.phase = phase;
    instance.operation.state = match phase {
        Phase::Ready => State::Succeeded,
        _ => State::Failed {
            why: reply.description(),
        },
    };
    // Nobody asks for the state of a synchronous operation that has failed.
    let forgotten = phase == Phase::Gone && !instance.operation.is_async;
    stored.instance = (!forgotten).then_some(instance);
    stored.reply(reply)
}

/// An instance that the echo service did not know is gone as well.
fn deleted(mut stored: Stored, mut instance: Instance, done: Done) -> Decision {
    match done {
        Ok(_) => {
            let operation = &mut instance.operation;
            let cleaned_up = operation.failed_creation(instance.phase).is_some();
            let remembered = operation.is_async || cleaned_up;
            operation.state = State::Succeeded;
            instance.phase = Phase::Gone;
            stored.instance = remembered.then_some(instance);
            let decision = stored.reply(Reply::Deleted);
            Decision {
                drop_bindings: true,
                ..decision
            }
        }
        Err(error) => {
            instance.operation.state = State::Failed {
                why: error.to_string(),
            };
            stored.instance = Some(instance);
            stored.reply(Reply::Echo(error))
        }
    }
}

fn updated(at: &Circumstances<'_>, mut stored: Stored, mut instance: Instance) -> Decision {
    if let Some(asked) = instance.update.take() {
        apply(at, &mut instance, &asked);
    }
    instance.operation.state = State::Succeeded;
    stored.instance = Some(instance);
    // Its request was answered long ago.
    stored.reply(Reply::Updated(None))
}
