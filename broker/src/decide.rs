//! What a request means for an instance: pure functions from what is stored
//! and what is asked to what is stored next and what comes next.
//!
//! [`decide`] looks at a request. Where it needs the echo service, what comes
//! next is a [`Work`], and what is stored says that it has been begun;
//! [`resume`] looks at how that work has ended. So what is stored always knows
//! of everything that the echo service may have made.

use serving::Id;

use crate::ask;
use crate::backend::Backend;
use crate::echo::{EchoError, Effect};
use crate::instance::{Binding, Instance, Phase};
use crate::reply::Reply;

/// The instance that a request is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its id.
    pub id: &'a Id,
    /// Where users reach the echo service.
    pub echo_public_url: &'a str,
}

/// A request that is about one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Create the instance.
    Provision {
        /// What is asked for.
        asked: ask::Provision,
        /// What stands behind the offering that is asked for.
        backend: Backend,
    },
    /// Delete the instance.
    Deprovision,
    /// Create a binding.
    Bind {
        /// The binding's id.
        id: Id,
        /// What is asked for.
        asked: ask::Bind,
    },
    /// Delete a binding.
    Unbind {
        /// The binding's id.
        id: Id,
    },
}

/// What is to be done at the echo service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Create or delete it.
    pub verb: Verb,
    /// The service of the echo service.
    pub backend: Backend,
    /// The binding, if it is not the instance itself.
    pub binding: Option<Id>,
}

/// See [`Work::verb`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Create it.
    Create,
    /// Delete it.
    Delete,
}

/// How a [`Work`] has ended.
pub type Done = Result<Effect, EchoError>;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The request is done; answer this.
    Reply(Reply),
    /// Do this, then ask [`resume`].
    Work(Work),
}

/// What is stored next (`None`: nothing), and what comes next.
pub type Decision = (Option<Instance>, Next);

/// What `request` means where `stored` is stored.
pub fn decide(subject: Subject<'_>, stored: Option<Instance>, request: &Request) -> Decision {
    match request {
        Request::Provision { asked, backend } => provision(subject, stored, asked, *backend),
        Request::Deprovision => deprovision(stored),
        Request::Bind { id, asked } => bind(stored, id, asked),
        Request::Unbind { id } => unbind(stored, id),
    }
}

/// What it means for `request` that its `work` has ended so.
pub fn resume(
    subject: Subject<'_>,
    stored: Option<Instance>,
    request: &Request,
    work: &Work,
    done: Done,
) -> Decision {
    // What an operation works on is stored until that operation has ended.
    let Some(instance) = stored else {
        return (None, Next::Reply(Reply::Gone));
    };
    match (request, work.verb) {
        (Request::Provision { asked, backend }, Verb::Delete) => {
            cleared(subject, instance, asked, *backend, done)
        }
        (Request::Provision { .. }, Verb::Create) => provisioned(instance, done),
        (Request::Deprovision, _) => deprovisioned(instance, done),
        (Request::Bind { id, .. }, _) => bound(subject, instance, id, done),
        (Request::Unbind { id }, _) => unbound(instance, id, done),
    }
}

fn provision(
    subject: Subject<'_>,
    stored: Option<Instance>,
    asked: &ask::Provision,
    backend: Backend,
) -> Decision {
    let Some(mut instance) = stored else {
        return create(subject, asked, backend, Phase::FRESH);
    };
    if instance.busy {
        return (Some(instance), Next::Reply(Reply::Concurrency));
    }
    match instance.phase {
        Phase::Ready if instance.asked == *asked => {
            let dashboard_url = instance.dashboard_url.clone();
            let reply = Reply::AlreadyProvisioned { dashboard_url };
            (Some(instance), Next::Reply(reply))
        }
        Phase::Ready => (Some(instance), Next::Reply(Reply::InstanceConflict)),
        Phase::Creating { .. } if instance.backend == backend => {
            create(subject, asked, backend, instance.phase)
        }
        // What the failed attempt may have made is in the other service.
        Phase::Creating { .. } => {
            let work = instance_work(Verb::Delete, instance.backend);
            instance.busy = true;
            (Some(instance), Next::Work(work))
        }
    }
}

fn create(
    subject: Subject<'_>,
    asked: &ask::Provision,
    backend: Backend,
    phase: Phase,
) -> Decision {
    let instance = Instance {
        asked: asked.clone(),
        backend,
        dashboard_url: format!(
            "{}{}",
            subject.echo_public_url,
            backend.dashboard_path(subject.id)
        ),
        phase,
        busy: true,
        bindings: Default::default(),
    };
    let work = instance_work(Verb::Create, backend);
    (Some(instance), Next::Work(work))
}

/// What a failed attempt may have left behind has been deleted, or not.
fn cleared(
    subject: Subject<'_>,
    mut instance: Instance,
    asked: &ask::Provision,
    backend: Backend,
    done: Done,
) -> Decision {
    match done {
        Ok(_) => create(subject, asked, backend, Phase::FRESH),
        Err(error) => {
            instance.busy = false;
            (Some(instance), Next::Reply(Reply::Echo(error)))
        }
    }
}

