//! What holds for all requests to the broker.

use std::sync::atomic::{AtomicUsize, Ordering};

use broker::{CatalogSource, StorePlace};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use serving::testing::{Received, send, send_body, send_bytes};

use crate::common::{AUTH, Broker, INSTANCE, bind, provision};

fn is_an_error(answer: &Received) -> bool {
    let body = answer.json();
    answer.header("content-type") == Some("application/json")
        && (body["description"].is_string() || (answer.status == 410 && body == json!({})))
}

/// A provision whose body is nested so deeply.
fn nested(levels: usize) -> String {
    let mut body = provision();
    // The body, its parameters and what is innermost are levels, too.
    let around = levels - 3;
    let value = format!("{}0{}", "[".repeat(around), "]".repeat(around));
    body["plan_id"] = "big_0001".into();
    body["parameters"] = json!({ "a": "VALUE" });
    body.to_string().replace("\"VALUE\"", &value)
}

#[tokio::test]
async fn a_body_is_nested_no_deeper_than_what_is_stored_of_it_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let start = async || {
        Broker::with_echo(&echo.url(), |config| {
            config.store = StorePlace::File(dir.path().join("broker.db"));
        })
        .await
    };
    let ask = async |broker: &Broker, line: &str, body: String| {
        let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
        let line = format!("{line} {INSTANCE}?service_id=echo_service&plan_id=big_0001");
        send_body(&broker.url(), &line, &headers, body)
            .await
            .unwrap()
    };
    let broker = start().await;
    let refused = ask(&broker, "PUT", nested(101)).await;
    assert_eq!(refused.status, 400, "{refused}");
    assert_eq!(
        refused.json()["description"],
        "the body is nested too deeply; 100 levels are allowed"
    );
    assert_eq!(ask(&broker, "PUT", nested(100)).await.status, 201);
    broker.stop().await;
    // It is the same when it has been read from the file.
    let broker = start().await;
    assert_eq!(ask(&broker, "PUT", nested(100)).await.status, 200);
    assert_eq!(ask(&broker, "DELETE", String::new()).await.status, 200);
}

#[tokio::test]
async fn errors_outside_the_interface_are_json_too() {
    let broker = Broker::start().await;
    for (line, status, allow) in [
        ("GET /", 404, None),
        ("GET /v2", 404, None),
        ("GET /v2/catalog/", 404, None),
        ("GET //v2/catalog", 404, None),
        ("DELETE /v2/service_instances/", 404, None),
        (
            "DELETE /v2/service_instances//service_bindings/b",
            404,
            None,
        ),
        ("DELETE /v2/service_instances/%zz", 400, None),
        ("DELETE /v2/service_instances/a%ff", 400, None),
        ("DELETE /v2/service_instances/..", 400, None),
        (
            "DELETE /v2/service_instances/i/service_bindings/%2e%2e",
            400,
            None,
        ),
        ("POST /v2/catalog", 405, Some("GET, HEAD")),
        ("BREW /v2/catalog", 405, Some("GET, HEAD")),
        (
            "POST /v2/service_instances/i",
            405,
            Some("DELETE, GET, HEAD, PATCH, PUT"),
        ),
        (
            "PATCH /v2/service_instances/i/service_bindings/b",
            405,
            Some("DELETE, GET, HEAD, PUT"),
        ),
    ] {
        let answer = broker.send(line).await;
        assert_eq!(answer.status, status, "{line}: {answer}");
        assert_eq!(answer.header("allow"), allow, "{line}");
        assert!(is_an_error(&answer), "{line}: {answer}");
    }
}

