//! What a replay finds out about brokers that are right, wrong, or no brokers.

use std::time::Duration;

use conformance::{
    Client, Credentials, Difference, Event, Exit, Interrupt, Outcome, Reason, Run, Side, Target,
    replay,
};
use fixtures::Suite;
use serde_json::{Value, json};
use serving::testing::{send, send_body};

use crate::tampered::{Reply, Sent, Tampered};

const AUTH: (&str, &str) = ("Authorization", "Basic dXNlcjpwYXNz");
const INSTANCE: &str = "/v2/service_instances/mynewinstance";
const BINDING: &str = "/v2/service_instances/mynewinstance/service_bindings/myappid";
const PROVISION: &str = r#"{"service_id":"echo_service","plan_id":"small_0001","organization_guid":"HP","space_guid":"IT"}"#;

/// Long enough for a machine under load, short enough to be waited for.
const TIMEOUT: Duration = Duration::from_secs(2);

async fn replay_broker(url: &str) -> Run {
    replay_suite("echo-broker-2.3", url, None).await
}

pub(crate) async fn replay_suite(suite: &str, url: &str, credentials: Option<&str>) -> Run {
    let (target, _) = Target::parse(url).unwrap();
    let client = Client::new(target, TIMEOUT).unwrap();
    let credentials = credentials.map(|text| Credentials::parse(text).unwrap());
    let suites = [Suite::named(suite).unwrap()];
    replay(
        &suites,
        &client,
        credentials.as_ref(),
        &Interrupt::new(),
        &mut |_| {},
    )
    .await
}

/// The outcome of each example, in few words.
pub(crate) fn outcomes(run: &Run) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Mismatch(mismatch) => {
            let places: Vec<&str> = mismatch.differences.iter().map(|d| d.at.as_str()).collect();
            format!("differs at {}", places.join(", "))
        }
        Outcome::Skipped(skip) => format!("skipped: {skip}"),
        Outcome::NotJudged(reason) => format!("not judged: {reason}"),
    };
    let examples = run.examples();
    examples
        .map(|example| format!("{}: {}", example.title, word(&example.outcome)))
        .collect()
}

pub(crate) fn exit(run: &Run) -> Exit {
    Exit::of(std::slice::from_ref(run))
}

/// Whether nothing is left at the echo service of what a replay creates there.
async fn is_empty(target: &Tampered) -> bool {
    let page = send(&target.echo.url(), "GET /echo/dashboard/mynewinstance", &[]).await;
    page.unwrap().status == 404
}

#[tokio::test]
async fn a_broker_that_answers_as_documented_passes_twice_in_a_row_and_is_left_empty() {
    let target = Tampered::broker(|_, _| Reply::True).await;
    for _ in 0..2 {
        let run = replay_broker(&target.url).await;
        assert_eq!(
            outcomes(&run),
            ["Catalog", "Provision", "Bind", "Unbind", "Deprovision"]
                .map(|title| format!("{title}: passed"))
        );
        assert_eq!((exit(&run), run.leftovers.len()), (Exit::Kept, 0));
        assert!(is_empty(&target).await);
    }
}

#[tokio::test]
async fn only_the_documented_headers_are_sent() {
    let target = Tampered::broker(|_, _| Reply::True).await;
    replay_broker(&target.url).await;
    let names = |sent: &Sent| {
        let mut names: Vec<String> = sent.headers.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.join(" ")
    };
    let sent = target.sent();
    let names_of =
        |method: &str, path: &str| names(sent.iter().find(|s| s.is(method, path)).unwrap());
    assert_eq!(
        names_of("GET", "/v2/catalog"),
        "accept authorization host user-agent x-broker-api-version"
    );
    assert_eq!(
        names_of("PUT", INSTANCE),
        "accept authorization content-length host user-agent"
    );
    assert_eq!(
        names_of("DELETE", INSTANCE),
        "accept authorization host user-agent"
    );
}

