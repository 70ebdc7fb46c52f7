//! The catalog: what the broker offers, as it is served, and what the broker
//! reads from it.

mod members;
mod read;

use serde_json::Value;

use crate::backend::Backend;
use crate::conduct::PlanConduct;
use crate::schema::Schema;

/// A catalog that is served, with what the broker reads from it.
#[derive(Debug)]
pub struct Catalog {
    body: String,
    etag: String,
    offerings: Vec<Offering>,
    has_faults: bool,
}

/// A service offering.
#[derive(Debug)]
pub struct Offering {
    /// Its id.
    pub id: String,
    /// What stands behind it.
    pub backend: Backend,
    /// Whether its instances can be fetched.
    pub instances_retrievable: bool,
    /// Whether its bindings can be fetched.
    pub bindings_retrievable: bool,
    /// Its plans.
    pub plans: Vec<Plan>,
}

/// A service plan.
#[derive(Debug)]
pub struct Plan {
    /// Its id.
    pub id: String,
    /// Whether its instances can be bound.
    pub bindable: bool,
    /// Whether its instances can be given another plan.
    pub updateable: bool,
    /// Whether its bindings can be rotated.
    pub binding_rotatable: bool,
    /// The version of its maintenance information.
    pub maintenance_version: Option<String>,
    /// The schemas of parameters, for provision, update and bind.
    pub schemas: Schemas,
    /// How the broker conducts its operations.
    pub conduct: PlanConduct,
}

/// The schemas of a plan's parameters; without one, anything goes.
#[derive(Debug, Default)]
pub struct Schemas {
    /// When an instance is created.
    pub provision: Option<Schema>,
    /// When an instance is updated.
    pub update: Option<Schema>,
    /// When a binding is created.
    pub bind: Option<Schema>,
}

/// Why a text is no catalog, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub struct BadCatalog {
    /// A JSON pointer, or line and column.
    pub at: String,
    /// What is wrong there.
    pub why: String,
}

impl Catalog {
    /// Reads a catalog, in which `{echo_public_url}` stands for
    /// `echo_public_url`.
    pub fn read(text: &str, echo_public_url: &str) -> Result<Catalog, BadCatalog> {
        let mut json: Value = serde_json::from_str(text).map_err(|error| BadCatalog {
            at: format!("line {} column {}", error.line(), error.column()),
            why: error.to_string(),
        })?;
        replace(&mut json, "{echo_public_url}", echo_public_url);
        let offerings = read::offerings(&mut json)?;
        let body = json.to_string();
        Ok(Catalog {
            etag: format!("\"{:016x}\"", hash(&body)),
            has_faults: offerings
                .iter()
                .flat_map(|o| &o.plans)
                .any(|p| p.conduct.faults.are_any()),
            body,
            offerings,
        })
    }

    /// The body of `GET /v2/catalog`, as JSON text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The entity tag of [`Catalog::body`], quotes included.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Whether any plan misbehaves on purpose.
    pub fn has_faults(&self) -> bool {
        self.has_faults
    }

    /// The service offering with this id.
    pub fn offering(&self, service_id: &str) -> Option<&Offering> {
        self.offerings.iter().find(|o| o.id == service_id)
    }

    /// The plan with this id, of whatever offering.
    pub fn plan(&self, plan_id: &str) -> Option<&Plan> {
        self.offerings.iter().find_map(|o| o.plan(plan_id))
    }
}

impl Offering {
    /// The plan of this offering with this id.
    pub fn plan(&self, plan_id: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == plan_id)
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
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
