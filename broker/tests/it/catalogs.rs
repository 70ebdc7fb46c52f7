//! Catalogs as data: the broker's own, and files of users.

use std::time::Duration;

use broker::CatalogSource;
use broker::catalog::Catalog;
use broker::schema::Schema;
use insta::assert_snapshot;
use serde_json::{Value, json};
use serving::testing::{Received, send, send_body};

use crate::common::{AUTH, Broker};

const VERSION: (&str, &str) = ("X-Broker-API-Version", "2.17");

/// A broker with this catalog, whose asynchronous operations take no time.
async fn with(catalog: CatalogSource) -> Broker {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    Broker::with_echo(&echo.url(), |config| {
        config.catalog = catalog;
        config.async_delay = Duration::ZERO;
    })
    .await
}

async fn served(broker: &Broker) -> Value {
    send(&broker.url(), "GET /v2/catalog", &[AUTH, VERSION])
        .await
        .unwrap()
        .json()
}

/// The plans of a catalog, each with the offering's id.
fn plans(catalog: &Value) -> Vec<(Value, Value)> {
    let services = catalog["services"].as_array().unwrap();
    let of = |service: &Value| {
        let plans = service["plans"].as_array().unwrap().clone();
        plans
            .into_iter()
            .map(|plan| (service["id"].clone(), plan))
            .collect::<Vec<_>>()
    };
    services.iter().flat_map(of).collect()
}

#[tokio::test]
async fn what_tells_the_broker_how_to_conduct_a_plan_is_not_served() {
    for catalog in [
        CatalogSource::Documented,
        CatalogSource::Showcase,
        CatalogSource::Scenarios,
    ] {
        let broker = with(catalog).await;
        let text = served(&broker).await.to_string();
        assert!(!text.contains("\"broker\""), "{text}");
    }
}

#[tokio::test]
async fn the_showcase_has_every_feature_of_the_specification() {
    let broker = with(CatalogSource::Showcase).await;
    let text = served(&broker).await.to_string();
    for feature in [
        "\"instances_retrievable\":true",
        "\"bindings_retrievable\":true",
        "\"plan_updateable\":true",
        "\"plan_updateable\":false",
        "\"allow_context_updates\":true",
        "\"binding_rotatable\":true",
        "\"bindable\":false",
        "\"free\":false",
        "\"maintenance_info\"",
        "\"maximum_polling_duration\"",
        "\"service_instance\"",
        "\"service_binding\"",
        "\"dashboard_client\"",
        "\"syslog_drain\"",
        "\"route_forwarding\"",
        "\"volume_mount\"",
        "\"displayName\"",
        "\"bullets\"",
        "\"costs\"",
    ] {
        assert!(text.contains(feature), "{feature}");
    }
}

/// Sends everything that a plan's scenario may be about, and gives the statuses;
/// a closed connection is told as such.
async fn played(broker: &Broker, n: usize, service: &Value, plan: &Value) -> String {
    let (service_id, plan_id) = (service.as_str().unwrap(), plan["id"].as_str().unwrap());
    let path = format!("/v2/service_instances/i{n}");
    let binding = format!("{path}/service_bindings/b");
    let ask = "accepts_incomplete=true";
    let hints = format!("{ask}&service_id={service_id}&plan_id={plan_id}");
    let provision = json!({"service_id": service_id, "plan_id": plan_id, "organization_guid": "o", "space_guid": "s"});
    let mut told = Vec::new();
    for (name, of, line, body, times) in [
        (
            "provision",
            &path,
            format!("PUT {path}?{ask}"),
            provision.clone(),
            3,
        ),
        (
            "update",
            &path,
            format!("PATCH {path}?{ask}"),
            json!({"service_id": service_id, "parameters": {"a": n}}),
            3,
        ),
        (
            "bind",
            &binding,
            format!("PUT {binding}?{ask}"),
            json!({"service_id": service_id, "plan_id": plan_id}),
            3,
        ),
        (
            "unbind",
            &binding,
            format!("DELETE {binding}?{hints}"),
            Value::Null,
            3,
        ),
        (
            "deprovision",
            &path,
            format!("DELETE {path}?{hints}"),
            Value::Null,
            3,
        ),
    ] {
        let mut statuses = Vec::new();
        for _ in 0..times {
            let headers = [AUTH, VERSION];
            let sent = send_body(&broker.url(), &line, &headers, body.to_string()).await;
            statuses.push(match sent {
                Ok(answer) if answer.status == 202 => settled(broker, of).await,
                Ok(answer) if answer.json().is_null() => format!("{} garbage", answer.status),
                Ok(answer) => answer.status.to_string(),
                Err(_) => "no answer".to_owned(),
            });
        }
        told.push(format!("{name} {}", statuses.join(", ")));
    }
    format!("{}: {}", plan["name"].as_str().unwrap(), told.join("; "))
}

