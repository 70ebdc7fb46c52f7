//! What is sent while something is being deleted.

use std::time::Instant;

use super::{Busy, TOO_QUICK, needs};
use crate::check::call::{Resource, Work};
use crate::check::scenarios::{Scenario, bindable};
use crate::check::session::Stop;
use crate::check::stage::Stage;

pub(in crate::check::scenarios) const DEPROVISION: Scenario = Scenario {
    name: "while an instance is being deprovisioned",
    judges: &[
        "deprovision.resent-202-not-200",
        "deprovision.resent-operation-matches",
    ],
    needs: |stage| {
        needs(
            &stage.learned.deprovisions_async,
            "no plan that was judged is deprovisioned asynchronously",
        )
    },
    play: |stage| Box::pin(deprovision(stage)),
};

pub(in crate::check::scenarios) const UNBIND: Scenario = Scenario {
    name: "while a binding is being deleted",
    judges: &[
        "unbind.resent-202-not-200",
        "unbind.resent-operation-matches",
    ],
    needs: |stage| {
        bindable(stage)?;
        needs(
            &stage.learned.unbinds_async,
            "no plan that was judged is unbound asynchronously",
        )
    },
    play: |stage| Box::pin(unbind(stage)),
};

async fn deprovision(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let ids = (
        "deprovision.resent-202-not-200",
        "deprovision.resent-operation-matches",
    );
    delete_twice(stage, &instance, ids).await
}

async fn unbind(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let binding = stage.binding(&instance).await?.resource;
    let ids = (
        "unbind.resent-202-not-200",
        "unbind.resent-operation-matches",
    );
    let deleted = delete_twice(stage, &binding, ids).await;
    stage.remove(&instance).await?;
    deleted
}

async fn delete_twice(
    stage: &Stage,
    resource: &Resource,
    (status, operation): (&'static str, &'static str),
) -> Result<(), Stop> {
    let call = stage.delete(resource);
    let accepted = stage.send(&call).await?;
    if accepted.status != 202 {
        return Err(Stop::because(TOO_QUICK));
    }
    let busy = Busy {
        stage,
        resource,
        work: Work::Delete,
        accepted: &accepted,
        since: Instant::now(),
    };
    if busy.is_in_progress().await? {
        busy.resend(&call, status, operation).await?;
    } else {
        stage.unclear(status, TOO_QUICK);
        stage.unclear(operation, TOO_QUICK);
    }
    stage
        .settle(resource, Work::Delete, &accepted)
        .await
        .map(drop)
}
