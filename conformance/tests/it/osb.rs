//! The examples of the specification, replayed on the plans that a catalog has.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use broker::CatalogSource;
use conformance::{Exit, Run};
use insta::assert_snapshot;
use serde_json::{Value, json};
use serving::testing::{Received, send};

use crate::replay::{exit, outcomes, replay_suite};
use crate::screens::screen;
use crate::tampered::{Reply, Sent, Tampered};

const AUTH: (&str, &str) = ("Authorization", "Basic dXNlcjpwYXNz");

async fn replayed(target: &Tampered) -> Run {
    replay_suite("osb", &target.url, None).await
}

async fn showcase(tamper: impl Fn(&Sent, &Received) -> Reply + Send + Sync + 'static) -> Tampered {
    Tampered::of_catalog(CatalogSource::Showcase, tamper).await
}

/// What is not passed.
fn others(run: &Run) -> Vec<String> {
    let mut outcomes = outcomes(run);
    outcomes.retain(|outcome| !outcome.ends_with(": passed"));
    outcomes
}

fn mismatches(run: &Run) -> Vec<String> {
    let mut outcomes = outcomes(run);
    outcomes.retain(|outcome| outcome.contains(": differs at "));
    outcomes
}

/// The instances that a replay may have made and that are still there.
async fn left(target: &Tampered) -> Vec<String> {
    let made: BTreeSet<String> = target
        .sent()
        .iter()
        .filter(|sent| sent.method == "PUT")
        .map(|sent| sent.path.split(['?', '/']).nth(3).unwrap().to_owned())
        .collect();
    assert!(!made.is_empty());
    let mut left = Vec::new();
    for id in made {
        let line = format!("DELETE /v2/service_instances/{id}");
        let gone = send(&target.broker.url(), &line, &[AUTH]).await.unwrap();
        if gone.status != 410 {
            left.push(id);
        }
    }
    left
}

/// The answer with a body that `change` has changed.
fn changed(received: &Received, change: impl FnOnce(&mut Value)) -> Reply {
    let mut body = received.json();
    change(&mut body);
    Reply::Instead(received.status, body.to_string())
}

fn is_binding(sent: &Sent) -> bool {
    sent.path.contains("/service_bindings/")
}

