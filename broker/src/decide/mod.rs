//! What a request means: pure functions from what is stored and what is asked
//! to what is stored next and what comes next.
//!
//! [`decide`] looks at a request. Where it needs the echo service, what comes
//! next is a [`Work`], and what is stored says that it has been begun;
//! [`resume`] looks at how that work has ended. An operation that is accepted
//! now and done later is begun by [`begin`] when its time has come. So what is
//! stored always knows of everything that the echo service may have made.

mod binding;
mod instance;
mod later;
mod polling;

use std::time::Duration;

use serving::Id;

use crate::ask;
use crate::backend::Backend;
use crate::catalog::{Catalog, Plan};
use crate::conduct::{Fault, Faults, Pace};
use crate::echo::{EchoError, Effect};
use crate::instance::{Binding, Instance, Phase};
use crate::operation::{Kind, Operation, State};
use crate::reply::Reply;
use crate::version::ApiVersion;

pub use later::{begin, recover, waiting_operation};
pub use polling::{fetch_binding, fetch_instance, poll_binding, poll_instance};

/// Everything about a request that is not in it.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The instance.
    pub instance: &'a Id,
    /// The binding, if the request is about one.
    pub binding: Option<&'a Id>,
    /// The version that the request names.
    pub version: ApiVersion,
    /// Whether the platform can wait for an asynchronous operation.
    pub accepts_incomplete: bool,
    /// What is offered.
    pub catalog: &'a Catalog,
    /// Where users reach the echo service.
    pub echo_public_url: &'a str,
    /// An id that no operation has.
    pub fresh_operation: &'a str,
    /// Now, in milliseconds since 1970.
    pub now: u64,
    /// How long after its acceptance an asynchronous operation is done.
    pub async_delay: Duration,
}

/// A request that changes something.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Create the instance.
    Provision(ask::Provision),
    /// Change the instance.
    Update(ask::Update),
    /// Delete the instance.
    Deprovision(ask::Hints),
    /// Create the binding.
    Bind(ask::Bind),
    /// Create the binding as the successor of another one.
    Rotate {
        /// Which one that is.
        rotation: ask::Rotation,
        /// What is stored of it.
        predecessor: Option<Binding>,
    },
    /// Delete the binding.
    Unbind(ask::Hints),
}

impl Request {
    /// What is to go wrong with it on purpose, of the faults of its plan.
    pub(crate) fn fault<'a>(&self, faults: &'a Faults) -> Option<&'a Fault> {
        match self {
            Request::Provision(_) => faults.provision.as_ref(),
            Request::Update(_) => faults.update.as_ref(),
            Request::Deprovision(_) => faults.deprovision.as_ref(),
            Request::Bind(_) | Request::Rotate { .. } => faults.bind.as_ref(),
            Request::Unbind(_) => faults.unbind.as_ref(),
        }
    }
}

/// What is stored of what a request is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// The instance.
    pub instance: Option<Instance>,
    /// The binding, if the request is about one.
    pub binding: Option<Binding>,
    /// Whether an operation works on any binding of the instance.
    pub bindings_in_progress: bool,
}

/// What is to be done at the echo service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Create or delete it, or nothing that the echo service would notice.
    pub verb: Verb,
    /// The service of the echo service.
    pub backend: Backend,
    /// The operation that it is part of.
    pub operation: String,
}

/// See [`Work::verb`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Create it.
    Create,
    /// Delete it.
    Delete,
    /// Nothing: the broker itself does it all.
    Nothing,
}

/// How a [`Work`] has ended.
pub type Done = Result<Effect, EchoError>;

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The request is done; answer this.
    Reply(Reply),
    /// Do this, then ask [`resume`].
    Work(Work),
    /// Answer this, and begin the operation after a while.
    Accepted(Reply),
}

impl Next {
    /// Whether it tells that what was asked for has been done.
    pub(crate) fn tells_success(&self) -> bool {
        matches!(
            self,
            Next::Reply(
                Reply::Provisioned(_) | Reply::Bound { .. } | Reply::Updated(_) | Reply::Deleted
            )
        )
    }
}

