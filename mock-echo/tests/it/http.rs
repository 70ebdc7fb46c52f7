//! What holds for all requests to the echo service.

use proptest::prelude::*;
use serde_json::{Value, json};
use serving::Listen;
use serving::testing::{Received, send, send_body, send_bytes};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

async fn start() -> String {
    mock_echo::start(Listen::locally(0)).await.unwrap().url()
}

async fn status(url: &str, line: &str) -> u16 {
    send(url, line, &[]).await.unwrap().status
}

fn is_an_error(answer: &Received) -> bool {
    answer.header("content-type") == Some("application/json") && answer.json()["error"].is_string()
}

#[tokio::test]
async fn the_health_is_told() {
    let url = start().await;
    let answer = send(&url, "GET /health", &[]).await.unwrap();
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"status": "ok"}))
    );
    let head = send(&url, "HEAD /health", &[]).await.unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn errors_outside_the_interface_are_json_too() {
    let url = start().await;
    for (line, status, allow) in [
        ("GET /", 404, None),
        ("GET /echo", 404, None),
        ("GET /nowhere/at/all", 404, None),
        ("PUT /echo/", 404, None),
        ("PUT //echo/i", 404, None),
        ("PUT /echo//a", 404, None),
        ("PUT /echo/i/", 404, None),
        ("PUT /echo/%", 400, None),
        ("PUT /echo/%ff", 400, None),
        ("PUT /echo/..", 400, None),
        ("PUT /echo/%2e", 400, None),
        ("PUT /echo/i/%2E%2e", 400, None),
        ("GET /echo/dashboard/%ff", 400, None),
        ("GET /echo/i", 405, Some("DELETE, PUT")),
        ("POST /echo/i", 405, Some("DELETE, PUT")),
        ("GET /echo/i/a", 405, Some("DELETE, POST, PUT")),
        ("BREW /echo/i/a", 405, Some("DELETE, POST, PUT")),
        ("OPTIONS /invert/i", 405, Some("DELETE, PUT")),
        ("PUT /health", 405, Some("GET, HEAD")),
        ("DELETE /dashboard/i", 405, Some("GET, HEAD")),
    ] {
        let answer = send(&url, line, &[]).await.unwrap();
        assert_eq!(answer.status, status, "{line}: {answer}");
        assert_eq!(answer.header("allow"), allow, "{line}");
        assert!(is_an_error(&answer), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_form_field_never_changes_the_verb() {
    let url = start().await;
    assert_eq!(status(&url, "PUT /echo/i").await, 200);
    assert_eq!(status(&url, "PUT /echo/i/a").await, 200);
    for (method, post_to, expected) in [
        ("DELETE", "/echo/i/a", 415),
        ("PUT", "/echo/i/b", 415),
        ("delete", "/echo/i", 405),
        ("GET", "/health", 405),
    ] {
        let form = format!("_method={method}");
        let line = format!("POST {post_to}");
        let answer = send_body(&url, &line, &[FORM], form).await.unwrap();
        assert_eq!(answer.status, expected, "{line} {method}");
    }
    let other = send_body(&url, "PUT /echo/j", &[FORM], "_method=DELETE").await;
    assert_eq!(other.unwrap().status, 200);
    assert_eq!(status(&url, "DELETE /echo/i/a").await, 200);
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_refused_before_anything_is_kept() {
    let url = start().await;
    assert_eq!(status(&url, "PUT /echo/i").await, 200);
    assert_eq!(status(&url, "PUT /echo/i/a").await, 200);
    let large = json!({ "message": "x".repeat(1 << 20) }).to_string();
    let answer = send_body(&url, "POST /echo/i/a", &[JSON], &large)
        .await
        .unwrap();
    assert_eq!(answer.status, 413);
    assert!(is_an_error(&answer), "{answer}");
    let fits = json!({ "message": "x".repeat(1 << 19) }).to_string();
    let answer = send_body(&url, "POST /echo/i/a", &[JSON], &fits)
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    let gone = send(&url, "DELETE /echo/i", &[]).await.unwrap();
    assert_eq!(gone.json()["messages"], 1);
}

#[tokio::test]
async fn what_the_http_layer_refuses_gets_its_bare_status() {
    let url = start().await;
    let too_long = format!(
        "GET /{} HTTP/1.1\r\nConnection: close\r\n\r\n",
        "x".repeat(1 << 17)
    );
    let too_many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        (&too_long, 414),
        (&too_many, 431),
    ] {
        let answer = send_bytes(&url, request.as_bytes()).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (status, ""));
    }
}

#[tokio::test]
async fn dashboard_urls_lead_to_the_host_that_the_client_called() {
    let url = start().await;
    let listening = url.trim_start_matches("http://");
    for (n, (host, shown)) in [
        ("localhost:8090", "localhost:8090"),
        ("echo.example.com", "echo.example.com"),
        ("[::1]:8090", "[::1]:8090"),
        ("", listening),
        ("user:pass@example.com", listening),
        ("a/b", listening),
        ("<script>", listening),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = send(&url, &format!("PUT /echo/{n}"), &[("Host", host)])
            .await
            .unwrap();
        let expected = format!("http://{shown}/dashboard/{n}");
        assert_eq!(answer.json()["dashboard_url"], expected, "{host}");
    }
}

#[tokio::test]
async fn the_dashboard_escapes_what_it_shows_and_stays_small() {
    let url = start().await;
    let id = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    assert_eq!(status(&url, &format!("PUT /echo/{id}")).await, 200);
    assert_eq!(status(&url, &format!("PUT /echo/{id}/a")).await, 200);
    for n in 0..50 {
        let message =
            json!({ "message": format!("<img src=x onerror=alert({n})>{}", "y".repeat(9999)) });
        let line = format!("POST /echo/{id}/a");
        let answer = send_body(&url, &line, &[JSON], message.to_string())
            .await
            .unwrap();
        assert_eq!(answer.status, 200);
    }
    let page = send(&url, &format!("GET /echo/dashboard/{id}"), &[])
        .await
        .unwrap();
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        !page.body.contains("<script") && !page.body.contains("<img"),
        "{}",
        page.body
    );
    assert!(page.body.contains("<td>50</td>") && page.body.contains("alert(49)"));
    assert!(page.body.len() < 8192, "{} bytes", page.body.len());
}

/// Any JSON value.
fn value() -> impl Strategy<Value = Value> {
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

/// Runs `property` on one echo service for all cases.
fn with_service<S: Strategy>(
    strategy: S,
    property: impl AsyncFn(&str, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(async {
        let url = start().await;
        assert_eq!(status(&url, "PUT /echo/i").await, 200);
        assert_eq!(status(&url, "PUT /echo/i/a").await, 200);
        assert_eq!(status(&url, "PUT /invert/i").await, 200);
        assert_eq!(status(&url, "PUT /invert/i/a").await, 200);
        url
    });
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let ran = runner.run(&strategy, |case| runtime.block_on(property(&url, case)));
    assert!(ran.is_ok(), "{}", ran.unwrap_err());
}

#[test]
fn any_json_message_comes_back_as_it_was_sent() {
    with_service(value(), async |url, message| {
        let body = json!({ "message": message }).to_string();
        let answer = send_body(url, "POST /echo/i/a", &[JSON], body)
            .await
            .unwrap();
        prop_assert_eq!(answer.status, 200);
        prop_assert_eq!(answer.body, format!(r#"{{"response":{message}}}"#));
        Ok(())
    });
}

#[test]
fn any_json_body_gets_a_well_formed_answer() {
    with_service(value(), async |url, body| {
        for line in ["POST /echo/i/a", "POST /invert/i/a"] {
            let answer = send_body(url, line, &[JSON], body.to_string())
                .await
                .unwrap();
            prop_assert!(
                answer.status == 200 || (answer.status == 400 && is_an_error(&answer)),
                "{}",
                answer
            );
        }
        Ok(())
    });
}
