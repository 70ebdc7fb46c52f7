//! The plan of the target's catalog that an example is played on.

use std::collections::BTreeMap;

use fixtures::{Need, OTHER_PLAN_ID, PLAN_ID, Parameters, SERVICE_ID, Suite};
use serde_json::Value;

use crate::bindings::{Bindings, Unplayable};
use crate::check::{Subject, subjects};
use crate::client::Client;
use crate::exchange::{Failure, Request};
use crate::parameters::demanded;
use crate::run::Reason;
use crate::target::Credentials;

/// On how many plans an example is played at most to find one that shows it.
const MOST_PLANS: usize = 16;

/// A plan, and another one that its instances may change to.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    subject: Subject,
    other: Option<String>,
}

impl Chosen {
    /// `offering/plan`, by their names.
    pub(super) fn name(&self) -> String {
        self.subject.name()
    }

    /// Gives the variables that the plan stands for their values.
    pub(super) fn bind(&self, bindings: &mut Bindings) {
        bindings.set(SERVICE_ID, self.subject.service_id.clone());
        bindings.set(PLAN_ID, self.subject.plan_id.clone());
        if let Some(other) = &self.other {
            bindings.set(OTHER_PLAN_ID, other.clone());
        }
    }

    /// The parameters without which a request is not right.
    pub(super) fn parameters(&self, of: Parameters) -> Option<Value> {
        demanded(match of {
            Parameters::Provision => self.subject.create_schema.as_ref(),
            Parameters::Bind => self.subject.bind_schema.as_ref(),
        })
    }

    fn has(&self, need: Need) -> bool {
        let subject = &self.subject;
        match need {
            // Other bindings than those of applications want another request.
            Need::Bindable => subject.is_bindable && !subject.requires.contains("route_forwarding"),
            Need::BindingRotatable => subject.is_rotatable,
            Need::BindingsRetrievable => subject.has_binding_fetch,
            Need::InstancesRetrievable => subject.has_instance_fetch,
            Need::MaintenanceInfo => subject.maintenance_version.is_some(),
            Need::OtherPlan => self.other.is_some(),
            Need::PlanUpdateable => subject.is_plan_updateable,
        }
    }
}

/// Every plan of a catalog, in order.
fn plans(catalog: &Value) -> Vec<Chosen> {
    let all = subjects(catalog);
    let chosen = |subject: &Subject| {
        let siblings = subject.siblings.iter();
        let other = siblings.min_by_key(|sibling| !sibling.is_free);
        Chosen {
            subject: subject.clone(),
            other: other.map(|other| other.plan_id.clone()),
        }
    };
    all.iter().map(chosen).collect()
}

/// The plans that an example with these needs can be played on, the best first:
/// free ones, of which those that the catalog tells apart go before others like
/// them. One that costs something is used only where there is no free one.
pub(super) fn candidates<'a>(plans: &'a [Chosen], needs: &[Need]) -> Vec<&'a Chosen> {
    let fits = |plan: &&Chosen| needs.iter().all(|need| plan.has(*need));
    let (free, paid): (Vec<_>, Vec<_>) = plans
        .iter()
        .filter(fits)
        .partition(|plan| plan.subject.is_free);
    if free.is_empty() {
        return paid.into_iter().take(1).collect();
    }
    let (mut first, mut later): (Vec<&Chosen>, Vec<&Chosen>) = (Vec::new(), Vec::new());
    for plan in free {
        let declared = plan.subject.declared();
        match first.iter().any(|p| p.subject.declared() == declared) {
            true => later.push(plan),
            false => first.push(plan),
        }
    }
    first.append(&mut later);
    first.truncate(MOST_PLANS);
    first
}

/// Asks the target for its plans, as a platform does before anything else.
pub(super) async fn ask(
    client: &Client,
    suite: &Suite,
    credentials: Option<&Credentials>,
) -> Result<Vec<Chosen>, Reason> {
    let request =
        catalog_request(suite, credentials).map_err(|Unplayable(why)| Reason::Unplayable(why))?;
    let shown = request.to_string();
    let no_catalog = |instead: String| Reason::NoBaseline {
        request: shown.clone(),
        instead,
    };
    let answer = client
        .send(&request)
        .await
        .map_err(|failure| match failure {
            Failure::Unreachable(why) => Reason::Unreachable {
                target: client.target().to_string(),
                why,
            },
            failure => no_catalog(format!("got no answer ({failure})")),
        })?;
    if answer.status == 401 {
        return Err(Reason::WrongCredentials { request: shown });
    }
    let catalog: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let catalog = catalog.filter(|catalog| {
        let services = catalog.get("services");
        answer.status == 200 && services.is_some_and(Value::is_array)
    });
    let catalog = catalog
        .ok_or_else(|| no_catalog(format!("was answered {} without a catalog", answer.status)))?;
    Ok(plans(&catalog))
}

fn catalog_request(
    suite: &Suite,
    credentials: Option<&Credentials>,
) -> Result<Request, Unplayable> {
    let bindings =
        Bindings::with_credentials(credentials.map(Credentials::reveal)).carrying(suite.headers());
    Ok(Request {
        method: "GET".to_owned(),
        path: "/v2/catalog".to_owned(),
        headers: bindings.headers(&BTreeMap::new())?,
        body: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(catalog: &Value, needs: &[Need]) -> Vec<String> {
        let plans = plans(catalog);
        let found = candidates(&plans, needs);
        found
            .into_iter()
            .map(|plan| plan.subject.plan_id.clone())
            .collect()
    }

    #[test]
    fn a_free_plan_goes_before_others_and_one_of_each_kind_before_others_like_it() {
        let catalog = json!({"services": [{"id": "s", "bindable": true, "plans": [
            {"id": "paid", "free": false},
            {"id": "a"},
            {"id": "like-a", "free": true},
            {"id": "unbindable", "bindable": false},
            {"id": "paid-rotatable", "free": false, "binding_rotatable": true},
            {"id": "paid-rotatable-2", "free": false, "binding_rotatable": true},
        ]}]});
        assert_eq!(names(&catalog, &[]), ["a", "unbindable", "like-a"]);
        assert_eq!(names(&catalog, &[Need::Bindable]), ["a", "like-a"]);
        assert_eq!(
            names(&catalog, &[Need::BindingRotatable]),
            ["paid-rotatable"]
        );
        assert_eq!(names(&catalog, &[Need::MaintenanceInfo]), [""; 0]);
    }

    #[test]
    fn the_other_plan_is_one_of_the_same_offering_and_free_if_there_is_one() {
        let catalog = json!({"services": [
            {"id": "s", "plans": [{"id": "a"}, {"id": "b", "free": false}, {"id": "c"}]},
            {"id": "t", "plans": [{"id": "alone"}]},
        ]});
        let others: Vec<Option<String>> = plans(&catalog).into_iter().map(|p| p.other).collect();
        let other = |id: &str| Some(id.to_owned());
        assert_eq!(others, [other("c"), other("a"), other("a"), None]);
    }

    #[test]
    fn bindings_for_routes_are_none_for_applications() {
        let catalog = json!({"services": [
            {"id": "s", "bindable": true, "requires": ["route_forwarding"], "plans": [{"id": "r"}]},
            {"id": "t", "bindable": true, "requires": ["syslog_drain"], "plans": [{"id": "l"}]},
        ]});
        assert_eq!(names(&catalog, &[Need::Bindable]), ["l"]);
    }
}