#[tokio::test]
async fn the_health_is_told_without_credentials() {
    let broker = Broker::start().await;
    let health = async |path: &str| {
        let answer = send(&broker.url(), &format!("GET {path}"), &[])
            .await
            .unwrap();
        (answer.status, answer.json())
    };
    assert_eq!(health("/health").await, (200, json!({"status": "ok"})));
    let ready = json!({"status": "ok", "store": "ok", "echo_service": "ok"});
    assert_eq!(health("/health/ready").await, (200, ready));

    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let broker = Broker::with_echo(&format!("http://127.0.0.1:{port}"), |_| {}).await;
    let answer = send(&broker.url(), "GET /health/ready", &[]).await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["echo_service"],
        "the echo service cannot be reached; try again later"
    );
    assert_eq!(
        send(&broker.url(), "GET /health", &[])
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn every_endpoint_asks_for_the_credentials_first() {
    let broker = Broker::start().await;
    let binding = format!("{INSTANCE}/service_bindings/b");
    for line in [
        "GET /v2/catalog".to_owned(),
        format!("PUT {INSTANCE}"),
        format!("DELETE {INSTANCE}"),
        format!("PUT {binding}"),
        format!("DELETE {binding}"),
    ] {
        for headers in [&[][..], &[("Authorization", "Basic dXNlcjp3cm9uZw==")][..]] {
            // Even the version and the body are not looked at.
            let headers = [headers, &[("X-Broker-API-Version", "1.0")]].concat();
            let answer = send_body(&broker.url(), &line, &headers, "{")
                .await
                .unwrap();
            assert_eq!(answer.status, 401, "{line}");
            assert!(
                answer
                    .header("www-authenticate")
                    .unwrap()
                    .starts_with("Basic realm=")
            );
            assert!(is_an_error(&answer), "{answer}");
        }
    }
}

#[tokio::test]
async fn other_credentials_replace_the_documented_ones() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let broker = Broker::with_echo(&echo.url(), |config| {
        config.credentials = broker::Credentials::new("ü", "a:b").unwrap();
    })
    .await;
    assert_eq!(broker.provision(INSTANCE).await.status, 401);
    let auth = [("Authorization", "Basic w7w6YTpi")];
    let line = format!("PUT {INSTANCE}");
    let answer = send_body(&broker.url(), &line, &auth, provision().to_string()).await;
    assert_eq!(answer.unwrap().status, 201);
}

#[tokio::test]
async fn a_form_field_never_changes_the_verb() {
    let broker = Broker::start().await;
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
    let form = [AUTH, ("Content-Type", "application/x-www-form-urlencoded")];
    for method in ["DELETE", "PUT", "delete"] {
        let line = format!("POST {INSTANCE}");
        let body = format!("_method={method}");
        let answer = send_body(&broker.url(), &line, &form, body).await.unwrap();
        assert_eq!(answer.status, 405);
    }
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 200);
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_refused() {
    let broker = Broker::start().await;
    let mut body = provision();
    body["context"] = "x".repeat(1 << 20).into();
    let answer = broker.put(INSTANCE, body.to_string()).await;
    assert_eq!(answer.status, 413);
    assert!(is_an_error(&answer), "{answer}");
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 410);
}

#[tokio::test]
async fn what_the_http_layer_refuses_gets_its_bare_status() {
    let broker = Broker::start().await;
    let answer = send_bytes(&broker.url(), b"nonsense\r\n\r\n")
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (400, ""));
}

/// Runs `property` on one broker for all cases.
fn with_broker<S: Strategy>(
    cases: u32,
    strategy: S,
    property: impl AsyncFn(&Broker, S::Value) -> Result<(), TestCaseError>,
) {
    with_catalog(CatalogSource::Documented, cases, strategy, property);
}

/// The same with another catalog.
fn with_catalog<S: Strategy>(
    catalog: CatalogSource,
    cases: u32,
    strategy: S,
    property: impl AsyncFn(&Broker, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broker = runtime.block_on(async {
        let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
        Broker::with_echo(&echo.url(), |config| config.catalog = catalog).await
    });
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let ran =
        TestRunner::new(config).run(&strategy, |case| runtime.block_on(property(&broker, case)));
    assert!(ran.is_ok(), "{}", ran.unwrap_err());
}

/// An id as it may stand in a path: text that looks like paths, escapes, dots,
/// other scripts, and sheer length, percent-encoded.
fn id() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => any::<String>(),
        4 => "[a-c./%?#&=+ ~-]{1,6}",
        2 => prop_oneof![
            Just("dashboard"), Just("..."), Just("%2e%2e"), Just("a/b"), Just("a%2Fb"),
            Just("service_bindings"), Just("e\u{301}"), Just("\u{e9}"), Just("\0"),
        ].prop_map(str::to_owned),
        1 => "[a-z]{1000,1024}",
    ];
    text.prop_filter("an id", |text| {
        !matches!(text.as_str(), "" | "." | "..") && text.len() <= 1024
    })
    .prop_map(|text| text.bytes().map(|byte| format!("%{byte:02X}")).collect())
}

