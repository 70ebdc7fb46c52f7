//! A broker with an echo service behind it, and the documented requests.

use std::time::Duration;

use broker::{Config, EchoUrl};
use serde_json::{Value, json};
use serving::testing::{Received, send, send_body};
use serving::{Listen, Running};

/// The documented `Authorization` header.
pub(crate) const AUTH: (&str, &str) = ("Authorization", "Basic dXNlcjpwYXNz");

/// The path of the documented instance.
pub(crate) const INSTANCE: &str = "/v2/service_instances/mynewinstance";

/// A broker that listens.
pub(crate) struct Broker {
    running: Running,
    /// The echo service that it calls.
    pub(crate) echo_url: String,
}

impl Broker {
    /// A broker and an echo service of its own.
    pub(crate) async fn start() -> Broker {
        let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
        Broker::with_echo(&echo.url(), |_| {}).await
    }

    /// A broker for the echo service at `echo_url`, with changed settings.
    pub(crate) async fn with_echo(echo_url: &str, change: impl FnOnce(&mut Config)) -> Broker {
        let mut config = Config::new(echo_url.parse::<EchoUrl>().unwrap());
        change(&mut config);
        Broker {
            running: broker::start(Listen::locally(0), &config).await.unwrap(),
            echo_url: echo_url.to_owned(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    /// Stops it; its store is closed then.
    pub(crate) async fn stop(self) {
        self.running.stop(Duration::ZERO).await;
    }

    /// An authenticated request without a body.
    pub(crate) async fn send(&self, line: &str) -> Received {
        send(&self.url(), line, &[AUTH]).await.unwrap()
    }

    /// An authenticated PUT.
    pub(crate) async fn put(&self, path: &str, body: impl AsRef<[u8]>) -> Received {
        let line = format!("PUT {path}");
        send_body(&self.url(), &line, &[AUTH], body).await.unwrap()
    }

    /// Provisions the instance at `path` as documented.
    pub(crate) async fn provision(&self, path: &str) -> Received {
        self.put(path, provision().to_string()).await
    }

    /// Binds at `path` as documented.
    pub(crate) async fn bind(&self, path: &str) -> Received {
        self.put(path, bind().to_string()).await
    }

    /// What the echo service says to a request.
    pub(crate) async fn ask_echo(&self, line: &str) -> Received {
        send(&self.echo_url, line, &[]).await.unwrap()
    }
}

/// The documented body of a provision.
pub(crate) fn provision() -> Value {
    json!({
        "service_id": "echo_service",
        "plan_id": "small_0001",
        "organization_guid": "HP",
        "space_guid": "IT",
    })
}

/// The documented body of a bind.
pub(crate) fn bind() -> Value {
    json!({
        "service_id": "echo_service",
        "plan_id": "small_0001",
        "app_guid": "otherappid",
    })
}
