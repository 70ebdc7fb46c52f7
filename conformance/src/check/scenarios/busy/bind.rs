//! What is sent while a binding is being created.

use std::time::Instant;

use super::{Busy, DIFFERENT, TOO_QUICK, at_once, binds};
use crate::check::call::{Call, Resource, Work};
use crate::check::scenarios::Scenario;
use crate::check::scenarios::bindings::OTHERS_REFUSED;
use crate::check::scenarios::control::is_carried_out;
use crate::check::session::{Reply, Stop};
use crate::check::stage::Stage;
use crate::parameters;

/// Why a bind cannot differ: unknown parameters may be refused, or disregarded.
const NO_OTHER_PARAMETERS: &str = "only parameters make a bind another one: a plan that is bound \
     asynchronously and publishes a schema with a choice for them would show it";

pub(in crate::check::scenarios) const BIND: Scenario = Scenario {
    name: "while a binding is being created",
    judges: &[
        "bind.resent-202-not-200",
        "bind.status-200-sync-only",
        "bind.resent-operation-matches",
        "bind.status-409-in-progress",
        "bind.concurrency-422",
        "blocking.bind-as-instance-mutation",
        "binding-last-operation.single-without-identifier",
        "fetch-binding.status-404-in-progress",
        "fetch-binding.available-after-success",
    ],
    needs: binds,
    play: |stage| Box::pin(bind(stage)),
};

async fn bind(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let schema = stage.subject.bind_schema.as_ref();
    let mut call = stage.bind(&stage.fresh_binding(&instance));
    let own = stage.session.options.parameters.bind.clone();
    let valid = || schema.and_then(|schema| parameters::valid(schema).ok());
    if let Some(given) = own.or_else(valid) {
        call = call.member("parameters", given);
    }
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
        stage.remove(&instance).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    busy.resend(
        &call,
        "bind.resent-202-not-200",
        "bind.resent-operation-matches",
    )
    .await?;
    if stage.is_fetchable(&made.resource) {
        let id = "fetch-binding.status-404-in-progress";
        match busy.ask(&stage.fetch(&made.resource)).await? {
            Some(reply) => {
                let expected = "404 while the binding is being created";
                stage.expect(&reply, id, reply.status == 404, expected);
            }
            None => stage.unclear(id, TOO_QUICK),
        }
    }
    let variant = schema
        .zip(call.given("parameters"))
        .and_then(|(schema, given)| parameters::variants(schema, given).into_iter().next());
    let in_use = "bind.status-409-in-progress";
    let mut doubtful = None;
    match variant {
        Some(other) => {
            let differing = call.clone().member("parameters", other.clone());
            let reply = busy.differ(&differing, in_use).await?;
            doubtful = reply.map(|reply| (other, reply));
        }
        None => stage.unclear(in_use, NO_OTHER_PARAMETERS),
    }
    let second_refused = second_bind(stage, &busy, &instance).await?;
    let made = stage.complete(made).await?;
    at_once(stage, &made).await?;
    if let Some((second, refused)) = second_refused {
        bound_later(stage, second, &refused).await?;
    }
    stage.remove(&made.resource).await?;
    if let Some((other, reply)) = doubtful {
        let own = stage.bind(&stage.fresh_binding(&instance));
        match is_carried_out(stage, &own.member("parameters", other)).await? {
            true => stage.expect(&reply, in_use, false, DIFFERENT),
            false => stage.unclear(in_use, OTHERS_REFUSED),
        }
    }
    stage.remove(&instance).await.map(drop)
}

const SECOND_BIND: &str = "a success, or 422 ConcurrencyError, while another binding is created";

/// A second binding of the instance, while the first one is in progress. Gives a
/// refusal of which it shows later what it was for.
async fn second_bind(
    stage: &Stage,
    busy: &Busy<'_>,
    instance: &Resource,
) -> Result<Option<(Call, Reply)>, Stop> {
    let call = stage.bind(&stage.fresh_binding(instance));
    let reply = stage.send(&call).await?;
    let is_busy = busy.is_in_progress().await?;
    let id = "bind.concurrency-422";
    let says = reply.status == 422 && reply.code() == Some("ConcurrencyError");
    let is_right = reply.is_success() || says;
    if !is_busy {
        stage.unclear(id, TOO_QUICK);
    } else if is_right {
        stage.kept(&reply, id, SECOND_BIND);
        let freedom = "blocking.bind-as-instance-mutation";
        stage.kept(&reply, freedom, "a success, or ConcurrencyError");
        if busy.accepted.member("operation").is_none() {
            let single = "binding-last-operation.single-without-identifier";
            stage.kept(&reply, single, "a success, or ConcurrencyError");
        }
    }
    if reply.is_success() {
        let second = stage.taken_up(call, reply).await?;
        stage.remove(&second.resource).await?;
        return Ok(None);
    }
    Ok((is_busy && !is_right).then_some((call, reply)))
}

/// The second bind once more, when the first binding is there: a broker may have
/// refused it for good, as one too many.
async fn bound_later(stage: &Stage, second: Call, first: &Reply) -> Result<(), Stop> {
    let id = "bind.concurrency-422";
    let again = stage.send(&second).await?;
    if !again.is_success() {
        let why = "a second binding was refused also after the first one was there: \
             an instance that can have two at a time would show it";
        stage.unclear(id, why);
        return Ok(());
    }
    stage.expect(first, id, false, SECOND_BIND);
    let bound = stage.taken_up(second, again).await?;
    stage.remove(&bound.resource).await.map(drop)
}
