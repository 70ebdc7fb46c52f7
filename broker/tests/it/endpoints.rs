//! Every endpoint of API 2.17 with every status that its table has, by the
//! showcase.

use std::time::Duration;

use broker::{CatalogSource, Config};
use insta::assert_snapshot;
use serde_json::{Value, json};
use serving::testing::{Received, send, send_body};

use crate::common::{AUTH, Broker};

const VERSION: (&str, &str) = ("X-Broker-API-Version", "2.17");

/// An offering and one of its plans.
#[derive(Clone, Copy)]
struct Of(&'static str, &'static str);

const SYNC: Of = of("1", "101");
const LARGE: Of = of("1", "102");
const FIXED: Of = of("1", "103");
const ASYNC: Of = of("2", "201");
const PATIENT: Of = of("2", "203");
const UNBINDABLE: Of = of("3", "301");
const APP: Of = of("4", "401");
const LOG_DRAIN: Of = of("5", "501");
const ROUTE: Of = of("6", "601");
const VOLUME: Of = of("7", "701");

const fn of(service: &'static str, plan: &'static str) -> Of {
    Of(service, plan)
}

impl Of {
    fn service(self) -> String {
        format!("4f1b7a3e-0d5e-4c3c-9f0e-{:0>12}", self.0)
    }

    fn plan(self) -> String {
        format!("4f1b7a3e-0d5e-4c3c-9f0e-{:0>12}", self.1)
    }

    /// The body of a provision, with `more` members.
    fn provision(self, more: Value) -> Value {
        let mut body = json!({
            "service_id": self.service(),
            "plan_id": self.plan(),
            "organization_guid": "o",
            "space_guid": "s",
        });
        merge(&mut body, more);
        body
    }

    fn bind(self, more: Value) -> Value {
        let mut body = json!({"service_id": self.service(), "plan_id": self.plan()});
        merge(&mut body, more);
        body
    }

    /// The query of a deletion.
    fn query(self) -> String {
        format!("service_id={}&plan_id={}", self.service(), self.plan())
    }
}

fn merge(body: &mut Value, more: Value) {
    let Value::Object(more) = more else { return };
    body.as_object_mut().unwrap().extend(more);
}

/// A broker with the showcase, whose asynchronous operations take this long.
async fn showcase(async_delay: Duration) -> Broker {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    Broker::with_echo(&echo.url(), |config: &mut Config| {
        config.catalog = CatalogSource::Showcase;
        config.async_delay = async_delay;
    })
    .await
}

/// Longer than any test: what is asynchronous stays in progress.
const NEVER: Duration = Duration::from_secs(3600);

struct Call<'a>(&'a Broker);

impl Call<'_> {
    async fn send(&self, line: &str) -> Received {
        send(&self.0.url(), line, &[AUTH, VERSION]).await.unwrap()
    }

    async fn body(&self, line: &str, body: Value) -> Received {
        let headers = [AUTH, VERSION];
        send_body(&self.0.url(), line, &headers, body.to_string())
            .await
            .unwrap()
    }

    /// Polls until the operation has ended, and gives how.
    async fn settled(&self, path: &str) -> Value {
        loop {
            let polled = self
                .send(&format!("GET {path}/last_operation"))
                .await
                .json();
            if polled["state"] != "in progress" {
                return polled;
            }
            tokio::task::yield_now().await;
        }
    }

    /// An answer with what differs from run to run replaced.
    fn shown(&self, answer: &Received) -> String {
        let text = answer.to_string().replace(&self.0.echo_url, "http://ECHO");
        let port = self.0.echo_url.rsplit(':').next().unwrap();
        let text = text.replace(&format!("\"{port}\""), "\"PORT\"");
        let operations = regex::Regex::new("op-[0-9a-f]+-[0-9a-f]+").unwrap();
        let text = operations.replace_all(&text, "OPERATION");
        let times = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").unwrap();
        times.replace_all(&text, "TIME").into_owned()
    }
}

const I: &str = "/v2/service_instances/i";
const B: &str = "/v2/service_instances/i/service_bindings/b";
const ASYNC_OK: &str = "accepts_incomplete=true";

