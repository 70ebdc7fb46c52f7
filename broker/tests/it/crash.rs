//! A broker that is killed under load, again and again.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serving::testing::{Process, Received, send, send_body};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::common::{AUTH, INSTANCE, provision};

const BROKER: &str = env!("CARGO_BIN_EXE_broker");

/// How often the broker is killed.
const ROUNDS: u64 = 24;

/// How many platforms send requests at the same time.
const PLATFORMS: usize = 8;

const SERVICE: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000001";
const PLAN: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000101";
const ASYNC_SERVICE: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000002";
const ASYNC_PLAN: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000202";

/// What a platform knows of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// Its creation was acknowledged.
    Created,
    /// Its deletion was acknowledged.
    Deleted,
    /// The last request got no answer, or an operation was accepted.
    Unsure,
}

/// A platform with ids of its own.
struct Platform {
    url: String,
    number: usize,
    is_async: bool,
    known: BTreeMap<String, Known>,
}

impl Platform {
    async fn call(&self, line: &str, body: Value) -> std::io::Result<Received> {
        let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
        send_body(&self.url, line, &headers, body.to_string()).await
    }

    fn plan(&self) -> (&'static str, &'static str) {
        match self.is_async {
            true => (ASYNC_SERVICE, ASYNC_PLAN),
            false => (SERVICE, PLAN),
        }
    }

    async fn create(&self, id: &str) -> std::io::Result<Received> {
        let (service_id, plan_id) = self.plan();
        let body = json!({"service_id": service_id, "plan_id": plan_id, "organization_guid": "o", "space_guid": "s"});
        let accepts = if self.is_async {
            "?accepts_incomplete=true"
        } else {
            ""
        };
        self.call(&format!("PUT /v2/service_instances/{id}{accepts}"), body)
            .await
    }

    async fn delete(&self, id: &str) -> std::io::Result<Received> {
        let (service_id, plan_id) = self.plan();
        let hints = format!(
            "service_id={service_id}&plan_id={plan_id}&accepts_incomplete={}",
            self.is_async
        );
        self.call(
            &format!("DELETE /v2/service_instances/{id}?{hints}"),
            Value::Null,
        )
        .await
    }

    /// Creates and deletes until the broker is gone.
    async fn work(&mut self, acknowledged: &AtomicUsize) {
        for n in 0.. {
            let id = format!("p{}-{}", self.number, n % 6);
            let is_created = self.known.get(&id) == Some(&Known::Created);
            let answer = match is_created {
                true => self.delete(&id).await,
                false => self.create(&id).await,
            };
            let known = match (&answer, is_created) {
                (Ok(answer), false) if matches!(answer.status, 200 | 201) => Known::Created,
                (Ok(answer), true) if matches!(answer.status, 200 | 410) => Known::Deleted,
                _ => Known::Unsure,
            };
            self.known.insert(id, known);
            if answer.is_err() {
                return;
            }
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Checks that everything acknowledged holds.
    async fn check(&self) {
        for (id, known) in &self.known {
            match known {
                Known::Created => {
                    let again = self.create(id).await.unwrap();
                    assert_eq!(again.status, 200, "{id} was acknowledged: {again}");
                }
                Known::Deleted => {
                    let fetched = self
                        .call(&format!("GET /v2/service_instances/{id}"), Value::Null)
                        .await;
                    assert_eq!(fetched.unwrap().status, 404, "{id} was deleted");
                }
                Known::Unsure => {}
            }
        }
    }

    /// Deletes everything, however long what is in progress takes.
    async fn delete_all(&mut self, echo_url: &str) {
        for id in self.known.keys() {
            loop {
                let answer = self.delete(id).await.unwrap();
                if answer.status == 410 {
                    break;
                }
                assert!(matches!(answer.status, 200 | 202 | 422), "{id}: {answer}");
                tokio::task::yield_now().await;
            }
            let left = send(echo_url, &format!("GET /echo/dashboard/{id}"), &[])
                .await
                .unwrap();
            assert_eq!(left.status, 404, "{id} is an orphan at the echo service");
        }
        self.known.clear();
    }
}

/// A port that the broker is started on again and again, so that platforms
/// find it.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_holds_and_nothing_is_orphaned_however_often_it_is_killed() {
    // Splitmix64, so that every run kills after the same numbers of requests.
    let mut seed: u64 = 7;
    let mut random = move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) as usize
    };
    let echo = mock_echo::start(serving::Listen::locally(0))
        .await
        .unwrap()
        .url();
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("broker.db");
    let port = port().to_string();
    let args = [
        "--port",
        &port,
        "--echo-url",
        &echo,
        "--store",
        store.to_str().unwrap(),
        "--catalog",
        "showcase",
        "--async-delay",
        "2ms",
    ];
    let mut platforms: Vec<Platform> = (0..PLATFORMS)
        .map(|number| Platform {
            url: format!("http://127.0.0.1:{port}"),
            number,
            is_async: number % 2 == 1,
            known: BTreeMap::new(),
        })
        .collect();
    for round in 0..ROUNDS {
        let broker = Process::start(BROKER, &args, &[]).unwrap();
        assert!(
            broker.ready.starts_with("broker listens"),
            "round {round}: {}",
            broker.ready
        );
        for platform in &platforms {
            platform.check().await;
        }
        if round % 4 == 3 {
            for platform in &mut platforms {
                platform.delete_all(&echo).await;
            }
        }
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut working = JoinSet::new();
        for mut platform in platforms.drain(..) {
            let acknowledged = acknowledged.clone();
            working.spawn(async move {
                platform.work(&acknowledged).await;
                platform
            });
        }
        // Killed after some requests, never at a quiet moment.
        let enough = 20 + random() % 180;
        while acknowledged.load(Ordering::Relaxed) < enough {
            tokio::task::yield_now().await;
        }
        broker.end_by("KILL").unwrap();
        platforms = working.join_all().await;
    }
    let broker = Process::start(BROKER, &args, &[]).unwrap();
    for platform in &mut platforms {
        platform.check().await;
        platform.delete_all(&echo).await;
    }
    let (code, log) = broker.end_by("TERM").unwrap();
    assert_eq!(code, Some(0), "{log}");
}

