//! A store that ends with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serving::Id;

use super::{Decide, Durability, Key, Stepping, Store};
use crate::decide::{Next, Stored};
use crate::instance::{Binding, Instance};

/// A store that ends with the process.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Id, Entry>>);

#[derive(Default)]
struct Entry {
    instance: Option<Instance>,
    bindings: BTreeMap<Id, Binding>,
}

impl Entry {
    fn stored(&self, binding: Option<&Id>) -> Stored {
        let mut bindings = self.bindings.values();
        Stored {
            instance: self.instance.clone(),
            binding: binding.and_then(|id| self.bindings.get(id)).cloned(),
            bindings_in_progress: bindings.any(|b| b.operation.is_in_progress()),
        }
    }
}

impl Memory {
    fn entries(&self) -> MutexGuard<'_, HashMap<Id, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn step<'a>(&'a self, key: Key, _: Durability, mut decide: Decide) -> Stepping<'a, Next> {
        let mut entries = self.entries();
        let entry = entries.entry(key.instance.clone()).or_default();
        let decision = decide(entry.stored(key.binding.as_ref()));
        entry.instance = decision.instance;
        if decision.drop_bindings {
            entry.bindings.clear();
        }
        if let Some(id) = key.binding {
            match decision.binding {
                Some(binding) => entry.bindings.insert(id, binding),
                None => entry.bindings.remove(&id),
            };
        }
        if entry.instance.is_none() && entry.bindings.is_empty() {
            entries.remove(&key.instance);
        }
        Box::pin(async { Ok(decision.next) })
    }

    fn look<'a>(&'a self, key: Key) -> Stepping<'a, Stored> {
        let entries = self.entries();
        let entry = entries.get(&key.instance);
        let stored = entry.map_or_else(Stored::default, |e| e.stored(key.binding.as_ref()));
        Box::pin(async { Ok(stored) })
    }

    fn in_progress<'a>(&'a self) -> Stepping<'a, Vec<Key>> {
        let mut keys = Vec::new();
        for (id, entry) in &*self.entries() {
            let key = |binding: Option<&Id>| Key {
                instance: id.clone(),
                binding: binding.cloned(),
            };
            if entry
                .instance
                .as_ref()
                .is_some_and(|i| i.operation.is_in_progress())
            {
                keys.push(key(None));
            }
            let busy = entry
                .bindings
                .iter()
                .filter(|(_, b)| b.operation.is_in_progress());
            keys.extend(busy.map(|(id, _)| key(Some(id))));
        }
        Box::pin(async { Ok(keys) })
    }
}
