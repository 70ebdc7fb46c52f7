//! What a broker answers while an operation is in progress. Each sight counts
//! only if the operation is in progress before and after it.

mod bind;
mod delete;
mod halt;
mod provision;
mod update;

use std::time::{Duration, Instant};

use super::bindable;
use crate::check::book::Sign;
use crate::check::call::{Call, Endpoint, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Learned, Made, Stage};

pub(super) use bind::BIND;
pub(super) use delete::{DEPROVISION, UNBIND};
pub(super) use halt::{HALTED_BIND, HALTED_PROVISION};
pub(super) use provision::PROVISION;
pub(super) use update::{UNBIND_MEANWHILE, UPDATE};

/// The pause between two looks at an operation.
const BETWEEN: Duration = Duration::from_millis(10);

/// Why a scenario saw nothing.
const TOO_QUICK: &str =
    "the operation had ended before it could be observed: a slower one would show it";

/// What another request under an id that is being created is answered.
const DIFFERENT: &str = "409 Conflict (or 422 ConcurrencyError) to another request under the id";

fn needs(flag: &std::sync::OnceLock<bool>, why: &'static str) -> Result<(), &'static str> {
    match Learned::is(flag) {
        true => Ok(()),
        false => Err(why),
    }
}

fn binds(stage: &Stage) -> Result<(), &'static str> {
    bindable(stage)?;
    needs(
        &stage.learned.binds_async,
        "no plan that was judged is bound asynchronously",
    )
}

/// An operation that may be in progress.
struct Busy<'a> {
    stage: &'a Stage,
    resource: &'a Resource,
    work: Work,
    accepted: &'a Reply,
    /// When it was accepted.
    since: Instant,
}

