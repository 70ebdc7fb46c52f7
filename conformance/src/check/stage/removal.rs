//! How what a scenario has made is removed.

use std::time::Duration;

use super::{End, Stage, refused};
use crate::check::call::{Call, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::sweep::sweep;

/// The pause before a deletion that was refused is asked for once more.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// How long a scenario cleans up after itself.
const LONGEST_TIDYING: Duration = Duration::from_secs(30);

/// The entry about what a refused request leaves behind.
pub(crate) fn after(refused: &Reply) -> &'static str {
    match refused.status {
        500.. => "errors.5xx-no-side-effects",
        _ => "errors.4xx-no-side-effects",
    }
}

impl Stage {
    /// Deletes what exists, and waits until it is gone.
    pub(crate) async fn remove(&self, resource: &Resource) -> Result<Reply, Stop> {
        self.remove_by(resource, self.delete(resource)).await
    }

    /// The same for an instance that an update has moved to another plan.
    pub(crate) async fn remove_from(&self, resource: &Resource, plan: &str) -> Result<Reply, Stop> {
        let call = self.delete(resource).query("plan_id", plan);
        self.remove_by(resource, call).await
    }

    /// Sends the deletion of what exists, and once more where it is refused: a fault
    /// of the broker's own, or what it is busy with, may be over by then.
    pub(crate) async fn insist(&self, call: &Call) -> Result<Reply, Stop> {
        let first = self.send(call).await?;
        match first.status {
            200..=299 | 404 | 410 => return Ok(first),
            400..=499 => self.pause(AFTER_REFUSAL).await,
            _ => {}
        }
        let again = self.send(call).await?;
        if again.status == 410 && first.status >= 500 {
            let expected = "something left to delete after a deletion was answered 5xx";
            self.prefer(&again, after(&first), false, expected);
        }
        Ok(match again.status {
            410 => first,
            _ => again,
        })
    }

    async fn remove_by(&self, resource: &Resource, call: Call) -> Result<Reply, Stop> {
        let reply = self.insist(&call).await?;
        self.removed(resource, &call, reply).await
    }

    /// Judges the answer to the deletion of what exists, and waits until it is
    /// gone.
    pub(crate) async fn removed(
        &self,
        resource: &Resource,
        call: &Call,
        reply: Reply,
    ) -> Result<Reply, Stop> {
        let (id, flag) = match resource.binding {
            None => (
                "deprovision.status-200-deleted",
                &self.learned.deprovisions_async,
            ),
            Some(_) => ("unbind.status-200-deleted", &self.learned.unbinds_async),
        };
        if matches!(reply.status, 404 | 410) && reply.is_after_503 {
            // The request that was answered 503 may have deleted it.
            return Ok(reply);
        }
        // It says that nothing was deleted, and may have reasons of its own.
        if !reply.is_success() && !matches!(reply.status, 404 | 410) {
            return Err(Stop::because(refused(&reply)));
        }
        let is_right = matches!(reply.status, 200 | 202);
        let expected = "200 (or 202 Accepted) to the deletion of what exists";
        // While it is in progress, 202 is right, which is another entry's.
        if is_right || !reply.is_success() || !self.is_begun(resource, Work::Delete).await? {
            self.expect(&reply, id, is_right, expected);
        }
        if call.accepts_incomplete() {
            let _ = flag.set(reply.status == 202);
        }
        if reply.status == 202 && self.settle(resource, Work::Delete, &reply).await? == End::Failed
        {
            return self.remove_again(resource, call).await;
        }
        Ok(reply)
    }

    /// Deletes what is still there after an operation that has failed.
    async fn remove_again(&self, resource: &Resource, call: &Call) -> Result<Reply, Stop> {
        let reply = self.send(call).await?;
        let is_failed = match reply.status {
            202 => self.settle(resource, Work::Delete, &reply).await? == End::Failed,
            status => !matches!(status, 200 | 410),
        };
        match is_failed {
            true => Err(Stop::because(format!("{} failed twice", reply.asked))),
            false => Ok(reply),
        }
    }

    /// After a creation that was refused: nothing may be there. A deletion tells,
    /// where the broker says of what does not exist that it is gone.
    pub(crate) async fn nothing_made(&self, refused: &Reply, call: &Call) -> Result<(), Stop> {
        let Some(resource) = &call.resource else {
            return Ok(());
        };
        let reply = self.send(&self.delete(resource)).await?;
        if !self.learned.tells_gone(resource) {
            return Ok(());
        }
        let expected = format!("nothing to delete after {} was refused", refused.asked);
        self.expect(&reply, after(refused), !reply.is_success(), &expected);
        if reply.status == 202 {
            self.settle(resource, Work::Delete, &reply).await?;
        }
        Ok(())
    }

    /// Leaves nothing behind of a scenario that was stopped: what it holds of a
    /// quota, others may need.
    pub(crate) async fn tidy(&self) {
        let instances = self.instances().clone();
        let mut entries = self.session.ledger().entries();
        entries.retain(|entry| instances.contains(&entry.instance));
        let limit = self.session.options.operation_timeout.min(LONGEST_TIDYING);
        // What is left, the end of the run sees to; and what is asked of somebody who
        // does not answer would keep everybody waiting.
        if self.session.is_silent() {
            return;
        }
        sweep(&self.session, entries, limit).await;
    }

    /// Ends: nobody follows what is still under way.
    pub(crate) fn leave(&self) {
        self.session.forget(&self.instances());
    }
}
