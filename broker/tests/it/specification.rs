//! The requests that the specification shows, with the ids of the showcase put
//! in: each gets an answer that its table documents.

use std::time::Duration;

use broker::CatalogSource;
use serde_json::{Value, json};
use serving::testing::{Received, send_body};

use crate::common::{AUTH, Broker};

const SERVICE: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000002";
const EITHER: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000202";
const MIXED: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000204";

const INSTANCE: &str = "/v2/service_instances/9189kdfsk0vfnku";
const BINDING: &str = "/v2/service_instances/9189kdfsk0vfnku/service_bindings/7ab3";

async fn send(broker: &Broker, line: &str, body: Value) -> Received {
    let headers = [
        AUTH,
        ("X-Broker-API-Version", "2.17"),
        ("Content-Type", "application/json"),
        (
            "X-Broker-API-Originating-Identity",
            "cloudfoundry eyJ1c2VyX2lkIjogInUxIn0=",
        ),
    ];
    send_body(&broker.url(), line, &headers, body.to_string())
        .await
        .unwrap()
}

/// Polls with the operation, as a platform has to, until it has ended.
async fn settle(broker: &Broker, path: &str, answer: &Received, plan: &str) {
    if answer.status != 202 {
        return;
    }
    let operation = answer.json()["operation"].as_str().unwrap().to_owned();
    let line = format!(
        "GET {path}/last_operation?service_id={SERVICE}&plan_id={plan}&operation={operation}"
    );
    loop {
        let polled = send(broker, &line, Value::Null).await;
        assert_eq!(polled.status, 200, "{polled}");
        match polled.json()["state"].as_str().unwrap() {
            "in progress" => tokio::task::yield_now().await,
            state => return assert_eq!(state, "succeeded", "{polled}"),
        }
    }
}

#[tokio::test]
async fn every_request_of_the_specification_gets_an_answer_of_its_table() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let echo_url = echo.url();
    let broker = Broker::with_echo(&echo_url, |config| {
        config.catalog = CatalogSource::Showcase;
        config.async_delay = Duration::from_millis(1);
    })
    .await;
    let catalog = send(&broker, "GET /v2/catalog", Value::Null).await;
    assert!(catalog.status == 200 && catalog.json()["services"].is_array());

    let context = json!({"platform": "cloudfoundry", "some_field": "some-contextual-data"});
    let parameters = json!({"parameter1": 1, "parameter2": "foo"});
    for (plan, other, accepted) in [(EITHER, MIXED, 202), (MIXED, EITHER, 201)] {
        let provision = json!({
            "service_id": SERVICE, "plan_id": plan, "context": context,
            "organization_guid": "org-guid-here", "space_guid": "space-guid-here",
            "parameters": parameters,
        });
        let line = format!("PUT {INSTANCE}?accepts_incomplete=true");
        let provisioned = send(&broker, &line, provision).await;
        assert_eq!(provisioned.status, accepted, "{provisioned}");
        assert!(
            provisioned.json()["dashboard_url"]
                .as_str()
                .unwrap()
                .ends_with("/9189kdfsk0vfnku")
        );
        settle(&broker, INSTANCE, &provisioned, plan).await;

        let fetched = send(&broker, &format!("GET {INSTANCE}"), Value::Null).await;
        assert_eq!(
            (fetched.status, &fetched.json()["parameters"]),
            (200, &parameters)
        );

        let bind = json!({
            "service_id": SERVICE, "plan_id": plan, "context": context,
            "bind_resource": {"app_guid": "app-guid-here"},
            "parameters": {"parameter1-name-here": 1, "parameter2-name-here": "parameter2-value-here"},
        });
        let bound = send(
            &broker,
            &format!("PUT {BINDING}?accepts_incomplete=true"),
            bind,
        )
        .await;
        assert_eq!(bound.status, accepted, "{bound}");
        assert_eq!(
            bound.json().get("credentials").is_some(),
            accepted == 201,
            "{bound}"
        );
        settle(&broker, BINDING, &bound, plan).await;
        let fetched = send(&broker, &format!("GET {BINDING}"), Value::Null).await;
        assert!(
            fetched.status == 200 && fetched.json()["credentials"].is_object(),
            "{fetched}"
        );

        let update = json!({
            "context": context, "service_id": SERVICE, "plan_id": other, "parameters": parameters,
            "previous_values": {
                "plan_id": plan, "service_id": SERVICE,
                "organization_id": "org-guid-here", "space_id": "space-guid-here",
            },
        });
        let updated = send(
            &broker,
            &format!("PATCH {INSTANCE}?accepts_incomplete=true"),
            update,
        )
        .await;
        assert!(matches!(updated.status, 200 | 202), "{updated}");
        settle(&broker, INSTANCE, &updated, plan).await;

        let hints = format!("service_id={SERVICE}&plan_id={other}&accepts_incomplete=true");
        for path in [BINDING, INSTANCE] {
            let deleted = send(&broker, &format!("DELETE {path}?{hints}"), Value::Null).await;
            assert!(matches!(deleted.status, 200 | 202), "{deleted}");
            settle(&broker, path, &deleted, other).await;
            let gone = send(&broker, &format!("DELETE {path}?{hints}"), Value::Null).await;
            assert_eq!((gone.status, gone.body.as_str()), (410, "{}"));
        }
    }
}
