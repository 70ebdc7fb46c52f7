//! Laws of the pure decisions, whatever the echo service does.

use std::time::Duration;

use broker::ApiVersion;
use broker::ask::{Bind, Hints, Provision, Rotation, Update};
use broker::decide::{Decision, Next, Request, poll_binding, poll_instance, waiting_operation};
use broker::instance::Phase;
use broker::operation::Kind;
use broker::reply::{Polled, Reply};
use proptest::prelude::*;
use serde_json::json;
use serving::Id;

use crate::model::{ALL, BINDINGS, Luck, Model, NOBODY, On, Sender, Sent, Told, on};

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

fn hints() -> impl Strategy<Value = Hints> {
    let some = plan().prop_map(|(service_id, plan_id)| Hints {
        service_id: Some(service_id),
        plan_id: Some(plan_id),
    });
    prop_oneof![3 => Just(NO_HINTS), 1 => some]
}

fn successor_of(index: usize) -> Request {
    Request::Rotate {
        rotation: Rotation {
            predecessor: BINDINGS[index].to_owned(),
        },
        predecessor: None,
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let provision = (plan(), parameters()).prop_map(move |((service_id, plan_id), parameters)| {
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
    let update = (plan(), parameters()).prop_map(move |((service_id, plan_id), parameters)| {
        let asked = Update {
            service_id,
            plan_id: Some(plan_id),
            parameters,
            maintenance_version: None,
        };
        (Request::Update(asked), false)
    });
    let bind = (plan(), parameters()).prop_map(move |((service_id, plan_id), parameters)| {
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
        2 => hints().prop_map(move |hints| (Request::Deprovision(hints), false)),
        4 => bind,
        2 => (0..2_usize).prop_map(|index| (successor_of(index), true)),
        3 => hints().prop_map(move |hints| (Request::Unbind(hints), true)),
    ];
    let instance = prop_oneof![4 => Just(0), 1 => Just(1)];
    let version = prop_oneof![5 => Just("2.17"), 1 => Just("2.13"), 1 => Just("2.3")];
    let accepts = prop_oneof![3 => Just(true), 1 => Just(false)];
    (request, instance, 0..2_usize, version, accepts).prop_map(
        |((request, of_binding), instance, index, version, accepts_incomplete)| {
            let version = match request {
                Request::Rotate { .. } => ApiVersion::ROTATION,
                _ => ApiVersion::parse(version).unwrap(),
            };
            Sent {
                request,
                on: on(instance, of_binding.then_some(index)),
                sender: Sender {
                    version,
                    accepts_incomplete,
                },
            }
        },
    )
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
            | Reply::AsyncUnknown(_)
            | Reply::Concurrency
            | Reply::PlanChangeNotSupported
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_broker_knows_what_the_echo_service_may_hold(steps in steps()) {
        let mut broker = Model::new();
        for (sent, luck, settled) in steps {
            broker.send(&sent, luck);
            if let Some(luck) = settled {
                broker.settle(luck);
            }
            // Nothing is at the echo service that is not stored.
            for entry in [0, 1] {
                let of = on(entry, None).instance();
                let held: Vec<_> = broker.echo.instances.iter().filter(|(_, id)| *id == of).collect();
                let phase = broker.world[entry].phase(None);
                prop_assert!(held.len() <= 1, "{:?}", held);
                prop_assert!(held.is_empty() || phase.is_some_and(|p| p != Phase::Gone), "{:?}", held);
            }
            for on in ALL {
                let is_held = |id: Id| broker.echo.bindings.iter().any(|(_, of, b)| (of, b) == (&on.instance(), &id));
                let phase = broker.world[on.instance].phase(on.binding);
                prop_assert!(!on.binding().is_some_and(is_held) || phase.is_some_and(|p| p != Phase::Gone), "{:?}", on);
            }
            // There is no binding without its instance.
            for entry in &broker.world {
                if entry.phase(None).is_none_or(|phase| phase == Phase::Gone) {
                    let ready = entry.bindings.iter().flatten().filter(|b| b.phase != Phase::Gone);
                    prop_assert_eq!(ready.count(), 0);
                }
            }
        }
        // Once the echo service is well, everything comes to its end, and a
        // deprovision leaves nothing.
        broker.settle(Luck::Healthy);
        prop_assert_eq!(broker.operations_in_progress(), 0);
        for instance in [0, 1] {
            let deprovision = Sent {
                request: Request::Deprovision(NO_HINTS),
                on: on(instance, None),
                sender: Sender { version: ApiVersion::ASYNC, accepts_incomplete: true },
            };
            broker.send(&deprovision, Luck::Healthy);
        }
        broker.settle(Luck::Healthy);
        prop_assert_eq!(broker.visible(), vec![(None, vec![]), (None, vec![])]);
        prop_assert!(broker.echo.instances.is_empty() && broker.echo.bindings.is_empty());
    }

    #[test]
    fn a_refusal_changes_nothing_and_a_failure_nothing_that_a_platform_sees(steps in steps()) {
        let mut broker = Model::new();
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
    fn a_request_changes_and_names_only_what_it_is_about(steps in steps()) {
        let mut broker = Model::new();
        for (sent, luck, _) in steps {
            let (before, visible) = (broker.world.clone(), broker.visible());
            let told = broker.send(&sent, luck);
            let other = 1 - sent.on.instance;
            // A restart changes what was in progress elsewhere.
            if told != Told::Nothing {
                prop_assert_eq!(&broker.world[other], &before[other]);
            }
            // A binding leaves its siblings and its instance as they are.
            if let Some(index) = sent.on.binding {
                let (now, then) = (&broker.visible()[sent.on.instance], &visible[sent.on.instance]);
                prop_assert_eq!(&now.0, &then.0);
                prop_assert_eq!(now.1.contains(&(1 - index)), then.1.contains(&(1 - index)));
            }
            let (instance, binding) = (sent.on.instance(), sent.on.binding());
            match &told {
                Told::Reply(Reply::Provisioned(shown) | Reply::AlreadyProvisioned(shown)) => {
                    let end = format!("/{}", instance.as_str());
                    prop_assert!(shown.dashboard_url.ends_with(&end), "{:?}", told);
                }
                Told::Reply(Reply::Bound { body } | Reply::AlreadyBound { body }) => {
                    let end = format!("/{}/{}", instance.as_str(), binding.unwrap().as_str());
                    let uri = body["credentials"]["uri"].as_str().unwrap();
                    prop_assert!(uri.ends_with(&end), "{:?}", told);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_request_sent_again_changes_nothing_and_is_answered_alike(steps in steps()) {
        let mut broker = Model::new();
        for (sent, luck, settled) in steps {
            let first = broker.send(&sent, luck);
            let world = broker.world.clone();
            let again = match &first {
                Told::Reply(Reply::Provisioned(shown) | Reply::AlreadyProvisioned(shown)) => {
                    Some(Reply::AlreadyProvisioned(shown.clone()))
                }
                Told::Reply(Reply::Bound { .. }) if sent.sender.version < ApiVersion::STRICT => {
                    Some(Reply::BindingConflict)
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
        let mut broker = Model::new();
        let mut lost_something = false;
        for (sent, luck, settled) in steps {
            lost_something |= loses(luck);
            let told = broker.send(&sent, luck);
            if let Told::Reply(Reply::Accepted { operation, .. }) = &told {
                let state = polled(&mut broker, sent.on, operation);
                prop_assert_eq!(state, "in progress");
            }
            let Some(luck) = settled else {
                continue;
            };
            lost_something |= loses(luck);
            broker.settle(luck);
            if let Told::Reply(Reply::Accepted { operation, .. }) = &told {
                let state = polled(&mut broker, sent.on, operation);
                let may_fail = lost_something && state == "failed";
                prop_assert!(state == "succeeded" || may_fail, "{state}");
            }
        }
    }

    #[test]
    fn an_operation_is_told_its_own_end_whatever_has_begun_since(steps in steps()) {
        let mut broker = Model::new();
        let mut accepted: Vec<(On, String, Kind, Option<String>)> = Vec::new();
        for (sent, luck, settled) in steps {
            let told = broker.send(&sent, luck);
            if let Told::Reply(Reply::Accepted { operation, .. }) = told
                && accepted.iter().all(|(_, other, ..)| *other != operation)
            {
                let kind = match &sent.request {
                    Request::Update(_) => Kind::Update,
                    Request::Deprovision(_) | Request::Unbind(_) => Kind::Delete,
                    _ => Kind::Create,
                };
                accepted.push((sent.on, operation, kind, None));
            }
            if let Some(luck) = settled {
                broker.settle(luck);
            }
            for (on, operation, kind, end) in &mut accepted {
                let state = polled(&mut broker, *on, operation);
                let phase = broker.world[on.instance].phase(on.binding);
                match end {
                    // It has just ended so.
                    None if state == "succeeded" => {
                        let expected = match kind {
                            Kind::Create | Kind::Update => Phase::Ready,
                            Kind::Delete => Phase::Gone,
                        };
                        prop_assert_eq!(phase, Some(expected), "{} {:?}", operation, kind);
                        *end = Some(state);
                    }
                    None if state == "failed" => *end = Some(state),
                    None => {}
                    // It is the same for ever, or has been forgotten.
                    Some(end) => prop_assert!(
                        state == *end || !["in progress", "succeeded", "failed"].contains(&state.as_str()),
                        "{} {:?}: {} then {}", operation, kind, end, state
                    ),
                }
            }
        }
    }
}

#[test]
fn an_operation_may_be_as_far_away_as_can_be_said() {
    let mut broker = Model::new();
    broker.async_delay = Duration::MAX;
    let asked = Provision {
        service_id: "echo".to_owned(),
        plan_id: "echo-async".to_owned(),
        organization_guid: "o".to_owned(),
        space_guid: "s".to_owned(),
        parameters: Default::default(),
        maintenance_version: None,
    };
    let provision = Sent {
        request: Request::Provision(asked),
        on: on(0, None),
        sender: Sender {
            version: ApiVersion::ASYNC,
            accepts_incomplete: true,
        },
    };
    let told = broker.send(&provision, Luck::Healthy);
    assert!(matches!(told, Told::Reply(Reply::Accepted { .. })));
    let (_, until) = waiting_operation(&broker.stored(on(0, None)), false).unwrap();
    assert_eq!(until, u64::MAX);
}

/// Whether an operation may fail for it, now or later.
fn loses(luck: Luck) -> bool {
    matches!(luck, Luck::Unreachable | Luck::LostCall | Luck::LostAnswer)
}

/// The state of an operation as a platform is told.
fn polled(broker: &mut Model, on: On, operation: &str) -> String {
    let mut told = None;
    broker.step(on, NOBODY, |at, stored| {
        let (instance, binding) = (stored.instance.as_ref(), stored.binding.as_ref());
        told = Some(match on.binding {
            None => poll_instance(at, instance, Some(operation)),
            Some(_) => poll_binding(at, instance, binding, Some(operation)),
        });
        Decision {
            instance: stored.instance,
            binding: stored.binding,
            drop_bindings: false,
            next: Next::Reply(Reply::Gone),
        }
    });
    match told {
        Some(Reply::Polled(Polled::InProgress { .. })) => "in progress".to_owned(),
        Some(Reply::Polled(Polled::Succeeded { .. })) => "succeeded".to_owned(),
        Some(Reply::Polled(Polled::Failed { .. })) => "failed".to_owned(),
        other => format!("{other:?}"),
    }
}