#[tokio::test]
async fn a_broker_that_offers_everything_passes_twice_in_a_row_and_is_left_empty() {
    let target = showcase(|_, _| Reply::True).await;
    for _ in 0..2 {
        let run = replayed(&target).await;
        assert_eq!(others(&run), [""; 0]);
        assert_eq!((run.examples().count(), exit(&run)), (15, Exit::Kept));
        assert_eq!(run.leftovers, []);
        assert_eq!(left(&target).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_a_broker_does_not_offer_is_skipped_with_the_reason() {
    let target = Tampered::broker(|_, _| Reply::True).await;
    let run = replayed(&target).await;
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::Kept, 0));
    assert_eq!(left(&target).await, [""; 0]);
    assert_snapshot!(outcomes(&run).join("\n"), @"
    Catalog: passed
    Provision: passed
    Poll a provision: skipped: no plan shows it: PUT /v2/service_instances/{instance_id} was answered 201
    Fetch an instance: skipped: no plan declares instances_retrievable
    Update to another plan: skipped: no plan declares other_plan, plan_updateable
    Bind: passed
    Poll a bind: skipped: no plan shows it: PUT /v2/service_instances/{instance_id}/service_bindings/{binding_id} was answered 201
    Rotate a binding: skipped: no plan declares bindable, binding_rotatable
    Fetch a binding: skipped: no plan declares bindable, bindings_retrievable
    Unbind: passed
    Deprovision: passed
    Provision without accepts_incomplete: skipped: no plan shows it: PUT /v2/service_instances/{instance_id} was answered 201
    Deprovision during an update: skipped: no plan declares other_plan, plan_updateable
    Provision with another maintenance version: skipped: no plan declares maintenance_info
    Bind without an application: skipped: no plan shows it: PUT /v2/service_instances/{instance_id}/service_bindings/{other_binding_id} was answered 201
    ");
    assert_eq!(outcomes(&replayed(&target).await), outcomes(&run));
}

#[tokio::test]
async fn a_catalog_without_plans_leaves_nothing_to_replay() {
    let target = Tampered::broker(|sent, _| match sent.is("GET", "/v2/catalog") {
        true => Reply::Instead(200, json!({"services": []}).to_string()),
        false => Reply::True,
    })
    .await;
    let run = replayed(&target).await;
    assert_eq!(outcomes(&run)[0], "Catalog: passed");
    assert_eq!(outcomes(&run)[1], "Provision: skipped: there is no plan");
    assert_eq!(exit(&run), Exit::Kept);
    assert!(target.lines().iter().all(|line| line == "GET /v2/catalog"));
}

#[tokio::test]
async fn a_broker_that_is_wrong_in_one_way_fails_what_shows_it_and_is_left_empty() {
    type Tamper = fn(&Sent, &Received) -> Reply;
    let cases: [(&str, Tamper, &[&str]); 4] = [
        (
            "an offering without a description",
            |sent, received| match sent.is("GET", "/v2/catalog") {
                true => changed(received, |body| {
                    let offering = body["services"][0].as_object_mut().unwrap();
                    offering.remove("description");
                }),
                false => Reply::True,
            },
            &["Catalog: differs at /services/0/description"],
        ),
        (
            "what is new is answered 200",
            |sent, received| match received.status == 201 && !is_binding(sent) {
                true => Reply::Instead(200, received.body.clone()),
                false => Reply::True,
            },
            &[
                "Provision: differs at status",
                "Poll a provision: differs at status",
            ],
        ),
        (
            "credentials that are text",
            |sent, received| match sent.method == "PUT" && is_binding(sent) {
                true => changed(received, |body| body["credentials"] = json!("text")),
                false => Reply::True,
            },
            &["Bind: differs at /credentials"],
        ),
        (
            "deletions that are answered 204",
            |sent, received| match sent.method == "DELETE" && received.status == 200 {
                true => Reply::Instead(204, String::new()),
                false => Reply::True,
            },
            &[
                "Unbind: differs at status",
                "Deprovision: differs at status",
            ],
        ),
    ];
    for (name, tamper, expected) in cases {
        let target = Tampered::broker(tamper).await;
        let run = replayed(&target).await;
        assert_eq!(mismatches(&run), expected, "{name}");
        let leftovers = run.leftovers.len();
        assert_eq!((exit(&run), leftovers), (Exit::Broken, 0), "{name}");
        assert_eq!(left(&target).await, [""; 0], "{name}");
    }
}

#[tokio::test]
async fn what_only_some_plans_show_fails_too_each_by_its_own_example() {
    let target = showcase(|sent, received| {
        let (path, _) = sent.path.split_once('?').unwrap_or((&sent.path, ""));
        let is_instance = path.split('/').count() == 4;
        let code = received.json()["error"].as_str().map(str::to_owned);
        match (sent.method.as_str(), code.as_deref()) {
            ("GET", None) if is_instance => Reply::Instead(404, "{}".to_owned()),
            ("PATCH", None) if received.status == 200 => {
                changed(received, |body| body["operation"] = json!(5))
            }
            ("PUT", None) if sent.body.contains("predecessor_binding_id") => {
                changed(received, |body| body["endpoints"] = json!("none"))
            }
            (_, Some("AsyncRequired")) => Reply::Instead(202, "{}".to_owned()),
            (_, Some("ConcurrencyError" | "MaintenanceInfoConflict" | "RequiresApp")) => {
                changed(received, |body| body["error"] = json!("Other"))
            }
            _ => Reply::True,
        }
    })
    .await;
    let run = replayed(&target).await;
    assert_eq!(
        others(&run),
        [
            "Fetch an instance: differs at status",
            "Update to another plan: differs at /operation",
            "Rotate a binding: differs at /endpoints",
            "Provision without accepts_incomplete: differs at status, body",
            "Deprovision during an update: differs at /error",
            "Provision with another maintenance version: differs at /error",
            "Bind without an application: differs at /error",
        ]
    );
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::Broken, 0));
    assert_eq!(left(&target).await, [""; 0]);
}

/// Changes the first answer to a poll of a binding.
async fn with_first_poll(poll: fn(&Received) -> Reply) -> Tampered {
    let is_done = AtomicBool::new(false);
    showcase(move |sent, received| {
        let is_poll = is_binding(sent) && sent.path.contains("/last_operation?");
        match is_poll && !is_done.swap(true, Ordering::Relaxed) {
            true => poll(received),
            false => Reply::True,
        }
    })
    .await
}

