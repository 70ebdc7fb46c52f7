//! Deletions of what is being created.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{TOO_QUICK, binds, for_the_time_being, needs};
use crate::check::book::Sign;
use crate::check::call::{Resource, Work};
use crate::check::scenarios::Scenario;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{End, Made, Stage, refused};

/// How much longer than the first one a creation may take, and the longest that
/// is waited for it.
const MARGIN: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

pub(in crate::check::scenarios) const HALTED_PROVISION: Scenario = Scenario {
    name: "an instance that is deleted while it is being provisioned",
    judges: &[
        "deprovision.during-create-halts",
        "deprovision.during-create-last-operation-async",
        "deprovision.during-create-last-operation-sync",
        "deprovision.concurrency-422",
        "deprovision.concurrency-code",
    ],
    needs: |stage| {
        needs(
            &stage.learned.provisions_async,
            "no plan that was judged is provisioned asynchronously",
        )
    },
    play: |stage| Box::pin(halted_provision(stage)),
};

pub(in crate::check::scenarios) const HALTED_BIND: Scenario = Scenario {
    name: "a binding that is deleted while it is being created",
    judges: &[
        "unbind.during-create-halts",
        "unbind.during-create-last-operation-async",
        "unbind.during-create-last-operation-sync",
        "unbind.concurrency-422",
        "unbind.concurrency-code",
    ],
    needs: binds,
    play: |stage| Box::pin(halted_bind(stage)),
};

/// The ids of a deletion while the creation is in progress.
struct Halt {
    halts: &'static str,
    is_async: &'static str,
    is_sync: &'static str,
    concurrency: &'static str,
    code: &'static str,
}

async fn halted_provision(stage: &Stage) -> Result<(), Stop> {
    let made = stage.begin(stage.provision(&stage.fresh())).await?;
    let ids = Halt {
        halts: "deprovision.during-create-halts",
        is_async: "deprovision.during-create-last-operation-async",
        is_sync: "deprovision.during-create-last-operation-sync",
        concurrency: "deprovision.concurrency-422",
        code: "deprovision.concurrency-code",
    };
    halted(stage, made, ids).await
}

async fn halted_bind(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let made = stage
        .begin(stage.bind(&stage.fresh_binding(&instance)))
        .await?;
    let ids = Halt {
        halts: "unbind.during-create-halts",
        is_async: "unbind.during-create-last-operation-async",
        is_sync: "unbind.during-create-last-operation-sync",
        concurrency: "unbind.concurrency-422",
        code: "unbind.concurrency-code",
    };
    let halted = halted(stage, made, ids).await;
    stage.remove(&instance).await?;
    halted
}

