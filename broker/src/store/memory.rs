//! A store that ends with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serving::Id;

use super::{Decide, Durability, Key, Stepping, Store, now};
use crate::decide::{Next, Stored};
use crate::instance::{Binding, Instance, Phase};

/// A store that ends with the process.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Id, Entry>>);

#[derive(Default)]
struct Entry {
    instance: Option<Kept<Instance>>,
    bindings: BTreeMap<Id, Kept<Binding>>,
}

/// Something, and when it was stored, in seconds since 1970.
struct Kept<T> {
    what: T,
    since: u64,
}

impl<T> Kept<T> {
    fn now(what: T) -> Kept<T> {
        Kept { what, since: now() }
    }
}

impl Entry {
    fn stored(&self, binding: Option<&Id>) -> Stored {
        let instance = self.instance.as_ref().map(|kept| kept.what.clone());
        let binding = binding.and_then(|id| self.bindings.get(id));
        let mut bindings = self.bindings.values();
        Stored {
            instance,
            binding: binding.map(|kept| kept.what.clone()),
            bindings_in_progress: bindings.any(|kept| kept.what.operation.is_in_progress()),
        }
    }
}

impl Memory {
    fn entries(&self) -> MutexGuard<'_, HashMap<Id, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn step<'a>(&'a self, key: Key, _: Durability, decide: Decide) -> Stepping<'a, Next> {
        let mut entries = self.entries();
        let entry = entries.entry(key.instance.clone()).or_default();
        let decision = decide(entry.stored(key.binding.as_ref()));
        entry.instance = decision.instance.map(Kept::now);
        if decision.drop_bindings {
            entry.bindings.clear();
        }
        if let Some(id) = key.binding {
            match decision.binding {
                Some(binding) => entry.bindings.insert(id, Kept::now(binding)),
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
            let instance = entry.instance.as_ref();
            if instance.is_some_and(|kept| kept.what.operation.is_in_progress()) {
                keys.push(key(None));
            }
            let bindings = entry.bindings.iter();
            let busy = bindings.filter(|(_, kept)| kept.what.operation.is_in_progress());
            keys.extend(busy.map(|(id, _)| key(Some(id))));
        }
        Box::pin(async { Ok(keys) })
    }

    fn ready<'a>(&'a self) -> Stepping<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn forget_gone<'a>(&'a self, before: u64) -> Stepping<'a, bool> {
        let mut entries = self.entries();
        for entry in entries.values_mut() {
            let stays = |phase: Phase, since: u64| phase != Phase::Gone || since >= before;
            let instance = entry.instance.take();
            entry.instance = instance.filter(|kept| stays(kept.what.phase, kept.since));
            let bindings = &mut entry.bindings;
            bindings.retain(|_, kept| stays(kept.what.phase, kept.since));
        }
        entries.retain(|_, entry| entry.instance.is_some() || !entry.bindings.is_empty());
        Box::pin(async { Ok(false) })
    }
}
