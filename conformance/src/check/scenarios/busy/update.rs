//! What is sent while an instance is being updated.

use std::time::Instant;

use serde_json::Value;

use super::{BLOCKED, Busy, TOO_QUICK, for_the_time_being, needs};
use crate::check::call::{Call, Resource, Work};
use crate::check::scenarios::updates::{different, updateable};
use crate::check::scenarios::{Scenario, bindable};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{End, Stage, context, refused};

pub(in crate::check::scenarios) const UPDATE: Scenario = Scenario {
    name: "while an instance is being updated",
    judges: &[
        "update.resent-202-not-200",
        "update.resent-operation-matches",
        "fetch-instance.status-422-updating",
        "fetch-instance.concurrency-error-code",
        "blocking.rejection-422",
        "blocking.rejection-code",
        "deprovision.concurrency-422",
        "deprovision.concurrency-code",
    ],
    needs: updates_later,
    play: |stage| Box::pin(update(stage)),
};

pub(in crate::check::scenarios) const UNBIND_MEANWHILE: Scenario = Scenario {
    name: "a binding that is deleted while its instance is being updated",
    judges: &["blocking.rejection-422", "blocking.rejection-code"],
    needs: |stage| {
        bindable(stage)?;
        updates_later(stage)
    },
    play: |stage| Box::pin(unbind_meanwhile(stage)),
};

fn updates_later(stage: &Stage) -> Result<(), &'static str> {
    updateable(stage)?;
    needs(
        &stage.learned.updates_async,
        "no plan that was judged is updated asynchronously",
    )
}

async fn update(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let call = stage.update(&instance, &different(stage));
    let accepted = stage.send(&call).await?;
    let busy = Busy {
        stage,
        resource: &instance,
        work: Work::Update,
        accepted: &accepted,
        since: Instant::now(),
    };
    if accepted.status != 202 || !busy.is_in_progress().await? {
        stage.remove(&instance).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    busy.resend(
        &call,
        "update.resent-202-not-200",
        "update.resent-operation-matches",
    )
    .await?;
    if stage.is_fetchable(&instance) {
        fetch_meanwhile(stage, &busy).await?;
    }
    let bind = stage.bind(&stage.fresh_binding(&instance));
    let bind_refused = match stage.subject.is_bindable {
        true => busy.refuses(&bind).await?,
        false => None,
    };
    // It has no bindings, which a broker may want to be gone first.
    let delete = stage.deprovision(&instance);
    let delete_refused = busy.refuses(&delete).await?;
    // What was accepted is waited for, so what may be so comes last.
    let other = another(stage, &call).map(|changes| stage.update(&instance, &changes));
    let other = other.filter(|_| delete_refused.is_some());
    let other_refused = match &other {
        Some(other) => busy.refuses(other).await?,
        None => None,
    };
    // A broker may know nothing of it any more once it has carried out another one.
    let is_last = other.is_none() || other_refused.is_some();
    if delete_refused.is_some() {
        match is_last {
            true => _ = stage.settle(&instance, Work::Update, &accepted).await?,
            false => busy.outlast().await,
        }
    }
    if let Some(refused) = bind_refused {
        let again = stage.send(&bind).await?;
        if again.is_success() {
            for_the_time_being(stage, &refused, BLOCKED);
            let bound = stage.taken_up(bind, again).await?;
            stage.remove(&bound.resource).await?;
        }
    }
    if let (Some(refused), Some(other)) = (other_refused, other) {
        let again = stage.send(&other).await?;
        if again.is_success() {
            for_the_time_being(stage, &refused, BLOCKED);
        }
        if again.status == 202 {
            stage.settle(&instance, Work::Update, &again).await?;
        }
    }
    match delete_refused {
        Some(refused) => {
            if stage.remove(&instance).await?.is_success() {
                let ids = (
                    "deprovision.concurrency-422",
                    "deprovision.concurrency-code",
                );
                for_the_time_being(stage, &refused, ids);
            }
        }
        // It was accepted: whatever it answered is followed by the right one.
        None => {
            let again = stage.send(&delete).await?;
            if again.status == 202 {
                stage.settle(&instance, Work::Delete, &again).await?;
            }
        }
    }
    Ok(())
}

/// What another update than `update` changes: nothing else, but to other values.
fn another(stage: &Stage, update: &Call) -> Option<Value> {
    let mut changes = stage.learned.update.get()?.clone();
    if stage.update(update.resource.as_ref()?, &changes) != *update {
        return Some(changes);
    }
    // A platform may tell with any update what things are called.
    changes["context"] = context("conformance-renamed-again");
    stage.knows(12).then_some(changes)
}

async fn fetch_meanwhile(stage: &Stage, busy: &Busy<'_>) -> Result<(), Stop> {
    let (status, code) = (
        "fetch-instance.status-422-updating",
        "fetch-instance.concurrency-error-code",
    );
    let Some(reply) = busy.ask(&stage.fetch(busy.resource)).await? else {
        stage.unclear(status, TOO_QUICK);
        stage.unclear(code, TOO_QUICK);
        return Ok(());
    };
    let is_right = matches!(reply.status, 200 | 422);
    let expected = "200, or 422 where it cannot be read while it is updated";
    stage.expect(&reply, status, is_right, expected);
    if reply.status == 422 {
        let is_right = reply.code() == Some("ConcurrencyError");
        stage.expect(&reply, code, is_right, "the error ConcurrencyError");
    }
    Ok(())
}

async fn unbind_meanwhile(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let binding = stage.binding(&instance).await?.resource;
    let unbind = stage.unbind(&binding);
    let accepted = stage
        .send(&stage.update(&instance, &different(stage)))
        .await?;
    let busy = Busy {
        stage,
        resource: &instance,
        work: Work::Update,
        accepted: &accepted,
        since: Instant::now(),
    };
    if accepted.status != 202 || !busy.is_in_progress().await? {
        stage.remove(&binding).await?;
        stage.remove(&instance).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    let reply = stage.send(&unbind).await?;
    let is_busy = busy.is_in_progress().await?;
    deleted(stage, &binding, &reply).await?;
    stage.settle(&instance, Work::Update, &accepted).await?;
    if !reply.is_success() {
        let again = stage.send(&unbind).await?;
        if is_busy && again.is_success() {
            for_the_time_being(stage, &reply, BLOCKED);
        }
        deleted(stage, &binding, &again).await?;
        if !again.is_success() {
            return Err(Stop::because(refused(&again)));
        }
    }
    stage.remove(&instance).await.map(drop)
}

/// Waits until an accepted deletion has ended.
async fn deleted(stage: &Stage, resource: &Resource, reply: &Reply) -> Result<(), Stop> {
    if reply.status == 202 && stage.settle(resource, Work::Delete, reply).await? == End::Failed {
        let asked = &reply.asked;
        return Err(Stop::because(format!("the operation of {asked} failed")));
    }
    Ok(())
}
