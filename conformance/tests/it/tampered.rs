//! The reference pair behind a door that may change what goes through it: a
//! true broker made wrong in one way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{CatalogSource, Config};
use serving::testing::{Received, send_bytes};
use serving::{Listen, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What is sent back.
pub(crate) enum Reply {
    /// The true answer.
    True,
    /// This answer; its body is JSON.
    Instead(u16, String),
    /// These bytes, and then nothing more.
    Bytes(Vec<u8>),
    /// The same bytes for ever, after these.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, until the client gives up.
    Silence,
}

/// What the true servers say is looked at with the request.
type Tamper = dyn Fn(&Sent, &Received) -> Reply + Send + Sync;

/// Whether a request is to be kept from the true servers.
type Blocked = dyn Fn(&Sent) -> bool + Send + Sync;

#[derive(Clone)]
struct Door {
    true_url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    blocked: Arc<Blocked>,
    tamper: Arc<Tamper>,
}

/// A target behind the door.
pub(crate) struct Tampered {
    pub(crate) url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    /// The true broker.
    pub(crate) broker: Running,
    pub(crate) echo: Running,
}

impl Tampered {
    /// A pair whose broker's answers go through `tamper`.
    pub(crate) async fn broker(
        tamper: impl Fn(&Sent, &Received) -> Reply + Send + Sync + 'static,
    ) -> Tampered {
        Tampered::start(
            CatalogSource::Documented,
            Arc::new(|_| false),
            Arc::new(tamper),
        )
        .await
    }

    /// The same with another catalog, whose asynchronous operations take a moment.
    pub(crate) async fn of_catalog(
        catalog: CatalogSource,
        tamper: impl Fn(&Sent, &Received) -> Reply + Send + Sync + 'static,
    ) -> Tampered {
        Tampered::start(catalog, Arc::new(|_| false), Arc::new(tamper)).await
    }

    /// A pair whose broker never sees the requests that `blocked` tells; they
    /// are answered 403.
    pub(crate) async fn blocking(
        blocked: impl Fn(&Sent) -> bool + Send + Sync + 'static,
    ) -> Tampered {
        let documented = CatalogSource::Documented;
        Tampered::start(documented, Arc::new(blocked), Arc::new(|_, _| Reply::True)).await
    }

    async fn start(catalog: CatalogSource, blocked: Arc<Blocked>, tamper: Arc<Tamper>) -> Tampered {
        let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
        let config = Config {
            catalog,
            async_delay: Duration::from_millis(200),
            ..Config::new(echo.url().parse().unwrap())
        };
        let broker = broker::start(Listen::locally(0), &config).await.unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let door = Door {
            true_url: broker.url(),
            sent: sent.clone(),
            blocked,
            tamper,
        };
        let url = door.serve().await;
        Tampered {
            url,
            sent,
            broker,
            echo,
        }
    }

    /// The requests so far, each as verb and path.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(Sent::line).collect()
    }

    /// The requests so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl Door {
    async fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let door = self.clone();
                tokio::spawn(async move {
                    // A client that has gone away needs no answer.
                    let _ = door.hand_on(client).await;
                });
            }
        });
        url
    }

    async fn hand_on(&self, mut client: TcpStream) -> std::io::Result<()> {
        let request = read(&mut client).await?;
        self.sent.lock().unwrap().push(request.clone());
        if (self.blocked)(&request) {
            return client.write_all(&json_answer(403, "{}")).await;
        }
        let received = send_bytes(&self.true_url, &request.bytes).await?;
        match (self.tamper)(&request, &received) {
            Reply::True => {
                let Received {
                    status,
                    headers,
                    body,
                } = received;
                client.write_all(&answer(status, &headers, &body)).await
            }
            Reply::Instead(status, body) => client.write_all(&json_answer(status, &body)).await,
            Reply::Bytes(bytes) => client.write_all(&bytes).await,
            Reply::Endless(first, then) => {
                client.write_all(&first).await?;
                loop {
                    client.write_all(&then).await?;
                }
            }
            Reply::Silence => client.read_u8().await.map(drop),
        }
    }
}

/// Reads a request; on the way to the true server it asks to close.
async fn read(client: &mut TcpStream) -> std::io::Result<Sent> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let (line, rest) = text.split_once("\r\n").unwrap();
    let headers: Vec<(String, String)> = rest
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    client.read_exact(&mut body).await?;
    let bytes = [
        format!("{line}\r\nConnection: close\r\n").as_bytes(),
        rest.as_bytes(),
        &body,
    ]
    .concat();
    let mut words = line.split(' ');
    Ok(Sent {
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        bytes,
    })
}

fn json_answer(status: u16, body: &str) -> Vec<u8> {
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    answer(status, &json, body)
}

fn answer(status: u16, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        if !["content-length", "connection"].contains(&name.as_str()) {
            text += &format!("{name}: {value}\r\n");
        }
    }
    format!("{text}\r\n{body}").into_bytes()
}
