//! What platforms are told of asynchronous operations, and what becomes of
//! those that fail, by catalogs of the tests' own.

use std::time::Duration;

use broker::CatalogSource;
use insta::assert_snapshot;
use serde_json::{Value, json};
use serving::testing::{Received, send_body};

use crate::common::{AUTH, Broker};
use crate::lossy_gateway::{LossyGateway, Mode};

const I: &str = "/v2/service_instances/i";
const B: &str = "/v2/service_instances/i/service_bindings/b";

/// A broker with one offering `s` of these plans, conducted so, whose
/// asynchronous operations take this long.
async fn offering(async_delay: Duration, plans: &[(&str, Value)]) -> Broker {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    offering_of(&echo.url(), async_delay, plans).await
}

/// The same for an echo service at this URL.
async fn offering_of(echo_url: &str, async_delay: Duration, plans: &[(&str, Value)]) -> Broker {
    let plan = |(id, conduct): &(&str, Value)| json!({"id": id, "name": id, "description": "d", "plan_updateable": true, "binding_rotatable": true, "broker": conduct});
    let catalog = json!({"services": [{
        "id": "s", "name": "s", "description": "d", "bindable": true,
        "instances_retrievable": true, "bindings_retrievable": true,
        "plans": plans.iter().map(plan).collect::<Vec<_>>(),
    }]});
    Broker::with_echo(echo_url, |config| {
        config.catalog = CatalogSource::Text(catalog.to_string());
        config.async_delay = async_delay;
    })
    .await
}

/// A request of a platform that can wait.
async fn ask(broker: &Broker, line: &str, body: Value) -> Received {
    let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
    let mark = if line.contains('?') { '&' } else { '?' };
    let line = format!("{line}{mark}accepts_incomplete=true");
    send_body(&broker.url(), &line, &headers, body.to_string())
        .await
        .unwrap()
}

async fn provision(broker: &Broker, plan: &str) -> Received {
    let body =
        json!({"service_id": "s", "plan_id": plan, "organization_guid": "o", "space_guid": "s"});
    ask(broker, &format!("PUT {I}"), body).await
}

async fn delete(broker: &Broker, path: &str) -> Received {
    ask(
        broker,
        &format!("DELETE {path}?service_id=s&plan_id=p"),
        Value::Null,
    )
    .await
}

fn operation(accepted: &Received) -> String {
    assert_eq!(accepted.status, 202, "{accepted}");
    accepted.json()["operation"].as_str().unwrap().to_owned()
}

/// What is told of an operation.
async fn polled(broker: &Broker, path: &str, operation: &str) -> Received {
    let line = format!("GET {path}/last_operation?operation={operation}");
    ask(broker, &line, Value::Null).await
}