#[tokio::test]
async fn a_state_that_is_none_fails_and_what_is_under_way_is_removed() {
    let target =
        with_first_poll(|received| changed(received, |body| body["state"] = json!("under way")))
            .await;
    let run = replayed(&target).await;
    assert_eq!(others(&run), ["Poll a bind: differs at /state"]);
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::Broken, 0));
    assert_eq!(left(&target).await, [""; 0]);
}

#[tokio::test]
async fn an_operation_that_fails_breaks_nothing_but_cannot_be_judged() {
    let target =
        with_first_poll(|received| changed(received, |body| body["state"] = json!("failed"))).await;
    let run = replayed(&target).await;
    let [told] = &others(&run)[..] else {
        panic!("{:?}", outcomes(&run));
    };
    assert!(
        told.starts_with("Poll a bind: not judged: the operation of PUT "),
        "{told}"
    );
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::NotJudged, 0));
    assert_eq!(left(&target).await, [""; 0]);
}

#[tokio::test]
async fn a_broker_that_refuses_what_only_it_can_know_to_be_wrong_is_not_judged_by_that() {
    let target = showcase(|sent, _| match sent.method == "PUT" && !is_binding(sent) {
        true => Reply::Instead(400, json!({"description": "no"}).to_string()),
        false => Reply::True,
    })
    .await;
    let run = replayed(&target).await;
    let provision = &outcomes(&run)[1];
    assert!(
        provision.starts_with("Provision: not judged: PUT ")
            && provision.ends_with(" was refused with 400"),
        "{provision}"
    );
    assert_eq!(exit(&run), Exit::NotJudged);
}

#[tokio::test]
async fn a_change_of_the_plan_that_is_not_supported_is_skipped() {
    let target = showcase(|sent, _| match sent.method.as_str() {
        "PATCH" => Reply::Instead(422, json!({"description": "no"}).to_string()),
        _ => Reply::True,
    })
    .await;
    let run = replayed(&target).await;
    let why =
        "skipped: no plan shows it: PATCH /v2/service_instances/{instance_id} was answered 422";
    assert_eq!(
        others(&run),
        ["Update to another plan", "Deprovision during an update"]
            .map(|title| format!("{title}: {why}"))
    );
    // What is left behind is another matter: the true broker has changed the plan.
    assert_eq!(exit(&run), Exit::Kept);
}

#[tokio::test]
async fn a_plan_that_refuses_is_passed_over_for_one_that_does_not() {
    let first = "4f1b7a3e-0d5e-4c3c-9f0e-000000000101";
    let target = showcase(
        move |sent, _| match sent.method == "PUT" && sent.body.contains(first) {
            true => Reply::Instead(400, "{}".to_owned()),
            false => Reply::True,
        },
    )
    .await;
    let run = replayed(&target).await;
    assert_eq!(outcomes(&run)[1], "Provision: passed");
    let plan = run.examples().nth(1).unwrap().plan.clone();
    assert_eq!(plan.as_deref(), Some("show-sync/fixed"));
}

#[tokio::test]
async fn parameters_that_a_schema_demands_are_sent() {
    let demanding = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"size": {"type": "integer", "minimum": 3}},
        "required": ["size"],
    });
    let catalog = json!({"services": [{
        "id": "s", "name": "s", "description": "d", "bindable": true,
        "plans": [{"id": "p", "name": "p", "description": "d", "schemas": {
            "service_instance": {"create": {"parameters": demanding}},
            "service_binding": {"create": {"parameters": demanding}},
        }}],
    }]});
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("catalog.json");
    fs::write(&file, catalog.to_string()).unwrap();
    let target = Tampered::of_catalog(CatalogSource::File(file), |_, _| Reply::True).await;
    let run = replayed(&target).await;
    assert_eq!(outcomes(&run)[1], "Provision: passed");
    assert_eq!(outcomes(&run)[5], "Bind: passed");
    let bodies: Vec<Value> = target
        .sent()
        .iter()
        .filter(|sent| sent.method == "PUT")
        .map(|sent| serde_json::from_str(&sent.body).unwrap())
        .collect();
    assert!(
        bodies
            .iter()
            .all(|body| body["parameters"]["size"].as_i64() >= Some(3))
    );
}