#[tokio::test]
async fn a_catalog_without_the_documented_dashboard_clients_differs_in_exactly_these() {
    let target = Tampered::broker(|sent, received| {
        let mut body = received.json();
        if !sent.is("GET", "/v2/catalog") {
            return Reply::True;
        }
        for service in body["services"].as_array_mut().unwrap() {
            service.as_object_mut().unwrap().remove("dashboard_client");
        }
        Reply::Instead(200, body.to_string())
    })
    .await;
    let run = replay_broker(&target.url).await;
    assert_eq!(
        outcomes(&run),
        [
            "Catalog: differs at /services/0/dashboard_client, /services/1/dashboard_client",
            "Provision: passed",
            "Bind: passed",
            "Unbind: passed",
            "Deprovision: passed",
        ]
    );
    let Outcome::Mismatch(mismatch) = &run.suites[0].examples[0].outcome else {
        panic!("the catalog differs");
    };
    assert_eq!(
        mismatch.differences[1],
        Difference {
            at: "/services/1/dashboard_client".to_owned(),
            expected: Side::Json(Value::Null),
            actual: Side::Absent,
        }
    );
    assert_eq!(exit(&run), Exit::Broken);
}

#[tokio::test]
async fn a_wrong_answer_is_a_mismatch_of_its_example_and_what_needs_it_is_not_judged() {
    let target = Tampered::broker(|sent, _| match sent.is("PUT", BINDING) {
        true => Reply::Instead(500, json!({"description": "no"}).to_string()),
        false => Reply::True,
    })
    .await;
    let run = replay_broker(&target.url).await;
    assert_eq!(
        outcomes(&run),
        [
            "Catalog: passed".to_owned(),
            "Provision: passed".to_owned(),
            "Bind: differs at status, body".to_owned(),
            format!(
                "Unbind: not judged: its setup \"Bind\" failed: PUT {BINDING} was answered 500"
            ),
            "Deprovision: passed".to_owned(),
        ]
    );
    assert_eq!(exit(&run), Exit::Broken);
    // The 500 may have hidden a binding: it was unbound.
    let unbound = target
        .lines()
        .iter()
        .filter(|l| l.starts_with(&format!("DELETE {BINDING}?")))
        .count();
    assert_eq!(unbound, 2);
    assert!(is_empty(&target).await);
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_touched() {
    for other_plan in [false, true] {
        let target = Tampered::broker(|_, _| Reply::True).await;
        // The same provision is answered 200, another one 409.
        let body = match other_plan {
            true => PROVISION.replace("small", "big"),
            false => PROVISION.to_owned(),
        };
        let line = format!("PUT {INSTANCE}");
        let taken = send_body(&target.broker.url(), &line, &[AUTH], body)
            .await
            .unwrap();
        assert_eq!(taken.status, 201);

        let run = replay_broker(&target.url).await;
        let outcomes = outcomes(&run);
        assert_eq!(outcomes[0], "Catalog: passed");
        assert!(
            outcomes[1].starts_with("Provision: not judged: mynewinstance is taken on the target"),
            "{}",
            outcomes[1]
        );
        assert_eq!(
            outcomes[2..],
            ["Bind", "Unbind", "Deprovision"]
                .map(|title| format!("{title}: not judged: not reached"))
        );
        assert_eq!((exit(&run), run.leftovers.len()), (Exit::NotJudged, 0));
        assert!(!is_empty(&target).await);
        let touched = |line: &String| line.starts_with("DELETE") && line.contains("mynewinstance");
        assert!(!target.lines().iter().any(touched));

        // The control was removed again: what was created, was deleted.
        let lines = target.lines();
        let created = lines.iter().filter(|line| line.starts_with("PUT")).count();
        let deleted = lines
            .iter()
            .filter(|line| line.starts_with("DELETE"))
            .count();
        assert_eq!((created, deleted), (2, 1), "{lines:?}");
    }
}

#[tokio::test]
async fn a_broker_that_creates_with_200_differs_and_has_not_taken_the_id() {
    let target = Tampered::broker(|_, received| match received.status {
        201 => Reply::Instead(200, received.body.clone()),
        _ => Reply::True,
    })
    .await;
    let run = replay_broker(&target.url).await;
    assert_eq!(
        outcomes(&run),
        [
            "Catalog: passed",
            "Provision: differs at status",
            "Bind: differs at status",
            "Unbind: passed",
            "Deprovision: passed",
        ]
    );
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::Broken, 0));
    assert!(is_empty(&target).await);
}