impl Busy<'_> {
    async fn is_in_progress(&self) -> Result<bool, Stop> {
        self.stage
            .is_in_progress(self.resource, self.work, self.accepted)
            .await
    }

    /// Waits for its end, as far as the broker still tells of it.
    async fn outlast(&self) {
        let longest = self.stage.session.options.operation_timeout;
        while self.since.elapsed() < longest && self.is_in_progress().await == Ok(true) {
            self.stage.pause(BETWEEN).await;
        }
    }

    /// The answer to a call that was sent while the operation was in progress;
    /// none if it had ended by then.
    async fn ask(&self, call: &Call) -> Result<Option<Reply>, Stop> {
        let reply = self.stage.send(call).await?;
        Ok(self.is_in_progress().await?.then_some(reply))
    }

    /// The same request again goes on with the same operation.
    async fn resend(
        &self,
        call: &Call,
        status: &'static str,
        operation: &'static str,
    ) -> Result<(), Stop> {
        let sent = Instant::now();
        let Some(reply) = self.ask(call).await? else {
            self.stage.unclear(status, TOO_QUICK);
            self.stage.unclear(operation, TOO_QUICK);
            return Ok(());
        };
        let expected = "202 to the same request again, while it is in progress";
        let is_busy = reply.status == 422 && reply.code() == Some("ConcurrencyError");
        let sign = match is_busy || (reply.status == 409 && call.creates()) {
            true => Sign::Deviates,
            false => Sign::Broken,
        };
        self.stage
            .judge(&reply, status, reply.status == 202, sign, expected);
        if reply.status == 200 && call.creates() {
            let sync_only = match self.resource.binding {
                None => "provision.status-200-sync-only",
                Some(_) => "bind.status-200-sync-only",
            };
            self.stage.prefer(&reply, sync_only, false, expected);
        }
        if reply.status == 202 {
            let named = |reply: &Reply| reply.member("operation").cloned();
            let expected = "the operation of the first answer";
            match named(&reply) == named(self.accepted) {
                true => self.stage.kept(&reply, operation, expected),
                // After the first update has ended, the same one is a new one.
                false if self.work == Work::Update && !self.goes_on_after(sent).await? => {
                    self.stage.unclear(operation, TOO_QUICK);
                }
                false => {
                    let actual = "it names another one";
                    self.stage
                        .tell(&reply, operation, Sign::Broken, expected, actual);
                }
            }
        }
        Ok(())
    }

    /// Whether the operation is in progress for longer after `sent` than it had been
    /// until now: then it was not over, and another one begun, in between. A broker
    /// need not tell its operations apart when it is polled.
    async fn goes_on_after(&self, sent: Instant) -> Result<bool, Stop> {
        let until_now = self.since.elapsed();
        loop {
            let after = sent.elapsed();
            if !self.is_in_progress().await? {
                return Ok(false);
            }
            if after >= until_now {
                return Ok(true);
            }
            self.stage.pause(BETWEEN).await;
        }
    }

    /// Another request under an id that is being created. Gives a refusal that is not
    /// the right one: it counts only of what is not refused under an id of its own.
    async fn differ(&self, call: &Call, id: &'static str) -> Result<Option<Reply>, Stop> {
        let Some(reply) = self.ask(call).await? else {
            self.stage.unclear(id, TOO_QUICK);
            return Ok(None);
        };
        let is_right = reply.status == 409
            || (reply.status == 422 && reply.code() == Some("ConcurrencyError"));
        if !is_right && reply.is_refusal() {
            return Ok(Some(reply));
        }
        self.stage.expect(&reply, id, is_right, DIFFERENT);
        Ok(None)
    }

    /// Carries to its end what was accepted; a binding is removed again, or the
    /// instance would have one when it is deprovisioned.
    async fn follow(&self, call: &Call, reply: &Reply) -> Result<(), Stop> {
        let stage = self.stage;
        if call.endpoint == Endpoint::Bind {
            let bound = stage.taken_up(call.clone(), reply.clone()).await?;
            stage.remove(&bound.resource).await?;
        } else if reply.status == 202 {
            stage.settle(self.resource, Work::Update, reply).await?;
        }
        Ok(())
    }

    /// A request that a broker may refuse for the time being. What a refusal was
    /// for, shows afterwards.
    async fn refuses(&self, call: &Call) -> Result<Option<Reply>, Stop> {
        let reply = self.stage.send(call).await?;
        if call.endpoint == Endpoint::Deprovision && reply.is_success() {
            // What is deleted need not tell of its other operations any more.
            return Ok(None);
        }
        let is_busy = self.is_in_progress().await?;
        if reply.is_success() {
            self.follow(call, &reply).await?;
        }
        let reply = is_busy.then_some(reply);
        if let Some(reply) = &reply {
            let is_free = reply.is_success() || reply.status == 422;
            if is_free {
                let id = "blocking.concurrency-degree";
                self.stage
                    .kept(reply, id, "ordinary processing, or a refusal");
            }
        }
        Ok(reply.filter(|reply| !reply.is_success()))
    }
}

/// Fetched the moment that it is said to be there.
async fn at_once(stage: &Stage, made: &Made) -> Result<(), Stop> {
    if stage.is_fetchable(&made.resource) {
        let reply = stage.send(&stage.fetch(&made.resource)).await?;
        let id = match made.resource.binding {
            None => "fetch-instance.available-after-success",
            Some(_) => "fetch-binding.available-after-success",
        };
        let expected = "200 as soon as the operation has succeeded";
        stage.expect(&reply, id, reply.status == 200, expected);
    }
    Ok(())
}

/// The ids of a refusal that is due to concurrency: its status, and its code.
type Blocked = (&'static str, &'static str);

const BLOCKED: Blocked = ("blocking.rejection-422", "blocking.rejection-code");

/// Judges a refusal that was due to concurrency.
fn for_the_time_being(stage: &Stage, refused: &Reply, ids: Blocked) {
    blocked(stage, refused, ids, Sign::Broken);
}

fn blocked(stage: &Stage, refused: &Reply, (status, code): Blocked, sign: Sign) {
    let expected = "422 to what cannot be handled while an operation is in progress";
    stage.judge(refused, status, refused.status == 422, sign, expected);
    if refused.status == 422 {
        let is_right = refused.code() == Some("ConcurrencyError");
        stage.expect(refused, code, is_right, "the error ConcurrencyError");
    }
}
