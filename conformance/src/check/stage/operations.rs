//! Operations that are followed to their end.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Stage, refused};
use crate::check::call::{Call, Resource, Work};
use crate::check::patience::Moment;
use crate::check::session::{Reply, Stop};
use crate::pause::Pauses;

/// How long a target may answer polls by faults before that is judged.
const LONGEST_FAULT: Duration = Duration::from_secs(30);

/// How an operation has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed,
    /// The broker says, by 410 or 404, that there is nothing any more.
    Gone,
}

impl Stage {
    /// The operation that an answer names, which polls have to repeat.
    pub(crate) fn operation(reply: &Reply) -> Option<String> {
        let operation = reply.member("operation")?.as_str()?;
        (!operation.is_empty()).then(|| operation.to_owned())
    }

    /// Polls the operation that was accepted by `accepted` until it has ended.
    pub(crate) async fn settle(
        &self,
        resource: &Resource,
        work: Work,
        accepted: &Reply,
    ) -> Result<End, Stop> {
        let operation = Stage::operation(accepted);
        let poll = self.poll(resource, work, operation.as_deref());
        let limit = self
            .subject
            .maximum_polling_duration
            .map(Duration::from_secs);
        let limit = limit
            .unwrap_or(Duration::MAX)
            .min(self.session.options.operation_timeout);
        let started = Instant::now();
        let mut pauses = Pauses::new();
        loop {
            let left = limit.saturating_sub(started.elapsed());
            let reply = self.polled(&poll, left).await?;
            if let Some(end) = self.end_of(resource, work, &reply)? {
                if end != End::Failed && work == Work::Delete {
                    self.session.ledger().strike(resource);
                }
                return Ok(end);
            }
            if started.elapsed() >= limit {
                return Err(Stop::because(format!(
                    "the operation of {} was still in progress after {limit:?}",
                    accepted.asked
                )));
            }
            self.pause(pauses.after(&reply.answer)).await;
        }
    }

    /// Sends a poll, and again while it is answered by a fault or not at all to the
    /// point: a platform goes on then.
    async fn polled(&self, poll: &Call, limit: Duration) -> Result<Reply, Stop> {
        let limit = limit.min(LONGEST_FAULT);
        let started = Instant::now();
        let mut pauses = Pauses::new();
        loop {
            let reply = self.session.send(poll, Some(&self.subject)).await?;
            let is_fault = reply.status >= 500 && reply.status != 501;
            let is_answer = !is_fault && Moment::of(&reply).is_none();
            if is_answer || started.elapsed() >= limit {
                return Ok(reply);
            }
            self.pause(pauses.after(&reply.answer)).await;
        }
    }

    /// What a poll says: how the operation has ended, or that it has not.
    fn end_of(&self, resource: &Resource, work: Work, reply: &Reply) -> Result<Option<End>, Stop> {
        let (ok, gone, only_delete) = match resource.binding {
            None => (
                "last-operation.status-200",
                "last-operation.status-410-after-delete",
                "last-operation.status-410-delete-only",
            ),
            Some(_) => (
                "binding-last-operation.status-200",
                "binding-last-operation.status-410-after-delete",
                "binding-last-operation.status-410-delete-only",
            ),
        };
        let expected = "200 to a poll of an operation that was accepted";
        match (reply.status, work) {
            (200, _) => {
                self.kept(reply, ok, expected);
                if work != Work::Delete {
                    self.kept(reply, only_delete, "no 410 but after a deletion");
                }
                match reply.member("state").and_then(Value::as_str) {
                    Some("in progress") => Ok(None),
                    Some("succeeded") => {
                        if work == Work::Delete {
                            self.kept(reply, gone, "succeeded or 410 at the end of a deletion");
                        }
                        Ok(Some(End::Succeeded))
                    }
                    Some("failed") => Ok(Some(End::Failed)),
                    _ => Err(Stop::because(format!(
                        "the answer to {} has no state",
                        reply.asked
                    ))),
                }
            }
            (410, Work::Delete) => {
                self.kept(reply, gone, "succeeded or 410 at the end of a deletion");
                Ok(Some(End::Gone))
            }
            // The 404 of what is gone fits its row as well.
            (404, Work::Delete) => Ok(Some(End::Gone)),
            (410, _) => {
                self.prefer(reply, only_delete, false, "no 410 but after a deletion");
                Err(Stop::because(refused(reply)))
            }
            _ => {
                // Who has deleted something need not tell of it any more, and who
                // has no time for a poll has not processed it.
                let says_nothing = matches!(
                    Moment::of(reply),
                    Some(Moment::TooMany | Moment::Concurrency)
                );
                if work != Work::Delete && !says_nothing {
                    self.expect(reply, ok, false, expected);
                }
                Err(Stop::because(refused(reply)))
            }
        }
    }

    /// Whether the operation is in progress now, by a poll.
    pub(crate) async fn is_in_progress(
        &self,
        resource: &Resource,
        work: Work,
        accepted: &Reply,
    ) -> Result<bool, Stop> {
        let operation = Stage::operation(accepted);
        let poll = self.poll(resource, work, operation.as_deref());
        let limit = self.session.options.operation_timeout;
        let reply = self.polled(&poll, limit).await?;
        if reply.status == 400 {
            // What was asked for meanwhile may have taken its place.
            return Err(Stop::because(refused(&reply)));
        }
        Ok(self.end_of(resource, work, &reply)?.is_none())
    }
}