async fn halted(stage: &Stage, made: Made, ids: Halt) -> Result<(), Stop> {
    let (resource, begun) = (made.resource.clone(), Instant::now());
    let is_busy = made.is_async()
        && stage
            .is_in_progress(&resource, Work::Create, &made.reply)
            .await?;
    if !is_busy {
        let made = stage.complete(made).await?;
        stage.remove(&made.resource).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    let delete = stage.delete(&resource);
    let reply = stage.send(&delete).await?;
    if !reply.is_success() {
        // The creation goes on; only afterwards can it be deleted.
        let still = stage
            .is_in_progress(&resource, Work::Create, &made.reply)
            .await?;
        if still {
            for_the_time_being(stage, &reply, (ids.concurrency, ids.code));
        }
        stage.complete(made).await?;
        return stage.remove(&resource).await.map(drop);
    }
    let expected = "acceptance, or 422, of a deletion while the creation is in progress";
    stage.kept(&reply, ids.concurrency, expected);
    let told = match reply.status {
        202 => told_later(stage, &resource, &reply).await?,
        _ => told_at_once(stage, &made).await?,
    };
    // What goes on unseen shows when the creation would have been done.
    let took = stage.learned.creation(&resource).get().copied();
    let done = took.unwrap_or_default().saturating_add(MARGIN).min(LONGEST);
    stage.pause(done.saturating_sub(begun.elapsed())).await;
    let id = match reply.status {
        202 => ids.is_async,
        _ => ids.is_sync,
    };
    if is_left(stage, &resource, &reply, ids.halts).await? {
        stage.unclear(id, &format!("see {}, which is broken", ids.halts));
    } else if told.is_right {
        stage.kept(&told.by, id, told.expected);
    } else {
        stage.tell(&told.by, id, Sign::Deviates, told.expected, told.otherwise);
    }
    Ok(())
}

/// What a poll told after a creation had been halted.
struct Told {
    by: Reply,
    is_right: bool,
    expected: &'static str,
    /// What was seen where it is not right.
    otherwise: &'static str,
}

/// Follows a deletion. Its end is not that of the creation. One that has failed
/// shows nothing; what is still there is deleted again.
async fn told_later(stage: &Stage, resource: &Resource, reply: &Reply) -> Result<Told, Stop> {
    let end = stage.settle(resource, Work::Delete, reply).await?;
    if end == End::Failed {
        let again = stage.send(&stage.delete(resource)).await?;
        if again.status == 202 {
            stage.settle(resource, Work::Delete, &again).await?;
        }
        return Err(Stop::because(format!(
            "the operation of {} failed: a deletion that succeeds would show it",
            reply.asked
        )));
    }
    Ok(Told {
        is_right: end != End::Succeeded || !is_there(stage, resource).await?,
        by: reply.clone(),
        expected: "the state of the deletion from last operation",
        otherwise: "it succeeded, and the resource could be fetched",
    })
}

/// Polls the creation that a deletion has ended at once, for a while if need be.
async fn told_at_once(stage: &Stage, made: &Made) -> Result<Told, Stop> {
    let operation = Stage::operation(&made.reply);
    let poll = stage.poll(&made.resource, Work::Create, operation.as_deref());
    let mut pause = std::time::Duration::from_millis(20);
    let mut polled = stage.send(&poll).await?;
    for _ in 0..5 {
        if polled.member("state").and_then(Value::as_str) != Some("in progress") {
            break;
        }
        stage.pause(pause).await;
        pause *= 2;
        polled = stage.send(&poll).await?;
    }
    let state = polled.member("state").and_then(Value::as_str);
    Ok(Told {
        is_right: state == Some("failed") || matches!(polled.status, 404 | 410),
        by: polled,
        expected: "the creation told as failed after its deletion",
        otherwise: "it was told as something else",
    })
}

/// Whether anything is left of a creation that was halted by a deletion that was
/// answered `reply`.
async fn is_left(
    stage: &Stage,
    resource: &Resource,
    reply: &Reply,
    halts: &'static str,
) -> Result<bool, Stop> {
    let expected = "nothing left of a creation that was halted";
    if is_there(stage, resource).await? {
        let actual = "it can still be fetched";
        stage.tell(reply, halts, Sign::Broken, expected, actual);
        let again = stage.send(&stage.delete(resource)).await?;
        if again.status == 202 {
            stage.settle(resource, Work::Delete, &again).await?;
        }
        return Ok(true);
    }
    if !stage.learned.tells_gone(resource) {
        return Ok(false);
    }
    let again = stage.send(&stage.delete(resource)).await?;
    match again.status {
        410 => stage.kept(&again, halts, expected),
        200..=299 => stage.expect(&again, halts, false, expected),
        // It may not be possible at the moment.
        _ => stage.unclear(halts, &refused(&again)),
    }
    if again.status == 202 {
        stage.settle(resource, Work::Delete, &again).await?;
    }
    Ok(again.is_success())
}

async fn is_there(stage: &Stage, resource: &Resource) -> Result<bool, Stop> {
    if !stage.is_fetchable(resource) {
        return Ok(false);
    }
    let reply = stage.send(&stage.fetch(resource)).await?;
    Ok(reply.status == 200)
}
