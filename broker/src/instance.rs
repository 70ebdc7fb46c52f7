//! What is stored of a service instance and its bindings.

use serde::{Deserialize, Serialize};

use crate::ask;
use crate::backend::Backend;
use crate::conduct::Metadata;
use crate::operation::Operation;

/// What is stored of a service instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// What it is, or is to be: what was asked for, updates included.
    pub asked: ask::Provision,
    /// What stands behind it.
    pub backend: Backend,
    /// Where a person sees it.
    pub dashboard_url: String,
    /// What its plan tells of it.
    pub metadata: Option<Metadata>,
    /// How far it has come.
    pub phase: Phase,
    /// The operation that works on it, or the last one that did.
    pub operation: Operation,
    /// What the operation in progress changes, if it is an update.
    pub update: Option<ask::Update>,
}

/// What is stored of a service binding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// What was asked for.
    pub asked: ask::Bind,
    /// The id of the binding whose successor it is, if it was asked for as one.
    #[serde(default)]
    pub predecessor: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub asked_at: u64,
    /// How far it has come.
    pub phase: Phase,
    /// The operation that works on it, or the last one that did.
    pub operation: Operation,
}

/// How far an instance or a binding has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The echo service has been asked to create it, or is about to be. For
    /// platforms it does not exist yet.
    Creating {
        /// Whether an earlier attempt ended without a clear answer, so that
        /// the echo service may have created it unknown to us.
        maybe_made: bool,
    },
    /// It exists.
    Ready,
    /// It does not exist any more; what is left is the state of its last
    /// operation, for platforms that ask.
    Gone,
}

impl Phase {
    pub(crate) const FRESH: Phase = Phase::Creating { maybe_made: false };

    pub(crate) fn maybe_made(self) -> bool {
        matches!(self, Phase::Creating { maybe_made: true })
    }
}
