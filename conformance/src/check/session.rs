//! One run against one target: sends calls, records the exchanges, has the
//! rules judge each of them, and keeps the ledger.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fixtures::ApiVersion;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::activity::{Activity, Around};
use super::book::{Book, Finding, Sign};
use super::call::{Call, Endpoint, Resource};
use super::ledger::{Entry, Ledger};
use super::options::{Auth, Options};
use super::patience::{Moment, Patience};
use super::rules;
use super::subject::Subject;
use crate::client::Client;
use crate::exchange::{Answer, Exchange, Failure, Request, Role};
use crate::fresh::fresh_id;
use crate::interrupt::Interrupt;
use crate::secrets::{Secrets, basic};

/// The requirements that are judged by how an exchange goes.
pub(crate) const JUDGES: &[&str] = &["async.prompt-response", "errors.5xx-no-side-effects"];

/// Names of header fields of the user's whose values are kept secret.
const SECRET_NAMES: [&str; 5] = ["auth", "cookie", "key", "secret", "token"];

/// How many times longer than others a request may take that has to make or to
/// delete something: platforms wait for it for a minute.
const WORK: u32 = 6;

/// How long answers of the moment are waited for in a run that turn out to last,
/// and how long, for each, from then on.
const LONGEST_IN_VAIN: Duration = Duration::from_secs(60);
const IMPATIENT: Duration = Duration::from_millis(50);

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
    pub(crate) unread: Option<String>,
    /// Whether the same request was answered 503 before: then it may have had its
    /// effect already.
    pub(crate) is_after_503: bool,
    pub(crate) answer: Answer,
}

impl Reply {
    /// Whether a deletion is told that there was nothing to delete, and no request
    /// before it can have deleted it.
    pub(crate) fn says_gone(&self) -> bool {
        self.status == 410 && !self.is_after_503
    }

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
    activity: Mutex<Activity>,
    /// Whether the last request got no answer.
    is_silent: AtomicBool,
}

