//! The load: requests over kept connections, as many as are answered in a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use broker::instance::Instance;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How many connections are kept.
pub(crate) const CONNECTIONS: usize = 32;

/// What one connection does over and over: the requests of turn `n`.
pub(crate) struct Load(Arc<dyn Fn(u64) -> Vec<Vec<u8>> + Send + Sync>);

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

const HEAD: &str = "Host: 127.0.0.1\r\nAuthorization: Basic dXNlcjpwYXNz\r\nX-Broker-API-Version: 2.17\r\nAccept: application/json\r\n";

fn request(line: &str, body: Option<&str>) -> Vec<u8> {
    let body = body.map_or("\r\n".to_owned(), |body| {
        format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    format!("{line} HTTP/1.1\r\n{HEAD}{body}").into_bytes()
}

/// The catalog, again and again.
pub(crate) fn catalog() -> Load {
    Load(Arc::new(|_| vec![request("GET /v2/catalog", None)]))
}

/// Provision, bind, unbind, deprovision, with fresh ids each time.
pub(crate) fn lifecycle() -> Load {
    // Ids go on over all measurements, so that none is used twice.
    static TURNS: AtomicU64 = AtomicU64::new(0);
    let ids = json!({"service_id": "echo_service", "plan_id": "big_0001"});
    let bind = ids.to_string();
    let mut provision = ids;
    provision["organization_guid"] = "o".into();
    provision["space_guid"] = "s".into();
    let provision = provision.to_string();
    Load(Arc::new(move |_| {
        let n = TURNS.fetch_add(1, Ordering::Relaxed);
        let instance = format!("/v2/service_instances/instance-{n}");
        let binding = format!("{instance}/service_bindings/binding-{n}");
        let hints = "service_id=echo_service&plan_id=big_0001";
        vec![
            request(&format!("PUT {instance}"), Some(&provision)),
            request(&format!("PUT {binding}"), Some(&bind)),
            request(&format!("DELETE {binding}?{hints}"), None),
            request(&format!("DELETE {instance}?{hints}"), None),
        ]
    }))
}

/// An instance as it lies in a store.
pub(crate) fn stored_instance() -> Instance {
    serde_json::from_value(json!({
        "asked": {
            "service_id": "echo_service",
            "plan_id": "big_0001",
            "organization_guid": "a-guid-of-an-organization",
            "space_guid": "a-guid-of-a-space",
            "parameters": {},
            "maintenance_version": null,
        },
        "backend": "echo",
        "dashboard_url": "http://127.0.0.1:8090/echo/dashboard/an-instance",
        "metadata": null,
        "phase": "ready",
        "operation": {"id": "op-0-0", "kind": "create", "is_async": false, "state": "succeeded"},
        "update": null,
    }))
    .unwrap()
}

impl Load {
    /// Loads the server at `url` for `span`.
    pub(crate) async fn measure(&self, url: &str, connections: usize, span: Duration) -> Measured {
        let address = url.trim_start_matches("http://").to_owned();
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let (address, requests) = (address.clone(), self.0.clone());
            tasks.spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut connection = BufReader::new(stream);
                let mut times = Vec::new();
                let mut turn = 0;
                while started.elapsed() < span {
                    for request in requests(turn) {
                        let sent = Instant::now();
                        connection.get_mut().write_all(&request).await.unwrap();
                        let status = answer(&mut connection).await;
                        assert!((200..300).contains(&status), "{status}");
                        times.push(sent.elapsed());
                    }
                    turn += 1;
                }
                times
            });
        }
        let mut times: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
        let took = started.elapsed();
        times.sort();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        Measured {
            per_second: times.len() as f64 / took.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

/// Reads an answer and gives its status.
async fn answer(connection: &mut BufReader<TcpStream>) -> u16 {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}
