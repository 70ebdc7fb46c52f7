//! Where the broker keeps what it has to know between requests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serving::Id;

use crate::decide::{Decision, Next};
use crate::instance::Instance;

/// A store of service instances.
///
/// One step is all there is: read an instance, decide, write it. No other step
/// on the same instance comes between, so that what is stored, and never luck,
/// decides between concurrent requests.
pub trait Store: Send + Sync {
    /// Gives what is stored under `id` to `decide`, stores what that decides,
    /// and gives what comes next.
    fn step(&self, id: &Id, decide: &mut dyn FnMut(Option<Instance>) -> Decision) -> Next;
}

/// A store that ends with the process.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Id, Instance>>);

impl Store for Memory {
    fn step(&self, id: &Id, decide: &mut dyn FnMut(Option<Instance>) -> Decision) -> Next {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stored, next) = decide(instances.remove(id));
        if let Some(instance) = stored {
            instances.insert(id.clone(), instance);
        }
        next
    }
}
