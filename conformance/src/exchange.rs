//! What was sent and what came back, as owned, plain data.

use std::fmt;
use std::time::Duration;

/// A request, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The verb.
    pub method: String,
    /// Path and query below the target's URL, as they go over the wire.
    pub path: String,
    /// The header fields asked for.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
}

impl Request {
    /// The header fields that are sent: those asked for, and what each request
    /// says unless asked otherwise. (`Host` and `Content-Length` are the
    /// business of whoever writes to the wire.)
    pub fn sent_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        let agent = concat!("conformance/", env!("CARGO_PKG_VERSION"));
        for (name, value) in [("Accept", "application/json"), ("User-Agent", agent)] {
            if self.header(name).is_none() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        headers
    }

    /// The value of a header field asked for.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Whether the verb is one that HTTP expects a body with, so that a body
    /// which is empty says so by `Content-Length: 0`.
    pub(crate) fn announces_empty_body(&self) -> bool {
        self.body.is_none() && ["PUT", "POST", "PATCH"].contains(&self.method.as_str())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text; what is no UTF-8 becomes `U+FFFD`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There was no connection.
    #[error("{0}")]
    Unreachable(String),
    /// The answer was not there, or not complete, in time.
    #[error("no complete answer within {0:?}")]
    TimedOut(Duration),
    /// The connection ended in the middle, or what came was no HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer's body did not end.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// HTTP has no way to say what was asked for.
    #[error("it cannot be sent: {0}")]
    Unsendable(String),
}

impl Failure {
    /// Whether the target may have received the request and acted on it.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Failure::Unreachable(_) | Failure::Unsendable(_))
    }
}

/// What a request was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To bring the target into the state that the example starts from.
    Setup,
    /// To judge the answer.
    Judged,
    /// To follow the operation that the request before has begun.
    Poll,
    /// To tell an id that is taken from a wrong answer.
    Control,
    /// To remove what was created.
    CleanUp,
}

/// A request, what it was sent for, and what came of it. Credentials are
/// replaced when it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What it was sent for.
    pub role: Role,
    /// What was sent.
    pub request: Request,
    /// What came of it.
    pub result: Result<Answer, Failure>,
}
