//! What the service remembers, and the rules of its interface.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serving::Id;

use crate::refusal::Refusal;

/// How many of an instance's messages are kept; the rest is counted.
const KEPT_MESSAGES: usize = 10;

/// How many characters of a message are kept.
const KEPT_CHARACTERS: usize = 200;

/// One of the two services, by the first segment of its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    /// `/echo`
    Echo,
    /// `/invert`
    Invert,
}

/// What an instance has to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instance {
    bindings: BTreeSet<Id>,
    messages: u64,
    latest: VecDeque<String>,
}

/// All instances of both services.
#[derive(Default)]
pub(crate) struct Instances(Mutex<HashMap<(Service, Id), Instance>>);

impl Instance {
    /// How many apps are bound to it.
    pub(crate) fn bindings(&self) -> usize {
        self.bindings.len()
    }

    /// How many messages it has been sent.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// The latest of them, oldest first, the long ones cut.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &str> {
        self.latest.iter().map(String::as_str)
    }

    fn keep(&mut self, message: &str) {
        self.messages += 1;
        if self.latest.len() == KEPT_MESSAGES {
            self.latest.pop_front();
        }
        let mut kept: String = message.chars().take(KEPT_CHARACTERS).collect();
        if kept.len() < message.len() {
            kept.push('…');
        }
        self.latest.push_back(kept);
    }
}

impl Instances {
    pub(crate) fn provision(&self, service: Service, id: &Id) -> Result<(), Refusal> {
        self.with(|instances| {
            let key = (service, id.clone());
            if instances.contains_key(&key) {
                return Err(Refusal::AlreadyProvisioned);
            }
            instances.insert(key, Instance::default());
            Ok(())
        })
    }

    /// Gives what was deleted with the instance.
    pub(crate) fn deprovision(&self, service: Service, id: &Id) -> Result<Instance, Refusal> {
        self.with(|instances| {
            instances
                .remove(&(service, id.clone()))
                .ok_or(Refusal::NothingToDeprovision)
        })
    }

    pub(crate) fn bind(&self, service: Service, id: &Id, app: &Id) -> Result<(), Refusal> {
        self.with_instance(service, id, |instance| {
            let is_new = instance.bindings.insert(app.clone());
            is_new.then_some(()).ok_or(Refusal::AlreadyBound)
        })
    }

    pub(crate) fn unbind(&self, service: Service, id: &Id, app: &Id) -> Result<(), Refusal> {
        self.with_instance(service, id, |instance| {
            let was_there = instance.bindings.remove(app);
            was_there.then_some(()).ok_or(Refusal::BindingNotFound)
        })
    }

    /// Runs `take` on a message that a bound app may send, and keeps the
    /// message that it gives. What `take` refuses is not kept.
    pub(crate) fn message<T>(
        &self,
        service: Service,
        id: &Id,
        app: &Id,
        take: impl FnOnce() -> Result<(String, T), Refusal>,
    ) -> Result<T, Refusal> {
        self.with_instance(service, id, |instance| {
            if !instance.bindings.contains(app) {
                return Err(Refusal::AppBindingNotFound);
            }
            let (message, answer) = take()?;
            instance.keep(&message);
            Ok(answer)
        })
    }

    pub(crate) fn look_at(&self, service: Service, id: &Id) -> Result<Instance, Refusal> {
        self.with_instance(service, id, |instance| Ok(instance.clone()))
    }

    fn with_instance<T>(
        &self,
        service: Service,
        id: &Id,
        act: impl FnOnce(&mut Instance) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.with(
            |instances| match instances.get_mut(&(service, id.clone())) {
                Some(instance) => act(instance),
                None => Err(Refusal::InstanceNotFound),
            },
        )
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<(Service, Id), Instance>) -> T) -> T {
        // No change is ever half made when something panics.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_without_end_and_kept_up_to_a_bound() {
        let mut instance = Instance::default();
        for n in 0..1000 {
            instance.keep(&format!("{n}{}", "ü".repeat(1000)));
        }
        assert_eq!(instance.messages(), 1000);
        assert_eq!(instance.latest().count(), KEPT_MESSAGES);
        assert!(
            instance
                .latest()
                .all(|m| m.chars().count() == KEPT_CHARACTERS + 1)
        );
        assert!(instance.latest().next().unwrap().starts_with("990"));
    }
}
