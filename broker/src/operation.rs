//! Operations: what platforms have asked for, and how far it has come.

use serde::{Deserialize, Serialize};

/// An operation on an instance or a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id, by which platforms ask for it.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// Whether its request was answered before it ended.
    pub is_async: bool,
    /// How far it has come.
    pub state: State,
    /// How many operations of its kind, one after the other and up to this one,
    /// have failed on purpose.
    #[serde(default)]
    pub failures: u32,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Provision or bind.
    Create,
    /// Update.
    Update,
    /// Deprovision or unbind.
    Delete,
}

/// How far an operation has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its work begins at this time, in milliseconds since 1970.
    Waiting {
        /// See above.
        until: u64,
    },
    /// Its work is being done.
    Working,
    /// It has ended well.
    Succeeded,
    /// It has failed.
    Failed {
        /// Why, in words for a user.
        why: String,
    },
}

impl Operation {
    /// Whether it has not ended yet.
    pub fn is_in_progress(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Working)
    }

    /// Whether it has been accepted, and nothing of it has begun.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }
}
