//! One run against one target: sends calls, records the exchanges, has the
//! rules judge each of them, and keeps the ledger.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fixtures::ApiVersion;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::book::{Book, Finding, Sign};
use super::call::{Call, Endpoint};
use super::ledger::{Entry, Ledger};
use super::options::{Auth, Options};
use super::rules;
use super::subject::Subject;
use crate::client::Client;
use crate::exchange::{Answer, Exchange, Failure, Role};
use crate::fresh::fresh_id;
use crate::interrupt::Interrupt;
use crate::secrets::{Secrets, basic};

/// The requirements that are judged by how an exchange goes.
pub(crate) const JUDGES: &[&str] = &["async.prompt-response", "errors.5xx-no-side-effects"];

/// Names of header fields of the user's whose values are kept secret.
const SECRET_NAMES: [&str; 5] = ["auth", "cookie", "key", "secret", "token"];

/// The header that a platform numbers its requests by.
pub(crate) const REQUEST_IDENTITY: &str = "X-Broker-API-Request-Identity";

/// Why nothing more can be judged here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The user interrupted.
    Interrupted,
    /// For this reason, in words for the broker's author.
    Because(String),
}

impl Stop {
    pub(crate) fn because(why: impl Into<String>) -> Stop {
        Stop::Because(why.into())
    }

    pub(crate) fn reason(&self) -> String {
        match self {
            Stop::Interrupted => "the run was interrupted".to_owned(),
            Stop::Because(why) => why.clone(),
        }
    }
}

/// An answer, and where its exchange is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) at: usize,
    pub(crate) status: u16,
    /// What was asked, as a reader is told of it.
    pub(crate) asked: String,
    /// The body, if it is JSON.
    pub(crate) json: Option<Value>,
    /// Why the body could not be read though it is JSON.
    unread: Option<String>,
    pub(crate) answer: Answer,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the broker refuses the request as the client's fault.
    pub(crate) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// A member of the body; null counts as absent.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        let member = self.json.as_ref()?.get(name)?;
        (!member.is_null()).then_some(member)
    }

    /// The error code of the body.
    pub(crate) fn code(&self) -> Option<&str> {
        self.member("error")?.as_str()
    }
}

/// A run.
pub(crate) struct Session {
    client: Client,
    pub(crate) options: Options,
    authorization: Option<String>,
    common: Vec<(String, String)>,
    secrets: Secrets,
    ledger: Ledger,
    interrupt: Interrupt,
    record: Mutex<Record>,
}

/// What has been seen so far.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) book: Book,
    /// How many of the exchanges count against the limit.
    counted: usize,
}

impl Session {
    pub(crate) fn new(
        client: Client,
        options: Options,
        ledger: Ledger,
        interrupt: Interrupt,
    ) -> Session {
        let (authorization, mut secrets) = match &options.auth {
            Some(Auth::Basic(credentials)) => (
                Some(basic(credentials.reveal())),
                Secrets::private(credentials.reveal()),
            ),
            Some(Auth::Token(token)) => (
                Some(format!("Bearer {}", token.reveal())),
                Secrets::token(token.reveal()),
            ),
            None => (None, Secrets::public("")),
        };
        for (name, value) in &options.headers {
            let name = name.to_ascii_lowercase();
            if SECRET_NAMES.iter().any(|secret| name.contains(secret)) {
                secrets = secrets.and(value);
            }
        }
        let version = options.api_version.to_string();
        let mut common = vec![("X-Broker-API-Version".to_owned(), version)];
        common.extend(options.headers.iter().cloned());
        Session {
            client,
            options,
            authorization,
            common,
            secrets,
            ledger,
            interrupt,
            record: Mutex::default(),
        }
    }