/// How an accepted operation ends, if it does within some polls.
async fn settled(broker: &Broker, path: &str) -> String {
    let mut state = Value::Null;
    for _ in 0..200 {
        let line = format!("GET {path}/last_operation");
        let polled: Received = send(&broker.url(), &line, &[AUTH, VERSION]).await.unwrap();
        state = polled.json()["state"].clone();
        if state != "in progress" {
            break;
        }
    }
    format!("202 {}", state.as_str().unwrap())
}

#[tokio::test]
async fn every_scenario_goes_wrong_as_its_description_says() {
    let broker = with(CatalogSource::Scenarios).await;
    let mut told = Vec::new();
    for (n, (service, plan)) in plans(&served(&broker).await).iter().enumerate() {
        // Those that answer late are the next test's.
        if !plan["name"].as_str().unwrap().ends_with("-late") {
            told.push(played(&broker, n, service, plan).await);
        }
    }
    assert_snapshot!(told.join("\n"), @"
    provision-fails: provision 500, 500, 500; update 404, 404, 404; bind 404, 404, 404; unbind 410, 410, 410; deprovision 410, 410, 410
    provision-fails-twice: provision 500, 500, 201; update 200, 200, 200; bind 201, 200, 200; unbind 200, 410, 410; deprovision 200, 410, 410
    update-fails: provision 201, 200, 200; update 500, 500, 500; bind 201, 200, 200; unbind 200, 410, 410; deprovision 200, 410, 410
    update-fails-twice: provision 201, 200, 200; update 500, 500, 200; bind 201, 200, 200; unbind 200, 410, 410; deprovision 200, 410, 410
    bind-fails: provision 201, 200, 200; update 200, 200, 200; bind 500, 500, 500; unbind 410, 410, 410; deprovision 200, 410, 410
    bind-fails-twice: provision 201, 200, 200; update 200, 200, 200; bind 500, 500, 201; unbind 200, 410, 410; deprovision 200, 410, 410
    unbind-fails-twice: provision 201, 200, 200; update 200, 200, 200; bind 201, 200, 200; unbind 500, 500, 200; deprovision 200, 410, 410
    deprovision-fails: provision 201, 200, 200; update 200, 200, 200; bind 201, 200, 200; unbind 200, 410, 410; deprovision 500, 500, 500
    deprovision-fails-twice: provision 201, 200, 200; update 200, 200, 200; bind 201, 200, 200; unbind 200, 410, 410; deprovision 500, 500, 200
    provision-refused: provision 422, 422, 422; update 404, 404, 404; bind 404, 404, 404; unbind 410, 410, 410; deprovision 410, 410, 410
    provision-fails-later: provision 202 failed, 202 failed, 202 failed; update 404, 404, 404; bind 404, 404, 404; unbind 410, 410, 410; deprovision 410, 410, 410
    provision-fails-later-twice: provision 202 failed, 202 failed, 202 succeeded; update 202 succeeded, 202 succeeded, 202 succeeded; bind 202 succeeded, 200, 200; unbind 202 succeeded, 410, 410; deprovision 202 succeeded, 410, 410
    provision-never-ends: provision 202 in progress, 202 in progress, 202 in progress; update 422, 422, 422; bind 422, 422, 422; unbind 422, 422, 422; deprovision 202 succeeded, 410, 410
    update-fails-later: provision 202 succeeded, 200, 200; update 202 failed, 202 failed, 202 failed; bind 202 succeeded, 200, 200; unbind 202 succeeded, 410, 410; deprovision 202 succeeded, 410, 410
    bind-fails-later: provision 202 succeeded, 200, 200; update 202 succeeded, 202 succeeded, 202 succeeded; bind 202 failed, 202 failed, 202 failed; unbind 410, 410, 410; deprovision 202 succeeded, 410, 410
    bind-never-ends: provision 202 succeeded, 200, 200; update 202 succeeded, 202 succeeded, 202 succeeded; bind 202 in progress, 202 in progress, 202 in progress; unbind 202 succeeded, 410, 410; deprovision 202 succeeded, 410, 410
    deprovision-fails-later: provision 202 succeeded, 200, 200; update 202 succeeded, 202 succeeded, 202 succeeded; bind 202 succeeded, 200, 200; unbind 202 succeeded, 410, 410; deprovision 202 failed, 202 failed, 202 failed
    provision-drops: provision no answer, no answer, no answer; update 404, 404, 404; bind 404, 404, 404; unbind 410, 410, 410; deprovision 410, 410, 410
    bind-drops: provision 201, 200, 200; update 200, 200, 200; bind no answer, no answer, no answer; unbind 410, 410, 410; deprovision 200, 410, 410
    provision-garbage: provision 200 garbage, 200 garbage, 200 garbage; update 404, 404, 404; bind 404, 404, 404; unbind 410, 410, 410; deprovision 410, 410, 410
    bind-garbage: provision 201, 200, 200; update 200, 200, 200; bind 200 garbage, 200 garbage, 200 garbage; unbind 410, 410, 410; deprovision 200, 410, 410
    provision-teapot: provision 418, 418, 418; update 404, 404, 404; bind 404, 404, 404; unbind 410, 410, 410; deprovision 410, 410, 410
    deprovision-created: provision 201, 200, 200; update 200, 200, 200; bind 201, 200, 200; unbind 200, 410, 410; deprovision 201, 200, 410
    ");
}

#[tokio::test]
async fn a_late_answer_is_the_right_one_and_comes_after_the_time_that_the_plan_names() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let plan = |id: &str, late: &str| {
        json!({"id": id, "name": id, "description": "d", "broker": {
            "faults": {"provision": {"what": {"late": late}}}
        }})
    };
    let catalog = json!({"services": [{
        "id": "s", "name": "s", "description": "d", "bindable": true,
        "plans": [plan("soon", "1ms"), plan("never", "1h")]
    }]});
    std::fs::write(file.path(), catalog.to_string()).unwrap();
    let broker = with(CatalogSource::File(file.path().to_owned())).await;
    let url = broker.url();
    let provision = async move |plan: &str| {
        let body = json!({"service_id": "s", "plan_id": plan, "organization_guid": "o", "space_guid": "s"});
        let line = format!("PUT /v2/service_instances/{plan}");
        send_body(&url, &line, &[AUTH, VERSION], body.to_string())
            .await
            .unwrap()
            .status
    };
    let never = tokio::spawn({
        let provision = provision.clone();
        async move { provision("never").await }
    });
    assert_eq!(provision("soon").await, 201);
    assert!(!never.is_finished());
}

