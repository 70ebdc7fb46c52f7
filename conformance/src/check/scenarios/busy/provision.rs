//! What is sent while an instance is being provisioned.

use std::time::Instant;

use serde_json::Value;

use super::{BLOCKED, Busy, TOO_QUICK, at_once, blocked, needs};
use crate::check::book::Sign;
use crate::check::call::{Call, Work};
use crate::check::scenarios::Scenario;
use crate::check::scenarios::conflicts::{Other, other_parameters, other_plans};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Made, Stage};
use crate::parameters;

pub(in crate::check::scenarios) const PROVISION: Scenario = Scenario {
    name: "while an instance is being provisioned",
    judges: &[
        "provision.resent-202-not-200",
        "provision.status-200-sync-only",
        "provision.resent-operation-matches",
        "provision.status-409-in-progress",
        "fetch-instance.status-404-in-progress",
        "fetch-instance.available-after-success",
        "blocking.rejection-422",
        "blocking.rejection-code",
        "blocking.concurrency-degree",
        "last-operation.state-own",
    ],
    needs: |stage| {
        needs(
            &stage.learned.provisions_async,
            "no plan that was judged is provisioned asynchronously",
        )
    },
    play: |stage| Box::pin(provision(stage)),
};

async fn provision(stage: &Stage) -> Result<(), Stop> {
    // Another instance, whose state must not be mixed up with this one's.
    let settled = stage.instance().await?;
    let call = stage.provision(&stage.fresh());
    let made = stage.begin(call.clone()).await?;
    let busy = Busy {
        stage,
        resource: &made.resource,
        work: Work::Create,
        accepted: &made.reply,
        since: Instant::now(),
    };
    if !made.is_async() || !busy.is_in_progress().await? {
        let made = stage.complete(made).await?;
        stage.remove(&made.resource).await?;
        stage.remove(&settled.resource).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    busy.resend(
        &call,
        "provision.resent-202-not-200",
        "provision.resent-operation-matches",
    )
    .await?;
    if stage.is_fetchable(&made.resource) {
        let id = "fetch-instance.status-404-in-progress";
        match busy.ask(&stage.fetch(&made.resource)).await? {
            Some(reply) => {
                let expected = "404 while the provisioning is in progress";
                stage.expect(&reply, id, reply.status == 404, expected);
            }
            None => stage.unclear(id, TOO_QUICK),
        }
    }
    let in_use = "provision.status-409-in-progress";
    let mut doubtful = Vec::new();
    for other in others(stage, &call) {
        let reply = busy
            .differ(&other.call(stage, &made.resource), in_use)
            .await?;
        doubtful.extend(reply.map(|reply| (other, reply)));
    }
    own_state(stage, &settled, &busy).await?;
    let bind = stage.bind(&stage.fresh_binding(&made.resource));
    let bind_refused = match stage.subject.is_bindable {
        true => busy.refuses(&bind).await?,
        false => None,
    };
    let update = stage.learned.update.get();
    let update = update.map(|changes| stage.update(&made.resource, changes));
    let update_refused = match &update {
        Some(update) => busy.refuses(update).await?,
        None => None,
    };
    let made = stage.complete(made).await?;
    at_once(stage, &made).await?;
    if let Some(refused) = bind_refused {
        let again = stage.send(&bind).await?;
        if again.is_success() {
            not_there_yet(stage, &refused);
            let bound = stage.taken_up(bind, again).await?;
            stage.remove(&bound.resource).await?;
        }
    }
    if let (Some(refused), Some(update)) = (update_refused, update) {
        let again = stage.send(&update).await?;
        if again.is_success() {
            not_there_yet(stage, &refused);
        }
        if again.status == 202 {
            stage.settle(&made.resource, Work::Update, &again).await?;
        }
    }
    stage.remove(&made.resource).await?;
    for (other, reply) in &doubtful {
        other.judge(stage, reply, in_use, false).await?;
    }
    stage.remove(&settled.resource).await.map(drop)
}

/// Provisions that differ from this one in what makes an instance another one.
fn others(stage: &Stage, call: &Call) -> Vec<Other> {
    let given = call.given("parameters");
    let schema = stage.subject.create_schema.as_ref();
    let base = given.cloned();
    let base = base.or_else(|| parameters::valid(schema?).ok());
    let varied = base.map(|base| other_parameters(stage, &base));
    let plans = other_plans(stage, given).into_iter();
    let alike = plans.chain(varied);
    alike.filter_map(|alike| alike.into_iter().next()).collect()
}

/// An instance that is done stays so while another one is being worked on.
async fn own_state(stage: &Stage, settled: &Made, busy: &Busy<'_>) -> Result<(), Stop> {
    let operation = Stage::operation(&settled.reply);
    let poll = stage.poll(&settled.resource, Work::Create, operation.as_deref());
    let Some(reply) = busy.ask(&poll).await? else {
        stage.unclear("last-operation.state-own", TOO_QUICK);
        return Ok(());
    };
    let state = reply.member("state").and_then(Value::as_str);
    let is_mixed_up = reply.status == 200 && state == Some("in progress");
    let expected = "the state of the polled instance, whatever happens on others";
    match is_mixed_up {
        true => {
            let actual = "it is in progress, as another instance is";
            stage.tell(
                &reply,
                "last-operation.state-own",
                Sign::Broken,
                expected,
                actual,
            );
        }
        false => stage.kept(&reply, "last-operation.state-own", expected),
    }
    Ok(())
}

/// The same for a request about an instance that was being provisioned. By one
/// reading it does not exist until that has ended, for anything but polls, and for
/// what does not exist 404 is right.
fn not_there_yet(stage: &Stage, refused: &Reply) {
    let sign = match refused.status {
        404 => Sign::Deviates,
        _ => Sign::Broken,
    };
    blocked(stage, refused, BLOCKED, sign);
}
