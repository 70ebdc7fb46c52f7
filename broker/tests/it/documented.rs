//! The documented examples, whole answers, and what the 2.3 table says beyond
//! them.

use crate::common::{AUTH, Broker, INSTANCE, bind, provision};
use insta::assert_snapshot;
use serde_json::json;
use serving::testing::{Received, send, send_body};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// An answer with the echo service's free port replaced.
fn shown(broker: &Broker, answer: &Received) -> String {
    answer.to_string().replace(&broker.echo_url, "http://ECHO")
}

async fn catalog(broker: &Broker, version: &str) -> Received {
    let headers = [AUTH, ("X-Broker-Api-Version", version)];
    send(&broker.url(), "GET /v2/catalog", &headers)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_documented_catalog() {
    let broker = Broker::start().await;
    let answer = shown(&broker, &catalog(&broker, "2.3").await);
    insta::with_settings!({filters => [(r#"etag: "\w{16}""#, "etag: ETAG")]}, {
    assert_snapshot!(answer, @r#"
    200
    content-type: application/json
    etag: ETAG

    {"services":[{"bindable":true,"dashboard_client":{"id":"client-id-1","redirect_uri":"http://ECHO/echo/dashboard","secret":"secret-1"},"description":"Echo back the value received","id":"echo_service","name":"Echo Service","plans":[{"description":"A large dedicated service with a big storage quota, lots of RAM, and many connections","free":false,"id":"big_0001","name":"large"}]},{"bindable":true,"dashboard_client":null,"description":"Invert the value received","id":"invert_service","name":"Invert Service","plans":[{"description":"A small shared service with a small storage quota and few connections","id":"small_0001","name":"small"}]}]}
    "#);
    });
}

#[tokio::test]
async fn the_documented_life_of_an_instance_twice() {
    let broker = Broker::start().await;
    let binding = format!("{INSTANCE}/service_bindings/myappid");
    for _ in 0..2 {
        let answers = [
            broker.provision(INSTANCE).await,
            broker.bind(&binding).await,
            broker.send(&format!("DELETE {binding}")).await,
            broker.send(&format!("DELETE {INSTANCE}")).await,
        ];
        let shown = answers
            .map(|answer| shown(&broker, &answer))
            .join("\n---\n");
        insta::allow_duplicates! { assert_snapshot!(shown, @r#"
        201
        content-type: application/json

        {"dashboard_url":"http://ECHO/echo/dashboard/mynewinstance"}
        ---
        201
        content-type: application/json

        {"credentials":{"uri":"http://ECHO/echo/mynewinstance/myappid"}}
        ---
        200
        content-type: application/json

        {}
        ---
        200
        content-type: application/json

        {}
        "#); }
    }
}

#[tokio::test]
async fn the_documented_requests_succeed_as_curl_sends_them_too() {
    let broker = Broker::start().await;
    let put = async |path: &str, body: String| {
        let line = format!("PUT {path}");
        send_body(&broker.url(), &line, &[AUTH, FORM], body)
            .await
            .unwrap()
            .status
    };
    assert_eq!(put(INSTANCE, provision().to_string()).await, 201);
    let binding = format!("{INSTANCE}/service_bindings/myappid");
    assert_eq!(put(&binding, bind().to_string()).await, 201);
}

#[tokio::test]
async fn repeated_requests_are_answered_by_the_2_3_table() {
    let broker = Broker::start().await;
    let binding = format!("{INSTANCE}/service_bindings/myappid");
    assert_snapshot!(broker.bind(&binding).await, @r#"
    404
    content-type: application/json

    {"description":"there is no service instance with this id; provision it first"}
    "#);
    assert_snapshot!(broker.send(&format!("DELETE {binding}")).await, @"
    410
    content-type: application/json

    {}
    ");
    assert_snapshot!(broker.send(&format!("DELETE {INSTANCE}")).await, @"
    410
    content-type: application/json

    {}
    ");

    let first = broker.provision(INSTANCE).await;
    let again = broker.provision(INSTANCE).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    for (member, other) in [
        ("service_id", "invert_service"),
        ("plan_id", "big_0001"),
        ("organization_guid", "other"),
        ("space_guid", "other"),
    ] {
        let mut different = provision();
        different[member] = other.into();
        assert_eq!(
            broker.put(INSTANCE, different.to_string()).await.status,
            409,
            "{member}"
        );
    }
    let mut different = provision();
    different["plan_id"] = "big_0001".into();
    assert_snapshot!(broker.put(INSTANCE, different.to_string()).await, @r#"
    409
    content-type: application/json

    {"description":"this id belongs to another service instance; choose a fresh one"}
    "#);

    assert_eq!(broker.bind(&binding).await.status, 201);
    assert_snapshot!(broker.bind(&binding).await, @r#"
    409
    content-type: application/json

    {"description":"this id belongs to another service binding; choose a fresh one"}
    "#);
}

#[tokio::test]
async fn a_body_that_cannot_be_used_is_a_400_that_says_why() {
    let broker = Broker::start().await;
    let without = |name: &str| {
        let mut body = provision();
        body.as_object_mut().unwrap().remove(name);
        body.to_string()
    };
    let with = |name: &str, value: serde_json::Value| {
        let mut body = provision();
        body[name] = value;
        body.to_string()
    };
    let mut said = Vec::new();
    for body in [
        String::new(),
        "{".to_owned(),
        "service_id=echo_service".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        without("service_id"),
        without("plan_id"),
        without("organization_guid"),
        without("space_guid"),
        with("service_id", json!("none")),
        with("plan_id", json!("none")),
        with("service_id", json!(1)),
        with("plan_id", json!("")),
        with("space_guid", json!(null)),
    ] {
        let answer = broker.put(INSTANCE, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        said.push(answer.json()["description"].as_str().unwrap().to_owned());
    }
    assert_snapshot!(said.join("\n"), @"
    the body is empty; it must be a JSON object
    the body is not JSON: EOF while parsing an object at line 1 column 1
    the body is not JSON: expected value at line 1 column 1
    the body must be a JSON object
    the body must be a JSON object
    service_id is missing
    plan_id is missing
    organization_guid is missing
    space_guid is missing
    the catalog has no service offering with this service_id
    the service offering has no service plan with this plan_id
    service_id must be a non-empty string
    plan_id must be a non-empty string
    space_guid is missing
    ");
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 410);
}

#[tokio::test]
async fn an_invert_instance_is_bound_to_the_service_that_inverts() {
    let broker = Broker::start().await;
    let mut body = provision();
    body["service_id"] = "invert_service".into();
    let provisioned = broker.put(INSTANCE, body.to_string()).await;
    assert_eq!(
        provisioned.json()["dashboard_url"],
        format!("{}/invert/dashboard/mynewinstance", broker.echo_url)
    );
    let bound = broker
        .bind(&format!("{INSTANCE}/service_bindings/myappid"))
        .await;
    let uri = format!("{}/invert/mynewinstance/myappid", broker.echo_url);
    assert_eq!(bound.json()["credentials"]["uri"], uri);
    let json = [("Content-Type", "application/json")];
    let line = "POST /invert/mynewinstance/myappid";
    let answer = send_body(&broker.echo_url, line, &json, r#"{"message": [1, 2]}"#).await;
    assert_eq!(answer.unwrap().json(), json!({"response": [2, 1]}));
}

#[tokio::test]
async fn what_users_are_handed_names_the_public_address_of_the_echo_service() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let broker = Broker::with_echo(&echo.url(), |config| {
        config.echo_public_url = Some("https://echo.example.com/a/".parse().unwrap());
    })
    .await;
    let public = "https://echo.example.com/a";
    assert_eq!(
        catalog(&broker, "2.3").await.json()["services"][0]["dashboard_client"]["redirect_uri"],
        format!("{public}/echo/dashboard")
    );
    assert_eq!(
        broker.provision(INSTANCE).await.json()["dashboard_url"],
        format!("{public}/echo/dashboard/mynewinstance")
    );
    assert_eq!(
        broker
            .bind(&format!("{INSTANCE}/service_bindings/b"))
            .await
            .json()["credentials"]["uri"],
        format!("{public}/echo/mynewinstance/b")
    );
}

#[tokio::test]
async fn an_instance_that_the_echo_service_has_forgotten_can_be_unbound_and_deprovisioned() {
    let broker = Broker::start().await;
    let binding = format!("{INSTANCE}/service_bindings/myappid");
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
    assert_eq!(broker.bind(&binding).await.status, 201);
    assert_eq!(
        broker.ask_echo("DELETE /echo/mynewinstance").await.status,
        200
    );

    assert_snapshot!(broker.bind(&format!("{INSTANCE}/service_bindings/other")).await, @r#"
    502
    content-type: application/json

    {"description":"the echo service has forgotten this service instance; deprovision it and provision a new one"}
    "#);
    assert_eq!(broker.send(&format!("DELETE {binding}")).await.status, 200);
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 200);
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
}

#[tokio::test]
async fn what_somebody_else_has_made_at_the_echo_service_is_left_to_them() {
    let broker = Broker::start().await;
    assert_eq!(broker.ask_echo("PUT /echo/mynewinstance").await.status, 200);
    assert_eq!(broker.provision(INSTANCE).await.status, 409);
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 410);
    assert_eq!(
        broker.ask_echo("GET /dashboard/mynewinstance").await.status,
        200
    );
}

#[tokio::test]
async fn deprovisioning_deletes_the_bindings_too() {
    let broker = Broker::start().await;
    let binding = format!("{INSTANCE}/service_bindings/myappid");
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
    assert_eq!(broker.bind(&binding).await.status, 201);
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 200);
    assert_eq!(broker.send(&format!("DELETE {binding}")).await.status, 410);
}

#[tokio::test]
async fn the_version_that_a_request_names_has_to_be_spoken() {
    let broker = Broker::start().await;
    assert_snapshot!(broker.send("GET /v2/catalog").await, @r#"
    400
    content-type: application/json

    {"description":"the header X-Broker-API-Version is missing; send for example 2.17"}
    "#);
    assert_snapshot!(catalog(&broker, "2.2").await, @r#"
    412
    content-type: application/json

    {"description":"this broker speaks API versions from 2.3 on, below 3.0; name one of them in X-Broker-API-Version"}
    "#);
    for (version, status) in [("2.17", 200), ("2.99", 200), ("3.0", 412), ("two", 412)] {
        assert_eq!(catalog(&broker, version).await.status, status, "{version}");
    }
    let old = [AUTH, ("X-Broker-API-Version", "2.2")];
    for line in ["PUT", "DELETE"].map(|verb| format!("{verb} {INSTANCE}")) {
        let answer = send_body(&broker.url(), &line, &old, provision().to_string()).await;
        assert_eq!(answer.unwrap().status, 412, "{line}");
    }
}