/// The state in which an operation ends.
async fn settled(broker: &Broker, path: &str, operation: &str) -> Value {
    loop {
        let state = polled(broker, path, operation).await.json()["state"].clone();
        if state != "in progress" {
            return state;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_creation_that_was_halted_stays_so_while_its_deletion_is_tried_again() {
    let fails_once = json!({"what": "fails_later", "times": 1});
    let never_ends = json!({"what": "never_ends"});
    let conduct = json!({
        "faults": {"provision": never_ends, "deprovision": fails_once, "bind": never_ends, "unbind": fails_once}
    });
    let ready = json!({"faults": {"bind": never_ends, "unbind": fails_once}});
    let broker = offering(Duration::ZERO, &[("p", conduct)]).await;
    let bindable = offering(Duration::ZERO, &[("p", ready)]).await;
    assert_eq!(provision(&bindable, "p").await.status, 201);
    let asked = json!({"service_id": "s", "plan_id": "p"});
    for (broker, path, creation) in [
        (&broker, I, provision(&broker, "p").await),
        (
            &bindable,
            B,
            ask(&bindable, &format!("PUT {B}"), asked).await,
        ),
    ] {
        let creation = operation(&creation);
        let first = operation(&delete(broker, path).await);
        assert_eq!(settled(broker, path, &first).await, "failed");
        assert_eq!(settled(broker, path, &creation).await, "failed");

        let second = operation(&delete(broker, path).await);
        assert_eq!(settled(broker, path, &second).await, "succeeded");
        assert_eq!(settled(broker, path, &creation).await, "failed");
        assert_eq!(settled(broker, path, &first).await, "failed");
        let unknown = polled(broker, path, "made-up").await;
        assert_eq!(unknown.status, 400, "{unknown}");
    }
}

#[tokio::test]
async fn an_update_goes_as_the_plan_has_it_that_the_instance_has() {
    let ordinary = json!({});
    let fails = json!({"faults": {"update": {"what": "fails_later"}}});
    let broker = offering(Duration::ZERO, &[("ordinary", ordinary), ("fails", fails)]).await;
    let update = async |plan: &str| {
        let body = json!({"service_id": "s", "plan_id": plan});
        ask(&broker, &format!("PATCH {I}"), body).await
    };
    assert_eq!(provision(&broker, "ordinary").await.status, 201);
    assert_eq!(update("fails").await.status, 200);
    let away = operation(&update("ordinary").await);
    assert_eq!(settled(&broker, I, &away).await, "failed");
    let fetched = ask(&broker, &format!("GET {I}"), Value::Null).await;
    assert_eq!(fetched.json()["plan_id"], "fails");
}

#[tokio::test]
async fn a_rotation_that_is_sent_again_is_the_same_whatever_became_of_its_predecessor() {
    let never = json!({"faults": {"bind": {"what": "never_ends"}}});
    let broker = offering(Duration::ZERO, &[("p", json!({})), ("never", never)]).await;
    let rotate = async |to: &str, from: &str| {
        let body = json!({"predecessor_binding_id": from});
        ask(&broker, &format!("PUT {I}/service_bindings/{to}"), body).await
    };
    let asked = json!({"service_id": "s", "plan_id": "p"});
    assert_eq!(provision(&broker, "p").await.status, 201);
    for id in ["b", "twin", "third"] {
        let line = format!("PUT {I}/service_bindings/{id}");
        assert_eq!(ask(&broker, &line, asked.clone()).await.status, 201);
    }
    // One has ended, and one is in progress.
    let made = rotate("made", "b").await;
    assert_eq!(made.status, 201);
    let line = format!("PATCH {I}");
    let update = json!({"service_id": "s", "plan_id": "never"});
    assert_eq!(ask(&broker, &line, update).await.status, 200);
    let making = rotate("making", "b").await;
    assert_eq!(making.status, 202);

    for predecessor in ["there", "gone"] {
        let again = rotate("made", "b").await;
        assert_eq!(
            (again.status, &again.body),
            (200, &made.body),
            "{predecessor}"
        );
        let again = rotate("making", "b").await;
        assert_eq!(
            (again.status, &again.body),
            (202, &making.body),
            "{predecessor}"
        );
        // Equal parameters of another predecessor make another binding.
        for id in ["made", "making", "third"] {
            let other = rotate(id, "twin").await;
            assert_eq!(other.status, 409, "{predecessor} {id}: {other}");
        }
        if predecessor == "there" {
            assert_eq!(delete(&broker, B).await.status, 200);
        }
    }
    assert_eq!(rotate("fresh", "b").await.status, 400);
}

#[tokio::test]
async fn whoever_accepts_what_its_version_does_not_know_is_told_which_one_does() {
    let conduct = json!({"provision": "async", "bind": "async"});
    let paces = [("p", conduct), ("sync", json!({"bind": "async"}))];
    let broker = offering(Duration::ZERO, &paces).await;
    let body = |plan: &str| json!({"service_id": "s", "plan_id": plan, "organization_guid": "o", "space_guid": "s"});
    let mut told = Vec::new();
    for (version, path, plan) in [
        ("2.6", I, "p"),
        ("2.7", I, "p"),
        ("2.13", "/v2/service_instances/j", "sync"),
        ("2.13", "/v2/service_instances/j/service_bindings/b", "sync"),
        ("2.14", "/v2/service_instances/j/service_bindings/b", "sync"),
    ] {
        let headers = [AUTH, ("X-Broker-API-Version", version)];
        let line = format!("PUT {path}?accepts_incomplete=true");
        let answer = send_body(&broker.url(), &line, &headers, body(plan).to_string())
            .await
            .unwrap();
        let why = answer.json()["description"]
            .as_str()
            .unwrap_or("")
            .to_owned();
        let line = format!("{version} {} {why}", answer.status);
        told.push(line.trim_end().to_owned());
    }
    assert_snapshot!(told.join("\n"), @"
    2.6 422 this plan does this only asynchronously; name X-Broker-API-Version 2.7 or later
    2.7 202
    2.13 201
    2.13 422 this plan does this only asynchronously; name X-Broker-API-Version 2.14 or later
    2.14 202
    ");
}

#[tokio::test]
async fn how_an_accepted_operation_failed_at_the_echo_service_is_told_and_it_can_be_sent_again() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let gateway = LossyGateway::start(echo.url()).await;
    let conduct =
        json!({"provision": "async", "deprovision": "async", "bind": "async", "unbind": "async"});
    let mut broker = offering_of(&gateway.url(), Duration::ZERO, &[("p", conduct)]).await;
    broker.echo_url = echo.url();
    let create =
        json!({"service_id": "s", "plan_id": "p", "organization_guid": "o", "space_guid": "s"});
    let query = "service_id=s&plan_id=p";
    let page = async || broker.ask_echo("GET /echo/dashboard/i").await.status;
    for mode in [Mode::BreakOff, Mode::Garble] {
        for (path, line) in [
            (I, format!("PUT {I}")),
            (B, format!("PUT {B}")),
            (B, format!("DELETE {B}?{query}")),
            (I, format!("DELETE {I}?{query}")),
        ] {
            let fetched = async || {
                ask(&broker, &format!("GET {path}"), Value::Null)
                    .await
                    .status
            };
            let before = fetched().await;
            gateway.lose(mode, usize::MAX);
            let hidden = operation(&ask(&broker, &line, create.clone()).await);
            assert_eq!(settled(&broker, path, &hidden).await, "failed", "{line}");
            let told = polled(&broker, path, &hidden).await.json();
            let why = told["description"].as_str().unwrap();
            assert!(why.contains("the echo service"), "{line}: {why}");
            assert_eq!(fetched().await, before, "{line}");

            gateway.lose(mode, 0);
            let again = operation(&ask(&broker, &line, create.clone()).await);
            assert_eq!(settled(&broker, path, &again).await, "succeeded", "{line}");
            assert_ne!(fetched().await, before, "{line}");
            assert_eq!(settled(&broker, path, &hidden).await, "failed", "{line}");
        }
        assert_eq!(page().await, 404);
    }
    // What was made and stayed hidden is cleaned up.
    gateway.lose(Mode::BreakOff, usize::MAX);
    let hidden = operation(&ask(&broker, &format!("PUT {I}"), create).await);
    assert_eq!(settled(&broker, I, &hidden).await, "failed");
    assert_eq!(page().await, 200);
    gateway.lose(Mode::BreakOff, 0);
    let deletion = operation(&delete(&broker, I).await);
    assert_eq!(settled(&broker, I, &deletion).await, "succeeded");
    assert_eq!(page().await, 404);
}

#[tokio::test]
async fn what_stayed_hidden_is_cleaned_up_after_a_failure_on_purpose_too() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    let gateway = LossyGateway::start(echo.url()).await;
    let fails_later = json!({"faults": {"provision": {"what": "fails_later"}}});
    let plans = [("p", json!({})), ("later", fails_later)];
    let mut broker = offering_of(&gateway.url(), Duration::ZERO, &plans).await;
    broker.echo_url = echo.url();
    let page = async || broker.ask_echo("GET /echo/dashboard/i").await.status;

    gateway.lose(Mode::BreakOff, usize::MAX);
    assert_eq!(provision(&broker, "p").await.status, 502);
    gateway.lose(Mode::BreakOff, 0);
    assert_eq!(page().await, 200);
    let failing = operation(&provision(&broker, "later").await);
    assert_eq!(settled(&broker, I, &failing).await, "failed");
    let deletion = format!("DELETE {I}?service_id=s&plan_id=later");
    assert_eq!(ask(&broker, &deletion, Value::Null).await.status, 200);
    assert_eq!(page().await, 404);
}

#[tokio::test]
async fn when_to_ask_again_is_told_in_whole_seconds_and_not_below_one() {
    let never = json!({"faults": {"provision": {"what": "never_ends"}}});
    for (millis, seconds) in [(999, None), (1000, Some("1")), (2500, Some("2"))] {
        let delay = Duration::from_millis(millis);
        let broker = offering(delay, &[("p", never.clone())]).await;
        let operation = operation(&provision(&broker, "p").await);
        let told = polled(&broker, I, &operation).await;
        assert_eq!(told.json()["state"], "in progress");
        assert_eq!(told.header("retry-after"), seconds, "{millis}");
    }
}

#[tokio::test]
async fn an_operation_of_more_than_10000_characters_is_refused() {
    let broker = offering(Duration::ZERO, &[("p", json!({}))]).await;
    for path in [I, B] {
        let longest = polled(&broker, path, &"%C3%A9".repeat(10_000)).await;
        assert_eq!(longest.status, 404, "{longest}");
        let longer = polled(&broker, path, &"x".repeat(10_001)).await;
        assert_eq!(longer.status, 400, "{longer}");
        let why = "operation has more than 10,000 characters";
        assert_eq!(longer.json()["description"], why);
    }
}
