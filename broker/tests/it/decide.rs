//! Laws of the pure decisions, against a model of an echo service that may act
//! and hide it.

use std::collections::BTreeSet;
use std::time::Duration;

use broker::ask::{Bind, Hints, Provision, Update};
use broker::backend::Backend;
use broker::catalog::Catalog;
use broker::decide::{
    Circumstances, Decision, Next, Request, Stored, Verb, Work, begin, decide, poll_binding,
    poll_instance, recover, resume, waiting_operation,
};
use broker::instance::{Binding, Instance, Phase};
use broker::reply::Reply;
use broker::{ApiVersion, EchoError, Effect};
use proptest::prelude::*;
use serde_json::json;
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
    /// The broker is killed before the call.
    KilledBefore,
    /// The broker is killed after the call.
    KilledAfter,
}

/// What an echo service holds of one id.
#[derive(Default)]
struct Echo {
    instances: BTreeSet<&'static str>,
    bindings: BTreeSet<(&'static str, Id)>,
}

impl Echo {
    fn act(&mut self, binding: Option<&Id>, work: &Work) -> Effect {
        let service = match work.backend {
            Backend::Echo => "echo",
            Backend::Invert => "invert",
        };
        let changed = match (work.verb, binding) {
            (Verb::Nothing, _) => true,
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

/// Two offerings, whose plans are synchronous, asynchronous, and either.
fn catalog() -> Catalog {
    let plan = |id: &str, pace: &str| {
        json!({"id": id, "name": id, "description": "d", "plan_updateable": true, "broker": {
            "provision": pace, "update": pace, "deprovision": pace, "bind": pace, "unbind": pace
        }})
    };
    let service = |id: &str, backend: &str| {
        json!({
            "id": id, "name": id, "description": "d", "bindable": true,
            "broker": {"backend": backend},
            "plans": [
                plan(&format!("{id}-sync"), "sync"),
                plan(&format!("{id}-async"), "async"),
                plan(&format!("{id}-either"), "either"),
            ]
        })
    };
    let services = json!({"services": [service("echo", "echo"), service("invert", "invert")]});
    Catalog::read(&services.to_string(), "http://echo").unwrap()
}

/// One instance and two bindings, as they are stored.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    instance: Option<Instance>,
    bindings: [Option<Binding>; 2],
}

/// Everything that a step of a test needs.
struct Broker {
    catalog: Catalog,
    world: World,
    echo: Echo,
    operations: u32,
    now: u64,
}

/// A request and the binding it is about, if it is about one.
#[derive(Clone, Debug)]
struct Sent {
    request: Request,
    binding: Option<usize>,
    accepts_incomplete: bool,
}

/// How a request has gone.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Reply(Reply),
    /// The broker was killed before it could answer.
    Nothing,
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

impl Broker {
    fn new() -> Broker {
        Broker {
            catalog: catalog(),
            world: World::default(),
            echo: Echo::default(),
            operations: 0,
            now: 0,
        }
    }

    fn binding_id(index: usize) -> Id {
        id(["b0", "b1"][index])
    }

    fn stored(&self, binding: Option<usize>) -> Stored {
        let mut bindings = self.world.bindings.iter().flatten();
        Stored {
            instance: self.world.instance.clone(),
            binding: binding.and_then(|index| self.world.bindings[index].clone()),
            bindings_in_progress: bindings.any(|b| b.operation.is_in_progress()),
        }
    }

    /// One step of the store.
    fn step(
        &mut self,
        binding: Option<usize>,
        accepts_incomplete: bool,
        pure: impl FnOnce(&Circumstances<'_>, Stored) -> Decision,
    ) -> Next {
        self.operations += 1;
        self.now += 1;
        let (instance, binding_id) = (id("i"), binding.map(Broker::binding_id));
        let fresh = format!("op{}", self.operations);
        let at = Circumstances {
            instance: &instance,
            binding: binding_id.as_ref(),
            version: ApiVersion::parse("2.17").unwrap(),
            accepts_incomplete,
            catalog: &self.catalog,
            echo_public_url: "http://echo",
            fresh_operation: &fresh,
            now: self.now,
            async_delay: Duration::from_millis(10),
        };
        let decision = pure(&at, self.stored(binding));
        self.world.instance = decision.instance;
        if decision.drop_bindings {
            self.world.bindings = [None, None];
        }
        if let Some(index) = binding {
            self.world.bindings[index] = decision.binding;
        }
        decision.next
    }

    fn send(&mut self, sent: &Sent, luck: Luck) -> Told {
        let asked = match &sent.request {
            Request::Provision(asked) => Some(asked.clone()),
            _ => None,
        };
        let next = self.step(sent.binding, sent.accepts_incomplete, |at, stored| {
            decide(at, stored, &sent.request)
        });
        self.go_on(
            next,
            sent.binding,
            sent.accepts_incomplete,
            asked.as_ref(),
            luck,
        )
    }

    fn go_on(
        &mut self,
        mut next: Next,
        binding: Option<usize>,
        accepts_incomplete: bool,
        asked: Option<&Provision>,
        luck: Luck,
    ) -> Told {
        loop {
            let work = match next {
                Next::Reply(reply) | Next::Accepted(reply) => return Told::Reply(reply),
                Next::Work(work) => work,
            };
            let binding_id = binding.map(Broker::binding_id);
            let done = match luck {
                Luck::Healthy => Ok(self.echo.act(binding_id.as_ref(), &work)),
                Luck::Unreachable => Err(EchoError::Unreachable),
                Luck::LostCall => Err(EchoError::TimedOut),
                Luck::LostAnswer => {
                    self.echo.act(binding_id.as_ref(), &work);
                    Err(EchoError::TimedOut)
                }
                Luck::KilledBefore => {
                    self.restart();
                    return Told::Nothing;
                }
                Luck::KilledAfter => {
                    self.echo.act(binding_id.as_ref(), &work);
                    self.restart();
                    return Told::Nothing;
                }
            };
            next = self.step(binding, accepts_incomplete, |at, stored| {
                resume(at, stored, &work, done, asked)
            });
        }
    }

    /// What a broker does when it starts: everything under way is taken up.
    fn restart(&mut self) {
        for binding in [None, Some(0), Some(1)] {
            let stored = self.stored(binding);
            if waiting_operation(&stored, binding.is_some()).is_none() {
                let next = self.step(binding, false, recover);
                self.go_on(next, binding, false, None, Luck::Healthy);
            }
        }
    }

    /// The time of everything that waits comes.
    fn settle(&mut self, luck: Luck) {
        for binding in [None, Some(0), Some(1)] {
            if let Some((operation, _)) =
                waiting_operation(&self.stored(binding), binding.is_some())
            {
                let next = self.step(binding, false, |at, stored| begin(at, stored, &operation));
                self.go_on(next, binding, false, None, luck);
            }
        }
    }

    /// What a platform may believe to exist: the instance with its plan and
    /// parameters, and its bindings.
    fn visible(&self) -> (Option<Provision>, Vec<usize>) {
        let instance = self
            .world
            .instance
            .as_ref()
            .filter(|i| i.phase == Phase::Ready);
        let ready = |index: &usize| {
            let binding = self.world.bindings[*index].as_ref();
            instance.is_some() && binding.is_some_and(|b| b.phase == Phase::Ready)
        };
        let bindings = [0, 1].into_iter().filter(ready).collect();
        (instance.map(|i| i.asked.clone()), bindings)
    }

    fn operations_in_progress(&self) -> usize {
        let instance = self.world.instance.iter().map(|i| &i.operation);
        let bindings = self.world.bindings.iter().flatten().map(|b| &b.operation);
        instance
            .chain(bindings)
            .filter(|o| o.is_in_progress())
            .count()
    }
}

/// A plan of one of the offerings, with the offering.
fn plan() -> impl Strategy<Value = (String, String)> {
    let service = prop_oneof![4 => Just("echo"), 1 => Just("invert")];
    let pace = prop_oneof![Just("sync"), Just("async"), Just("either")];
    (service, pace).prop_map(|(service, pace)| (service.to_owned(), format!("{service}-{pace}")))
}

fn parameters() -> impl Strategy<Value = broker::ask::Parameters> {
    prop_oneof![
        3 => Just(broker::ask::Parameters::new()),
        1 => (0..2).prop_map(|n| json!({"n": n}).as_object().unwrap().clone()),
    ]
}

const NO_HINTS: Hints = Hints {
    service_id: None,
    plan_id: None,
};

fn sent() -> impl Strategy<Value = Sent> {
    let provision = (plan(), parameters()).prop_map(|((service_id, plan_id), parameters)| {
        let asked = Provision {
            service_id,
            plan_id,
            organization_guid: "o".to_owned(),
            space_guid: "s".to_owned(),
            parameters,
            maintenance_version: None,
        };
        (Request::Provision(asked), false)
    });
    let update = (plan(), parameters()).prop_map(|((service_id, plan_id), parameters)| {
        let asked = Update {
            service_id,
            plan_id: Some(plan_id),
            parameters,
            maintenance_version: None,
        };
        (Request::Update(asked), false)
    });
    let bind = (plan(), parameters()).prop_map(|((service_id, plan_id), parameters)| {
        let asked = Bind {
            service_id,
            plan_id,
            app_guid: None,
            bind_resource: Default::default(),
            parameters,
        };
        (Request::Bind(asked), true)
    });
    let request = prop_oneof![
        3 => provision,
        2 => update,
        2 => Just((Request::Deprovision(NO_HINTS), false)),
        4 => bind,
        3 => Just((Request::Unbind(NO_HINTS), true)),
    ];
    (
        request,
        0..2_usize,
        prop_oneof![3 => Just(true), 1 => Just(false)],
    )
        .prop_map(|((request, of_binding), index, accepts_incomplete)| Sent {
            request,
            binding: of_binding.then_some(index),
            accepts_incomplete,
        })
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        6 => Just(Luck::Healthy),
        1 => Just(Luck::Unreachable),
        1 => Just(Luck::LostCall),
        1 => Just(Luck::LostAnswer),
        1 => Just(Luck::KilledBefore),
        1 => Just(Luck::KilledAfter),
    ]
}

/// A request, how its calls go, and whether what waits comes to its end then.
fn steps() -> impl Strategy<Value = Vec<(Sent, Luck, Option<Luck>)>> {
    let settled = proptest::option::of(luck());
    proptest::collection::vec((sent(), luck(), settled), 1..24)
}

fn is_refusal(reply: &Reply) -> bool {
    matches!(
        reply,
        Reply::Bad(_)
            | Reply::Gone
            | Reply::UnknownInstance
            | Reply::InstanceConflict
            | Reply::BindingConflict
            | Reply::AsyncRequired
            | Reply::Concurrency
            | Reply::PlanChangeNotSupported
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_broker_knows_what_the_echo_service_may_hold(steps in steps()) {
        let mut broker = Broker::new();
        for (sent, luck, settled) in steps {
            broker.send(&sent, luck);
            if let Some(luck) = settled {
                broker.settle(luck);
            }
            // Nothing is at the echo service that is not stored.
            if !broker.echo.instances.is_empty() {
                let instance = broker.world.instance.as_ref();
                prop_assert!(instance.is_some_and(|i| i.phase != Phase::Gone), "{:?}", broker.echo.instances);
                prop_assert!(broker.echo.instances.len() == 1);
            }
            for (_, held) in &broker.echo.bindings {
                let index = if held.as_str() == "b0" { 0 } else { 1 };
                let binding = broker.world.bindings[index].as_ref();
                prop_assert!(binding.is_some_and(|b| b.phase != Phase::Gone), "{:?}", held);
            }
            // There is no binding without its instance.
            let gone = broker.world.instance.as_ref().is_none_or(|i| i.phase == Phase::Gone);
            if gone {
                let ready = broker.world.bindings.iter().flatten().filter(|b| b.phase != Phase::Gone);
                prop_assert_eq!(ready.count(), 0);
            }
        }
        // Once the echo service is well, everything comes to its end, and a
        // deprovision leaves nothing.
        broker.settle(Luck::Healthy);
        prop_assert_eq!(broker.operations_in_progress(), 0);
        let deprovision = Sent { request: Request::Deprovision(NO_HINTS), binding: None, accepts_incomplete: true };
        broker.send(&deprovision, Luck::Healthy);
        broker.settle(Luck::Healthy);
        prop_assert_eq!(broker.visible(), (None, vec![]));
        prop_assert!(broker.echo.instances.is_empty() && broker.echo.bindings.is_empty());
    }

    #[test]
    fn a_refusal_changes_nothing_and_a_failure_nothing_that_a_platform_sees(steps in steps()) {
        let mut broker = Broker::new();
        for (sent, luck, settled) in steps {
            let (before, visible) = (broker.world.clone(), broker.visible());
            match broker.send(&sent, luck) {
                Told::Reply(reply) if is_refusal(&reply) => {
                    // A conflict or a loss at the echo service is found out only there.
                    let found_out = matches!(reply, Reply::InstanceConflict | Reply::BindingConflict);
                    prop_assert!(broker.world == before || found_out, "{:?}", reply);
                    prop_assert_eq!(broker.visible(), visible);
                }
                Told::Reply(Reply::Echo(_) | Reply::Forgotten) => prop_assert_eq!(broker.visible(), visible),
                Told::Reply(Reply::Accepted { .. }) => prop_assert_eq!(broker.visible(), visible),
                _ => {}
            }
            if let Some(luck) = settled {
                broker.settle(luck);
            }
        }
    }

    #[test]
    fn a_request_sent_again_changes_nothing_and_is_answered_alike(steps in steps()) {
        let mut broker = Broker::new();
        for (sent, luck, settled) in steps {
            let first = broker.send(&sent, luck);
            let world = broker.world.clone();
            let again = match &first {
                Told::Reply(Reply::Provisioned(shown) | Reply::AlreadyProvisioned(shown)) => {
                    Some(Reply::AlreadyProvisioned(shown.clone()))
                }
                Told::Reply(Reply::Bound { body } | Reply::AlreadyBound { body }) => {
                    Some(Reply::AlreadyBound { body: body.clone() })
                }
                Told::Reply(Reply::Deleted) => Some(Reply::Gone),
                Told::Reply(accepted @ Reply::Accepted { .. }) => Some(accepted.clone()),
                _ => None,
            };
            if let Some(again) = again {
                prop_assert_eq!(broker.send(&sent, Luck::Healthy), Told::Reply(again));
                prop_assert_eq!(&broker.world, &world);
            }
            if let Some(luck) = settled {
                broker.settle(luck);
            }
        }
    }

    #[test]
    fn what_is_accepted_can_be_polled_from_then_on_to_its_end(steps in steps()) {
        let mut broker = Broker::new();
        let mut lost_something = false;
        for (sent, luck, settled) in steps {
            lost_something |= loses(luck);
            let told = broker.send(&sent, luck);
            if let Told::Reply(Reply::Accepted { operation, .. }) = &told {
                let state = polled(&mut broker, sent.binding, operation);
                prop_assert_eq!(state, "in progress");
            }
            let Some(luck) = settled else {
                continue;
            };
            lost_something |= loses(luck);
            broker.settle(luck);
            if let Told::Reply(Reply::Accepted { operation, .. }) = &told {
                let state = polled(&mut broker, sent.binding, operation);
                let may_fail = lost_something && state == "failed";
                prop_assert!(state == "succeeded" || may_fail, "{state}");
            }
        }
    }
}

/// Whether an operation may fail for it, now or later.
fn loses(luck: Luck) -> bool {
    matches!(luck, Luck::Unreachable | Luck::LostCall | Luck::LostAnswer)
}

/// The state of an operation as a platform is told.
fn polled(broker: &mut Broker, binding: Option<usize>, operation: &str) -> String {
    let mut told = None;
    broker.step(binding, true, |at, stored| {
        told = Some(match binding {
            None => poll_instance(at, stored.instance.as_ref(), Some(operation)),
            Some(_) => poll_binding(
                at,
                stored.instance.as_ref(),
                stored.binding.as_ref(),
                Some(operation),
            ),
        });
        Decision {
            instance: stored.instance,
            binding: stored.binding,
            drop_bindings: false,
            next: Next::Reply(Reply::Gone),
        }
    });
    let Some(Reply::Polled(polled)) = told else {
        return format!("{told:?}");
    };
    match polled {
        broker::reply::Polled::InProgress { .. } => "in progress",
        broker::reply::Polled::Succeeded { .. } => "succeeded",
        broker::reply::Polled::Failed { .. } => "failed",
    }
    .to_owned()
}
