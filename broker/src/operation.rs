//! Operations: what platforms have asked for, and how far it has come.

use serde::{Deserialize, Serialize};

use crate::instance::Phase;

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
    /// The asynchronous ones before it, the latest at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Ended>,
}

/// An asynchronous operation that another one has followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its id, by which platforms may still ask for it.
    pub id: String,
    /// What it did.
    pub kind: Kind,
    /// How it has ended.
    pub state: State,
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
    /// How many earlier ones are remembered.
    const MEMORY: usize = 8;

    /// What is remembered when another operation follows.
    pub(crate) fn into_earlier(self) -> Vec<Ended> {
        let is_waiting = self.is_waiting();
        let mut earlier = self.earlier;
        if self.is_async {
            let halted = "it was halted by a deletion".to_owned();
            earlier.push(Ended {
                id: self.id,
                kind: self.kind,
                state: match is_waiting {
                    true => State::Failed { why: halted },
                    false => self.state,
                },
            });
        }
        let forgotten = earlier.len().saturating_sub(Operation::MEMORY);
        earlier.drain(..forgotten);
        earlier
    }

    /// The accepted creation that it cleans up after, or did, where it is the
    /// deletion of what has never been ready.
    pub(crate) fn failed_creation(&self, phase: Phase) -> Option<&Ended> {
        let is_one = |ended: &&Ended| {
            ended.kind == Kind::Create && matches!(ended.state, State::Failed { .. })
        };
        let cleans_up = self.kind == Kind::Delete && phase != Phase::Ready;
        self.earlier.last().filter(|_| cleans_up).filter(is_one)
    }

    /// Whether it has not ended yet.
    pub fn is_in_progress(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Working)
    }

    /// Whether it has been accepted, and nothing of it has begun.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }
}
