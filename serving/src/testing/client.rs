//! A client: what it is told to send goes over the wire unchanged, one
//! connection a request.

use std::fmt;

use serde_json::Value;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// The status code.
    pub status: u16,
    /// Names (in lower case) and values, as they came.
    pub headers: Vec<(String, String)>,
    /// The body; bytes that are no UTF-8 replaced.
    pub body: String,
}

/// A request without a body: `line` is verb and path, as in `GET /health`.
pub async fn send(url: &str, line: &str, headers: &[(&str, &str)]) -> io::Result<Received> {
    send_bytes(url, &head(url, line, headers)).await
}

/// A request with a body.
pub async fn send_body(
    url: &str,
    line: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> io::Result<Received> {
    let length = body.as_ref().len().to_string();
    let headers = [headers, &[("Content-Length", length.as_str())]].concat();
    let mut bytes = head(url, line, &headers);
    bytes.extend_from_slice(body.as_ref());
    send_bytes(url, &bytes).await
}

/// A request in bytes, well-formed or not. It has to ask for `Connection:
/// close`, or the answer never ends.
pub async fn send_bytes(url: &str, request: &[u8]) -> io::Result<Received> {
    let mut stream = TcpStream::connect(authority(url)).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Received::parse(&String::from_utf8_lossy(&answer))
        .ok_or_else(|| io::Error::other("the answer is no HTTP"))
}

fn authority(url: &str) -> &str {
    url.trim_start_matches("http://")
}

fn head(url: &str, line: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head += &format!("Host: {}\r\n", authority(url));
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    head.into_bytes()
}

impl Received {
    fn parse(answer: &str) -> Option<Received> {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body = body.to_owned();
        Some(Received {
            status,
            headers,
            body,
        })
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(have, _)| have == name)?;
        Some(value)
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// The whole answer but for what Rocket and hyper add to each.
impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ADDED: [&str; 6] = [
            "connection",
            "content-length",
            "date",
            "permissions-policy",
            "x-content-type-options",
            "x-frame-options",
        ];
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            if !ADDED.contains(&name.as_str()) {
                writeln!(f, "{name}: {value}")?;
            }
        }
        write!(f, "\n{}", self.body)
    }
}
