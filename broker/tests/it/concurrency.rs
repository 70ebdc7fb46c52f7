//! Many requests at once for the same few ids.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use broker::ask::{Bind, Hints, Provision, Update};
use broker::decide::{Next, Request, Work};
use broker::reply::Reply;
use broker::{ApiVersion, CatalogSource, StorePlace};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use regex::Regex;
use serde_json::{Value, json};
use serving::testing::{Received, send, send_body};
use tempfile::TempDir;

use crate::common::{AUTH, Broker, INSTANCE, bind, provision};
use crate::model::{self, BINDINGS, Luck, Model, On, Sender, Sent, Told, on};

const BINDING: &str = "/v2/service_instances/mynewinstance/service_bindings/b";

/// A broker with this store, and the folder that it may lie in.
async fn with(durable: bool) -> (Arc<Broker>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let echo_url = echo.url();
    let broker = Broker::with_echo(&echo_url, |config| {
        config.catalog = CatalogSource::Documented;
        if durable {
            config.store = StorePlace::File(dir.path().join("broker.db"));
        }
    })
    .await;
    (Arc::new(broker), dir)
}

/// Sends the same request of a platform of this version many times at once.
async fn at_once(
    broker: &Arc<Broker>,
    version: &'static str,
    path: &str,
    body: &str,
) -> Vec<Received> {
    let sent: Vec<_> = (0..64)
        .map(|_| {
            let (broker, body) = (broker.clone(), body.to_owned());
            let headers = [AUTH, ("X-Broker-API-Version", version)];
            let line = format!("PUT {path}");
            tokio::spawn(async move {
                let sent = send_body(&broker.url(), &line, &headers, body).await;
                sent.unwrap()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for sent in sent {
        answers.push(sent.await.unwrap());
    }
    answers
}

fn count(answers: &[Received], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_requests_at_once_create_one_thing() {
    for durable in [false, true] {
        let (broker, _dir) = with(durable).await;
        let provisioned = at_once(&broker, "2.3", INSTANCE, &provision().to_string()).await;
        assert_eq!(count(&provisioned, 201), 1);
        assert_eq!(count(&provisioned, 200) + count(&provisioned, 422), 63);
        let bound = at_once(&broker, "2.3", BINDING, &bind().to_string()).await;
        assert_eq!(count(&bound, 201), 1);
        assert_eq!(count(&bound, 409) + count(&bound, 422), 63);
        let gone = broker.ask_echo("DELETE /echo/mynewinstance").await;
        assert_eq!(gone.json()["bindings"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_requests_at_once_begin_one_operation() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let broker = Broker::with_echo(&echo.url(), |config| {
        config.catalog = CatalogSource::Showcase;
        config.async_delay = Duration::from_millis(20);
    })
    .await;
    let broker = Arc::new(broker);
    let body = json!({
        "service_id": "4f1b7a3e-0d5e-4c3c-9f0e-000000000002",
        "plan_id": "4f1b7a3e-0d5e-4c3c-9f0e-000000000201",
        "organization_guid": "o",
        "space_guid": "s",
    });
    let path = format!("{INSTANCE}?accepts_incomplete=true");
    let provisioned = at_once(&broker, "2.17", &path, &body.to_string()).await;
    let accepted: Vec<_> = provisioned.iter().filter(|a| a.status == 202).collect();
    // Who comes when it is done is told so.
    assert_eq!(accepted.len() + count(&provisioned, 200), 64);
    assert!(accepted.iter().all(|a| a.body == accepted[0].body));
    let operation = accepted[0].json()["operation"].to_string();
    let poll = format!("GET {INSTANCE}/last_operation?operation={operation}").replace('"', "");
    let state = async || {
        let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
        let polled = send(&broker.url(), &poll, &headers).await.unwrap();
        polled.json()["state"].clone()
    };
    while state().await == "in progress" {
        tokio::task::yield_now().await;
    }
    assert_eq!(state().await, "succeeded");
    let gone = broker.ask_echo("DELETE /echo/mynewinstance").await;
    assert_eq!(gone.status, 200);
}

/// A request for one of two instances or their bindings.
fn racer() -> impl Strategy<Value = (&'static str, String)> {
    let instance = prop_oneof![Just("x"), Just("y")];
    let verb = prop_oneof![
        3 => Just("provision"),
        2 => Just("deprovision"),
        1 => Just("update"),
        3 => Just("bind"),
        2 => Just("unbind"),
    ];
    (verb, instance).prop_map(|(verb, instance)| (verb, instance.to_owned()))
}

async fn race(broker: Arc<Broker>, (verb, id): (&'static str, String)) -> u16 {
    let instance = format!("/v2/service_instances/{id}");
    let binding = format!("{instance}/service_bindings/b");
    let headers = [AUTH];
    let (line, body) = match verb {
        "provision" => (format!("PUT {instance}"), provision()),
        "deprovision" => (format!("DELETE {instance}"), json!(null)),
        "update" => (
            format!("PATCH {instance}"),
            json!({"service_id": "echo_service"}),
        ),
        "bind" => (format!("PUT {binding}"), bind()),
        _ => (format!("DELETE {binding}"), json!(null)),
    };
    send_body(&broker.url(), &line, &headers, body.to_string())
        .await
        .unwrap()
        .status
}

#[test]
fn races_end_in_a_state_that_broker_and_echo_service_agree_on() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (broker, _dir) = runtime.block_on(with(true));
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let races = proptest::collection::vec(racer(), 2..40);
    let ran = TestRunner::new(config).run(&races, |racers| {
        runtime.block_on(async {
            let sent: Vec<_> = racers
                .into_iter()
                .map(|racer| tokio::spawn(race(broker.clone(), racer)))
                .collect();
            for sent in sent {
                let status = sent.await.unwrap();
                // 502: bound to an instance that another request has deleted.
                prop_assert!(
                    matches!(status, 200 | 201 | 404 | 409 | 410 | 422),
                    "{status}"
                );
            }
            for id in ["x", "y"] {
                agree(&broker, id).await?;
            }
            Ok(())
        })
    });
    assert!(ran.is_ok(), "{}", ran.unwrap_err());
}

/// Compares what both hold of an id, and deletes it.
async fn agree(broker: &Broker, id: &str) -> Result<(), TestCaseError> {
    let instance = format!("/v2/service_instances/{id}");
    let page = broker.ask_echo(&format!("GET /echo/dashboard/{id}")).await;
    // An identical provision tells whether the instance is there: 200 or 201.
    let probe = broker.provision(&instance).await.status;
    prop_assert_eq!(probe == 200, page.status == 200, "{}", probe);
    // So does a bind: 409 or 201.
    let bound = broker
        .bind(&format!("{instance}/service_bindings/b"))
        .await
        .status;
    let has_binding = page.body.matches("<td>1</td>").count() == 1;
    prop_assert_eq!(bound == 409, has_binding, "{}", bound);
    let line = format!("DELETE {instance}");
    prop_assert_eq!(
        send(&broker.url(), &line, &[AUTH]).await.unwrap().status,
        200
    );
    prop_assert_eq!(
        broker
            .ask_echo(&format!("GET /echo/dashboard/{id}"))
            .await
            .status,
        404
    );
    Ok(())
}

/// A request of 2.17 for the one instance, or one of its two bindings.
fn rival() -> impl Strategy<Value = Sent> {
    let (service, plan) = ("echo", "echo-sync");
    let ids = || (service.to_owned(), plan.to_owned());
    let hints = move || Hints {
        service_id: Some(service.to_owned()),
        plan_id: Some(plan.to_owned()),
    };
    let parameters = || (0..2).prop_map(|n| json!({"n": n}).as_object().unwrap().clone());
    let provision = parameters().prop_map(move |parameters| {
        let (service_id, plan_id) = ids();
        Request::Provision(Provision {
            service_id,
            plan_id,
            organization_guid: "o".to_owned(),
            space_guid: "s".to_owned(),
            parameters,
            maintenance_version: None,
        })
    });
    let update = parameters().prop_map(move |parameters| {
        Request::Update(Update {
            service_id: service.to_owned(),
            plan_id: None,
            parameters,
            maintenance_version: None,
        })
    });
    let bind = parameters().prop_map(move |parameters| {
        let (service_id, plan_id) = ids();
        Request::Bind(Bind {
            service_id,
            plan_id,
            app_guid: None,
            bind_resource: Default::default(),
            parameters,
        })
    });
    let request = prop_oneof![
        4 => provision,
        1 => update,
        2 => Just(Request::Deprovision(hints())),
        4 => bind,
        2 => Just(Request::Unbind(hints())),
    ];
    (request, 0..2_usize).prop_map(|(request, index)| {
        let of_binding = matches!(request, Request::Bind(_) | Request::Unbind(_));
        Sent {
            request,
            on: on(0, of_binding.then_some(index)),
            sender: Sender {
                version: ApiVersion::parse("2.17").unwrap(),
                accepts_incomplete: false,
            },
        }
    })
}

fn path(on: On) -> String {
    let instance = "/v2/service_instances/i0".to_owned();
    match on.binding {
        None => instance,
        Some(index) => format!("{instance}/service_bindings/{}", BINDINGS[index]),
    }
}

async fn ask(broker: &Broker, line: &str, body: Value) -> Received {
    let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
    send_body(&broker.url(), line, &headers, body.to_string())
        .await
        .unwrap()
}

/// Sends a rival's request, and gives the status of the answer.
async fn compete(broker: Arc<Broker>, sent: Sent) -> u16 {
    let path = path(sent.on);
    let (line, body) = match sent.request {
        Request::Provision(asked) => (format!("PUT {path}"), json!(asked)),
        Request::Update(asked) => (format!("PATCH {path}"), json!(asked)),
        Request::Bind(asked) => (format!("PUT {path}"), json!(asked)),
        _ => {
            let line = format!("DELETE {path}?service_id=echo&plan_id=echo-sync");
            (line, json!(null))
        }
    };
    ask(&broker, &line, body).await.status
}

/// The status that a reply is sent with.
fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Provisioned(_) | Reply::Bound { .. } => 201,
        Reply::AlreadyProvisioned(_) | Reply::AlreadyBound { .. } => 200,
        Reply::Updated(_) | Reply::Deleted => 200,
        Reply::UnknownInstance => 404,
        Reply::InstanceConflict | Reply::BindingConflict => 409,
        Reply::Gone => 410,
        Reply::Concurrency => 422,
        other => panic!("{other:?}"),
    }
}

/// How far a rival has come.
#[derive(Clone, Debug)]
enum Stage {
    Before,
    Working(Work),
    Done,
}

/// What is seen of the instance and its bindings: their parameters, if there.
type Seen = [Option<Value>; 3];

/// Looks for an order of the steps of rivals in which the pure decisions give
/// each the status that it got, and leave what was seen.
struct Search {
    rivals: Vec<(Sent, u16)>,
    seen: Seen,
    /// From where no order leads on.
    dead_ends: HashSet<String>,
    /// What tells only in which order the steps came.
    order: Regex,
}

impl Search {
    fn leads_on(&mut self, model: &Model, stages: &[Stage]) -> bool {
        let here = format!("{stages:?} {:?}", model.world[0]);
        let here = self.order.replace_all(&here, "").into_owned();
        if self.dead_ends.contains(&here) {
            return false;
        }
        let is_done = |stage: &Stage| matches!(stage, Stage::Done);
        if stages.iter().all(is_done) && seen_in(model) == self.seen {
            return true;
        }
        for index in 0..stages.len() {
            let (sent, got) = self.rivals[index].clone();
            let mut model = model.clone();
            let stage = match &stages[index] {
                Stage::Done => continue,
                Stage::Before => match model.ask(&sent) {
                    Next::Work(work) => Stage::Working(work),
                    Next::Reply(reply) | Next::Accepted(reply) if status(&reply) == got => {
                        Stage::Done
                    }
                    Next::Reply(_) | Next::Accepted(_) => continue,
                },
                Stage::Working(work) => {
                    match model.finish(&sent, Next::Work(work.clone()), Luck::Healthy) {
                        Told::Reply(reply) if status(&reply) == got => Stage::Done,
                        _ => continue,
                    }
                }
            };
            let mut stages = stages.to_vec();
            stages[index] = stage;
            if self.leads_on(&model, &stages) {
                return true;
            }
        }
        self.dead_ends.insert(here);
        false
    }
}

/// What a platform can see of the instance and its bindings.
fn seen_in(model: &Model) -> Seen {
    let (instance, bindings) = &model.visible()[0];
    let binding = |index: usize| {
        let binding = model.world[0].bindings[index].as_ref();
        let binding = binding.filter(|_| bindings.contains(&index));
        binding.map(|binding| json!(binding.asked.parameters))
    };
    let instance = instance.as_ref().map(|asked| json!(asked.parameters));
    [instance, binding(0), binding(1)]
}

async fn seen_at(broker: &Broker) -> Seen {
    let look = async |on: On| {
        let answer = ask(broker, &format!("GET {}", path(on)), json!(null)).await;
        (answer.status == 200).then(|| answer.json()["parameters"].clone())
    };
    let [instance, one, other] = [on(0, None), on(0, Some(0)), on(0, Some(1))];
    [look(instance).await, look(one).await, look(other).await]
}

#[test]
fn some_order_of_their_steps_explains_what_requests_at_once_are_answered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broker = runtime.block_on(async {
        let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
        let text = CatalogSource::Text(model::catalog());
        Broker::with_echo(&echo.url(), |config| config.catalog = text).await
    });
    let broker = Arc::new(broker);
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let races = proptest::collection::vec(rival(), 2..9);
    let ran = TestRunner::new(config).run(&races, |rivals| {
        runtime.block_on(async {
            let competing: Vec<_> = rivals
                .iter()
                .map(|sent| tokio::spawn(compete(broker.clone(), sent.clone())))
                .collect();
            let mut ended = Vec::new();
            for (sent, competing) in rivals.into_iter().zip(competing) {
                ended.push((sent, competing.await.unwrap()));
            }
            let seen = seen_at(&broker).await;
            let stages = vec![Stage::Before; ended.len()];
            let mut search = Search {
                rivals: ended,
                seen,
                dead_ends: HashSet::new(),
                order: Regex::new(r#""op\d+"|asked_at: \d+"#).unwrap(),
            };
            let is_explained = search.leads_on(&Model::new(), &stages);
            prop_assert!(is_explained, "{:?} {:?}", search.rivals, search.seen);
            let deletion = format!(
                "DELETE {}?service_id=echo&plan_id=echo-sync",
                path(on(0, None))
            );
            let deleted = ask(&broker, &deletion, json!(null)).await.status;
            prop_assert!(matches!(deleted, 200 | 410), "{}", deleted);
            Ok(())
        })
    });
    assert!(ran.is_ok(), "{}", ran.unwrap_err());
}
