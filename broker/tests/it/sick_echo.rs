//! A broker whose echo service is sick: the platform hears of it in the
//! specification's form, and nothing is lost or left behind.

use std::time::Duration;

use serde_json::json;
use serving::Listen;
use serving::testing::Received;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wiremock::matchers::{any, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::common::{Broker, INSTANCE};
use crate::lossy_gateway::{LossyGateway, Mode};

const BINDING: &str = "/v2/service_instances/mynewinstance/service_bindings/myappid";

/// Longer than any test: an answer that takes as long does not come.
const NEVER: Duration = Duration::from_secs(3600);

/// A broker that waits for the echo service at `echo_url` only shortly.
async fn impatient(echo_url: &str) -> Broker {
    Broker::with_echo(echo_url, |config| {
        config.echo_timeout = Duration::from_millis(100);
    })
    .await
}

/// A stand-in for the echo service that answers everything with `answer`.
async fn mounted(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(any()).respond_with(answer).mount(server).await;
}

async fn healthy(server: &MockServer) {
    let ok = ResponseTemplate::new(200).set_body_json(json!({"state": "success"}));
    mounted(server, ok).await;
}

/// A status of the 5xx class with a description and nothing else.
fn is_spec_shaped(answer: &Received, status: u16) -> bool {
    let body = answer.json();
    answer.status == status
        && answer.header("content-type") == Some("application/json")
        && body["description"]
            .as_str()
            .is_some_and(|text| text.contains("echo service"))
        && body.as_object().is_some_and(|members| members.len() == 1)
}

/// Each sickness with the status by which the platform hears of it.
fn sicknesses() -> Vec<(&'static str, ResponseTemplate, u16)> {
    let status = ResponseTemplate::new;
    let state = json!({"state": "success"});
    vec![
        ("500", status(500), 502),
        (
            "503 in JSON",
            status(503).set_body_json(json!({"error": "busy"})),
            502,
        ),
        ("no body", status(200), 502),
        ("garbage", status(200).set_body_bytes([0xff, 0, b'{']), 502),
        (
            "another service",
            status(200).set_body_string("<h1>Welcome</h1>"),
            502,
        ),
        (
            "no such route",
            status(404).set_body_string("404 page not found"),
            502,
        ),
        (
            "another conflict",
            status(409).set_body_string("Conflict"),
            502,
        ),
        (
            "another JSON",
            status(200).set_body_json(json!({"ok": true})),
            502,
        ),
        ("created", status(201).set_body_json(&state), 502),
        (
            "a redirect",
            status(307).insert_header("Location", "/elsewhere"),
            502,
        ),
        (
            "too much",
            status(200).set_body_string("[".repeat(1 << 20)),
            502,
        ),
        (
            "no answer",
            status(200).set_body_json(&state).set_delay(NEVER),
            504,
        ),
    ]
}

#[tokio::test]
async fn a_failed_provision_is_a_5xx_after_which_the_same_id_can_be_provisioned() {
    let server = MockServer::start().await;
    let broker = impatient(&server.uri()).await;
    for (name, sickness, status) in sicknesses() {
        mounted(&server, sickness).await;
        let answer = broker.provision(INSTANCE).await;
        assert!(is_spec_shaped(&answer, status), "{name}: {answer}");
        // For the platform there is no instance.
        assert_eq!(broker.bind(BINDING).await.status, 404, "{name}");

        healthy(&server).await;
        assert_eq!(broker.provision(INSTANCE).await.status, 201, "{name}");
        assert_eq!(
            broker.send(&format!("DELETE {INSTANCE}")).await.status,
            200,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_failed_bind_unbind_or_deprovision_leaves_everything_as_it_was() {
    let server = MockServer::start().await;
    let broker = impatient(&server.uri()).await;
    for (name, sickness, status) in sicknesses() {
        healthy(&server).await;
        assert_eq!(broker.provision(INSTANCE).await.status, 201, "{name}");

        mounted(&server, sickness.clone()).await;
        let answer = broker.bind(BINDING).await;
        assert!(is_spec_shaped(&answer, status), "{name}: {answer}");
        healthy(&server).await;
        assert_eq!(broker.bind(BINDING).await.status, 201, "{name}");

        mounted(&server, sickness).await;
        for line in [format!("DELETE {BINDING}"), format!("DELETE {INSTANCE}")] {
            let answer = broker.send(&line).await;
            assert!(is_spec_shaped(&answer, status), "{name}: {answer}");
        }
        healthy(&server).await;
        assert_eq!(broker.bind(BINDING).await.status, 409, "{name}");
        assert_eq!(broker.provision(INSTANCE).await.status, 200, "{name}");
        for line in [format!("DELETE {BINDING}"), format!("DELETE {INSTANCE}")] {
            assert_eq!(broker.send(&line).await.status, 200, "{name}");
            assert_eq!(broker.send(&line).await.status, 410, "{name}");
        }
    }
}

#[tokio::test]
async fn the_clean_up_after_a_failed_provision_reaches_the_echo_service() {
    let server = MockServer::start().await;
    let broker = impatient(&server.uri()).await;
    mounted(&server, ResponseTemplate::new(500)).await;
    assert_eq!(broker.provision(INSTANCE).await.status, 502);

    server.reset().await;
    let deleted = ResponseTemplate::new(200).set_body_json(json!({"state": "deprovision_success"}));
    let once = Mock::given(method("DELETE"))
        .respond_with(deleted)
        .expect(1);
    once.mount(&server).await;
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 200);
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 410);
}

#[tokio::test]
async fn a_refused_connection_is_a_503_that_changes_nothing() {
    // A port on which nothing listens, and on which the echo service starts
    // later.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let broker = Broker::with_echo(&format!("http://127.0.0.1:{port}"), |_| {}).await;
    let answer = broker.provision(INSTANCE).await;
    assert!(is_spec_shaped(&answer, 503), "{answer}");
    assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 410);

    mock_echo::start(Listen::locally(port)).await.unwrap();
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
    assert_eq!(broker.bind(BINDING).await.status, 201);
}

/// A broker behind whose gateway the echo service does what it is told.
async fn behind_gateway() -> (Broker, LossyGateway) {
    let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
    let gateway = LossyGateway::start(echo.url()).await;
    let mut broker = impatient(&gateway.url()).await;
    broker.echo_url = echo.url();
    (broker, gateway)
}

async fn instance_at_echo(broker: &Broker) -> bool {
    broker
        .ask_echo("GET /echo/dashboard/mynewinstance")
        .await
        .status
        == 200
}

#[tokio::test]
async fn one_lost_answer_is_made_good_by_the_second_attempt() {
    for mode in [Mode::BreakOff, Mode::Stall, Mode::Garble] {
        let (broker, gateway) = behind_gateway().await;
        for (line, status) in [
            (format!("PUT {INSTANCE}"), 201),
            (format!("PUT {BINDING}"), 201),
            (format!("DELETE {BINDING}"), 200),
            (format!("DELETE {INSTANCE}"), 200),
        ] {
            gateway.lose(mode, 1);
            let answer = match line.as_str() {
                delete if delete.starts_with("DELETE") => broker.send(delete).await,
                bind if bind.ends_with("myappid") => broker.bind(BINDING).await,
                _ => broker.provision(INSTANCE).await,
            };
            assert_eq!(answer.status, status, "{mode:?} {line}: {answer}");
        }
        assert!(!instance_at_echo(&broker).await);
    }
}

#[tokio::test]
async fn a_provision_whose_success_stayed_hidden_can_be_repeated() {
    for (mode, status) in [
        (Mode::BreakOff, 502),
        (Mode::Stall, 504),
        (Mode::Garble, 502),
    ] {
        let (broker, gateway) = behind_gateway().await;
        gateway.lose(mode, usize::MAX);
        let answer = broker.provision(INSTANCE).await;
        assert!(is_spec_shaped(&answer, status), "{mode:?}: {answer}");
        assert!(instance_at_echo(&broker).await);

        gateway.lose(mode, 0);
        assert_eq!(broker.provision(INSTANCE).await.status, 201);
        assert_eq!(broker.bind(BINDING).await.status, 201);
    }
}

#[tokio::test]
async fn a_provision_whose_success_stayed_hidden_can_be_cleaned_up() {
    for mode in [Mode::BreakOff, Mode::Stall, Mode::Garble] {
        let (broker, gateway) = behind_gateway().await;
        gateway.lose(mode, usize::MAX);
        assert!(broker.provision(INSTANCE).await.status >= 500);
        assert!(instance_at_echo(&broker).await);

        gateway.lose(mode, 0);
        assert_eq!(broker.send(&format!("DELETE {INSTANCE}")).await.status, 200);
        assert!(!instance_at_echo(&broker).await);
    }
}

#[tokio::test]
async fn the_same_id_can_be_provisioned_as_another_service_and_leaves_nothing_of_the_first() {
    let (broker, gateway) = behind_gateway().await;
    gateway.lose(Mode::BreakOff, usize::MAX);
    assert_eq!(broker.provision(INSTANCE).await.status, 502);
    assert!(instance_at_echo(&broker).await);

    gateway.lose(Mode::BreakOff, 0);
    let mut body = crate::common::provision();
    body["service_id"] = "invert_service".into();
    assert_eq!(broker.put(INSTANCE, body.to_string()).await.status, 201);
    assert!(!instance_at_echo(&broker).await);
    let inverts = broker.ask_echo("GET /invert/dashboard/mynewinstance").await;
    assert_eq!(inverts.status, 200);
}

#[tokio::test]
async fn a_second_request_is_refused_while_the_first_is_under_way() {
    let (broker, gateway) = behind_gateway().await;
    gateway.lose(Mode::Stall, usize::MAX);
    let first = broker.provision(INSTANCE);
    let second = async {
        gateway.asked().await;
        (
            broker.provision(INSTANCE).await,
            broker.bind(BINDING).await,
            broker.send(&format!("DELETE {INSTANCE}")).await,
        )
    };
    let (first, (provision, bind, deprovision)) = tokio::join!(first, second);
    assert_eq!(first.status, 504);
    for answer in [provision, bind, deprovision] {
        assert_eq!(answer.status, 422, "{answer}");
        assert_eq!(answer.json()["error"], "ConcurrencyError");
    }
}

/// A stand-in for the echo service that closes each connection, without saying
/// so, when it is told to after its second answer. Gives its URL, what tells it,
/// and what it tells: after each answer, and after each end, how many connections
/// there were so far.
async fn forgetful() -> (String, UnboundedSender<()>, UnboundedReceiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (close, mut closing) = unbounded_channel();
    let (done, doings) = unbounded_channel();
    tokio::spawn(async move {
        for connection in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            for _ in 1..=2 {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    stream.read_until(b'\n', &mut head).await.unwrap();
                }
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"state\": \"x\"}";
                stream.write_all(answer).await.unwrap();
                done.send(connection).unwrap();
            }
            closing.recv().await.unwrap();
            drop(stream);
            done.send(connection).unwrap();
        }
    });
    (url, close, doings)
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_was_closed_meanwhile_is_no_failure() {
    let (url, close, mut doings) = forgetful().await;
    // Whoever waits for an answer on a closed connection waits until the end.
    let broker = Broker::with_echo(&url, |config| config.echo_timeout = NEVER).await;
    for connection in 1..=3 {
        let answer = broker.provision(INSTANCE).await;
        assert_eq!(answer.status, 201, "{answer}");
        assert_eq!(doings.recv().await, Some(connection));
        let answer = broker.send(&format!("DELETE {INSTANCE}")).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(doings.recv().await, Some(connection));
        close.send(()).unwrap();
        assert_eq!(doings.recv().await, Some(connection));
    }
}

#[tokio::test]
async fn the_echo_service_may_be_below_a_path() {
    let server = MockServer::start().await;
    let ok = ResponseTemplate::new(200).set_body_json(json!({"state": "success"}));
    let host = server.address().to_string();
    Mock::given(method("PUT"))
        .and(path("/a/b/echo/mynewinstance"))
        .and(header("host", host.as_str()))
        .respond_with(ok)
        .mount(&server)
        .await;
    let broker = Broker::with_echo(&format!("{}/a/b/", server.uri()), |_| {}).await;
    assert_eq!(broker.provision(INSTANCE).await.status, 201);
}