#[tokio::test]
async fn the_synchronous_life_of_an_instance() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let body = SYNC.provision(json!({"parameters": {"greeting": "hi"}, "maintenance_info": {"version": "1.2.0", "description": "any"}}));
    let shown = |answer: Received| call.shown(&answer);
    assert_snapshot!(shown(call.body(&format!("PUT {I}"), body.clone()).await), @r#"
    201
    content-type: application/json

    {"dashboard_url":"http://ECHO/echo/dashboard/i","metadata":{"attributes":{"example.com/region":"here"},"labels":{"tier":"small"}}}
    "#);
    assert_snapshot!(shown(call.body(&format!("PUT {I}"), body.clone()).await), @r#"
    200
    content-type: application/json

    {"dashboard_url":"http://ECHO/echo/dashboard/i","metadata":{"attributes":{"example.com/region":"here"},"labels":{"tier":"small"}}}
    "#);
    assert_snapshot!(shown(call.send(&format!("GET {I}")).await), @r#"
    200
    content-type: application/json

    {"dashboard_url":"http://ECHO/echo/dashboard/i","maintenance_info":{"version":"1.2.0"},"metadata":{"attributes":{"example.com/region":"here"},"labels":{"tier":"small"}},"parameters":{"greeting":"hi"},"plan_id":"4f1b7a3e-0d5e-4c3c-9f0e-000000000101","service_id":"4f1b7a3e-0d5e-4c3c-9f0e-000000000001"}
    "#);
    assert_snapshot!(shown(call.send(&format!("GET {I}/last_operation")).await), @r#"
    200
    content-type: application/json

    {"description":"the creation has succeeded","state":"succeeded"}
    "#);
    let update = json!({"service_id": LARGE.service(), "plan_id": LARGE.plan(), "parameters": {"repeat": 2}, "previous_values": {"plan_id": SYNC.plan(), "maintenance_info": null}});
    assert_snapshot!(shown(call.body(&format!("PATCH {I}"), update).await), @r#"
    200
    content-type: application/json

    {"dashboard_url":"http://ECHO/echo/dashboard/i"}
    "#);
    assert_snapshot!(shown(call.send(&format!("GET {I}")).await), @r#"
    200
    content-type: application/json

    {"dashboard_url":"http://ECHO/echo/dashboard/i","maintenance_info":{"version":"1.3.0"},"parameters":{"greeting":"hi","repeat":2},"plan_id":"4f1b7a3e-0d5e-4c3c-9f0e-000000000102","service_id":"4f1b7a3e-0d5e-4c3c-9f0e-000000000001"}
    "#);
    assert_snapshot!(shown(call.send(&format!("DELETE {I}?{}", LARGE.query())).await), @"
    200
    content-type: application/json

    {}
    ");
    assert_snapshot!(shown(call.send(&format!("DELETE {I}?{}", LARGE.query())).await), @"
    410
    content-type: application/json

    {}
    ");
    assert_snapshot!(shown(call.send(&format!("GET {I}")).await), @r#"
    404
    content-type: application/json

    {"description":"there is nothing with this id"}
    "#);
    assert_snapshot!(shown(call.send(&format!("GET {I}/last_operation")).await), @r#"
    404
    content-type: application/json

    {"description":"there is nothing with this id"}
    "#);
}

#[tokio::test]
async fn what_a_provision_is_refused_for() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let mut refused = Vec::new();
    for (accepts, body) in [
        ("", ASYNC.provision(json!({}))),
        ("?accepts_incomplete=false", ASYNC.provision(json!({}))),
        (
            "",
            SYNC.provision(json!({"maintenance_info": {"version": "9.0.0"}})),
        ),
        (
            "",
            FIXED.provision(json!({"maintenance_info": {"version": "9.0.0"}})),
        ),
        (
            "",
            SYNC.provision(json!({"parameters": {"greeting": "", "repeat": 11, "x": 1}})),
        ),
        ("", SYNC.provision(json!({"parameters": []}))),
        ("", SYNC.provision(json!({"context": "c"}))),
        ("", Of("1", "201").provision(json!({}))),
        ("", Of("99", "101").provision(json!({}))),
    ] {
        let answer = call.body(&format!("PUT {I}{accepts}"), body).await;
        refused.push(format!("{} {}", answer.status, answer.body));
    }
    assert_snapshot!(refused.join("\n"), @r#"
    422 {"description":"this plan does this only asynchronously; add accepts_incomplete=true","error":"AsyncRequired"}
    422 {"description":"this plan does this only asynchronously; add accepts_incomplete=true","error":"AsyncRequired"}
    422 {"description":"the plan has another maintenance_info.version; fetch the catalog again","error":"MaintenanceInfoConflict"}
    422 {"description":"the plan has another maintenance_info.version; fetch the catalog again","error":"MaintenanceInfoConflict"}
    400 {"description":"parameters/greeting: \"\" is shorter than 1 character; parameters/repeat: 11 is greater than the maximum of 10; parameters: Additional properties are not allowed ('x' was unexpected)"}
    400 {"description":"parameters must be an object"}
    400 {"description":"context must be an object"}
    400 {"description":"the service offering has no service plan with this plan_id"}
    400 {"description":"the catalog has no service offering with this service_id"}
    "#);
    assert_eq!(
        call.send(&format!("DELETE {I}?{}", SYNC.query()))
            .await
            .status,
        410
    );
}

#[tokio::test]
async fn an_asynchronous_operation_in_progress() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let put = format!("PUT {I}?{ASYNC_OK}");
    let first = call.body(&put, ASYNC.provision(json!({}))).await;
    assert_snapshot!(call.shown(&first), @r#"
    202
    content-type: application/json

    {"dashboard_url":"http://ECHO/echo/dashboard/i","operation":"OPERATION"}
    "#);
    let again = call.body(&put, ASYNC.provision(json!({}))).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(
        call.body(&put, ASYNC.provision(json!({"parameters": {"a": 1}})))
            .await
            .status,
        409
    );
    assert_snapshot!(call.shown(&call.send(&format!("GET {I}/last_operation")).await), @r#"
    200
    content-type: application/json
    retry-after: 3600

    {"description":"the creation is in progress","state":"in progress"}
    "#);
    assert_eq!(call.send(&format!("GET {I}")).await.status, 404);
    let update = json!({"service_id": ASYNC.service()});
    let refused = call.body(&format!("PATCH {I}?{ASYNC_OK}"), update).await;
    assert_snapshot!(call.shown(&refused), @r#"
    422
    content-type: application/json

    {"description":"another operation works on this resource; try again when it has ended","error":"ConcurrencyError"}
    "#);
    let bind = call
        .body(&format!("PUT {B}?{ASYNC_OK}"), ASYNC.bind(json!({})))
        .await;
    assert_eq!(
        (bind.status, bind.json()["error"].as_str()),
        (422, Some("ConcurrencyError"))
    );

    // A deletion halts the creation.
    let operation = call.send(&format!("GET {I}/last_operation")).await;
    assert_eq!(operation.header("retry-after"), Some("3600"));
    let delete = call
        .send(&format!("DELETE {I}?{ASYNC_OK}&{}", ASYNC.query()))
        .await;
    assert_snapshot!(call.shown(&delete), @r#"
    202
    content-type: application/json

    {"operation":"OPERATION"}
    "#);
    let again = call
        .send(&format!("DELETE {I}?{ASYNC_OK}&{}", ASYNC.query()))
        .await;
    assert_eq!((again.status, again.body), (202, delete.body));
    assert_snapshot!(call.shown(&call.send(&format!("GET {I}/last_operation")).await), @r#"
    200
    content-type: application/json
    retry-after: 3600

    {"description":"the deletion is in progress","state":"in progress"}
    "#);
    let halted = first_operation(&first);
    let poll = call
        .send(&format!("GET {I}/last_operation?operation={halted}"))
        .await;
    assert_snapshot!(call.shown(&poll), @r#"
    200
    content-type: application/json

    {"description":"the creation has failed: it was halted by a deletion","state":"failed"}
    "#);
}

#[tokio::test]
async fn a_binding_in_progress_keeps_its_instance_and_is_halted_by_its_deletion() {
    const EITHER: Of = of("2", "202");
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let put = format!("PUT {I}");
    assert_eq!(
        call.body(&put, EITHER.provision(json!({}))).await.status,
        201
    );
    let bind = format!("PUT {B}?{ASYNC_OK}");
    assert_eq!(call.body(&bind, EITHER.bind(json!({}))).await.status, 202);
    let busy = |answer: Received| {
        assert_eq!(answer.status, 422, "{answer}");
        assert_eq!(answer.json()["error"], "ConcurrencyError");
    };
    let query = EITHER.query();
    busy(call.send(&format!("DELETE {I}?{query}")).await);
    let unbind = format!("DELETE {B}?{ASYNC_OK}&{query}");
    assert_eq!(call.send(&unbind).await.status, 202);
    // Its deletion is in progress now: nothing else can be done with it.
    assert_eq!(call.send(&unbind).await.status, 202);
    busy(call.body(&bind, EITHER.bind(json!({}))).await);
    busy(call.send(&format!("DELETE {I}?{query}")).await);
    assert_eq!(call.send(&format!("GET {B}")).await.status, 404);
}

#[tokio::test]
async fn a_plan_can_say_when_to_ask_again() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let put = format!("PUT {I}?{ASYNC_OK}");
    let accepted = call.body(&put, PATIENT.provision(json!({}))).await;
    assert_eq!(accepted.status, 202);
    assert_snapshot!(call.shown(&call.send(&format!("GET {I}/last_operation")).await), @r#"
    200
    content-type: application/json
    retry-after: 1

    {"description":"the creation is in progress","state":"in progress"}
    "#);
}

fn first_operation(answer: &Received) -> String {
    serde_json::from_str::<Value>(&answer.body).unwrap()["operation"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_asynchronous_life_of_an_instance_and_its_binding() {
    let broker = showcase(Duration::from_millis(1)).await;
    let call = Call(&broker);
    for (line, body) in [
        (format!("PUT {I}?{ASYNC_OK}"), ASYNC.provision(json!({}))),
        (
            format!("PATCH {I}?{ASYNC_OK}"),
            json!({"service_id": ASYNC.service(), "parameters": {"a": 1}}),
        ),
    ] {
        assert_eq!(call.body(&line, body).await.status, 202, "{line}");
        assert_eq!(call.settled(I).await["state"], "succeeded", "{line}");
    }
    assert_eq!(
        call.send(&format!("GET {I}")).await.json()["parameters"],
        json!({"a": 1})
    );
    let bind = call
        .body(
            &format!("PUT {B}?{ASYNC_OK}"),
            ASYNC.bind(json!({"parameters": {"b": 1}})),
        )
        .await;
    assert_snapshot!(call.shown(&bind), @r#"
    202
    content-type: application/json

    {"operation":"OPERATION"}
    "#);
    assert_eq!(call.settled(B).await["state"], "succeeded");
    assert_snapshot!(call.shown(&call.send(&format!("GET {B}")).await), @r#"
    200
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}],"parameters":{"b":1}}
    "#);
    let again = call
        .body(
            &format!("PUT {B}"),
            ASYNC.bind(json!({"parameters": {"b": 1}})),
        )
        .await;
    assert_eq!(again.status, 200);
    for path in [B, I] {
        assert_eq!(
            call.send(&format!("DELETE {path}?{}", ASYNC.query()))
                .await
                .json()["error"],
            "AsyncRequired"
        );
        assert_eq!(
            call.send(&format!("DELETE {path}?{ASYNC_OK}&{}", ASYNC.query()))
                .await
                .status,
            202
        );
        assert_eq!(call.settled(path).await["state"], "succeeded");
        assert_eq!(
            call.send(&format!("DELETE {path}?{ASYNC_OK}&{}", ASYNC.query()))
                .await
                .status,
            410
        );
        assert_eq!(call.send(&format!("GET {path}")).await.status, 404);
    }
    // An id that has been used can be used again.
    assert_eq!(
        call.body(&format!("PUT {I}?{ASYNC_OK}"), ASYNC.provision(json!({})))
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn what_an_update_is_refused_for_and_what_changes_nothing() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let patch = async |body: Value| call.body(&format!("PATCH {I}"), body).await;
    let unknown = patch(json!({"service_id": SYNC.service()})).await;
    assert_eq!(unknown.status, 404);
    call.body(
        &format!("PUT {I}"),
        FIXED.provision(json!({"parameters": {"a": 1}})),
    )
    .await;
    let before = call.send(&format!("GET {I}")).await.body;
    let mut refused = Vec::new();
    for body in [
        json!({}),
        json!({"service_id": ASYNC.service()}),
        json!({"service_id": SYNC.service(), "plan_id": SYNC.plan()}),
        json!({"service_id": SYNC.service(), "plan_id": "none"}),
        json!({"service_id": SYNC.service(), "maintenance_info": {"version": "9.9.9"}}),
        json!({"service_id": SYNC.service(), "parameters": "p"}),
        json!({"service_id": SYNC.service(), "previous_values": 1}),
    ] {
        let answer = patch(body).await;
        refused.push(format!("{} {}", answer.status, answer.body));
    }
    assert_snapshot!(refused.join("\n"), @r#"
    400 {"description":"service_id is missing","instance_usable":true,"update_repeatable":false}
    400 {"description":"service_id is not that of the service instance","instance_usable":true,"update_repeatable":false}
    422 {"description":"instances of this plan cannot be given another plan","error":"PlanChangeNotSupported","instance_usable":true,"update_repeatable":false}
    400 {"description":"the service offering has no service plan with this plan_id","instance_usable":true,"update_repeatable":false}
    422 {"description":"the plan has another maintenance_info.version; fetch the catalog again","error":"MaintenanceInfoConflict"}
    400 {"description":"parameters must be an object","instance_usable":true,"update_repeatable":false}
    400 {"description":"previous_values must be an object","instance_usable":true,"update_repeatable":false}
    "#);
    // What Cloud Controller sends with every update: no change.
    let unchanged =
        json!({"service_id": FIXED.service(), "plan_id": FIXED.plan(), "parameters": {}});
    let answer = patch(unchanged).await;
    let told = json!({"dashboard_url": format!("{}/echo/dashboard/i", broker.echo_url)});
    assert_eq!((answer.status, answer.json()), (200, told));
    assert_eq!(call.send(&format!("GET {I}")).await.body, before);
}

#[tokio::test]
async fn bindings_of_every_kind() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let route = json!({"bind_resource": {"route": "app.example.com"}});
    let app = json!({"bind_resource": {"app_guid": "a"}});
    let mut bound = Vec::new();
    for (n, (of, more)) in [
        (SYNC, json!({})),
        (APP, app),
        (LOG_DRAIN, json!({})),
        (ROUTE, route),
        (ROUTE, json!({})),
        (VOLUME, json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let instance = format!("/v2/service_instances/i{n}");
        assert_eq!(
            call.body(&format!("PUT {instance}"), of.provision(json!({})))
                .await
                .status,
            201
        );
        let path = format!("{instance}/service_bindings/b");
        let answer = call.body(&format!("PUT {path}"), of.bind(more)).await;
        bound.push(call.shown(&answer));
        let fetched = call.send(&format!("GET {path}")).await.json();
        assert_eq!(fetched["credentials"], answer.json()["credentials"]);
    }
    assert_snapshot!(bound.join("\n"), @r#"
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i0/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}],"metadata":{"expires_at":"TIME","renew_before":"TIME"}}
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i1/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}]}
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i2/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}],"syslog_drain_url":"syslog-tls://127.0.0.1:6514"}
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i3/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}],"route_service_url":"https://127.0.0.1/echo/i3/b"}
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i4/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}]}
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i5/b"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}],"volume_mounts":[{"container_dir":"/var/vcap/data/echo","device":{"mount_config":{},"volume_id":"b"},"device_type":"shared","driver":"echofs","mode":"rw"}]}
    "#);
}

#[tokio::test]
async fn an_address_of_ipv6_stands_in_brackets_in_urls_only() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let broker = Broker::with_echo(&echo.url(), |config: &mut Config| {
        config.catalog = CatalogSource::Showcase;
        config.echo_public_url = Some("http://[::1]:8090/a".parse().unwrap());
    })
    .await;
    let call = Call(&broker);
    let mut bound = Vec::new();
    for (id, of, more) in [
        ("logs", LOG_DRAIN, json!({})),
        ("route", ROUTE, json!({"bind_resource": {"route": "r"}})),
    ] {
        let line = format!("PUT /v2/service_instances/{id}");
        call.body(&line, of.provision(json!({}))).await;
        let answer = call
            .body(&format!("{line}/service_bindings/b"), of.bind(more))
            .await;
        bound.push(answer.body);
    }
    assert_snapshot!(bound.join("\n"), @r#"
    {"credentials":{"uri":"http://[::1]:8090/a/echo/logs/b"},"endpoints":[{"host":"::1","ports":["8090"],"protocol":"tcp"}],"syslog_drain_url":"syslog-tls://[::1]:6514"}
    {"credentials":{"uri":"http://[::1]:8090/a/echo/route/b"},"endpoints":[{"host":"::1","ports":["8090"],"protocol":"tcp"}],"route_service_url":"https://[::1]/a/echo/route/b"}
    "#);
}

#[tokio::test]
async fn a_route_service_is_where_users_reach_the_echo_service_by_https() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let broker = Broker::with_echo(&echo.url(), |config: &mut Config| {
        config.catalog = CatalogSource::Showcase;
        config.echo_public_url = Some("https://echo.example.com:8443/a".parse().unwrap());
    })
    .await;
    let call = Call(&broker);
    let line = "PUT /v2/service_instances/i";
    call.body(line, ROUTE.provision(json!({}))).await;
    let route = json!({"bind_resource": {"route": "r"}});
    let bound = call
        .body(&format!("{line}/service_bindings/b"), ROUTE.bind(route))
        .await;
    assert_eq!(
        bound.json()["route_service_url"],
        "https://echo.example.com:8443/a/echo/i/b"
    );
}

#[tokio::test]
async fn what_a_bind_is_refused_for() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    let provision = async |of: Of, id: &str| {
        let path = format!("/v2/service_instances/{id}");
        assert_eq!(
            call.body(&format!("PUT {path}"), of.provision(json!({})))
                .await
                .status,
            201
        );
    };
    provision(SYNC, "sync").await;
    provision(UNBINDABLE, "unbindable").await;
    provision(APP, "app").await;
    let mut refused = Vec::new();
    for (id, body) in [
        ("none", SYNC.bind(json!({}))),
        ("unbindable", UNBINDABLE.bind(json!({}))),
        ("app", APP.bind(json!({}))),
        ("app", APP.bind(json!({"bind_resource": {}}))),
        ("sync", LARGE.bind(json!({}))),
        ("sync", SYNC.bind(json!({"parameters": {"color": "pink"}}))),
        (
            "sync",
            SYNC.bind(json!({"bind_resource": {"app_guid": ""}})),
        ),
        ("sync", json!({"service_id": SYNC.service()})),
        ("sync", json!({"predecessor_binding_id": "none"})),
        ("app", json!({"predecessor_binding_id": "none"})),
    ] {
        let line = format!("PUT /v2/service_instances/{id}/service_bindings/b");
        let answer = call.body(&line, body).await;
        refused.push(format!("{} {}", answer.status, answer.body));
    }
    assert_snapshot!(refused.join("\n"), @r#"
    404 {"description":"there is no service instance with this id; provision it first"}
    400 {"description":"instances of this plan cannot be bound"}
    422 {"description":"bindings of this plan are for applications only; send app_guid","error":"RequiresApp"}
    422 {"description":"bindings of this plan are for applications only; send app_guid","error":"RequiresApp"}
    400 {"description":"service_id or plan_id is not that of the service instance"}
    400 {"description":"parameters/color: \"pink\" is not one of \"red\", \"green\" or \"blue\""}
    400 {"description":"app_guid must be a non-empty string"}
    400 {"description":"plan_id is missing"}
    400 {"description":"predecessor_binding_id names no valid binding of this service instance"}
    400 {"description":"bindings of this plan cannot be rotated"}
    "#);
}

#[tokio::test]
async fn a_rotated_binding_has_its_predecessors_parameters_and_both_are_valid() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    call.body(&format!("PUT {I}"), SYNC.provision(json!({})))
        .await;
    let asked = SYNC.bind(json!({"parameters": {"color": "red"}}));
    assert_eq!(call.body(&format!("PUT {B}"), asked).await.status, 201);
    let next = format!("{I}/service_bindings/next");
    let rotated = call
        .body(
            &format!("PUT {next}"),
            json!({"predecessor_binding_id": "b"}),
        )
        .await;
    assert_snapshot!(call.shown(&rotated), @r#"
    201
    content-type: application/json

    {"credentials":{"uri":"http://ECHO/echo/i/next"},"endpoints":[{"host":"127.0.0.1","ports":["PORT"],"protocol":"tcp"}],"metadata":{"expires_at":"TIME","renew_before":"TIME"}}
    "#);
    for path in [B, &next] {
        let fetched = call.send(&format!("GET {path}")).await;
        assert_eq!(
            (fetched.status, &fetched.json()["parameters"]["color"]),
            (200, &json!("red"))
        );
    }
}

#[tokio::test]
async fn a_deletion_names_what_it_deletes() {
    let broker = showcase(NEVER).await;
    let call = Call(&broker);
    call.body(&format!("PUT {I}"), SYNC.provision(json!({})))
        .await;
    call.body(&format!("PUT {B}"), SYNC.bind(json!({}))).await;
    let mut refused = Vec::new();
    for path in [B, I] {
        for query in [
            String::new(),
            format!("?service_id={}", SYNC.service()),
            format!("?plan_id={}", SYNC.plan()),
            "?service_id=&plan_id=".to_owned(),
            format!("?{}", LARGE.query()),
            "?service_id=none&plan_id=none".to_owned(),
        ] {
            let answer = call.send(&format!("DELETE {path}{query}")).await;
            refused.push(format!("{} {}", answer.status, answer.body));
        }
    }
    assert_snapshot!(refused.join("\n"), @r#"
    400 {"description":"service_id is missing in the query"}
    400 {"description":"plan_id is missing in the query"}
    400 {"description":"service_id is missing in the query"}
    400 {"description":"service_id is missing in the query"}
    400 {"description":"service_id or plan_id is not that of the service binding"}
    400 {"description":"service_id or plan_id is not that of the service binding"}
    400 {"description":"service_id is missing in the query"}
    400 {"description":"plan_id is missing in the query"}
    400 {"description":"service_id is missing in the query"}
    400 {"description":"service_id is missing in the query"}
    400 {"description":"service_id or plan_id is not that of the service instance"}
    400 {"description":"service_id or plan_id is not that of the service instance"}
    "#);
    for path in [B, I] {
        assert_eq!(
            call.send(&format!("DELETE {path}?{}", SYNC.query()))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn the_catalog_is_not_sent_to_those_who_have_it() {
    let broker = showcase(NEVER).await;
    let first = send(&broker.url(), "GET /v2/catalog", &[AUTH, VERSION])
        .await
        .unwrap();
    let etag = first.header("etag").unwrap();
    let weak = format!("\"other\", W/{etag}");
    for (known, status) in [
        (etag, 304),
        (weak.as_str(), 304),
        ("*", 304),
        ("\"other\"", 200),
        ("", 200),
    ] {
        let headers = [AUTH, VERSION, ("If-None-Match", known)];
        let answer = send(&broker.url(), "GET /v2/catalog", &headers)
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("etag"), Some(etag));
        assert_eq!(answer.body.is_empty(), status == 304);
    }
}

#[tokio::test]
async fn what_the_offering_does_not_let_be_fetched_is_a_404() {
    let broker = Broker::start().await;
    let call = Call(&broker);
    broker.provision(I).await;
    assert_snapshot!(call.shown(&call.send(&format!("GET {I}")).await), @r#"
    404
    content-type: application/json

    {"description":"this service offering does not support fetching"}
    "#);
}
