//! Laws of the pure decisions, against a model of an echo service that may act
//! and hide it.

use std::collections::BTreeSet;

use broker::ask;
use broker::backend::Backend;
use broker::decide::{Next, Request, Subject, Verb, Work, decide, resume};
use broker::instance::{Instance, Phase};
use broker::reply::Reply;
use broker::{EchoError, Effect};
use proptest::prelude::*;
use serving::Id;

/// How a call of the echo service goes.
#[derive(Clone, Copy, Debug)]
enum Luck {
    /// It acts and says so.
    Healthy,
    /// The call does not arrive.
    Unreachable,
    /// The call does not arrive, but the broker cannot know.
    LostCall,
    /// It acts, and the answer does not arrive.
    LostAnswer,
}

/// What an echo service holds of one id.
#[derive(Default)]
struct Echo {
    instances: BTreeSet<&'static str>,
    bindings: BTreeSet<(&'static str, Id)>,
}

impl Echo {
    fn call(&mut self, work: &Work, luck: Luck) -> Result<Effect, EchoError> {
        match luck {
            Luck::Healthy => Ok(self.act(work)),
            Luck::Unreachable => Err(EchoError::Unreachable),
            Luck::LostCall => Err(EchoError::TimedOut),
            Luck::LostAnswer => {
                self.act(work);
                Err(EchoError::TimedOut)
            }
        }
    }

    fn act(&mut self, work: &Work) -> Effect {
        let service = match work.backend {
            Backend::Echo => "echo",
            Backend::Invert => "invert",
        };
        let changed = match (work.verb, &work.binding) {
            (Verb::Create, None) => self.instances.insert(service),
            (Verb::Delete, None) => {
                self.bindings.retain(|(of, _)| *of != service);
                self.instances.remove(service)
            }
            (Verb::Create, Some(_)) if !self.instances.contains(service) => {
                return Effect::NoInstance;
            }
            (Verb::Create, Some(id)) => self.bindings.insert((service, id.clone())),
            (Verb::Delete, Some(id)) => self.bindings.remove(&(service, id.clone())),
        };
        if changed {
            Effect::Done
        } else {
            Effect::AlreadySo
        }
    }
}

fn request() -> impl Strategy<Value = Request> {
    let text = |one: &'static str, other: &'static str| {
        prop_oneof![Just(one), Just(other)].prop_map(str::to_owned)
    };
    let backend = prop_oneof![Just(Backend::Echo), Just(Backend::Invert)];
    let id = || prop_oneof![Just("b"), Just("c")].prop_map(|id| Id::decode(id).unwrap());
    prop_oneof![
        (backend, text("small", "big")).prop_map(|(backend, plan_id)| Request::Provision {
            asked: ask::Provision {
                service_id: format!("{backend:?}"),
                plan_id,
                organization_guid: "o".to_owned(),
                space_guid: "s".to_owned(),
            },
            backend,
        }),
        Just(Request::Deprovision),
        id().prop_map(|id| Request::Bind {
            id,
            asked: ask::Bind {
                service_id: "s".to_owned(),
                plan_id: "p".to_owned(),
                app_guid: None,
            },
        }),
        id().prop_map(|id| Request::Unbind { id }),
    ]
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        4 => Just(Luck::Healthy),
        1 => Just(Luck::Unreachable),
        1 => Just(Luck::LostCall),
        1 => Just(Luck::LostAnswer),
    ]
}

/// Carries out `request` to its end.
fn carry_out(
    stored: &mut Option<Instance>,
    echo: &mut Echo,
    request: &Request,
    luck: Luck,
) -> Reply {
    let id = Id::decode("i").unwrap();
    let subject = Subject {
        id: &id,
        echo_public_url: "http://echo",
    };
    let (mut now, mut next) = decide(subject, stored.take(), request);
    loop {
        let work = match next {
            Next::Reply(reply) => {
                *stored = now;
                return reply;
            }
            Next::Work(work) => work,
        };
        let done = echo.call(&work, luck);
        (now, next) = resume(subject, now, request, &work, done);
    }
}

/// What a platform may believe to exist: the instance, and its bindings.
fn visible(stored: &Option<Instance>) -> (bool, Vec<Id>) {
    match stored {
        Some(instance) if instance.phase == Phase::Ready => {
            let ready = instance
                .bindings
                .iter()
                .filter(|(_, b)| b.phase == Phase::Ready);
            (true, ready.map(|(id, _)| id.clone()).collect())
        }
        _ => (false, Vec::new()),
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_broker_knows_what_the_echo_service_may_hold(
        steps in proptest::collection::vec((request(), luck()), 1..20),
    ) {
        let (mut stored, mut echo) = (None, Echo::default());
        for (request, luck) in steps {
            let before = stored.clone();
            let reply = carry_out(&mut stored, &mut echo, &request, luck);
            match (&reply, &request) {
                // A refusal and a failure change nothing that a platform sees.
                (Reply::Gone | Reply::UnknownInstance | Reply::InstanceConflict
                    | Reply::BindingConflict | Reply::Forgotten | Reply::Echo(_), _)
                => prop_assert_eq!(visible(&stored), visible(&before), "{:?}", reply),
                (Reply::AlreadyProvisioned { .. }, _) => prop_assert_eq!(&stored, &before),
                (Reply::Deleted, Request::Deprovision) => prop_assert_eq!(&stored, &None),
                (Reply::Deleted, Request::Unbind { id }) => {
                    prop_assert!(!stored.as_ref().unwrap().bindings.contains_key(id));
                    prop_assert!(echo.bindings.iter().all(|(_, held)| held != id));
                }
                (Reply::Provisioned { .. }, _) => prop_assert_eq!(visible(&stored), (true, vec![])),
                (Reply::Bound { .. }, Request::Bind { id, .. }) => {
                    prop_assert!(visible(&stored).1.contains(id));
                }
                other => prop_assert!(false, "unexpected: {:?}", other),
            }
            // Nothing is at the echo service that is not stored, and nothing
            // stays busy when its request has ended.
            match &stored {
                None => prop_assert!(echo.instances.is_empty(), "{:?}", echo.instances),
                Some(instance) => {
                    prop_assert!(echo.instances.len() <= 1);
                    prop_assert!(!instance.busy && instance.bindings.values().all(|b| !b.busy));
                    for (_, id) in &echo.bindings {
                        prop_assert!(instance.bindings.contains_key(id), "{:?}", id);
                    }
                }
            }
        }
        // Once the echo service is well, a deprovision leaves nothing, and the
        // id can be provisioned.
        carry_out(&mut stored, &mut echo, &Request::Deprovision, Luck::Healthy);
        prop_assert!(stored.is_none() && echo.instances.is_empty() && echo.bindings.is_empty());
    }

    #[test]
    fn while_an_operation_works_on_an_instance_every_other_request_is_refused(
        first in request(), second in request(),
    ) {
        let id = Id::decode("i").unwrap();
        let subject = Subject { id: &id, echo_public_url: "http://echo" };
        let (stored, next) = decide(subject, None, &first);
        prop_assume!(matches!(next, Next::Work(_)));
        let (after, next) = decide(subject, stored.clone(), &second);
        prop_assert_eq!(next, Next::Reply(Reply::Concurrency));
        prop_assert_eq!(after, stored);
    }
}