fn provisioned(mut instance: Instance, done: Done) -> Decision {
    instance.busy = false;
    let (phase, reply) = match done {
        Ok(effect) => match created(instance.phase, effect) {
            true => {
                let dashboard_url = instance.dashboard_url.clone();
                (Some(Phase::Ready), Reply::Provisioned { dashboard_url })
            }
            false => (None, Reply::InstanceConflict),
        },
        Err(error) => (after_failure(instance.phase, &error), Reply::Echo(error)),
    };
    let stored = phase.map(|phase| Instance { phase, ..instance });
    (stored, Next::Reply(reply))
}

fn deprovision(stored: Option<Instance>) -> Decision {
    let Some(mut instance) = stored else {
        return (None, Next::Reply(Reply::Gone));
    };
    if instance.busy || instance.bindings.values().any(|binding| binding.busy) {
        return (Some(instance), Next::Reply(Reply::Concurrency));
    }
    let work = instance_work(Verb::Delete, instance.backend);
    instance.busy = true;
    (Some(instance), Next::Work(work))
}

/// An instance that the echo service did not know is gone as well.
fn deprovisioned(mut instance: Instance, done: Done) -> Decision {
    match done {
        Ok(_) => (None, Next::Reply(Reply::Deleted)),
        Err(error) => {
            instance.busy = false;
            (Some(instance), Next::Reply(Reply::Echo(error)))
        }
    }
}

fn bind(stored: Option<Instance>, id: &Id, asked: &ask::Bind) -> Decision {
    let Some(mut instance) = stored else {
        return (None, Next::Reply(Reply::UnknownInstance));
    };
    if instance.busy {
        return (Some(instance), Next::Reply(Reply::Concurrency));
    }
    if instance.phase != Phase::Ready {
        return (Some(instance), Next::Reply(Reply::UnknownInstance));
    }
    let phase = match instance.bindings.get(id) {
        Some(binding) if binding.busy => {
            return (Some(instance), Next::Reply(Reply::Concurrency));
        }
        Some(binding) if binding.phase == Phase::Ready => {
            return (Some(instance), Next::Reply(Reply::BindingConflict));
        }
        Some(binding) => binding.phase,
        None => Phase::FRESH,
    };
    let asked = asked.clone();
    instance.bindings.insert(
        id.clone(),
        Binding {
            asked,
            phase,
            busy: true,
        },
    );
    let work = binding_work(Verb::Create, &instance, id);
    (Some(instance), Next::Work(work))
}

fn bound(subject: Subject<'_>, mut instance: Instance, id: &Id, done: Done) -> Decision {
    let begun = instance
        .bindings
        .get(id)
        .map_or(Phase::FRESH, |binding| binding.phase);
    let (phase, reply) = match done {
        Ok(Effect::NoInstance) => (None, Reply::Forgotten),
        Ok(effect) => match created(begun, effect) {
            true => {
                let path = instance.backend.path(subject.id, Some(id));
                let uri = format!("{}{path}", subject.echo_public_url);
                (Some(Phase::Ready), Reply::Bound { uri })
            }
            false => (None, Reply::BindingConflict),
        },
        Err(error) => (after_failure(begun, &error), Reply::Echo(error)),
    };
    match (phase, instance.bindings.get_mut(id)) {
        (Some(phase), Some(binding)) => {
            binding.phase = phase;
            binding.busy = false;
        }
        _ => {
            instance.bindings.remove(id);
        }
    }
    (Some(instance), Next::Reply(reply))
}

fn unbind(stored: Option<Instance>, id: &Id) -> Decision {
    let Some(mut instance) = stored else {
        return (None, Next::Reply(Reply::Gone));
    };
    if instance.busy {
        return (Some(instance), Next::Reply(Reply::Concurrency));
    }
    let next = match instance.bindings.get_mut(id) {
        None => Next::Reply(Reply::Gone),
        Some(binding) if binding.busy => Next::Reply(Reply::Concurrency),
        Some(binding) => {
            binding.busy = true;
            Next::Work(binding_work(Verb::Delete, &instance, id))
        }
    };
    (Some(instance), next)
}

/// A binding that the echo service did not know is gone as well.
fn unbound(mut instance: Instance, id: &Id, done: Done) -> Decision {
    let reply = match done {
        Ok(_) => {
            instance.bindings.remove(id);
            Reply::Deleted
        }
        Err(error) => {
            if let Some(binding) = instance.bindings.get_mut(id) {
                binding.busy = false;
            }
            Reply::Echo(error)
        }
    };
    (Some(instance), Next::Reply(reply))
}

/// Whether the echo service has now what was to be created. Where an earlier
/// attempt may have made it, what the echo service has already is ours.
fn created(begun: Phase, effect: Effect) -> bool {
    match effect {
        Effect::Done => true,
        Effect::AlreadySo => begun.maybe_made(),
        Effect::NoInstance => false,
    }
}

/// What is left to remember of a creation that failed.
fn after_failure(begun: Phase, error: &EchoError) -> Option<Phase> {
    let maybe_made = begun.maybe_made() || error.may_have_acted();
    maybe_made.then_some(Phase::Creating { maybe_made })
}

fn instance_work(verb: Verb, backend: Backend) -> Work {
    Work {
        verb,
        backend,
        binding: None,
    }
}

fn binding_work(verb: Verb, instance: &Instance, id: &Id) -> Work {
    Work {
        verb,
        backend: instance.backend,
        binding: Some(id.clone()),
    }
}