    pub(crate) fn version(&self) -> ApiVersion {
        self.options.api_version
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what the exchange at this position says.
    pub(crate) fn find(&self, at: usize, finding: Finding) {
        self.record().book.enter(at, finding);
    }

    /// Sends a call to judge its answer.
    pub(crate) async fn send(&self, call: &Call, subject: Option<&Subject>) -> Result<Reply, Stop> {
        if self.interrupt.is_raised() {
            return Err(Stop::Interrupted);
        }
        {
            let mut record = self.record();
            if record.counted >= self.options.max_requests {
                let most = self.options.max_requests;
                return Err(Stop::Because(format!(
                    "the run has sent its {most} requests; --max-requests allows more"
                )));
            }
            record.counted += 1;
        }
        if let Some(subject) = subject {
            self.account_for(call, subject)
                .map_err(|error| Stop::Because(format!("the ledger cannot be written: {error}")))?;
        }
        match self.exchange(call, subject, Role::Judged).await {
            Ok(Reply {
                asked,
                unread: Some(why),
                ..
            }) => Err(Stop::Because(format!(
                "{asked} was answered with JSON that is too much for this program: {why}"
            ))),
            Ok(reply) => Ok(reply),
            Err((asked, failure)) => {
                Err(Stop::Because(format!("{asked} got no answer: {failure}")))
            }
        }
    }

    /// Sends a call that cleans up: also when the run is to end.
    pub(crate) async fn clean(
        &self,
        call: &Call,
        subject: Option<&Subject>,
    ) -> Result<Reply, Failure> {
        let sent = self.exchange(call, subject, Role::CleanUp).await;
        sent.map_err(|(_, failure)| failure)
    }

    /// Enters in the ledger what a call may create.
    fn account_for(&self, call: &Call, subject: &Subject) -> io::Result<()> {
        match &call.resource {
            Some(resource) if call.creates() => self.ledger.enter(Entry {
                instance: resource.instance.clone(),
                binding: resource.binding.clone(),
                service_id: subject.service_id.clone(),
                plan_id: subject.plan_id.clone(),
            }),
            _ => Ok(()),
        }
    }

    async fn exchange(
        &self,
        call: &Call,
        subject: Option<&Subject>,
        role: Role,
    ) -> Result<Reply, (String, Failure)> {
        let identity = (REQUEST_IDENTITY.to_owned(), fresh_id());
        let mut common = self.common.clone();
        if self.version().is_at_least(15) {
            common.push(identity);
        }
        let request = call.request(&common, self.authorization.as_deref());
        let sent = Instant::now();
        let result = self.client.send(&request).await;
        let took = sent.elapsed();
        let shown = self.secrets.request(&request);
        let asked = shown.to_string();
        let (json, unread) = match &result {
            Ok(answer) => match read(&answer.body) {
                Ok(json) => (json, None),
                Err(error) => (None, Some(error.to_string())),
            },
            Err(_) => (None, None),
        };
        let mut findings = match &result {
            Ok(answer) if unread.is_none() => rules::judge(&rules::Sight {
                call,
                request: &request,
                answer,
                json: json.as_ref(),
                subject,
                expect: &self.options.expect,
                version: self.version(),
            }),
            _ => Vec::new(),
        };
        if let Ok(answer) = &result {
            self.strike(call, answer.status);
            let most = self.options.prompt;
            findings.push(Finding::judge(
                "async.prompt-response",
                took <= most,
                Sign::Deviates,
                format!("an answer within {most:?}"),
                format!("it took longer to answer {shown}"),
            ));
        }
        let at = {
            let mut record = self.record();
            let at = record.exchanges.len();
            record.exchanges.push(Exchange {
                role,
                request: shown,
                result: match &result {
                    Ok(answer) => Ok(self.secrets.answer(answer)),
                    Err(failure) => Err(failure.clone()),
                },
            });
            for mut finding in findings {
                finding.actual = self.secrets.hide(&finding.actual);
                record.book.enter(at, finding);
            }
            at
        };
        match result {
            Ok(answer) => Ok(Reply {
                at,
                status: answer.status,
                asked,
                json,
                unread,
                answer,
            }),
            Err(failure) => Err((asked, failure)),
        }
    }

    /// Strikes off what an answered deletion has removed.
    fn strike(&self, call: &Call, status: u16) {
        let deletes = matches!(call.endpoint, Endpoint::Deprovision | Endpoint::Unbind);
        let is_gone = matches!(status, 200 | 201 | 203..=299 | 404 | 410);
        if let (true, true, Some(resource)) = (deletes, is_gone, &call.resource) {
            self.ledger.strike(resource);
        }
    }
}

/// A body as JSON, if it is any. An error says why it cannot be held though it is:
/// JSON may be nested without end, and its numbers and texts know no bounds.
fn read(body: &[u8]) -> Result<Option<Value>, serde_json::Error> {
    let is_json =
        || std::str::from_utf8(body).is_ok() && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    match serde_json::from_slice(body) {
        Ok(json) => Ok(Some(json)),
        Err(error) if is_json() => Err(error),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn json_that_cannot_be_held_is_told_from_what_is_none() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for body in [r#"{"a": "\ud800"}"#, r#"{"a": 1e400}"#, &deep] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        for body in [&b"{"[..], b"", b"{\"a\": \"\xff\"}", b"{} {}", b"{'a': 1}"] {
            assert!(read(body).unwrap().is_none(), "{body:?}");
        }
        assert!(read(b" {} ").unwrap().is_some());
    }
}