/// What has been seen so far.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) book: Book,
    /// How many of the exchanges count against the limit.
    counted: usize,
    /// How long was waited for answers of the moment that have lasted, since one did
    /// not.
    in_vain: Duration,
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
            activity: Mutex::default(),
            is_silent: AtomicBool::new(false),
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

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is under way on these instances: nobody follows it any more.
    pub(crate) fn forget(&self, instances: &[String]) {
        self.activity().forget(instances);
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

    /// Sends a call to judge its answer, and again after a pause while that is one
    /// of the moment. If it lasts, it is judged like any other, unless something
    /// else may be the reason. With `is_wanted`, so is a `ConcurrencyError` while
    /// nothing else is under way.
    pub(crate) async fn patiently<F: Future<Output = ()>>(
        &self,
        call: &Call,
        subject: Option<&Subject>,
        is_wanted: bool,
        pause: impl Fn(Duration) -> F,
    ) -> Result<Reply, Stop> {
        let mut patience = Patience::new();
        let mut is_after_503 = false;
        loop {
            let before = self.activity().around(call);
            let mut reply = self.send(call, subject).await?;
            reply.is_after_503 = is_after_503;
            let Some(moment) = Moment::of(&reply) else {
                if !patience.waited.is_zero() {
                    self.record().in_vain = Duration::ZERO;
                }
                return Ok(reply);
            };
            let around = before.max(self.activity().around(call));
            if is_wanted && (moment, around) == (Moment::Concurrency, Around::Nothing) {
                return Ok(reply);
            }
            is_after_503 |= moment == Moment::Unavailable;
            let longest = moment.longest(around, self.options.operation_timeout);
            let longest = match self.record().in_vain >= LONGEST_IN_VAIN {
                true => longest.min(IMPATIENT),
                false => longest,
            };
            patience.turn_to(around);
            match (patience.after(&reply, longest), moment.hinders(around)) {
                (Some(span), _) => pause(span).await,
                (None, hinders) => {
                    self.record().in_vain += patience.waited;
                    return match hinders {
                        Some(why) => {
                            let (asked, status) = (&reply.asked, reply.status);
                            let why = format!("{asked} was answered {status} {why}");
                            Err(Stop::Because(why))
                        }
                        None => Ok(reply),
                    };
                }
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

    /// Whether the last request got no answer.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }

    /// Enters in the ledger what a call may create, or move to another plan.
    fn account_for(&self, call: &Call, subject: &Subject) -> io::Result<()> {
        let Some(resource) = &call.resource else {
            return Ok(());
        };
        let plan_id = call.given("plan_id").and_then(Value::as_str);
        match (call.endpoint, plan_id) {
            (Endpoint::Provision | Endpoint::Bind, _) => self.ledger.enter(Entry {
                instance: resource.instance.clone(),
                binding: resource.binding.clone(),
                service_id: subject.service_id.clone(),
                plan_id: subject.plan_id.clone(),
                later_plan_ids: Vec::new(),
            }),
            (Endpoint::Update, Some(plan_id)) if subject.offers(plan_id) => {
                self.ledger.enter_plan(resource, plan_id)
            }
            _ => Ok(()),
        }
    }

    /// How long an answer may take. What has to make something, or has something to
    /// delete, may take longer.
    fn limit(&self, call: &Call, request: &Request) -> Duration {
        let is_work = |resource| request.method != "GET" && self.ledger.has(resource);
        match call.resource.as_ref().is_some_and(is_work) {
            true => self.client.timeout().saturating_mul(WORK),
            false => self.client.timeout(),
        }
    }

    /// How long to wait until a creation that got no answer has had its effect, if it
    /// is not certain yet.
    pub(crate) fn may_appear_within(&self, resource: &Resource) -> Option<Duration> {
        let since = self.ledger.unanswered_for(resource)?;
        let left = self.client.timeout().saturating_sub(since);
        (!left.is_zero()).then_some(left)
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
        self.activity().begin(call, &request);
        let sent = Instant::now();
        let limit = self.limit(call, &request);
        let result = self.client.send_within(&request, limit).await;
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
        {
            let state = json.as_ref().and_then(|body: &Value| body.get("state"));
            let state = state.and_then(Value::as_str);
            let told = result.as_ref().ok().map(|answer| (answer.status, state));
            self.activity().end(call, &request, told);
        }
        let mut findings = match &result {
            // Who stands before a broker may say these in its place.
            Ok(answer) if matches!(answer.status, 429 | 503) => Vec::new(),
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
        self.is_silent.store(result.is_err(), Ordering::Relaxed);
        let may_go_on = match &result {
            // Who stands before a broker says so when that is too slow.
            Ok(answer) => matches!(answer.status, 408 | 502 | 504),
            Err(failure) => failure.may_have_arrived(),
        };
        if let Some(resource) = call.resource.as_ref().filter(|_| call.creates())
            && may_go_on
        {
            self.ledger.unanswered(resource);
        }
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
                is_after_503: false,
                answer,
            }),
            Err(failure) => Err((asked, failure)),
        }
    }

    /// Strikes off what an answered deletion has removed. What is said to one with a
    /// defect need not be so.
    fn strike(&self, call: &Call, status: u16) {
        let deletes = matches!(call.endpoint, Endpoint::Deprovision | Endpoint::Unbind);
        let Some(resource) = call.resource.as_ref().filter(|_| deletes) else {
            return;
        };
        let Some(entry) = self.ledger.entry(resource) else {
            return;
        };
        let is_gone = match status {
            200 | 201 | 203..=299 => true,
            // With a plan that it need not have any more, this says little.
            404 | 410 => {
                entry.later_plan_ids.is_empty() && self.may_appear_within(resource).is_none()
            }
            _ => false,
        };
        if is_gone && call.is_hinted(&entry.service_id, entry.plans()) {
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
