//! Replays examples against a target.
//!
//! Literal replay is exact: what is sent is what the document shows, and the
//! whole answer is compared. An example that names what a plan has to declare is
//! played on such a plan of the target's catalog. What was created is removed
//! again, whatever happened in between.

mod example;
mod plan;
mod poll;
mod removal;

use std::collections::{BTreeMap, BTreeSet};

use fixtures::{Example, Expectation, Fixture, HeaderName, Statuses, Step, Suite, Template};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use self::example::Playing;
use self::plan::Chosen;
use crate::bindings::{Bindings, DOCUMENTED_CREDENTIALS, Unplayable};
use crate::client::Client;
use crate::compare::compare;
use crate::exchange::{Answer, Exchange, Failure, Request, Role};
use crate::interrupt::Interrupt;
use crate::ledger::Ledger;
use crate::run::{ExampleRun, Leftover, Mismatch, Outcome, Reason, Run, Skip, SuiteRun};
use crate::secrets::Secrets;
use crate::target::Credentials;

/// What happens in the course of a replay.
#[derive(Debug)]
pub enum Event<'a> {
    /// A suite begins.
    Started(&'a Suite),
    /// An example has been judged, or could not be.
    Judged(&'a ExampleRun),
    /// Something that was created could not be removed.
    LeftBehind(&'a Leftover),
}

/// Replays `suites` in order, with `credentials` in the place of the documented
/// ones, and tells `observe` what happens. Once `interrupt` is raised, it only
/// cleans up.
pub async fn replay(
    suites: &[Suite],
    client: &Client,
    credentials: Option<&Credentials>,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event<'_>),
) -> Run {
    let mut run = Run {
        target: client.target().clone(),
        suites: Vec::new(),
        leftovers: Vec::new(),
    };
    let mut ended = false;
    for suite in suites {
        observe(Event::Started(suite));
        let playing = Playing {
            client,
            interrupt,
            credentials,
            suite,
            plans: OnceCell::new(),
        };
        let mut examples = Vec::new();
        for example in suite.examples() {
            let (judged, leftovers) = match ended {
                true => {
                    let outcome = Outcome::NotJudged(Reason::NotReached);
                    (ExampleRun::of(example, None, outcome), Vec::new())
                }
                false => playing.play(example, &run.leftovers).await,
            };
            ended |= matches!(&judged.outcome, Outcome::NotJudged(why) if why.ends_the_run());
            observe(Event::Judged(&judged));
            leftovers
                .iter()
                .for_each(|left| observe(Event::LeftBehind(left)));
            run.leftovers.extend(leftovers);
            examples.push(judged);
        }
        run.suites.push(SuiteRun {
            name: suite.name().to_owned(),
            title: suite.title().to_owned(),
            examples,
        });
    }
    run
}

/// Plays one example.
struct Player<'a> {
    client: &'a Client,
    interrupt: &'a Interrupt,
    credentials: Option<&'a Credentials>,
    plan: Option<&'a Chosen>,
    headers: &'a BTreeMap<HeaderName, Template>,
    secrets: Secrets,
    /// The ids of what earlier examples could not remove.
    left_behind: BTreeSet<&'a str>,
    ledger: Ledger,
    exchanges: Vec<Exchange>,
}

/// Why an example comes to its end before its last step.
enum End {
    Judged(Mismatch),
    Skipped(Skip),
    Not(Reason),
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        End::Not(reason)
    }
}

impl From<Unplayable> for End {
    fn from(Unplayable(why): Unplayable) -> Self {
        End::Not(Reason::Unplayable(why))
    }
}

fn names(statuses: &Option<Statuses>, status: u16) -> bool {
    let statuses = statuses.as_ref();
    statuses.is_some_and(|statuses| statuses.contains(status))
}

impl<'a> Player<'a> {
    fn new(playing: &Playing<'a>, plan: Option<&'a Chosen>, earlier: &'a [Leftover]) -> Self {
        let credentials = playing.credentials;
        Self {
            client: playing.client,
            interrupt: playing.interrupt,
            credentials,
            plan,
            headers: playing.suite.headers(),
            secrets: match credentials.map(Credentials::reveal) {
                None | Some(DOCUMENTED_CREDENTIALS) => Secrets::public(DOCUMENTED_CREDENTIALS),
                Some(credentials) => Secrets::private(credentials),
            },
            left_behind: earlier.iter().map(|left| left.id.as_str()).collect(),
            ledger: Ledger::default(),
            exchanges: Vec::new(),
        }
    }

