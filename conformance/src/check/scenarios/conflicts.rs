//! Provisions under an id that is in use.

use std::sync::Arc;

use serde_json::{Value, json};

use super::control::is_carried_out;
use super::{Scenario, always};
use crate::check::call::{Call, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Made, Stage};
use crate::check::subject::Subject;
use crate::parameters;

pub(super) const PROVISIONS: Scenario = Scenario {
    name: "provisions under an id in use",
    judges: &[
        "provision.status-409-existing",
        "errors.4xx-no-side-effects",
    ],
    needs: always,
    play: |stage| Box::pin(conflicts(stage)),
};

/// A provision that under an id in use is one of another instance.
pub(super) struct Other {
    what: &'static str,
    plan: Arc<Subject>,
    parameters: Option<Value>,
}

impl Other {
    pub(super) fn call(&self, stage: &Stage, resource: &Resource) -> Call {
        let call = stage
            .provision(resource)
            .member("service_id", self.plan.service_id.clone().into())
            .member("plan_id", self.plan.plan_id.clone().into());
        match &self.parameters {
            Some(parameters) => call.member("parameters", parameters.clone()),
            None => call.without_member("parameters"),
        }
    }

    /// Judges its answer under an id in use. A refusal that is not the right one
    /// counts only if an id of its own is not refused. Gives whether it counted.
    pub(super) async fn judge(
        &self,
        stage: &Stage,
        reply: &Reply,
        id: &'static str,
        is_right: bool,
    ) -> Result<bool, Stop> {
        let what = self.what;
        if !is_right && reply.is_refusal() && !self.is_to_be_had(stage).await? {
            let why = format!(
                "{what} was refused under an id of its own too, or is not tried as it costs \
                 something: a free one that is carried out would show it"
            );
            stage.unclear(id, &why);
            return Ok(false);
        }
        let expected = format!("409 Conflict to {what} under an id in use");
        stage.expect(reply, id, is_right, &expected);
        Ok(true)
    }

    /// Whether it is carried out under an id of its own. What costs something is not
    /// tried.
    async fn is_to_be_had(&self, stage: &Stage) -> Result<bool, Stop> {
        if !self.plan.is_free && self.plan.plan_id != stage.subject.plan_id {
            return Ok(false);
        }
        let stage = stage.with(self.plan.clone());
        is_carried_out(&stage, &self.call(&stage, &stage.fresh())).await
    }
}

/// How many plans are tried as another one.
const MOST_PLANS: usize = 3;

/// Provisions of other plans, those that cost nothing first, and of another
/// offering, with the parameters that the stage's plan is given. Of those that stand
/// together one will do.
pub(super) fn other_plans(stage: &Stage, given: Option<&Value>) -> Vec<Vec<Other>> {
    let subject = &stage.subject;
    let parameters = given.cloned().unwrap_or_else(|| json!({}));
    let as_other = |what: &'static str, plan: &Arc<Subject>| {
        // What the other plan does not take would be a second thing that is wrong.
        let schema = plan.create_schema.as_ref();
        let takes = !schema.is_some_and(|schema| parameters::refuses(schema, &parameters));
        takes.then(|| Other {
            what,
            plan: plan.clone(),
            parameters: given.cloned(),
        })
    };
    let mut plans: Vec<&Arc<Subject>> = subject.siblings.iter().collect();
    plans.sort_by_key(|plan| !plan.is_free);
    let plans = plans.into_iter();
    let plans = plans.filter_map(|plan| as_other("another plan", plan));
    let stranger = subject.stranger.iter();
    let stranger = stranger.filter_map(|plan| as_other("another offering", plan));
    vec![plans.take(MOST_PLANS).collect(), stranger.collect()]
}

/// Provisions with other parameters than `base`, which the schema accepts, too.
pub(super) fn other_parameters(stage: &Stage, base: &Value) -> Vec<Other> {
    let schema = stage.subject.create_schema.as_ref();
    let variants = schema.map(|schema| parameters::variants(schema, base));
    let as_other = |parameters| Other {
        what: "other parameters",
        plan: stage.subject.clone(),
        parameters: Some(parameters),
    };
    variants.into_iter().flatten().map(as_other).collect()
}

async fn conflicts(stage: &Stage) -> Result<(), Stop> {
    let call = stage.provision(&stage.fresh());
    let plans = other_plans(stage, call.given("parameters"));
    in_use(stage, call, plans).await?;
    // Where parameters are not needed, those that may be given can differ.
    let schema = stage.subject.create_schema.as_ref();
    let given = stage.provision_parameters();
    let given = given.or_else(|| parameters::valid(schema?).ok());
    let Some(given) = given else {
        return Ok(());
    };
    let others = other_parameters(stage, &given);
    let call = stage.provision(&stage.fresh()).member("parameters", given);
    in_use(stage, call, vec![others]).await
}

/// Makes an instance, and sends others under its id.
async fn in_use(stage: &Stage, call: Call, others: Vec<Vec<Other>>) -> Result<(), Stop> {
    if others.iter().all(Vec::is_empty) {
        let why = "there is no other plan that takes the same parameters, and no schema by \
                   which they could differ";
        stage.unclear("provision.status-409-existing", why);
        return Ok(());
    }
    let made = stage.make(call).await?;
    for alike in others {
        for other in alike {
            if conflict(stage, &made, &other).await? {
                break;
            }
        }
    }
    stage.remove(&made.resource).await.map(drop)
}

/// Gives whether it could be judged.
async fn conflict(stage: &Stage, made: &Made, other: &Other) -> Result<bool, Stop> {
    let reply = stage.send(&other.call(stage, &made.resource)).await?;
    if reply.status == 202 {
        stage.settle(&made.resource, Work::Create, &reply).await?;
    }
    if reply.is_refusal() {
        let again = stage.send(&made.call).await?;
        let is_same = again.status != 409 || answers_409_always(stage);
        let what = other.what;
        let expected = format!("the same instance as before {what} was refused");
        stage.expect(&again, "errors.4xx-no-side-effects", is_same, &expected);
    }
    let id = "provision.status-409-existing";
    other.judge(stage, &reply, id, reply.status == 409).await
}

/// Whether the broker answers 409 to every repeat, so that it tells nothing.
fn answers_409_always(stage: &Stage) -> bool {
    let record = stage.session.record();
    record.book.deviates("provision.status-200-identical")
}
