//! What is played with a target to judge it. Each scenario has ids of its own,
//! sends requests with one defect at most, and leaves nothing behind.

mod access;
mod bindings;
mod busy;
mod catalog;
mod conflicts;
mod control;
mod deletions;
mod first_bind;
mod life;
mod neighbours;
mod polls;
mod provisions;
mod rotation;
mod updates;

use std::future::Future;
use std::pin::Pin;

use super::session::Stop;
use super::stage::Stage;

pub(super) use catalog::{JUDGES as CATALOG_JUDGES, ask, catalog, still_there};

/// A scenario that is being played.
pub(super) type Playing<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 'a>>;

/// A sequence of requests, and the requirements that it judges.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) judges: &'static [&'static str],
    /// Why it cannot be played with the plan, if it cannot.
    pub(super) needs: fn(&Stage) -> Result<(), &'static str>,
    pub(super) play: for<'a> fn(&'a Stage) -> Playing<'a>,
}

/// The first instance of a plan: from it the others learn how it behaves.
pub(super) const FIRST: Scenario = life::LIFE;

/// What is played once for the target.
pub(super) const ONCE: &[Scenario] = &[access::ACCESS];

/// What is played with each plan after its first instance, the longest first.
pub(super) const EACH: &[Scenario] = &[
    busy::UPDATE,
    busy::PROVISION,
    busy::BIND,
    busy::UNBIND_MEANWHILE,
    busy::DEPROVISION,
    busy::UNBIND,
    busy::HALTED_PROVISION,
    busy::HALTED_BIND,
    rotation::ROTATION,
    polls::POLLS,
    polls::BINDING_POLLS,
    access::POLLS,
    neighbours::INSTANCES,
    neighbours::BINDINGS,
    updates::CHANGES,
    updates::REFUSALS,
    updates::PLANS,
    bindings::REFUSALS,
    bindings::TOLERANCE,
    bindings::CONFLICTS,
    deletions::INSTANCES,
    deletions::BINDINGS,
    provisions::REFUSALS,
    provisions::INVALID,
    provisions::TOLERANCE,
    conflicts::PROVISIONS,
    provisions::SYNCHRONOUS,
    bindings::SYNCHRONOUS,
    updates::SYNCHRONOUS,
    deletions::SYNCHRONOUS,
];

/// Every scenario.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    const FIRST_OF_ALL: &[Scenario] = &[FIRST];
    FIRST_OF_ALL.iter().chain(ONCE).chain(EACH)
}

fn always(_: &Stage) -> Result<(), &'static str> {
    Ok(())
}

fn bindable(stage: &Stage) -> Result<(), &'static str> {
    match stage.subject.is_bindable {
        true => Ok(()),
        false => Err("no plan that was judged is bindable"),
    }
}
