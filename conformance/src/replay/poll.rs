//! Follows asynchronous operations to their end.

use std::time::Duration;

use fixtures::{Poll, Step};
use serde_json::Value;

use super::{End, Player};
use crate::bindings::{Bindings, encode};
use crate::compare::{Difference, Side, compare};
use crate::exchange::{Answer, Request, Role};
use crate::pause::Pauses;
use crate::run::{Mismatch, Reason};

/// How long to wait for an operation at most, all pauses taken together.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

impl Player<'_> {
    /// After a request that was answered 202: polls until the operation has ended
    /// well.
    pub(super) async fn settle(
        &mut self,
        step: &Step,
        role: Role,
        title: &str,
        accepted: &Answer,
        bindings: &Bindings,
    ) -> Result<(), End> {
        let Some(poll) = step.poll.as_ref().filter(|_| accepted.status == 202) else {
            return Ok(());
        };
        let request = following(
            &bindings.request(&poll.request)?,
            operation(accepted).as_deref(),
        );
        let last = self.polled(&request, Some((poll, bindings))).await?;
        if is_gone(&last) && step.request.method.as_str() == "DELETE" {
            return Ok(());
        }
        let failed = |player: &Self| -> Result<(), End> {
            let request = player.shown(&bindings.request(&step.request)?);
            Err(End::Not(Reason::OperationFailed { request }))
        };
        if last.status == 410 {
            return failed(self);
        }
        let mut differences = compare(&poll.expect, bindings, &last)?;
        let state = state(&last);
        match state.as_deref() {
            _ if !differences.is_empty() => {}
            Some("succeeded") => return Ok(()),
            Some("failed") => return failed(self),
            _ => differences.push(Difference {
                at: "/state".to_owned(),
                expected: Side::Words("in progress, succeeded or failed".to_owned()),
                actual: state.map_or(Side::Absent, |state| Side::Json(state.into())),
            }),
        }
        match role {
            Role::Setup => Err(End::Not(Reason::SetupFailed {
                step: title.to_owned(),
                request: self.shown(&request),
                status: last.status,
            })),
            _ => {
                let hide = |difference| self.secrets.difference(difference);
                Err(End::Judged(Mismatch {
                    exchange: self.exchanges.len() - 1,
                    differences: differences.into_iter().map(hide).collect(),
                }))
            }
        }
    }

    /// Repeats a poll until its answer no longer says that the operation is in
    /// progress, or is not as expected.
    async fn polled(
        &mut self,
        request: &Request,
        expected: Option<(&Poll, &Bindings)>,
    ) -> Result<Answer, End> {
        let role = match expected {
            Some(_) => Role::Poll,
            None => Role::CleanUp,
        };
        let mut pauses = Pauses::new();
        let mut waited = Duration::ZERO;
        loop {
            // Whatever is to be cleaned up has to have ended before.
            if self.interrupt.is_raised() && role == Role::Poll {
                return Err(End::Not(Reason::Interrupted));
            }
            let answer = match self.send(request, role).await {
                Ok(answer) => answer,
                Err(failure) => return Err(End::Not(self.no_answer(request, failure))),
            };
            let is_right = match expected {
                Some((poll, bindings)) => compare(&poll.expect, bindings, &answer)?.is_empty(),
                None => true,
            };
            let is_in_progress =
                answer.status == 200 && state(&answer).as_deref() == Some("in progress");
            if !is_right || !is_in_progress {
                return Ok(answer);
            }
            if waited >= PATIENCE {
                let request = self.shown(request);
                return Err(End::Not(Reason::StillInProgress { request }));
            }
            let pause = pauses.after(&answer);
            waited += pause;
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until whatever is under way has ended, well or not.
    pub(super) async fn wait_for(&mut self, poll: &Request, operation: Option<&str>) {
        // Whether it could be waited for, the next deletion tells.
        let _ = self.polled(&following(poll, operation), None).await;
    }

    /// Waits for the end of a deletion; an error says in words that it is not
    /// known to have succeeded.
    pub(super) async fn wait_for_deletion(
        &mut self,
        poll: &Request,
        accepted: &Answer,
    ) -> Result<(), String> {
        let request = following(poll, operation(accepted).as_deref());
        let last = match self.polled(&request, None).await {
            Ok(last) => last,
            Err(End::Not(reason)) => return Err(format!("was accepted, but {reason}")),
            Err(_) => return Err("was accepted, and nothing is known of its end".to_owned()),
        };
        match state(&last).as_deref() {
            _ if is_gone(&last) => Ok(()),
            Some("succeeded") if last.status == 200 => Ok(()),
            _ => Err(format!(
                "was accepted, but {} was answered {}",
                self.shown(&request),
                self.describe(&last)
            )),
        }
    }
}

/// Whether the answer to a poll says that there is nothing any more.
fn is_gone(answer: &Answer) -> bool {
    matches!(answer.status, 404 | 410)
}

/// The operation that a 202 names, which polls have to repeat.
pub(super) fn operation(accepted: &Answer) -> Option<String> {
    member(accepted, "operation").filter(|operation| !operation.is_empty())
}

fn state(answer: &Answer) -> Option<String> {
    member(answer, "state")
}

fn member(answer: &Answer, name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    Some(body.get(name)?.as_str()?.to_owned())
}

/// A poll that names its operation.
fn following(poll: &Request, operation: Option<&str>) -> Request {
    let mut request = poll.clone();
    if let Some(operation) = operation {
        let mark = if request.path.contains('?') { '&' } else { '?' };
        request
            .path
            .push_str(&format!("{mark}operation={}", encode(operation)));
    }
    request
}