/// What is wrong with a catalog.
fn mistake(catalog: &str) -> String {
    Catalog::read(catalog, "http://echo")
        .unwrap_err()
        .to_string()
}

#[test]
fn a_mistake_in_a_catalog_is_told_with_its_place() {
    let right = json!({"services": [
        {"id": "s", "name": "s", "description": "d", "bindable": true, "plans": [
            {"id": "p", "name": "p", "description": "d"},
            {"id": "q", "name": "q", "description": "d"},
        ]},
    ]});
    const S: &str = "/services/0";
    const Q: &str = "/services/0/plans/1";
    let schema = |json: Value| json!({"service_instance": {"create": {"parameters": json}}});
    let fault = |json: Value| json!({"faults": {"bind": json}});
    let draft = "http://json-schema.org/draft-07/schema#";
    let large = json!({"$schema": draft, "description": "x".repeat(1 << 16)});
    let mut told = vec![
        mistake("{"),
        mistake("[]"),
        mistake("{\"services\": {}}"),
        mistake("{\"services\": [1]}"),
    ];
    for (at, member, value) in [
        (S, "id", json!(1)),
        (S, "id", json!(" ")),
        (S, "name", json!("")),
        (S, "name", json!(null)),
        (S, "description", json!("\t")),
        (S, "bindable", json!("yes")),
        (S, "tags", json!("x")),
        (S, "tags", json!(null)),
        (S, "requires", json!(["x"])),
        (S, "metadata", json!([])),
        (S, "dashboard_client", json!({"id": 1})),
        (S, "dashboard_client", json!({"id": "i"})),
        (S, "dashboard_client", json!({"id": "i", "secret": ""})),
        (
            S,
            "dashboard_client",
            json!({"id": "i", "secret": "s", "redirect_uri": 1}),
        ),
        (S, "plan_updateable", json!(1)),
        (S, "instances_retrievable", json!(null)),
        (S, "bindings_retrievable", json!("true")),
        (S, "allow_context_updates", json!({})),
        (S, "plans", json!({})),
        (S, "plans", json!([])),
        (S, "plans", json!(["p"])),
        (S, "broker", json!(1)),
        (S, "broker", json!({"backend": "other"})),
        (Q, "id", json!("p")),
        (Q, "id", json!("s")),
        (Q, "name", json!("p")),
        (Q, "description", json!([])),
        (Q, "metadata", json!("m")),
        (Q, "free", json!("no")),
        (Q, "bindable", json!(0)),
        (Q, "plan_updateable", json!("x")),
        (Q, "binding_rotatable", json!(null)),
        (Q, "maximum_polling_duration", json!("10")),
        (Q, "maximum_polling_duration", json!(1.5)),
        (Q, "maintenance_info", json!("1.0.0")),
        (Q, "maintenance_info", json!({})),
        (Q, "maintenance_info", json!({"version": "banana"})),
        (
            Q,
            "maintenance_info",
            json!({"version": "1.0.0", "description": 1}),
        ),
        (
            Q,
            "maintenance_info",
            json!({"version": "1.0.0", "since": "now"}),
        ),
        (Q, "schemas", json!([])),
        (Q, "schemas", json!({"service_binding": {"create": 1}})),
        (Q, "schemas", schema(json!([]))),
        (Q, "schemas", schema(json!({}))),
        (Q, "schemas", schema(json!({"$schema": draft, "type": 1}))),
        (Q, "schemas", schema(large)),
        (Q, "broker", json!({"unknown": 1})),
        (Q, "broker", json!({"retry_after": 1, "provision": "soon"})),
        (Q, "broker", json!({"metadata": {"labels": {"a": 1}}})),
        (Q, "broker", json!({"binding": {"expires_in": "soon"}})),
        (Q, "broker", json!({"binding": {"syslog_drain": true}})),
        (Q, "broker", json!({"binding": {"route_service": true}})),
        (Q, "broker", json!({"binding": {"volume_mount": true}})),
        (Q, "broker", json!({"binding": {"renew_before": "1s"}})),
        (
            Q,
            "broker",
            json!({"binding": {"renew_before": "2s", "expires_in": "1s"}}),
        ),
        (Q, "broker", json!({"bind": "async"})),
        (Q, "broker", json!({"bind": "either"})),
        (Q, "broker", fault(json!({"what": "fails_later"}))),
        (
            Q,
            "broker",
            fault(json!({"what": "never_ends", "times": 2})),
        ),
        (Q, "broker", fault(json!({"what": {"refused": 42}}))),
        (Q, "broker", fault(json!({"what": {"status": 600}}))),
        (Q, "broker", fault(json!({"what": {"late": "soon"}}))),
        (Q, "broker", fault(json!({"what": "explodes"}))),
        (Q, "broker", fault(json!({"times": 1}))),
    ] {
        let mut catalog = right.clone();
        catalog.pointer_mut(at).unwrap()[member] = value;
        told.push(mistake(&catalog.to_string()));
    }
    for (at, member) in [
        (S, "id"),
        (S, "bindable"),
        (S, "plans"),
        (Q, "name"),
        (Q, "description"),
    ] {
        let mut catalog = right.clone();
        catalog
            .pointer_mut(at)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(member);
        told.push(mistake(&catalog.to_string()));
    }
    assert_snapshot!(told.join("\n"), @r#"
    line 1 column 1: EOF while parsing an object at line 1 column 1
    /: a catalog is an object with an array `services`
    /: a catalog is an object with an array `services`
    /services/0: it must be an object
    /services/0/id: invalid type: integer `1`, expected a string
    /services/0/id: it is empty
    /services/0/name: it is empty
    /services/0/name: invalid type: null, expected a string
    /services/0/description: it is empty
    /services/0/bindable: invalid type: string "yes", expected a boolean
    /services/0/tags: invalid type: string "x", expected a sequence
    /services/0/tags: invalid type: null, expected a sequence
    /services/0/requires: unknown variant `x`, expected one of `syslog_drain`, `route_forwarding`, `volume_mount`
    /services/0/metadata: invalid type: sequence, expected a map
    /services/0/dashboard_client/id: invalid type: integer `1`, expected a string
    /services/0/dashboard_client: `secret` is missing
    /services/0/dashboard_client/secret: it is empty
    /services/0/dashboard_client/redirect_uri: invalid type: integer `1`, expected a string
    /services/0/plan_updateable: invalid type: integer `1`, expected a boolean
    /services/0/instances_retrievable: invalid type: null, expected a boolean
    /services/0/bindings_retrievable: invalid type: string "true", expected a boolean
    /services/0/allow_context_updates: invalid type: map, expected a boolean
    /services/0/plans: invalid type: map, expected a sequence
    /services/0/plans: there is no service plan
    /services/0/plans/0: it must be an object
    /services/0/broker: it must be an object
    /services/0/broker/backend: unknown variant `other`, expected `echo` or `invert`
    /services/0/plans/1/id: another offering or plan has this id
    /services/0/plans/1/id: another offering or plan has this id
    /services/0/plans/1/name: another plan of this offering has this name
    /services/0/plans/1/description: invalid type: sequence, expected a string
    /services/0/plans/1/metadata: invalid type: string "m", expected a map
    /services/0/plans/1/free: invalid type: string "no", expected a boolean
    /services/0/plans/1/bindable: invalid type: integer `0`, expected a boolean
    /services/0/plans/1/plan_updateable: invalid type: string "x", expected a boolean
    /services/0/plans/1/binding_rotatable: invalid type: null, expected a boolean
    /services/0/plans/1/maximum_polling_duration: invalid type: string "10", expected u64
    /services/0/plans/1/maximum_polling_duration: invalid type: floating point `1.5`, expected u64
    /services/0/plans/1/maintenance_info: it must be an object
    /services/0/plans/1/maintenance_info: `version` is missing
    /services/0/plans/1/maintenance_info/version: it is no semantic version such as 1.2.0: unexpected character 'b' while parsing major version number
    /services/0/plans/1/maintenance_info/description: invalid type: integer `1`, expected a string
    /services/0/plans/1/maintenance_info/since: maintenance_info has a version and a description only
    /services/0/plans/1/schemas: it must be an object
    /services/0/plans/1/schemas/service_binding/create: it must be an object
    /services/0/plans/1/schemas/service_instance/create/parameters: a schema is an object
    /services/0/plans/1/schemas/service_instance/create/parameters: a schema names its version in `$schema`
    /services/0/plans/1/schemas/service_instance/create/parameters: 1 is not valid under any of the schemas listed in the 'anyOf' keyword
    /services/0/plans/1/schemas/service_instance/create/parameters: a schema has at most 64 kB
    /services/0/plans/1/broker/unknown: unknown field `unknown`, expected one of `provision`, `update`, `deprovision`, `bind`, `unbind`, `requires_app`, `retry_after`, `metadata`, `binding`, `faults`
    /services/0/plans/1/broker/provision: unknown variant `soon`, expected one of `sync`, `async`, `either`
    /services/0/plans/1/broker/metadata: invalid type: integer `1`, expected a string
    /services/0/plans/1/broker/binding: `soon` is no duration such as 5s: expected number at 0
    /services/0/plans/1/broker/binding/syslog_drain: the offering needs "syslog_drain" in `requires` for it
    /services/0/plans/1/broker/binding/route_service: the offering needs "route_forwarding" in `requires` for it
    /services/0/plans/1/broker/binding/volume_mount: the offering needs "volume_mount" in `requires` for it
    /services/0/plans/1/broker/binding/renew_before: it is longer than `expires_in`, or there is none
    /services/0/plans/1/broker/binding/renew_before: it is longer than `expires_in`, or there is none
    /services/0/plans/1/broker/bind: bindings that are made later are fetched: the offering needs `bindings_retrievable`
    /services/0/plans/1/broker/bind: bindings that are made later are fetched: the offering needs `bindings_retrievable`
    /services/0/plans/1/broker/faults/bind: bindings that are made later are fetched: the offering needs `bindings_retrievable`
    /services/0/plans/1/broker/faults/bind: what never ends does so once; leave `times` out
    /services/0/plans/1/broker/faults: a status is between 200 and 599
    /services/0/plans/1/broker/faults: a status is between 200 and 599
    /services/0/plans/1/broker/faults: `soon` is no duration such as 5s: expected number at 0
    /services/0/plans/1/broker/faults: unknown variant `explodes`, expected one of `refused`, `fails_later`, `never_ends`, `late`, `drops`, `garbage`, `status`
    /services/0/plans/1/broker/faults: missing field `what`
    /services/0: `id` is missing
    /services/0: `bindable` is missing
    /services/0: `plans` is missing
    /services/0/plans/1: `name` is missing
    /services/0/plans/1: `description` is missing
    "#);
}

/// Every optional member may be `null` or not there, where platforms take that.
#[test]
fn what_says_nothing_is_no_mistake() {
    let catalog = json!({"services": [{
        "id": "s", "name": "s", "description": "d", "bindable": false,
        "metadata": null, "dashboard_client": null, "plan_updateable": null,
        "tags": [], "requires": [], "example.com/more": 1,
        "plans": [{
            "id": "p", "name": "p", "description": "d", "free": null, "bindable": null,
            "plan_updateable": null, "metadata": null, "maintenance_info": null,
            "schemas": {"service_instance": {"create": null, "update": {"parameters": null}}, "service_binding": null},
            "broker": {},
        }],
    }]});
    assert!(Catalog::read(&catalog.to_string(), "http://echo").is_ok());
    assert!(Catalog::read("{\"services\": []}", "http://echo").is_ok());
}

#[test]
fn a_reference_that_leads_out_of_a_schema_is_refused_and_never_followed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let there = listener.local_addr().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{}").unwrap();
    for reference in [
        format!("http://{there}/schema.json"),
        format!("file://{}", file.path().display()),
        "other.json".to_owned(),
    ] {
        let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": reference}}});
        assert!(Schema::read(&schema).is_err(), "{reference}");
    }
    assert!(listener.accept().is_err(), "nobody has called");

    let local = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "integer"}},
        "properties": {"a": {"$ref": "#/definitions/n"}}
    });
    let schema = Schema::read(&local).unwrap();
    assert!(schema.validate(&json!({"a": 1})).is_ok());
    assert!(schema.validate(&json!({"a": "x"})).is_err());
}
