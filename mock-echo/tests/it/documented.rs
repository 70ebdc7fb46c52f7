//! The documented examples of the echo service, whole answers, over HTTP.

use insta::assert_snapshot;
use serving::Listen;
use serving::testing::{Received, send, send_body};

const INSTANCE: &str = "51897770-560b-11e4-b75a-9ad2017223a9";
const JSON: (&str, &str) = ("Content-Type", "application/json");
const HELLO: &str = r#"{"message": "Hello World"}"#;

/// A fresh echo service, which answers as if it were reached by the documented
/// name.
struct Echo(serving::Running);

impl Echo {
    async fn start() -> Echo {
        Echo(mock_echo::start(Listen::locally(0)).await.unwrap())
    }

    async fn send(&self, line: &str) -> Received {
        let host = [("Host", "localhost:8090")];
        send(&self.0.url(), line, &host).await.unwrap()
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Received {
        let line = format!("POST {path}");
        send_body(&self.0.url(), &line, headers, body)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn the_documented_life_of_an_instance() {
    let echo = Echo::start().await;
    assert_snapshot!(echo.send(&format!("PUT /echo/{INSTANCE}")).await, @r#"
    200
    content-type: application/json

    {"dashboard_url":"http://localhost:8090/dashboard/51897770-560b-11e4-b75a-9ad2017223a9","instance_id":"51897770-560b-11e4-b75a-9ad2017223a9","state":"provision_success"}
    "#);
    assert_snapshot!(echo.send(&format!("PUT /echo/{INSTANCE}/myapp")).await, @r#"
    200
    content-type: application/json

    {"app":"myapp","id":"51897770-560b-11e4-b75a-9ad2017223a9","state":"bind_success"}
    "#);
    assert_snapshot!(echo.post(&format!("/echo/{INSTANCE}/myapp"), &[JSON], HELLO).await, @r#"
    200
    content-type: application/json

    {"response":"Hello World"}
    "#);
    assert_snapshot!(echo.send(&format!("GET /echo/dashboard/{INSTANCE}")).await, @r#"
    200
    content-type: text/html; charset=utf-8

    <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Instance 51897770-560b-11e4-b75a-9ad2017223a9</title><style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; color: #222 } table { border-collapse: collapse; width: 100% } th, td { border: 1px solid #ccc; padding: .4rem .8rem; text-align: left; overflow-wrap: anywhere } thead { background: #eee } code { overflow-wrap: anywhere; white-space: pre-wrap }</style></head><body><h1>Service instance</h1><table class="pure-table"><thead><tr><th>Instance</th><th>Bindings</th><th>Messages</th></tr></thead><tbody><tr><td>51897770-560b-11e4-b75a-9ad2017223a9</td><td>1</td><td>1</td></tr></tbody></table><h2>Latest messages</h2><ol reversed start="1"><li><code>&quot;Hello World&quot;</code></li></ol></body></html>
    "#);
    assert_snapshot!(echo.send(&format!("DELETE /echo/{INSTANCE}/myapp")).await, @r#"
    200
    content-type: application/json

    {"app":"myapp","id":"51897770-560b-11e4-b75a-9ad2017223a9","state":"unbind_success"}
    "#);
    assert_snapshot!(echo.send(&format!("DELETE /echo/{INSTANCE}")).await, @r#"
    200
    content-type: application/json

    {"bindings":0,"id":"51897770-560b-11e4-b75a-9ad2017223a9","messages":1,"state":"deprovision_success"}
    "#);
}

#[tokio::test]
async fn the_documented_failures() {
    let echo = Echo::start().await;
    echo.send("PUT /echo/i").await;
    echo.send("PUT /echo/i/a").await;
    assert_snapshot!(echo.send("PUT /echo/i").await, @r#"
    409
    content-type: application/json

    {"error":"Resource already provisioned for the provided ID"}
    "#);
    assert_snapshot!(echo.send("DELETE /echo/none").await, @r#"
    404
    content-type: application/json

    {"error":"Deprovision failed, Instance not found"}
    "#);
    assert_snapshot!(echo.send("PUT /echo/i/a").await, @r#"
    409
    content-type: application/json

    {"error":"App binding already exists"}
    "#);
    assert_snapshot!(echo.send("DELETE /echo/i/none").await, @r#"
    404
    content-type: application/json

    {"error":"Binding not found"}
    "#);
    assert_snapshot!(echo.post("/echo/i/a", &[], HELLO).await, @r#"
    415
    content-type: application/json

    {"error":"Unsupported Content-Type: expecting application/json"}
    "#);
    assert_snapshot!(echo.post("/echo/none/a", &[JSON], HELLO).await, @r#"
    404
    content-type: application/json

    {"error":"Instance not found"}
    "#);
    assert_snapshot!(echo.post("/echo/i/none", &[JSON], HELLO).await, @r#"
    404
    content-type: application/json

    {"error":"App binding not found"}
    "#);
    assert_snapshot!(echo.send("GET /echo/dashboard/none").await, @r#"
    404
    content-type: application/json

    {"error":"Instance not found"}
    "#);
}

#[tokio::test]
async fn what_the_original_gets_wrong_is_right_here() {
    let echo = Echo::start().await;
    assert_snapshot!(echo.send("PUT /echo/none/a").await, @r#"
    404
    content-type: application/json

    {"error":"Instance not found"}
    "#);
    assert_snapshot!(echo.send("DELETE /echo/none/a").await, @r#"
    404
    content-type: application/json

    {"error":"Instance not found"}
    "#);
    echo.send("PUT /echo/i").await;
    echo.send("PUT /echo/i/a").await;
    assert_snapshot!(echo.post("/echo/i/a", &[JSON], "{").await, @r#"
    400
    content-type: application/json

    {"error":"The body cannot be used: EOF while parsing an object at line 1 column 1; expecting a JSON object such as {\"message\": \"Hello World\"}"}
    "#);
    assert_snapshot!(echo.post("/echo/i/a", &[JSON], "{}").await, @r#"
    400
    content-type: application/json

    {"error":"The body cannot be used: it has no member \"message\"; expecting a JSON object such as {\"message\": \"Hello World\"}"}
    "#);
    assert_snapshot!(echo.post("/echo/i/a", &[JSON], "[\"Hello\"]").await, @r#"
    400
    content-type: application/json

    {"error":"The body cannot be used: invalid type: sequence, expected a map at line 1 column 0; expecting a JSON object such as {\"message\": \"Hello World\"}"}
    "#);

    // The dashboard that the provision answer names is the other one's page.
    let documented = echo.send("GET /echo/dashboard/i").await;
    let provisioned = echo.send("GET /dashboard/i").await;
    assert_eq!(documented.status, 200);
    assert_eq!(documented.body, provisioned.body);

    // An instance may be called like the dashboard.
    assert_eq!(echo.send("PUT /echo/dashboard").await.status, 200);
    assert_eq!(echo.send("PUT /echo/dashboard/i").await.status, 200);
    assert_eq!(echo.send("GET /echo/dashboard/dashboard").await.status, 200);
    assert_eq!(
        echo.send("GET /echo/dashboard/i").await.body,
        documented.body
    );
}

#[tokio::test]
async fn an_invert_instance_inverts_and_is_none_of_the_echo_instances() {
    let echo = Echo::start().await;
    assert_snapshot!(echo.send("PUT /invert/i").await, @r#"
    200
    content-type: application/json

    {"dashboard_url":"http://localhost:8090/invert/dashboard/i","instance_id":"i","state":"provision_success"}
    "#);
    assert_eq!(echo.send("PUT /echo/i/a").await.status, 404);
    assert_eq!(echo.send("PUT /invert/i/a").await.status, 200);
    assert_eq!(echo.send("GET /invert/dashboard/i").await.status, 200);
    assert_eq!(echo.send("GET /dashboard/i").await.status, 404);
    assert_snapshot!(echo.post("/invert/i/a", &[JSON], HELLO).await, @r#"
    200
    content-type: application/json

    {"response":"dlroW olleH"}
    "#);
    assert_snapshot!(echo.post("/invert/i/a", &[JSON], r#"{"message": {}}"#).await, @r#"
    400
    content-type: application/json

    {"error":"This message has no inverse: expecting a string, a boolean, a number or an array"}
    "#);
    assert_snapshot!(echo.post("/invert/i/a", &[JSON], r#"{"message": 1e400}"#).await, @r#"
    400
    content-type: application/json

    {"error":"The body cannot be used: number out of range at line 1 column 17; expecting a JSON object such as {\"message\": \"Hello World\"}"}
    "#);
    assert_eq!(echo.send("PUT /echo/i").await.status, 200);
    assert_eq!(echo.send("DELETE /echo/i").await.json()["bindings"], 0);
    assert_eq!(echo.send("DELETE /invert/i").await.json()["messages"], 1);
}
