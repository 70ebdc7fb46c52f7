//! A broker that is killed under load, again and again.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use serving::testing::{Process, Received, send, send_body};
use tokio::sync::{Barrier, Notify, Semaphore};
use tokio::task::JoinSet;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::common::{AUTH, INSTANCE, provision};

const BINDING: &str = "/v2/service_instances/mynewinstance/service_bindings/myappid";

const BROKER: &str = env!("CARGO_BIN_EXE_broker");

/// How often the broker is killed.
const ROUNDS: usize = 20;

/// How many platforms send requests at the same time.
const PLATFORMS: usize = 8;

/// How many instances a platform has.
const INSTANCES: usize = 3;

/// The bindings that an instance may have.
const BINDINGS: [&str; 3] = ["b0", "b1", "b2"];

/// Synchronous and asynchronous plans of the showcase that can do everything.
const SYNC: (&str, &str) = (
    "4f1b7a3e-0d5e-4c3c-9f0e-000000000001",
    "4f1b7a3e-0d5e-4c3c-9f0e-000000000101",
);
const ASYNC: (&str, &str) = (
    "4f1b7a3e-0d5e-4c3c-9f0e-000000000002",
    "4f1b7a3e-0d5e-4c3c-9f0e-000000000201",
);

/// Numbers of which every run has the same (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) as usize % end
    }
}

/// How things are with an instance or a binding.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Absent,
    /// It is there, with these parameters.
    There(Value),
}

/// A request, and how things are once it has had its effect.
#[derive(Clone, Debug)]
struct Sent {
    line: String,
    body: Value,
    then: State,
}

/// What a platform knows of an instance or a binding.
#[derive(Clone, Debug)]
enum Known {
    /// This was acknowledged.
    Sure(State),
    /// An operation was accepted that leads to this.
    Accepted { operation: String, then: State },
    /// This got no answer.
    Unsure(Sent),
}

