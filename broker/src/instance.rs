//! What is stored of a service instance and its bindings.

use std::collections::BTreeMap;

use serving::Id;

use crate::ask;
use crate::backend::Backend;

/// A service instance that exists, or that is being created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// What was asked for.
    pub asked: ask::Provision,
    /// What stands behind it.
    pub backend: Backend,
    /// Where a person sees it.
    pub dashboard_url: String,
    /// How far it has come.
    pub phase: Phase,
    /// Whether an operation works on it now.
    pub busy: bool,
    /// Its bindings.
    pub bindings: BTreeMap<Id, Binding>,
}

/// A service binding that exists, or that is being created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What was asked for.
    pub asked: ask::Bind,
    /// How far it has come.
    pub phase: Phase,
    /// Whether an operation works on it now.
    pub busy: bool,
}

/// How far a creation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The echo service has been asked to create it, or is about to be. For
    /// platforms it does not exist.
    Creating {
        /// Whether an earlier attempt ended without a clear answer, so that
        /// the echo service may have created it unknown to us.
        maybe_made: bool,
    },
    /// It exists.
    Ready,
}

impl Phase {
    pub(crate) const FRESH: Phase = Phase::Creating { maybe_made: false };

    pub(crate) fn maybe_made(self) -> bool {
        matches!(self, Phase::Creating { maybe_made: true })
    }
}
