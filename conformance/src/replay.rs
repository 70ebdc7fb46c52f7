//! Replays examples against a target.
//!
//! Literal replay is exact: what is sent is what the document shows, and the
//! whole answer is compared. What was created is removed again, whatever
//! happened in between.

use std::collections::BTreeSet;

use fixtures::{Creates, Example, Expectation, Fixture, Step, Suite};
use serde_json::Value;

use crate::bindings::{Bindings, DOCUMENTED_CREDENTIALS, Unplayable};
use crate::client::Client;
use crate::compare::compare;
use crate::exchange::{Answer, Exchange, Failure, Request, Role};
use crate::interrupt::Interrupt;
use crate::ledger::{Entry, Ledger, is_removed};
use crate::run::{ExampleRun, Leftover, Mismatch, Outcome, Reason, Run, SuiteRun};
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
        let mut examples = Vec::new();
        for example in suite.examples() {
            let mut judged = ExampleRun {
                name: example.name().to_string(),
                title: example.fixture().title.clone(),
                outcome: Outcome::NotJudged(Reason::NotReached),
                exchanges: Vec::new(),
            };
            if !ended {
                let setup = suite.setup(example.fixture());
                let mut player = Player::new(client, interrupt, credentials, &run.leftovers);
                judged.outcome = player.play(example, &setup).await;
                let leftovers = player.clean_up().await;
                judged.exchanges = player.exchanges;
                ended = matches!(&judged.outcome, Outcome::NotJudged(why) if why.ends_the_run());
                observe(Event::Judged(&judged));
                leftovers
                    .iter()
                    .for_each(|left| observe(Event::LeftBehind(left)));
                run.leftovers.extend(leftovers);
            } else {
                observe(Event::Judged(&judged));
            }
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
    secrets: Secrets,
    /// The ids of what earlier examples could not remove.
    left_behind: BTreeSet<&'a str>,
    ledger: Ledger,
    exchanges: Vec<Exchange>,
}

/// Why an example comes to its end before its last step.
enum End {
    Judged(Mismatch),
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

impl<'a> Player<'a> {
    fn new(
        client: &'a Client,
        interrupt: &'a Interrupt,
        credentials: Option<&'a Credentials>,
        leftovers: &'a [Leftover],
    ) -> Self {
        Self {
            client,
            interrupt,
            credentials,
            secrets: match credentials.map(Credentials::reveal) {
                None | Some(DOCUMENTED_CREDENTIALS) => Secrets::public(DOCUMENTED_CREDENTIALS),
                Some(credentials) => Secrets::private(credentials),
            },
            left_behind: leftovers.iter().map(|left| left.id.as_str()).collect(),
            ledger: Ledger::default(),
            exchanges: Vec::new(),
        }
    }

    async fn play(&mut self, example: &Example, setup: &[&Fixture]) -> Outcome {
        let fixture = example.fixture();
        match self.steps(fixture, setup).await {
            Ok(()) => Outcome::Passed,
            Err(End::Judged(mismatch)) => Outcome::Mismatch(mismatch),
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
        let mut bindings = Bindings::new(fixture, setup, credentials)?;
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
        if !(200..300).contains(&answer.status) {
            return Err(End::Not(Reason::SetupFailed {
                step: title.to_owned(),
                request: self.shown(&request),
                status: answer.status,
            }));
        }
        self.capture(step, &request, &answer, bindings)
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
        let request = bindings.request(&step.request)?;
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
                    self.enter(creates, bindings)?;
                }
                return Err(End::Not(self.no_answer(&request, failure)));
            }
        };
        self.ledger.note(&request, answer.status);
        let expected = step.expect.as_ref();
        let expects_401 = expected.is_some_and(|expected| expected.status.contains(401));
        if answer.status == 401 && !expects_401 {
            let request = self.shown(&request);
            return Err(End::Not(Reason::WrongCredentials { request }));
        }
        Ok((request, answer))
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

    /// Finds out what an answer to a creation means for the ledger.
    ///
    /// 200 and 409 may mean that the id is taken, by somebody else's resource,
    /// which is not to be touched. The same request with a fresh id tells: if
    /// that one is answered as expected, the id is taken.
    async fn account_for(
        &mut self,
        step: &Step,
        creates: &Creates,
        answer: &Answer,
        bindings: &Bindings,
    ) -> Result<(), End> {
        let as_expected = |status| {
            let expected = step.expect.as_ref();
            expected.is_none_or(|expected| expected.status.contains(status))
        };
        if !matches!(answer.status, 200 | 409) || as_expected(answer.status) {
            if !(400..500).contains(&answer.status) {
                self.enter(creates, bindings)?;
            }
            return Ok(());
        }
        let id = bindings.value(&creates.id)?;
        if self.left_behind.contains(id.as_str()) {
            return Err(End::Not(Reason::LeftBehind { id }));
        }
        let fresh = bindings.with_fresh(&creates.id);
        let request = bindings.request(&step.request)?;
        let control = fresh.request(&step.request)?;
        let result = self.send(&control, Role::Control).await;
        let created = match &result {
            Ok(answer) => !(400..500).contains(&answer.status),
            Err(failure) => failure.may_have_arrived(),
        };
        if created {
            self.enter(creates, &fresh)?;
        }
        match result {
            Ok(control) if as_expected(control.status) => Err(End::Not(Reason::Taken {
                id,
                request: self.shown(&request),
                status: answer.status,
                control: control.status,
            })),
            // The target answers every creation so: this one has created it.
            Ok(control) if control.status == 200 && answer.status == 200 => {
                Ok(self.enter(creates, bindings)?)
            }
            Ok(_) => Ok(()),
            Err(failure) => Err(End::Not(self.no_answer(&control, failure))),
        }
    }

    fn enter(&mut self, creates: &Creates, bindings: &Bindings) -> Result<(), Unplayable> {
        let id = bindings.value(&creates.id)?;
        self.ledger.enter(id, bindings.request(&creates.undo)?);
        Ok(())
    }

    /// Removes what has been created, the latest first, and gives what could
    /// not be removed.
    async fn clean_up(&mut self) -> Vec<Leftover> {
        let mut leftovers = Vec::new();
        while let Some(Entry { id, undo }) = self.ledger.take_latest() {
            let instead = match self.send(&undo, Role::CleanUp).await {
                Ok(answer) if is_removed(answer.status) => continue,
                Ok(answer) => format!("was answered {}", self.describe(&answer)),
                Err(failure) => failure.to_string(),
            };
            leftovers.push(Leftover {
                id,
                request: self.shown(&undo),
                instead,
            });
        }
        leftovers
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