#[tokio::test]
async fn a_broker_that_refuses_every_creation_with_409_differs() {
    let target = Tampered::broker(|sent, _| match sent.method.as_str() {
        "PUT" => Reply::Instead(409, "{}".to_owned()),
        _ => Reply::True,
    })
    .await;
    let run = replay_broker(&target.url).await;
    assert_eq!(outcomes(&run)[1], "Provision: differs at status, body");
    assert_eq!(exit(&run), Exit::Broken);
}

#[tokio::test]
async fn wrong_credentials_end_the_run_without_a_judgement() {
    let target = Tampered::broker(|_, _| Reply::True).await;
    let run = replay_suite("echo-broker-2.3", &target.url, Some("user:wrong")).await;
    assert!(matches!(
        run.suites[0].examples[0].outcome,
        Outcome::NotJudged(Reason::WrongCredentials { .. })
    ));
    assert_eq!(exit(&run), Exit::NotJudged);
    assert_eq!(target.lines(), ["GET /v2/catalog"]);
}

#[tokio::test]
async fn what_is_no_broker_is_not_judged() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    type Made = fn(&str, &str) -> Reply;
    let cases: [(&str, Made); 7] = [
        ("a web page", |html, _| Reply::Bytes(html.into())),
        ("a 404", |_, _| Reply::Instead(404, "{}".to_owned())),
        ("JSON without services", |_, _| {
            Reply::Instead(200, "{}".to_owned())
        }),
        ("garbage", |_, _| Reply::Bytes(b"\0\xff\r\n\r\n".to_vec())),
        ("an endless body", |_, chunked| {
            Reply::Endless(chunked.into(), b"4\r\nmore\r\n".to_vec())
        }),
        ("an endless head", |_, _| {
            Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".to_vec())
        }),
        ("silence", |_, _| Reply::Silence),
    ];
    for (name, reply) in cases {
        let target = Tampered::broker(move |_, _| reply(html, chunked)).await;
        let run = replay_broker(&target.url).await;
        let outcome = &run.suites[0].examples[0].outcome;
        assert!(
            matches!(outcome, Outcome::NotJudged(Reason::NoBaseline { .. })),
            "{name}: {outcome:?}"
        );
        assert_eq!(exit(&run), Exit::NotJudged, "{name}");
        assert_eq!(target.lines(), ["GET /v2/catalog"], "{name}");
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_not_judged() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let run = replay_broker(&format!("http://127.0.0.1:{port}")).await;
    assert!(matches!(
        run.suites[0].examples[0].outcome,
        Outcome::NotJudged(Reason::Unreachable { .. })
    ));
    assert_eq!(exit(&run), Exit::NotJudged);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Tampered::broker(|sent, _| match sent.is("DELETE", INSTANCE) {
        true => Reply::Bytes(
            b"HTTP/1.1 307 -\r\nLocation: /v2/catalog\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        false => Reply::True,
    })
    .await;
    let run = replay_broker(&target.url).await;
    assert_eq!(outcomes(&run)[4], "Deprovision: differs at status, body");
    assert_eq!(
        target
            .lines()
            .iter()
            .filter(|line| *line == "GET /v2/catalog")
            .count(),
        1
    );
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_judged_and_what_it_may_hide_is_removed() {
    let target = Tampered::broker(|sent, _| match sent.is("PUT", INSTANCE) {
        true => Reply::Silence,
        false => Reply::True,
    })
    .await;
    let run = replay_broker(&target.url).await;
    let outcomes = outcomes(&run);
    assert!(
        outcomes[1].contains("no complete answer within 2s"),
        "{}",
        outcomes[1]
    );
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::NotJudged, 0));
    assert!(is_empty(&target).await);
}

