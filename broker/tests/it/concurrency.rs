//! Many requests at once for the same few ids.

use std::sync::Arc;
use std::time::Duration;

use broker::{CatalogSource, StorePlace};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use serving::testing::{Received, send, send_body};
use tempfile::TempDir;

use crate::common::{AUTH, Broker, INSTANCE, bind, provision};

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
