//! What platforms ask for, read from request bodies.

use serde_json::{Map, Value};

use crate::backend::Backend;
use crate::catalog::Catalog;

/// What is asked for when an instance is provisioned. Two provisions are the
/// same if these are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    /// The service offering.
    pub service_id: String,
    /// The service plan.
    pub plan_id: String,
    /// The platform's organization.
    pub organization_guid: String,
    /// The platform's space.
    pub space_guid: String,
}

/// What is asked for when an instance is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The service offering.
    pub service_id: String,
    /// The service plan.
    pub plan_id: String,
    /// The application, if the binding is for one.
    pub app_guid: Option<String>,
}

/// Why a body is refused, in words for its sender.
pub(crate) type Refused = String;

impl Provision {
    /// Reads the body of a provision of something that `catalog` offers.
    /// Gives also what stands behind it.
    pub(crate) fn read(body: &[u8], catalog: &Catalog) -> Result<(Provision, Backend), Refused> {
        let members = object(body)?;
        let (service_id, plan_id, backend) = offered(&members, catalog)?;
        let asked = Provision {
            service_id,
            plan_id,
            organization_guid: required(&members, "organization_guid")?,
            space_guid: required(&members, "space_guid")?,
        };
        Ok((asked, backend))
    }
}

impl Bind {
    /// Reads the body of a bind to something that `catalog` offers.
    pub(crate) fn read(body: &[u8], catalog: &Catalog) -> Result<Bind, Refused> {
        let members = object(body)?;
        let (service_id, plan_id, _) = offered(&members, catalog)?;
        Ok(Bind {
            service_id,
            plan_id,
            app_guid: optional(&members, "app_guid")?,
        })
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err("the body must be a JSON object".to_owned()),
        Err(_) if body.is_empty() => Err("the body is empty; it must be a JSON object".to_owned()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}

/// The offering and the plan that are named, and what stands behind them.
fn offered(
    members: &Map<String, Value>,
    catalog: &Catalog,
) -> Result<(String, String, Backend), Refused> {
    let service_id = required(members, "service_id")?;
    let plan_id = required(members, "plan_id")?;
    let Some(backend) = catalog.backend(&service_id) else {
        return Err("the catalog has no service offering with this service_id".to_owned());
    };
    if !catalog.has_plan(&plan_id) {
        return Err("the catalog has no service plan with this plan_id".to_owned());
    }
    Ok((service_id, plan_id, backend))
}

fn required(members: &Map<String, Value>, name: &str) -> Result<String, Refused> {
    optional(members, name)?.ok_or_else(|| format!("{name} is missing"))
}

fn optional(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} must be a non-empty string")),
    }
}
