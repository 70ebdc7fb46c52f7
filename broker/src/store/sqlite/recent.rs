//! What the latest steps have left, so that the next ones need not read it.

use std::collections::HashMap;

use serving::Id;

use crate::decide::{Decision, Next, Stored};
use crate::instance::{Binding, Instance};
use crate::store::Key;

/// How many bytes are remembered, about. Then all is forgotten, which costs the next
/// step on each instance that is still worked on one reading.
const REMEMBERED: usize = 4 << 20;

/// How many bytes a step takes that leaves nothing but ids, about.
const A_STEP: usize = 256;

/// What is stored of the instances that were worked on last.
#[derive(Default)]
pub(super) struct Recent {
    instances: HashMap<Id, Known>,
    /// About how large that is.
    bytes: usize,
}

/// What is known of an instance.
struct Known {
    instance: Option<Instance>,
    bindings: HashMap<Id, Option<Binding>>,
    /// Whether it has no bindings but these.
    whole: bool,
}

impl Recent {
    /// What is stored under `key`, if that is known.
    pub(super) fn get(&self, key: &Key) -> Option<Stored> {
        let known = self.instances.get(&key.instance)?;
        let (binding, bindings_in_progress) = match &key.binding {
            Some(id) => match known.bindings.get(id) {
                Some(binding) => (binding.clone(), false),
                None if known.whole => (None, false),
                None => return None,
            },
            None if known.whole => {
                let mut bindings = known.bindings.values().flatten();
                (None, bindings.any(|b| b.operation.is_in_progress()))
            }
            None => return None,
        };
        Some(Stored {
            instance: known.instance.clone(),
            binding,
            bindings_in_progress,
        })
    }

    /// Takes up what a step on `key` has found and what it has left, for which so many
    /// bytes were read and written. Gives what comes next.
    pub(super) fn put(&mut self, key: &Key, before: &Stored, left: Decision, bytes: usize) -> Next {
        if self.bytes > REMEMBERED {
            self.forget();
        }
        self.bytes += bytes + A_STEP;
        let known = self.instances.entry(key.instance.clone());
        let known = known.or_insert_with(|| Known {
            instance: None,
            bindings: HashMap::new(),
            // What is not there has no bindings.
            whole: before.instance.is_none(),
        });
        known.instance = left.instance;
        if left.drop_bindings {
            known.bindings.clear();
            known.whole = true;
        }
        match &key.binding {
            Some(id) if known.whole && left.binding.is_none() => _ = known.bindings.remove(id),
            Some(id) => _ = known.bindings.insert(id.clone(), left.binding),
            None => {}
        }
        left.next
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Recent::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Reply;

    fn key(n: usize) -> Key {
        Key {
            instance: Id::new(&format!("i{n}")).unwrap(),
            binding: None,
        }
    }

    /// Puts something that is said to be so large.
    fn put(recent: &mut Recent, n: usize, bytes: usize) {
        let nothing = Decision {
            instance: None,
            binding: None,
            drop_bindings: false,
            next: Next::Reply(Reply::Gone),
        };
        recent.put(&key(n), &Stored::default(), nothing, bytes);
    }

    #[test]
    fn what_is_remembered_is_bounded_however_large_or_many_the_things_are() {
        let mut recent = Recent::default();
        for n in 0..6 {
            put(&mut recent, n, REMEMBERED / 4);
        }
        assert_eq!(recent.get(&key(0)), None);
        assert_eq!(recent.get(&key(5)), Some(Stored::default()));
        for n in 0..100_000 {
            put(&mut recent, n, 0);
            assert!(recent.instances.len() <= REMEMBERED / A_STEP + 1);
        }
    }
}