#[tokio::test]
async fn what_cannot_be_removed_is_reported_and_changes_no_exit_code() {
    let target = Tampered::broker(
        |sent, _| match sent.path.starts_with(&format!("{INSTANCE}?")) {
            true => Reply::Instead(500, "{}".to_owned()),
            false => Reply::True,
        },
    )
    .await;
    // The true broker has deleted it: only the report of it is lost.
    let run = replay_broker(&target.url).await;
    assert_eq!(run.leftovers.len(), 3);
    assert_eq!(run.leftovers[0].id, "mynewinstance");
    assert_eq!(
        run.leftovers[0].request,
        format!("DELETE {INSTANCE}?plan_id=small_0001&service_id=echo_service")
    );
    assert_eq!(exit(&run), Exit::Kept);
}

#[tokio::test]
async fn what_an_earlier_example_has_left_behind_is_not_called_taken() {
    // The documented DELETE works, the one that cleans up does not.
    let target = Tampered::blocking(|sent| sent.path.contains('?')).await;
    let run = replay_broker(&target.url).await;
    let left =
        "mynewinstance is still there: an earlier example created it, and it could not be removed";
    assert_eq!(
        outcomes(&run)[1..],
        [
            "Provision: passed".to_owned(),
            format!("Bind: not judged: {left}"),
            format!("Unbind: not judged: {left}"),
            format!("Deprovision: not judged: {left}"),
        ]
    );
    assert_eq!((exit(&run), run.leftovers.len()), (Exit::NotJudged, 1));
}

#[tokio::test]
async fn once_interrupted_a_replay_only_cleans_up() {
    let target = Tampered::broker(|_, _| Reply::True).await;
    let (parsed, _) = Target::parse(&target.url).unwrap();
    let client = Client::new(parsed, TIMEOUT).unwrap();
    let interrupt = Interrupt::new();
    let suites = [Suite::named("echo-broker-2.3").unwrap()];
    let mut raise = |event: Event<'_>| {
        if matches!(event, Event::Judged(example) if example.title == "Provision") {
            interrupt.raise();
        }
    };
    let run = replay(&suites, &client, None, &interrupt, &mut raise).await;
    assert_eq!(
        outcomes(&run)[1..4],
        [
            "Provision: passed",
            "Bind: not judged: interrupted",
            "Unbind: not judged: not reached",
        ]
    );
    assert_eq!(exit(&run), Exit::Interrupted);
    assert!(is_empty(&target).await);
}

#[tokio::test]
async fn what_was_shown_broken_before_an_interrupt_stays_broken() {
    let target = Tampered::broker(|sent, _| match sent.is("GET", "/v2/catalog") {
        true => Reply::Instead(200, json!({"services": []}).to_string()),
        false => Reply::True,
    })
    .await;
    let (parsed, _) = Target::parse(&target.url).unwrap();
    let client = Client::new(parsed, TIMEOUT).unwrap();
    let interrupt = Interrupt::new();
    let suites = [Suite::named("echo-broker-2.3").unwrap()];
    let mut raise = |event: Event<'_>| {
        if matches!(event, Event::Judged(_)) {
            interrupt.raise();
        }
    };
    let run = replay(&suites, &client, None, &interrupt, &mut raise).await;
    assert!(outcomes(&run)[1].ends_with("interrupted"));
    assert_eq!(exit(&run), Exit::Broken);
}

#[tokio::test]
async fn the_echo_service_passes_its_suite_twice_in_a_row() {
    let echo = mock_echo::start(serving::Listen::locally(0)).await.unwrap();
    for _ in 0..2 {
        let run = replay_suite("echo-service", &echo.url(), None).await;
        assert_eq!(run.examples().count(), 14);
        assert_eq!(exit(&run), Exit::Kept, "{:?}", outcomes(&run));
    }
}