    async fn play(&mut self, example: &Example, setup: &[&Fixture]) -> Outcome {
        let fixture = example.fixture();
        match self.steps(fixture, setup).await {
            Ok(()) => Outcome::Passed,
            Err(End::Judged(mismatch)) => Outcome::Mismatch(mismatch),
            Err(End::Skipped(skip)) => Outcome::Skipped(skip),
            // A target that does not even answer this is not judged.
            Err(End::Not(Reason::NoAnswer { request, failure })) if fixture.baseline.is_some() => {
                Outcome::NotJudged(Reason::NoBaseline {
                    request,
                    instead: format!("got no answer ({failure})"),
                })
            }
            Err(End::Not(reason)) => Outcome::NotJudged(reason),
        }
    }

    async fn steps(&mut self, fixture: &Fixture, setup: &[&Fixture]) -> Result<(), End> {
        let credentials = self.credentials.map(Credentials::reveal);
        let mut bindings = Bindings::new(fixture, setup, credentials)?.carrying(self.headers);
        if let Some(plan) = self.plan {
            plan.bind(&mut bindings);
        }
        if credentials.is_none() {
            self.secrets = Secrets::public(bindings.credentials());
        }
        for given in setup {
            for step in &given.steps {
                let title = step.title.as_ref().unwrap_or(&given.title);
                self.set_up(step, title, &mut bindings).await?;
            }
        }
        let last = fixture.steps.len() - 1;
        for (index, step) in fixture.steps.iter().enumerate() {
            let Some(expectation) = &step.expect else {
                let title = step.title.as_ref().unwrap_or(&fixture.title);
                self.set_up(step, title, &mut bindings).await?;
                continue;
            };
            let baseline = fixture.baseline.as_ref().filter(|_| index == last);
            self.judge(step, expectation, baseline, &mut bindings)
                .await?;
        }
        Ok(())
    }

    /// A step that brings the target into a state: it has to succeed.
    async fn set_up(
        &mut self,
        step: &Step,
        title: &str,
        bindings: &mut Bindings,
    ) -> Result<(), End> {
        let (request, answer) = self.send_step(step, Role::Setup, bindings).await?;
        self.passes_over(step, &request, &answer)?;
        if !(200..300).contains(&answer.status) {
            return Err(End::Not(Reason::SetupFailed {
                step: title.to_owned(),
                request: self.shown(&request),
                status: answer.status,
            }));
        }
        self.settle(step, Role::Setup, title, &answer, bindings)
            .await?;
        self.ledger.note(&request, answer.status);
        self.capture(step, &request, &answer, bindings)
    }

    /// Whether an answer says that the plan does not show the example.
    fn passes_over(&self, step: &Step, request: &Request, answer: &Answer) -> Result<(), End> {
        let status = answer.status;
        if names(&step.unless, status) {
            let (method, path) = (&step.request.method, step.request.path.template());
            let request = format!("{method} {path}");
            return Err(End::Skipped(Skip::NotShown { request, status }));
        }
        if names(&step.refused, status) {
            let request = self.shown(request);
            return Err(End::Not(Reason::Refused { request, status }));
        }
        Ok(())
    }

    /// A step whose answer is compared with the one expected.
    async fn judge(
        &mut self,
        step: &Step,
        expectation: &Expectation,
        baseline: Option<&Expectation>,
        bindings: &mut Bindings,
    ) -> Result<(), End> {
        let (request, answer) = self.send_step(step, Role::Judged, bindings).await?;
        self.passes_over(step, &request, &answer)?;
        let exchange = self.position_of_judged();
        if let Some(baseline) = baseline
            && !compare(baseline, bindings, &answer)?.is_empty()
        {
            return Err(End::Not(Reason::NoBaseline {
                request: self.shown(&request),
                instead: format!("was answered {}", self.describe(&answer)),
            }));
        }
        let differences = compare(expectation, bindings, &answer)?;
        if !differences.is_empty() {
            let hide = |difference| self.secrets.difference(difference);
            return Err(End::Judged(Mismatch {
                exchange,
                differences: differences.into_iter().map(hide).collect(),
            }));
        }
        self.settle(step, Role::Judged, "", &answer, bindings)
            .await?;
        self.ledger.note(&request, answer.status);
        self.capture(step, &request, &answer, bindings)
    }