#[test]
fn any_ids_go_round_through_broker_and_echo_service() {
    with_broker(
        48,
        (id(), id(), id(), id()),
        async |broker, (one, other, binding, app)| {
            prop_assume!(one != other);
            let path = |instance: &str| format!("/v2/service_instances/{instance}");
            let binding_path = format!("{}/service_bindings/{binding}", path(&one));
            prop_assert_eq!(broker.provision(&path(&one)).await.status, 201);
            prop_assert_eq!(broker.provision(&path(&other)).await.status, 201);
            let mut body = bind();
            body["app_guid"] = app.into();
            let bound = broker.put(&binding_path, body.to_string()).await;
            prop_assert_eq!(bound.status, 201);

            // The app sends to the URI that it was given, as it was given.
            let bound = bound.json();
            let uri = bound["credentials"]["uri"].as_str().unwrap();
            let sent_to = uri.strip_prefix(&broker.echo_url).unwrap();
            let line = format!("POST {sent_to}");
            let json = [("Content-Type", "application/json")];
            let echoed = send_body(&broker.echo_url, &line, &json, r#"{"message":1}"#)
                .await
                .unwrap();
            prop_assert_eq!(echoed.json(), json!({"response": 1}));

            // The other instance has none of it.
            let look = |instance: &str| format!("GET /dashboard/{instance}");
            let counts = |page: Received| page.body.matches("<td>1</td>").count();
            prop_assert_eq!(counts(broker.ask_echo(&look(&one)).await), 2);
            prop_assert_eq!(counts(broker.ask_echo(&look(&other)).await), 0);

            prop_assert_eq!(
                broker
                    .send(&format!("DELETE {}", path(&other)))
                    .await
                    .status,
                200
            );
            prop_assert_eq!(
                broker.send(&format!("DELETE {binding_path}")).await.status,
                200
            );
            prop_assert_eq!(
                broker.send(&format!("DELETE {}", path(&one))).await.status,
                200
            );
            for instance in [&one, &other] {
                prop_assert_eq!(broker.ask_echo(&look(instance)).await.status, 404);
            }
            Ok(())
        },
    );
}

/// Any JSON value.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The members that a body may have, by their places in it.
const MEMBERS: [&str; 14] = [
    "service_id",
    "plan_id",
    "organization_guid",
    "space_guid",
    "app_guid",
    "context",
    "parameters",
    "parameters/greeting",
    "maintenance_info",
    "maintenance_info/version",
    "bind_resource",
    "bind_resource/app_guid",
    "previous_values",
    "predecessor_binding_id",
];

/// Any JSON value, and more often one that is right but for one member.
fn body(right: Value) -> impl Strategy<Value = Value> {
    let member = proptest::sample::select(&MEMBERS[..]);
    let nearly_right = (member, any_value()).prop_map(move |(member, value)| {
        let mut body = right.clone();
        match member.split_once('/') {
            None => body[member] = value,
            Some((outer, inner)) => body[outer] = json!({ inner: value }),
        }
        body
    });
    prop_oneof![1 => any_value(), 3 => nearly_right]
}

/// Whether a success or a refusal is of the form that each has.
fn is_right(answer: &Received) -> bool {
    match answer.status {
        200..=202 => answer.json().is_object(),
        400..=499 => is_an_error(answer),
        _ => false,
    }
}

#[test]
fn any_json_body_gets_a_well_formed_answer_below_500() {
    let version = prop_oneof![Just("2.3"), Just("2.13"), Just("2.17")];
    let cases = (body(provision()), version);
    with_broker(256, cases, async |broker, (body, version)| {
        let headers = [AUTH, ("X-Broker-API-Version", version)];
        for line in [
            format!("PUT {INSTANCE}"),
            format!("PATCH {INSTANCE}"),
            format!("PUT {INSTANCE}/service_bindings/b"),
        ] {
            let url = broker.url();
            let sent = send_body(&url, &line, &headers, body.to_string());
            let answer = sent.await.unwrap();
            prop_assert!(is_right(&answer), "{line}: {answer}");
        }
        broker.send(&format!("DELETE {INSTANCE}")).await;
        Ok(())
    });
}

#[test]
fn any_json_body_for_the_showcase_gets_a_well_formed_answer_below_500() {
    // One plan with schemas, maintenance information and rotation, and one that
    // works asynchronously.
    let plan = prop_oneof![Just(("1", "101")), Just(("2", "202"))];
    let case = plan.prop_flat_map(|(service, plan)| {
        let right = json!({
            "service_id": format!("4f1b7a3e-0d5e-4c3c-9f0e-{service:0>12}"),
            "plan_id": format!("4f1b7a3e-0d5e-4c3c-9f0e-{plan:0>12}"),
            "organization_guid": "o",
            "space_guid": "s",
        });
        (Just(right.clone()), body(right))
    });
    let (showcase, number) = (CatalogSource::Showcase, AtomicUsize::new(0));
    with_catalog(showcase, 256, case, async |broker, (right, body)| {
        let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
        let url = broker.url();
        let ask = async |line: &str, body: &Value| {
            send_body(&url, line, &headers, body.to_string())
                .await
                .unwrap()
        };
        // What is there is updated, bound and rotated, and what is not is provisioned.
        let n = number.fetch_add(1, Ordering::Relaxed);
        let (new, there) = (
            format!("/v2/service_instances/new{n}"),
            format!("/v2/service_instances/{n}"),
        );
        let binding = format!("{there}/service_bindings/b");
        for path in [&there, &binding] {
            let made = ask(&format!("PUT {path}"), &right).await;
            prop_assert_eq!(made.status, 201, "{}: {}", path, made);
        }
        for line in [
            format!("PUT {new}?accepts_incomplete=true"),
            format!("PUT {there}"),
            format!("PUT {binding}"),
            format!("PUT {there}/service_bindings/other?accepts_incomplete=true"),
            format!("PATCH {there}?accepts_incomplete=true"),
        ] {
            let answer = ask(&line, &body).await;
            prop_assert!(is_right(&answer), "{line}: {answer}");
        }
        Ok(())
    });
}

#[test]
fn any_headers_get_a_well_formed_answer_below_500() {
    let name = proptest::sample::select(&[
        "X-Broker-API-Version",
        "X-Broker-API-Originating-Identity",
        "X-Broker-API-Request-Identity",
        "Authorization",
        "Content-Type",
        "If-None-Match",
        "Accept",
        "X-HTTP-Method-Override",
    ]);
    let value = prop_oneof![
        "[ -~]{0,60}",
        "[0-9]{0,12}[.][0-9]{0,12}",
        "(Basic|cloudfoundry|kubernetes|Bearer) [A-Za-z0-9+/=]{0,40}",
        "[\\PC]{0,20}",
    ];
    with_broker(256, (name, value), async |broker, (name, value)| {
        let body = provision().to_string();
        for line in [
            "GET /v2/catalog".to_owned(),
            format!("PUT {INSTANCE}"),
            format!("GET {INSTANCE}/last_operation"),
            format!("DELETE {INSTANCE}"),
        ] {
            // The right headers come last: of two the first counts.
            let headers = [
                (name, value.as_str()),
                AUTH,
                ("X-Broker-API-Version", "2.3"),
            ];
            let answer = send_body(&broker.url(), &line, &headers, &body)
                .await
                .unwrap();
            let unchanged = answer.status == 304 && answer.body.is_empty();
            prop_assert!(unchanged || is_right(&answer), "{line}: {answer}");
        }
        Ok(())
    });
}

#[test]
fn any_query_gets_a_well_formed_answer_below_500() {
    let query = "[a-z_]{0,20}(=[A-Za-z0-9%+/._~-]{0,12})?(&(service_id|plan_id|operation|accepts_incomplete)=[A-Za-z0-9%+&/._~-]{0,8}){0,3}";
    with_broker(256, query, async |broker, query| {
        let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
        for line in [
            format!("GET {INSTANCE}/last_operation"),
            format!("GET {INSTANCE}/service_bindings/b/last_operation"),
            format!("GET {INSTANCE}"),
            format!("DELETE {INSTANCE}"),
            format!("DELETE {INSTANCE}/service_bindings/b"),
        ] {
            let answer = send(&broker.url(), &format!("{line}?{query}"), &headers)
                .await
                .unwrap();
            let right = (400..500).contains(&answer.status) && is_an_error(&answer);
            prop_assert!(right, "{line}: {answer}");
        }
        Ok(())
    });
}

#[test]
fn any_bytes_get_a_well_formed_answer_below_500() {
    with_broker(256, any::<Vec<u8>>(), async |broker, body| {
        let answer = broker.put(INSTANCE, body).await;
        prop_assert!(answer.status == 400 && is_an_error(&answer), "{}", answer);
        Ok(())
    });
}

#[tokio::test]
async fn unknown_members_and_headers_are_ignored() {
    let broker = Broker::start().await;
    let mut body = provision();
    body["x"] = json!({"y": [1]});
    let headers = [
        AUTH,
        ("X-Broker-API-Originating-Identity", "nonsense"),
        ("X-Other", "1"),
    ];
    let line = format!("PUT {INSTANCE}?unknown=1");
    let answer = send_body(&broker.url(), &line, &headers, body.to_string())
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(
        send(&broker.url(), &format!("DELETE {INSTANCE}?a=b"), &[AUTH])
            .await
            .unwrap()
            .status,
        200
    );
}
