//! Instances of an earlier time: of plans that today's catalog does not have, or not
//! where they say, or that cannot be read any more.

use broker::StorePlace;
use serde_json::{Value, json};
use serving::testing::{Process, Received, send_body};

use crate::common::{AUTH, Broker, INSTANCE, bind, provision};

const BINDING: &str = "/v2/service_instances/mynewinstance/service_bindings/b";

async fn ask(url: &str, version: &str, line: &str, body: &Value) -> Received {
    let headers = [AUTH, ("X-Broker-API-Version", version)];
    send_body(url, line, &headers, body.to_string())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_documented_pairing_of_offering_and_plan_can_be_managed_by_every_version() {
    let broker = Broker::start().await;
    let query = "service_id=echo_service&plan_id=small_0001";
    for version in ["2.4", "2.15", "2.17"] {
        assert_eq!(broker.provision(INSTANCE).await.status, 201);
        let ask = async |line: &str, body: &Value| ask(&broker.url(), version, line, body).await;
        // An unchanged plan, which is named by platforms, is no change.
        let update = json!({"service_id": "echo_service", "plan_id": "small_0001"});
        let updated = ask(&format!("PATCH {INSTANCE}"), &update).await;
        assert_eq!(updated.status, 200, "{version}: {updated}");
        for status in [201, 200] {
            let bound = ask(&format!("PUT {BINDING}"), &bind()).await;
            assert_eq!(bound.status, status, "{version}: {bound}");
        }
        for path in [BINDING, INSTANCE] {
            let other = "service_id=invert_service&plan_id=small_0001";
            for (query, status) in [(other, 400), (query, 200), (query, 410)] {
                let answer = ask(&format!("DELETE {path}?{query}"), &Value::Null).await;
                assert_eq!(answer.status, status, "{version} {path} {query}: {answer}");
            }
        }
        // A new one has to be of a plan of the offering.
        let refused = ask(&format!("PUT {INSTANCE}"), &provision()).await;
        assert_eq!(refused.status, 400, "{version}: {refused}");
    }
}

#[tokio::test]
async fn what_a_catalog_does_not_offer_any_more_can_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, catalog) = (dir.path().join("broker.db"), dir.path().join("catalog"));
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let with = |services: Value| {
        std::fs::write(&catalog, json!({ "services": services }).to_string()).unwrap();
        let place = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let (store, catalog, echo) = (place(&store), place(&catalog), echo.url());
        let args = [
            "--port",
            "0",
            "--echo-url",
            &echo,
            "--store",
            &store,
            "--catalog",
            &catalog,
        ];
        Process::start(env!("CARGO_BIN_EXE_broker"), &args, &[]).unwrap()
    };
    let offering = |plan: &str| {
        json!({"id": "s", "name": "s", "description": "d", "bindable": true, "plans": [
            {"id": plan, "name": plan, "description": "d"}
        ]})
    };
    let asked =
        json!({"service_id": "s", "plan_id": "p", "organization_guid": "o", "space_guid": "s"});
    for services in [json!([offering("other")]), json!([])] {
        let broker = with(json!([offering("p")]));
        for path in [INSTANCE, BINDING] {
            let made = ask(broker.url(), "2.17", &format!("PUT {path}"), &asked).await;
            assert_eq!(made.status, 201, "{path}: {made}");
        }
        assert_eq!(broker.end_by("TERM").unwrap().0, Some(0));

        let broker = with(services);
        for path in [BINDING, INSTANCE] {
            let line = format!("DELETE {path}?service_id=s&plan_id=p");
            let deleted = ask(broker.url(), "2.17", &line, &Value::Null).await;
            assert_eq!(deleted.status, 200, "{path}: {deleted}");
        }
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_nothing_else_from_going_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broker.db");
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let start = async || {
        Broker::with_echo(&echo.url(), |config| {
            config.store = StorePlace::File(path.clone());
        })
        .await
    };
    start().await.stop().await;
    let unreadable = "INSERT INTO instances VALUES ('unreadable', 1, NULL, '{}')";
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(unreadable).unwrap();
    drop(connection);

    let broker = start().await;
    let refused = broker.send("DELETE /v2/service_instances/unreadable").await;
    assert_eq!(refused.status, 500, "{refused}");
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
}
