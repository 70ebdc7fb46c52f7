//! Connections to the echo service that are used again.
//!
//! Whoever calls drives his connection himself while he waits for the answer. A
//! task of its own for each connection, as ready-made clients have it, would be
//! woken twice a call, which costs more than the call.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::{Duration, Instant};

use http::header::HOST;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serving::StartError;
use tokio::net::TcpStream;
use tower_service::Service as _;

use super::EchoError;

/// How long a connection to the echo service may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of an answer that are read; a right one has some hundred.
const ANSWER_LIMIT: usize = 64 * 1024;

/// How many connections are kept that nobody uses, and how long: a server may
/// vanish without a word.
const MOST_IDLE: usize = 64;
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// The connections to one server.
pub(super) struct Lines {
    connector: HttpsConnector<HttpConnector>,
    server: Uri,
    host: HeaderValue,
    /// What stands before every path.
    base: String,
    /// Since when nobody uses it.
    idle: Mutex<Vec<(Instant, Line)>>,
}

/// A connection.
struct Line {
    requests: SendRequest<String>,
    /// There until it has ended. Only when it is dropped, hyper tells those who
    /// wait for it.
    connection: Option<Connection<MaybeHttpsStream<TokioIo<TcpStream>>, String>>,
}

/// A status and a body, or `None` for one that is too long.
pub(super) type Answer = (StatusCode, Option<Bytes>);

/// Why there is no answer.
enum Broken {
    /// The connection had been closed before the request was sent.
    Before,
    /// It broke off afterwards.
    Meanwhile,
}

impl Lines {
    /// Connections to the server of this URL, below its path.
    pub(super) fn new(url: &str, tls: ClientConfig) -> Result<Lines, StartError> {
        let unusable = |why: String| StartError::Other(format!("{url}: {why}"));
        let server: Uri = url.parse().map_err(|why| unusable(format!("{why}")))?;
        let host = server
            .authority()
            .map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(host).map_err(|why| unusable(why.to_string()))?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Lines {
            connector,
            base: server.path().trim_end_matches('/').to_owned(),
            server,
            host,
            idle: Mutex::default(),
        })
    }

    /// What the server answers to a request without a body.
    pub(super) async fn call(&self, method: &Method, path: &str) -> Result<Answer, EchoError> {
        loop {
            let (mut line, is_new) = match self.take_idle() {
                Some(line) => (line, false),
                None => (self.connect().await?, true),
            };
            match line.call(self.request(method, path)?).await {
                Ok(answer) => {
                    // The rest of what is too long is still to come.
                    if answer.1.is_some() {
                        self.keep(line);
                    }
                    return Ok(answer);
                }
                // The server has closed it while nobody used it.
                Err(Broken::Before) if !is_new => {}
                Err(_) => return Err(EchoError::BrokenOff),
            }
        }
    }

    fn request(&self, method: &Method, path: &str) -> Result<Request<String>, EchoError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, &self.host);
        // The path is made of ids that have been read, and encoded again.
        let request = request.body(String::new());
        request.map_err(|_| EchoError::Unreachable)
    }

    async fn connect(&self) -> Result<Line, EchoError> {
        // It is always ready.
        let stream = self.connector.clone().call(self.server.clone()).await;
        let stream = stream.map_err(|_| EchoError::Unreachable)?;
        let made = handshake(stream).await;
        let (requests, connection) = made.map_err(|_| EchoError::Unreachable)?;
        Ok(Line {
            requests,
            connection: Some(connection),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Line)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<Line> {
        let mut idle = self.idle();
        idle.retain(|(since, _)| since.elapsed() < LONGEST_IDLE);
        idle.pop().map(|(_, line)| line)
    }

    fn keep(&self, line: Line) {
        let mut idle = self.idle();
        if line.connection.is_some() && idle.len() < MOST_IDLE {
            idle.push((Instant::now(), line));
        }
    }
}

impl Line {
    async fn call(&mut self, request: Request<String>) -> Result<Answer, Broken> {
        let Line {
            requests,
            connection,
        } = self;
        let mut answer = pin!(async {
            requests.ready().await.map_err(|_| Broken::Before)?;
            let response = requests.send_request(request).await;
            let response = response.map_err(|error| match error.is_canceled() {
                true => Broken::Before,
                false => Broken::Meanwhile,
            })?;
            let (head, body) = response.into_parts();
            match Limited::new(body, ANSWER_LIMIT).collect().await {
                Ok(body) => Ok((head.status, Some(body.to_bytes()))),
                Err(error) if error.is::<LengthLimitError>() => Ok((head.status, None)),
                Err(_) => Err(Broken::Meanwhile),
            }
        });
        let mut drive = |context: &mut Context<'_>| {
            let ended = connection
                .as_mut()
                .is_some_and(|connection| Pin::new(connection).poll(context).is_ready());
            if ended {
                // How, the answer tells.
                *connection = None;
            }
        };
        poll_fn(|context| {
            drive(context);
            let answer = answer.as_mut().poll(context);
            if answer.is_pending() {
                // It may just have handed over the request.
                drive(context);
            }
            answer
        })
        .await
    }
}