#[tokio::test]
async fn wrong_credentials_end_the_run_before_anything_is_created() {
    let target = showcase(|_, _| Reply::True).await;
    let run = replay_suite("osb", &target.url, Some("user:wrong")).await;
    assert_eq!(exit(&run), Exit::NotJudged);
    assert_eq!(target.lines(), ["GET /v2/catalog"]);
}

/// The screen of a replay.
async fn shown(target: &Tampered) -> String {
    let url = target.url.clone();
    tokio::task::spawn_blocking(move || screen(&["replay", &url, "--suite", "osb"], &[]))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_tells_what_passed_failed_and_was_skipped() {
    let target = showcase(|_, _| Reply::True).await;
    assert_snapshot!(shown(&target).await, @"
    The Open Service Broker API 2.17 (osb) at http://127.0.0.1:PORT
      ✔ Catalog
      ✔ Provision
      ✔ Poll a provision
      ✔ Fetch an instance
      ✔ Update to another plan
      ✔ Bind
      ✔ Poll a bind
      ✔ Rotate a binding
      ✔ Fetch a binding
      ✔ Unbind
      ✔ Deprovision
      ✔ Provision without accepts_incomplete
      ✔ Deprovision during an update
      ✔ Provision with another maintenance version
      ✔ Bind without an application
    15 examples: 15 passed
    exit code 0
    ");
    let target = Tampered::broker(|sent, received| match sent.method.as_str() {
        "PUT" if is_binding(sent) => changed(received, |body| body["credentials"] = json!(1)),
        _ => Reply::True,
    })
    .await;
    assert_snapshot!(shown(&target).await, @r#"
    The Open Service Broker API 2.17 (osb) at http://127.0.0.1:PORT
      ✔ Catalog
      ✔ Provision
      – Poll a provision: skipped: no plan shows it: PUT
          /v2/service_instances/{instance_id} was answered 201
      – Fetch an instance: skipped: no plan declares instances_retrievable
      – Update to another plan: skipped: no plan declares other_plan,
          plan_updateable
      ✘ Bind (Invert Service/small)
          PUT /v2/service_instances/FRESH/service_bindings/FRESH?accepts_incomplete=true was answered 201
          /credentials
            expected  object or null
            actual    1
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -u "$CONFORMANCE_AUTH" \
              -H 'X-Broker-API-Version: 2.17' -H 'Content-Type: application/json' \
              -H 'Accept: application/json' \
              --data-raw '{"context":{"instance_name":"echo-for-orders","organization_guid":"FRESH","organization_name":"orders","platform":"cloudfoundry","space_guid":"FRESH","space_name":"orders-test"},"organization_guid":"FRESH","plan_id":"small_0001","service_id":"invert_service","space_guid":"FRESH"}' \
              'http://127.0.0.1:PORT/v2/service_instances/FRESH?accepts_incomplete=true'
            curl -i --path-as-is --globoff -X PUT -u "$CONFORMANCE_AUTH" \
              -H 'X-Broker-API-Version: 2.17' -H 'Content-Type: application/json' \
              -H 'Accept: application/json' \
              --data-raw '{"app_guid":"FRESH","bind_resource":{"app_guid":"FRESH"},"context":{"organization_guid":"FRESH","organization_name":"orders","platform":"cloudfoundry","space_guid":"FRESH","space_name":"orders-test"},"plan_id":"small_0001","service_id":"invert_service"}' \
              'http://127.0.0.1:PORT/v2/service_instances/FRESH/service_bindings/FRESH?accepts_incomplete=true'
      – Poll a bind: skipped: no plan shows it: PUT
          /v2/service_instances/{instance_id}/service_bindings/{binding_id} was
          answered 201
      – Rotate a binding: skipped: no plan declares bindable, binding_rotatable
      – Fetch a binding: skipped: no plan declares bindable, bindings_retrievable
      ✔ Unbind
      ✔ Deprovision
      – Provision without accepts_incomplete: skipped: no plan shows it: PUT
          /v2/service_instances/{instance_id} was answered 201
      – Deprovision during an update: skipped: no plan declares other_plan,
          plan_updateable
      – Provision with another maintenance version: skipped: no plan declares
          maintenance_info
      – Bind without an application: skipped: no plan shows it: PUT
          /v2/service_instances/{instance_id}/service_bindings/{other_binding_id}
          was answered 201
    15 examples: 4 passed, 1 failed, 10 skipped
    exit code 1
    "#);
}