/// The echo service deletes like this, does everything else at once, and tells
/// when it is asked to delete.
async fn deletes(server: &MockServer, answer: ResponseTemplate) -> Arc<Notify> {
    let state = json!({"state": "success"});
    let asked = Arc::new(Notify::new());
    let (deletion, tell) = (answer.set_body_json(&state), asked.clone());
    server.reset().await;
    Mock::given(method("DELETE"))
        .respond_with(move |_: &wiremock::Request| {
            tell.notify_one();
            deletion.clone()
        })
        .mount(server)
        .await;
    Mock::given(method("PUT"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&state))
        .mount(server)
        .await;
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_what_was_in_progress_before_it_is_known_how_it_ended() {
    let server = MockServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("broker.db");
    let (port, echo) = (port().to_string(), server.uri());
    let url = format!("http://127.0.0.1:{port}");
    let args = [
        "--port",
        &port,
        "--echo-url",
        &echo,
        "--store",
        store.to_str().unwrap(),
    ];
    let start = || Process::start(BROKER, &args, &[]).unwrap();
    let slowly = |by: Duration| ResponseTemplate::new(200).set_delay(by);
    let creation = format!("PUT {INSTANCE}");
    let deletion = format!("DELETE {INSTANCE}");
    let ask = async |line: &str| send_body(&url, line, &[AUTH], provision().to_string()).await;

    // It is killed while it waits for the echo service to delete.
    let killed_while_deleting = async || {
        let asked = deletes(&server, slowly(Duration::from_secs(3600))).await;
        let broker = start();
        assert_eq!(ask(&creation).await.unwrap().status, 201);
        let killed = async {
            asked.notified().await;
            broker.end_by("KILL").unwrap();
        };
        let (answer, ()) = tokio::join!(ask(&deletion), killed);
        assert!(answer.is_err());
    };
    // While the echo service is sick, nobody knows whether the instance is there.
    let sick = async || {
        deletes(&server, ResponseTemplate::new(500)).await;
        let broker = start();
        for line in [&creation, &deletion] {
            let answer = ask(line).await.unwrap();
            assert_eq!(answer.status, 502, "{line}: {answer}");
        }
        broker
    };

    killed_while_deleting().await;
    sick().await.end_by("KILL").unwrap();
    // It is well again, if slow: who asks waits, and hears how it has ended.
    deletes(&server, slowly(Duration::from_millis(300))).await;
    let broker = start();
    let answer = ask(&deletion).await.unwrap();
    assert_eq!(answer.status, 410, "{answer}");
    assert_eq!(broker.end_by("TERM").unwrap().0, Some(0));

    killed_while_deleting().await;
    let broker = sick().await;
    // It gets well while the broker runs: the next who asks hears of it, however
    // long the broker meant to wait with its next attempt.
    deletes(&server, slowly(Duration::ZERO)).await;
    let answer = ask(&deletion).await.unwrap();
    assert_eq!(answer.status, 410, "{answer}");
    assert_eq!(broker.end_by("TERM").unwrap().0, Some(0));
}