/// An instance, or a binding of it.
type Resource = (String, Option<&'static str>);

fn path((instance, binding): &Resource) -> String {
    match binding {
        None => format!("/v2/service_instances/{instance}"),
        Some(id) => format!("/v2/service_instances/{instance}/service_bindings/{id}"),
    }
}

/// A platform with ids of its own.
struct Platform {
    url: String,
    number: usize,
    random: Random,
    /// How often it has asked for anything.
    turn: usize,
    /// What is not in it is absent.
    known: BTreeMap<Resource, Known>,
}

impl Platform {
    fn new(url: String, number: usize) -> Platform {
        Platform {
            url,
            number,
            random: Random(number as u64),
            turn: 0,
            known: BTreeMap::new(),
        }
    }

    /// The offering and the plan of all its instances.
    fn plan(&self) -> (&'static str, &'static str) {
        match self.number.is_multiple_of(2) {
            true => SYNC,
            false => ASYNC,
        }
    }

    async fn call(&self, line: &str, body: &Value) -> io::Result<Received> {
        let headers = [AUTH, ("X-Broker-API-Version", "2.17")];
        send_body(&self.url, line, &headers, body.to_string()).await
    }

    /// A request that is to lead to `then`. All accept to wait.
    fn to(&self, verb: &str, of: &Resource, more: Value, then: State) -> Sent {
        let (service, plan) = self.plan();
        let mut line = format!("{verb} {}?accepts_incomplete=true", path(of));
        let mut body = json!({"service_id": service, "plan_id": plan, "organization_guid": "o", "space_guid": "s"});
        if verb == "DELETE" {
            line = format!("{line}&service_id={service}&plan_id={plan}");
        }
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Sent { line, body, then }
    }

    fn deletion(&self, of: &Resource) -> Sent {
        self.to("DELETE", of, json!({}), State::Absent)
    }

    fn state(&self, of: &Resource) -> State {
        match self.known.get(of) {
            None => State::Absent,
            Some(Known::Sure(state)) => state.clone(),
            other => panic!("{of:?} is {other:?}"),
        }
    }

    fn resources(instance: &str) -> impl Iterator<Item = Resource> {
        let ids = [None].into_iter().chain(BINDINGS.map(Some));
        ids.map(move |id| (instance.to_owned(), id))
    }

    fn instances(&self) -> Vec<String> {
        (0..INSTANCES)
            .map(|n| format!("p{}-{n}", self.number))
            .collect()
    }

    /// Sends a request and notes what is known then. No answer is an error.
    async fn send(&mut self, of: &Resource, sent: Sent) -> io::Result<()> {
        let answer = match self.call(&sent.line, &sent.body).await {
            Ok(answer) => answer,
            Err(error) => {
                self.known.insert(of.clone(), Known::Unsure(sent));
                return Err(error);
            }
        };
        let known = match (answer.status, &sent.then) {
            (202, _) => Known::Accepted {
                operation: answer.json()["operation"].as_str().unwrap().to_owned(),
                then: sent.then,
            },
            (200 | 201, _) | (410, State::Absent) => Known::Sure(sent.then),
            _ => panic!("{}: {answer}", sent.line),
        };
        self.note(of, known);
        Ok(())
    }

    /// The bindings of an instance go with it.
    fn note(&mut self, of: &Resource, known: Known) {
        if of.1.is_none() && matches!(known, Known::Sure(State::Absent)) {
            for binding in BINDINGS {
                self.known.remove(&(of.0.clone(), Some(binding)));
            }
        }
        self.known.insert(of.clone(), known);
    }

    /// Asks how an accepted operation stands, and whether it has ended.
    async fn poll(&mut self, of: &Resource, operation: &str, then: State) -> io::Result<bool> {
        let line = format!("GET {}/last_operation?operation={operation}", path(of));
        let answer = self.call(&line, &Value::Null).await?;
        assert_eq!(answer.status, 200, "{line} was accepted: {answer}");
        let state = &answer.json()["state"];
        if state == "in progress" {
            return Ok(false);
        }
        assert_eq!(state, "succeeded", "{line}: {answer}");
        self.note(of, Known::Sure(then));
        Ok(true)
    }

    /// What it does next with one of its instances: one thing at a time.
    async fn step(&mut self) -> io::Result<()> {
        let instances = self.instances();
        let id = &instances[self.random.below(INSTANCES)];
        for of in Self::resources(id) {
            if let Some(Known::Accepted { operation, then }) = self.known.get(&of).cloned() {
                return self.poll(&of, &operation, then).await.map(drop);
            }
        }
        self.turn += 1;
        let parameters = json!({"greeting": self.turn.to_string()});
        let (asked, then) = (json!({"parameters": parameters}), State::There(parameters));
        let instance = (id.clone(), None);
        let (from, to) = (self.random.below(3), self.random.below(3));
        let (from, to) = (
            (id.clone(), Some(BINDINGS[from])),
            (id.clone(), Some(BINDINGS[to])),
        );
        let what = self.random.below(10);
        let is_there = |of: &Resource| self.state(of) != State::Absent;
        let bound = State::There(json!({}));
        let (of, sent) = match (is_there(&instance), what) {
            (false, _) => (&instance, self.to("PUT", &instance, asked, then)),
            (true, 0) => (&instance, self.deletion(&instance)),
            (true, 1 | 2) if is_there(&to) => (&to, self.deletion(&to)),
            (true, 3..) if is_there(&from) && !is_there(&to) => {
                let rotation = json!({"predecessor_binding_id": from.1});
                (&to, self.to("PUT", &to, rotation, bound))
            }
            (true, 3..) if !is_there(&to) => (&to, self.to("PUT", &to, json!({}), bound)),
            (true, _) => (&instance, self.to("PATCH", &instance, asked, then)),
        };
        self.send(of, sent).await
    }

    /// Does one thing after the other until the broker is gone.
    async fn work(&mut self, acknowledged: &Semaphore) {
        while self.step().await.is_ok() {
            acknowledged.add_permits(1);
        }
    }

    /// Deletes something, however long what is in progress takes.
    async fn delete(&mut self, of: &Resource) {
        let deletion = self.deletion(of);
        loop {
            let answer = self.call(&deletion.line, &deletion.body).await.unwrap();
            match answer.status {
                410 => break,
                200 | 202 | 422 => tokio::task::yield_now().await,
                _ => panic!("{}: {answer}", deletion.line),
            }
        }
        self.note(of, Known::Sure(State::Absent));
    }

    /// Finds out what it is not sure of, in one of the ways of platforms: the
    /// same request again, or a deletion.
    async fn make_sure(&mut self) {
        for (of, known) in self.known.clone() {
            if let Known::Unsure(sent) = known {
                match self.random.below(3) {
                    0 => self.delete(&of).await,
                    _ => self.send(&of, sent).await.unwrap(),
                }
            }
        }
        for (of, known) in self.known.clone() {
            if let Known::Accepted { operation, then } = known {
                while !self.poll(&of, &operation, then.clone()).await.unwrap() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Checks that everything acknowledged holds, here and at the echo service.
    async fn check(&self, echo_url: &str) {
        for id in self.instances() {
            let mut bindings = 0;
            for of in Self::resources(&id) {
                // Nothing is bound to what is not there.
                if of.1.is_some() && self.state(&(id.clone(), None)) == State::Absent {
                    continue;
                }
                let fetched = self.call(&format!("GET {}", path(&of)), &Value::Null).await;
                let fetched = fetched.unwrap();
                match self.state(&of) {
                    State::Absent => assert_eq!(fetched.status, 404, "{of:?}: {fetched}"),
                    State::There(parameters) => {
                        assert_eq!(fetched.status, 200, "{of:?}: {fetched}");
                        assert_eq!(fetched.json()["parameters"], parameters, "{of:?}");
                        bindings += usize::from(of.1.is_some());
                    }
                }
            }
            let line = format!("GET /echo/dashboard/{id}");
            let page = send(echo_url, &line, &[]).await.unwrap();
            match self.state(&(id.clone(), None)) {
                State::Absent => assert_eq!(page.status, 404, "{id} is an orphan"),
                State::There(_) => {
                    let row = format!("<td>{id}</td><td>{bindings}</td>");
                    assert!(page.body.contains(&row), "{row}: {page}");
                }
            }
        }
    }

    async fn delete_all(&mut self) {
        for id in self.instances() {
            self.delete(&(id, None)).await;
        }
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
    let mut random = Random(7);
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
    let url = format!("http://127.0.0.1:{port}");
    let mut platforms: Vec<Platform> = (0..PLATFORMS)
        .map(|number| Platform::new(url.clone(), number))
        .collect();
    for round in 0..ROUNDS {
        let broker = Process::start(BROKER, &args, &[]).unwrap();
        assert!(
            broker.ready.starts_with("broker listens"),
            "round {round}: {}",
            broker.ready
        );
        let acknowledged = Arc::new(Semaphore::new(0));
        // It is killed when all have looked at what the last time has left.
        let looked = Arc::new(Barrier::new(PLATFORMS));
        let mut working = JoinSet::new();
        for mut platform in platforms.drain(..) {
            let (acknowledged, echo) = (acknowledged.clone(), echo.clone());
            let looked = looked.clone();
            working.spawn(async move {
                platform.make_sure().await;
                platform.check(&echo).await;
                looked.wait().await;
                platform.work(&acknowledged).await;
                platform
            });
        }
        // Killed after some requests, never at a quiet moment.
        let enough = 20 + random.below(180);
        tokio::select! {
            permits = acknowledged.acquire_many(u32::try_from(enough).unwrap()) => drop(permits),
            ended = working.join_next() => {
                panic!("round {round}: {:?}", ended.map(|ended| ended.map(|p| p.known)));
            }
        }
        broker.end_by("KILL").unwrap();
        platforms = working.join_all().await;
    }
    let broker = Process::start(BROKER, &args, &[]).unwrap();
    for platform in &mut platforms {
        platform.make_sure().await;
        platform.check(&echo).await;
        platform.delete_all().await;
        platform.check(&echo).await;
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

    let (binding, unbinding) = (format!("PUT {BINDING}"), format!("DELETE {BINDING}"));

    // It is killed while it waits for the echo service to delete after all this.
    let killed_while_deleting = async |made: &[&String], deletion: &String| {
        let asked = deletes(&server, slowly(Duration::from_secs(3600))).await;
        let broker = start();
        for line in made {
            assert_eq!(ask(line).await.unwrap().status, 201);
        }
        let killed = async {
            asked.notified().await;
            broker.end_by("KILL").unwrap();
        };
        let (answer, ()) = tokio::join!(ask(deletion), killed);
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

    killed_while_deleting(&[&creation], &deletion).await;
    sick().await.end_by("KILL").unwrap();
    // It is well again, if slow: who asks waits, and hears how it has ended.
    deletes(&server, slowly(Duration::from_millis(300))).await;
    let broker = start();
    let answer = ask(&deletion).await.unwrap();
    assert_eq!(answer.status, 410, "{answer}");
    assert_eq!(broker.end_by("TERM").unwrap().0, Some(0));

    killed_while_deleting(&[&creation], &deletion).await;
    let broker = sick().await;
    // It gets well while the broker runs: the next who asks hears of it, however
    // long the broker meant to wait with its next attempt.
    deletes(&server, slowly(Duration::ZERO)).await;
    let answer = ask(&deletion).await.unwrap();
    assert_eq!(answer.status, 410, "{answer}");
    assert_eq!(broker.end_by("TERM").unwrap().0, Some(0));

    // What is asked of an instance waits for its bindings.
    killed_while_deleting(&[&creation, &binding], &unbinding).await;
    deletes(&server, slowly(Duration::from_millis(300))).await;
    let broker = start();
    let answer = ask(&deletion).await.unwrap();
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(broker.end_by("TERM").unwrap().0, Some(0));
}
