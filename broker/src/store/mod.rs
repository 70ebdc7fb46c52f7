//! Where the broker keeps what it has to know.
//!
//! One step is all that changes anything: read an instance (and a binding),
//! decide, write. No other step on the same instance comes between, so that
//! what is stored, and never luck, decides between concurrent requests.

mod memory;
mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::time::{SystemTime, UNIX_EPOCH};

use serving::Id;

use crate::decide::{Decision, Next, Stored};

pub use memory::Memory;
pub use sqlite::{OpenError, Sqlite};

/// What a step is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The instance.
    pub instance: Id,
    /// The binding, if the step is about one.
    pub binding: Option<Id>,
}

/// When a step counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it would survive the end of the process or the machine.
    Durable,
    /// At once if what comes next is to tell success: should the step get lost,
    /// the recovery of what was stored before reaches the same state.
    Recoverable,
}

/// Why a store did not do what it was asked, in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

/// Is told, before any other step is taken, what a [`Durability::Recoverable`] step
/// was about that could not be stored in the end.
pub type Lost = Box<dyn Fn(Key) + Send>;

/// Decides on what is stored.
pub type Decide = Box<dyn FnOnce(Stored) -> Decision + Send>;

/// A future of a store.
pub type Stepping<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store of service instances and bindings.
pub trait Store: Send + Sync {
    /// Gives what is stored under `key` to `decide`, stores what that decides,
    /// and gives what comes next.
    fn step<'a>(&'a self, key: Key, durability: Durability, decide: Decide) -> Stepping<'a, Next>;

    /// What is stored under `key`.
    fn look<'a>(&'a self, key: Key) -> Stepping<'a, Stored>;

    /// Everything that an operation is in progress on.
    fn in_progress<'a>(&'a self) -> Stepping<'a, Vec<Key>>;

    /// Nothing, if it can be read and, as far as is known, written.
    fn ready<'a>(&'a self) -> Stepping<'a, ()>;

    /// Forgets a part of what ceased to exist before this time, in seconds since
    /// 1970, and gives whether there may be more.
    fn forget_gone<'a>(&'a self, before: u64) -> Stepping<'a, bool>;
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
