//! Deletions that are wrong in one thing.

use serde_json::Value;

use super::bindings::without_incomplete;
use super::provisions::{asynchronous_only, same_as_absent};
use super::{Scenario, always, bindable};
use crate::check::book::Sign;
use crate::check::call::{Call, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Learned, Stage, after};

pub(super) const INSTANCES: Scenario = Scenario {
    name: "deprovisions that are to be refused",
    judges: &[
        "deprovision.status-400-missing-service-id",
        "deprovision.status-400-missing-plan-id",
        "deprovision.status-400-invalid",
        "deprovision.status-400-malformed",
        "errors.4xx-no-side-effects",
        "errors.5xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(instances(stage)),
};

pub(super) const BINDINGS: Scenario = Scenario {
    name: "unbinds that are to be refused",
    judges: &[
        "unbind.status-400-missing-service-id",
        "unbind.status-400-missing-plan-id",
        "unbind.status-400-invalid",
        "unbind.status-400-malformed",
        "errors.4xx-no-side-effects",
        "errors.5xx-no-side-effects",
    ],
    needs: bindable,
    play: |stage| Box::pin(bindings(stage)),
};

pub(super) const SYNCHRONOUS: Scenario = Scenario {
    name: "deletions that have to be synchronous",
    judges: &[
        "async.no-202-unless-accepted",
        "async.false-equals-absent",
        "deprovision.async-required-422",
        "deprovision.async-required-code",
        "unbind.async-required-422",
        "unbind.async-required-code",
        "errors.4xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(synchronous(stage)),
};

/// The ids of the refusals of one kind of deletion.
struct Ids {
    missing_service_id: &'static str,
    missing_plan_id: &'static str,
    invalid: &'static str,
    malformed: &'static str,
}

async fn instances(stage: &Stage) -> Result<(), Stop> {
    let ids = Ids {
        missing_service_id: "deprovision.status-400-missing-service-id",
        missing_plan_id: "deprovision.status-400-missing-plan-id",
        invalid: "deprovision.status-400-invalid",
        malformed: "deprovision.status-400-malformed",
    };
    let mut made: Option<Resource> = None;
    for defect in Defect::ALL {
        let resource = match made.take() {
            Some(resource) => resource,
            None => stage.instance().await?.resource,
        };
        made = refused(stage, &ids, defect, resource).await?;
    }
    match made {
        Some(resource) => stage.remove(&resource).await.map(drop),
        None => Ok(()),
    }
}

async fn bindings(stage: &Stage) -> Result<(), Stop> {
    let ids = Ids {
        missing_service_id: "unbind.status-400-missing-service-id",
        missing_plan_id: "unbind.status-400-missing-plan-id",
        invalid: "unbind.status-400-invalid",
        malformed: "unbind.status-400-malformed",
    };
    let instance = stage.instance().await?;
    let mut made: Option<Resource> = None;
    for defect in Defect::ALL {
        let resource = match made.take() {
            Some(resource) => resource,
            None => stage.binding(&instance.resource).await?.resource,
        };
        made = refused(stage, &ids, defect, resource).await?;
    }
    if let Some(resource) = made {
        stage.remove(&resource).await?;
    }
    stage.remove(&instance.resource).await.map(drop)
}

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    NoService,
    NoPlan,
    OtherPlan,
    Undecodable,
}

impl Defect {
    const ALL: [Defect; 4] = [
        Defect::NoService,
        Defect::NoPlan,
        Defect::OtherPlan,
        Defect::Undecodable,
    ];
}

/// Sends a deletion with a defect. Gives the resource if it is still there, and
/// has made sure of it.
async fn refused(
    stage: &Stage,
    ids: &Ids,
    defect: Defect,
    resource: Resource,
) -> Result<Option<Resource>, Stop> {
    let right = stage.delete(&resource);
    let call = match defect {
        Defect::NoService => right.without_query("service_id"),
        Defect::NoPlan => right.without_query("plan_id"),
        Defect::OtherPlan => right.query("plan_id", &stage.fresh().instance),
        Defect::Undecodable => right.raw_query("conformance=%zz"),
    };
    let reply = stage.send(&call).await?;
    let is_400 = reply.status == 400;
    match defect {
        Defect::NoService => {
            let expected = "400 to a deletion without service_id";
            stage.expect(&reply, ids.missing_service_id, is_400, expected);
        }
        Defect::NoPlan => {
            let expected = "400 to a deletion without plan_id";
            stage.expect(&reply, ids.missing_plan_id, is_400, expected);
        }
        // To carry it out is not forbidden.
        Defect::OtherPlan => stage.kept(&reply, ids.invalid, "400, or a deletion all the same"),
        Defect::Undecodable => {
            let expected = "400 to a query that cannot be decoded";
            // Who ignores what it does not know need not decode it.
            let is_right = is_400 || reply.is_success();
            stage.judge(&reply, ids.malformed, is_right, Sign::Deviates, expected);
        }
    }
    if reply.is_success() {
        if reply.status == 202 {
            stage.settle(&resource, Work::Delete, &reply).await?;
        }
        return Ok(None);
    }
    if !stage.learned.tells_gone(&resource) {
        return Ok(Some(resource));
    }
    still_there(stage, &reply, &resource).await?;
    Ok(None)
}

/// After a deletion that was refused, nothing is in progress, and the right one
/// finds it.
async fn still_there(stage: &Stage, refused: &Reply, resource: &Resource) -> Result<(), Stop> {
    if resource.binding.is_none() || stage.knows(14) {
        let poll = stage.poll(resource, Work::Unknown, None);
        let polled = stage.send(&poll).await?;
        let state = polled.member("state").and_then(Value::as_str);
        let is_busy = polled.status == 200 && state == Some("in progress");
        let expected = format!("no operation after {} was refused", refused.asked);
        stage.expect(&polled, after(refused), !is_busy, &expected);
    }
    let right = stage.send(&stage.delete(resource)).await?;
    let expected = format!("it is still there after {} was refused", refused.asked);
    stage.expect(&right, after(refused), !right.says_gone(), &expected);
    if right.status == 202 {
        stage.settle(resource, Work::Delete, &right).await?;
    }
    Ok(())
}

async fn synchronous(stage: &Stage) -> Result<(), Stop> {
    let mut instance = stage.instance().await?.resource;
    if stage.subject.is_bindable && stage.knows(14) {
        let mut absent = None;
        for value in [None, Some("false")] {
            let binding = stage.binding(&instance).await?.resource;
            let call = without_incomplete(stage.unbind(&binding), value);
            let reply = delete(stage, &call, &binding).await?;
            if !same_as_absent(stage, &reply, &mut absent) {
                asynchronous_only(
                    stage,
                    &reply,
                    Learned::is(&stage.learned.unbinds_async),
                    "unbind.async-required-422",
                    "unbind.async-required-code",
                );
            }
        }
    }
    let mut absent = None;
    for (index, value) in [None, Some("false")].into_iter().enumerate() {
        if index > 0 {
            instance = stage.instance().await?.resource;
        }
        let call = without_incomplete(stage.deprovision(&instance), value);
        let reply = delete(stage, &call, &instance).await?;
        if !same_as_absent(stage, &reply, &mut absent) {
            asynchronous_only(
                stage,
                &reply,
                Learned::is(&stage.learned.deprovisions_async),
                "deprovision.async-required-422",
                "deprovision.async-required-code",
            );
        }
    }
    Ok(())
}

/// Sends a deletion, and follows it by the right one where it is refused.
async fn delete(stage: &Stage, call: &Call, resource: &Resource) -> Result<Reply, Stop> {
    let reply = stage.send(call).await?;
    match reply.status {
        202 => {
            stage.settle(resource, Work::Delete, &reply).await?;
        }
        200..=299 => {}
        _ if stage.learned.tells_gone(resource) => {
            still_there(stage, &reply, resource).await?;
        }
        _ => {
            stage.remove(resource).await?;
        }
    }
    Ok(reply)
}