/// What is stored next, and what comes next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The instance; `None`: nothing of it.
    pub instance: Option<Instance>,
    /// The binding, if the request is about one.
    pub binding: Option<Binding>,
    /// Whether nothing of any binding of the instance is to be stored.
    pub drop_bindings: bool,
    /// What comes next.
    pub next: Next,
}

/// What `request` means where `stored` is stored.
pub fn decide(at: &Circumstances<'_>, stored: Stored, request: &Request) -> Decision {
    match request {
        Request::Provision(asked) => instance::provision(at, stored, asked),
        Request::Update(asked) => instance::update(at, stored, asked),
        Request::Deprovision(hints) => instance::deprovision(at, stored, hints),
        Request::Bind(asked) => binding::bind(at, stored, asked),
        Request::Rotate {
            rotation,
            predecessor,
        } => binding::rotate(at, stored, rotation, predecessor.as_ref()),
        Request::Unbind(hints) => binding::unbind(at, stored, hints),
    }
}

/// What it means that the `work` for the instance, or the binding, has ended so.
/// `asked` is the provision that the work clears the way for, if it does.
pub fn resume(
    at: &Circumstances<'_>,
    stored: Stored,
    work: &Work,
    done: Done,
    asked: Option<&ask::Provision>,
) -> Decision {
    match at.binding {
        None => instance::resume(at, stored, work, done, asked),
        Some(_) => binding::resume(at, stored, work, done),
    }
}

impl Stored {
    /// Everything stays, and this is answered.
    pub(crate) fn reply(self, reply: Reply) -> Decision {
        self.next(Next::Reply(reply))
    }

    fn next(self, next: Next) -> Decision {
        Decision {
            instance: self.instance,
            binding: self.binding,
            drop_bindings: false,
            next,
        }
    }
}

/// How an operation of a plan is to be carried out for this request.
fn pace(
    at: &Circumstances<'_>,
    since: ApiVersion,
    pace: Pace,
    fault: Option<&Fault>,
) -> Result<bool, Reply> {
    let accepts = at.accepts_incomplete && at.version >= since;
    let refusal = match at.accepts_incomplete {
        true => Reply::AsyncUnknown(since),
        false => Reply::AsyncRequired,
    };
    let fails_later = fault.is_some_and(Fault::makes_async);
    match pace {
        _ if fails_later && !accepts => Err(refusal),
        _ if fails_later => Ok(true),
        Pace::Sync => Ok(false),
        Pace::Either => Ok(accepts),
        Pace::Async if accepts => Ok(true),
        Pace::Async => Err(refusal),
    }
}

/// A new operation, after the last one: waiting if it is asynchronous, else
/// under way.
fn operation(
    at: &Circumstances<'_>,
    last: Option<Operation>,
    kind: Kind,
    is_async: bool,
) -> Operation {
    let delay = u64::try_from(at.async_delay.as_millis()).unwrap_or(u64::MAX);
    let until = at.now.saturating_add(delay);
    let has_failed =
        |last: &&Operation| last.kind == kind && matches!(last.state, State::Failed { .. });
    Operation {
        id: at.fresh_operation.to_owned(),
        kind,
        is_async,
        state: match is_async {
            true => State::Waiting { until },
            false => State::Working,
        },
        failures: last.as_ref().filter(has_failed).map_or(0, |l| l.failures),
        earlier: last.map(Operation::into_earlier).unwrap_or_default(),
    }
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
fn after_failure(begun: Phase, error: &EchoError) -> Phase {
    match begun.maybe_made() || error.may_have_acted() {
        true => Phase::Creating { maybe_made: true },
        false => Phase::Gone,
    }
}

/// The plan of an instance, while the catalog still has it.
fn plan_of<'a>(at: &Circumstances<'a>, instance: &Instance) -> Option<&'a Plan> {
    at.catalog.plan(&instance.asked.plan_id)
}
