//! The catalog: what the broker offers, and which service of the echo service
//! stands behind each offering.

use serde::Deserialize;
use serde_json::Value;

use crate::backend::Backend;

/// The documented catalog, with `{echo_public_url}` for the address of the
/// echo service.
const DOCUMENTED: &str = include_str!("../catalogs/documented.json");

/// A catalog that is served, with what the broker reads from it.
#[derive(Clone, Debug)]
pub struct Catalog {
    body: Value,
    offerings: Vec<Offering>,
}

#[derive(Clone, Debug, Deserialize)]
struct Offering {
    id: String,
    plans: Vec<Plan>,
}

#[derive(Clone, Debug, Deserialize)]
struct Plan {
    id: String,
}

#[derive(Deserialize)]
struct Services {
    services: Vec<Offering>,
}

impl Catalog {
    /// The documented catalog of an echo service that its users reach at
    /// `echo_public_url`. An error is a fault of the catalog's file.
    pub fn documented(echo_public_url: &str) -> Result<Catalog, serde_json::Error> {
        let mut body: Value = serde_json::from_str(DOCUMENTED)?;
        replace(&mut body, "{echo_public_url}", echo_public_url);
        let Services { services } = Services::deserialize(&body)?;
        Ok(Catalog {
            body,
            offerings: services,
        })
    }

    /// The body of `GET /v2/catalog`.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// What stands behind the service offering `service_id`, if it exists.
    pub fn backend(&self, service_id: &str) -> Option<Backend> {
        let offering = self.offerings.iter().find(|o| o.id == service_id)?;
        Some(match offering.id.as_str() {
            "invert_service" => Backend::Invert,
            _ => Backend::Echo,
        })
    }

    /// Whether any offering has the plan `plan_id`: the documented provision
    /// asks for a plan of another offering.
    pub fn has_plan(&self, plan_id: &str) -> bool {
        let mut plans = self.offerings.iter().flat_map(|offering| &offering.plans);
        plans.any(|plan| plan.id == plan_id)
    }
}

/// Replaces `name` by `value` in every string within `json`.
fn replace(json: &mut Value, name: &str, value: &str) {
    match json {
        Value::String(text) => *text = text.replace(name, value),
        Value::Array(elements) => elements.iter_mut().for_each(|e| replace(e, name, value)),
        Value::Object(members) => members.values_mut().for_each(|m| replace(m, name, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