    /// Where the judged exchange stands; a control may have followed it.
    fn position_of_judged(&self) -> usize {
        let last = self.exchanges.iter().rposition(|e| e.role == Role::Judged);
        last.unwrap_or_default()
    }

    /// Sends a step's request; what it may create goes on the ledger.
    async fn send_step(
        &mut self,
        step: &Step,
        role: Role,
        bindings: &Bindings,
    ) -> Result<(Request, Answer), End> {
        if self.interrupt.is_raised() {
            return Err(End::Not(Reason::Interrupted));
        }
        let request = self.request_of(step, bindings)?;
        let result = self.send(&request, role).await;
        let answer = match (result, &step.creates) {
            (Ok(answer), None) => answer,
            (Ok(answer), Some(creates)) => {
                self.account_for(step, creates, &answer, bindings).await?;
                answer
            }
            (Err(failure), creates) => {
                if let Some(creates) = creates
                    && failure.may_have_arrived()
                {
                    self.enter(step, creates, None, bindings)?;
                }
                return Err(End::Not(self.no_answer(&request, failure)));
            }
        };
        if answer.status != 202 || step.poll.is_none() {
            self.ledger.note(&request, answer.status);
        }
        let expected = step.expect.as_ref();
        let expects_401 = expected.is_some_and(|expected| expected.status.contains(401));
        if answer.status == 401 && !expects_401 {
            let request = self.shown(&request);
            return Err(End::Not(Reason::WrongCredentials { request }));
        }
        Ok((request, answer))
    }

    /// A step's request, with the parameters that the plan demands.
    fn request_of(&self, step: &Step, bindings: &Bindings) -> Result<Request, Unplayable> {
        let mut request = bindings.request(&step.request)?;
        let demanded = |plan: &Chosen| plan.parameters(step.parameters?);
        if let Some(parameters) = self.plan.and_then(demanded)
            && let Some(body) = &mut request.body
            && let Ok(mut members) = serde_json::from_str::<Map<String, Value>>(body)
        {
            members.insert("parameters".to_owned(), parameters);
            *body = Value::from(members).to_string();
        }
        Ok(request)
    }

    fn no_answer(&self, request: &Request, failure: Failure) -> Reason {
        match failure {
            Failure::Unreachable(why) => Reason::Unreachable {
                target: self.client.target().to_string(),
                why,
            },
            failure => Reason::NoAnswer {
                request: self.shown(request),
                failure,
            },
        }
    }

    /// Binds the values of an answer that later steps need.
    fn capture(
        &self,
        step: &Step,
        request: &Request,
        answer: &Answer,
        bindings: &mut Bindings,
    ) -> Result<(), End> {
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        for (name, pointer) in &step.capture {
            let value = body
                .as_ref()
                .and_then(|body| body.pointer(pointer.as_str()));
            let text = match value {
                Some(Value::String(text)) => text.clone(),
                Some(scalar @ (Value::Number(_) | Value::Bool(_))) => scalar.to_string(),
                _ => {
                    return Err(End::Not(Reason::NothingToCapture {
                        request: self.shown(request),
                        pointer: pointer.to_string(),
                    }));
                }
            };
            bindings.set(name.as_str(), text);
        }
        Ok(())
    }

    /// An answer in a few words, without credentials.
    fn describe(&self, answer: &Answer) -> String {
        let answer = self.secrets.answer(answer);
        let kind = answer.header("content-type").unwrap_or("no content type");
        format!("{} ({kind})", answer.status)
    }

    /// A request in a line, without credentials.
    fn shown(&self, request: &Request) -> String {
        self.secrets.request(request).to_string()
    }

    /// Sends a request and records the exchange. It is never broken off: what a
    /// request that is under way creates later, nobody would remove.
    async fn send(&mut self, request: &Request, role: Role) -> Result<Answer, Failure> {
        let result = self.client.send(request).await;
        self.exchanges.push(Exchange {
            role,
            request: self.secrets.request(request),
            result: match &result {
                Ok(answer) => Ok(self.secrets.answer(answer)),
                Err(failure) => Err(failure.clone()),
            },
        });
        result
    }
}
