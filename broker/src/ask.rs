//! What platforms ask for, read from bodies and queries.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::{Catalog, Plan};
use crate::reply::Reply;
use crate::schema::Schema;
use crate::version::ApiVersion;

/// Parameters of a user's.
pub type Parameters = Map<String, Value>;

/// What is asked for when an instance is provisioned. Two provisions are the
/// same if these are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provision {
    /// The service offering.
    pub service_id: String,
    /// The service plan.
    pub plan_id: String,
    /// The platform's organization.
    pub organization_guid: String,
    /// The platform's space.
    pub space_guid: String,
    /// The user's parameters; none is the same as an empty object.
    pub parameters: Parameters,
    /// The version of the plan's maintenance information that holds for it.
    pub maintenance_version: Option<String>,
}

/// What is asked for when an instance is updated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// The service offering.
    pub service_id: String,
    /// The plan to change to; the same is no change.
    pub plan_id: Option<String>,
    /// Parameters to change; those that are not named stay.
    pub parameters: Parameters,
    /// The version of the maintenance information that the platform knows.
    pub maintenance_version: Option<String>,
}

/// What is asked for when an instance is bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bind {
    /// The service offering.
    pub service_id: String,
    /// The service plan.
    pub plan_id: String,
    /// The application, wherever the body names it.
    pub app_guid: Option<String>,
    /// The platform's resource.
    pub bind_resource: Map<String, Value>,
    /// The user's parameters; none is the same as an empty object.
    pub parameters: Parameters,
}

/// What is asked for when a binding is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The binding whose successor is asked for.
    pub predecessor: String,
}

/// What hints the query of a deletion gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints {
    /// The service offering, if it is named.
    pub service_id: Option<String>,
    /// The service plan, if it is named.
    pub plan_id: Option<String>,
}

/// A body, and the version that says how to read it.
pub(crate) struct Reader<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) version: ApiVersion,
}

impl Reader<'_> {
    /// The body of a provision.
    pub(crate) fn provision(&self, body: &[u8]) -> Result<Provision, Reply> {
        let members = object(body)?;
        let service_id = required(&members, "service_id")?;
        let plan_id = required(&members, "plan_id")?;
        let organization_guid = required(&members, "organization_guid")?;
        let space_guid = required(&members, "space_guid")?;
        let plan = offered(self.catalog, self.version, &service_id, &plan_id)?;
        context(&members)?;
        let parameters = self.parameters(&members)?;
        validate(self.version, plan.schemas.provision.as_ref(), &parameters)?;
        self.maintenance_version(&members, plan)?;
        Ok(Provision {
            service_id,
            plan_id,
            organization_guid,
            space_guid,
            parameters,
            maintenance_version: plan.maintenance_version.clone(),
        })
    }

    /// The body of an update. What it means for an instance, whose plan the
    /// catalog may not have any more, is for the decision to say.
    pub(crate) fn update(&self, body: &[u8]) -> Result<Update, Reply> {
        let members = object(body)?;
        let service_id = required(&members, "service_id")?;
        let plan_id = optional(&members, "plan_id")?;
        context(&members)?;
        optional_object(&members, "previous_values")?;
        Ok(Update {
            service_id,
            plan_id,
            parameters: self.parameters(&members)?,
            maintenance_version: self.asked_maintenance_version(&members)?,
        })
    }

    /// The body of a bind, or of a rotation. What it means for an instance is for
    /// the decision to say.
    pub(crate) fn bind(&self, body: &[u8]) -> Result<Result<Bind, Rotation>, Reply> {
        let members = object(body)?;
        if self.version >= ApiVersion::ROTATION
            && let Some(predecessor) = optional(&members, "predecessor_binding_id")?
        {
            return Ok(Err(Rotation { predecessor }));
        }
        let service_id = required(&members, "service_id")?;
        let plan_id = required(&members, "plan_id")?;
        context(&members)?;
        let bind_resource = optional_object(&members, "bind_resource")?;
        let in_resource = optional(&bind_resource, "app_guid")?;
        let app_guid = in_resource.or(optional(&members, "app_guid")?);
        Ok(Ok(Bind {
            service_id,
            plan_id,
            app_guid,
            parameters: self.parameters(&members)?,
            bind_resource,
        }))
    }

    /// The query of a deletion.
    pub(crate) fn hints(&self, query: &Query) -> Result<Hints, Reply> {
        let hint = |name: &str| match query.value(name) {
            None | Some("") if self.version >= ApiVersion::STRICT => {
                Err(Reply::Bad(format!("{name} is missing in the query")))
            }
            None | Some("") => Ok(None),
            Some(id) => Ok(Some(id.to_owned())),
        };
        Ok(Hints {
            service_id: hint("service_id")?,
            plan_id: hint("plan_id")?,
        })
    }

    fn parameters(&self, members: &Map<String, Value>) -> Result<Parameters, Reply> {
        match self.version >= ApiVersion::PARAMETERS {
            true => optional_object(members, "parameters"),
            false => Ok(Parameters::new()),
        }
    }

    fn asked_maintenance_version(
        &self,
        members: &Map<String, Value>,
    ) -> Result<Option<String>, Reply> {
        if self.version < ApiVersion::MAINTENANCE {
            return Ok(None);
        }
        let info = optional_object(members, "maintenance_info")?;
        optional(&info, "version")
    }

    fn maintenance_version(&self, members: &Map<String, Value>, plan: &Plan) -> Result<(), Reply> {
        match self.asked_maintenance_version(members)? {
            Some(version) if plan.maintenance_version.as_ref() != Some(&version) => {
                Err(Reply::MaintenanceInfoConflict)
            }
            _ => Ok(()),
        }
    }
}

/// A plan of an offering. Below the strict versions it may be another
/// offering's: the documented examples do that.
pub(crate) fn offered<'c>(
    catalog: &'c Catalog,
    version: ApiVersion,
    service_id: &str,
    plan_id: &str,
) -> Result<&'c Plan, Reply> {
    let Some(offering) = catalog.offering(service_id) else {
        return Err(Reply::bad(
            "the catalog has no service offering with this service_id",
        ));
    };
    let plan = match version >= ApiVersion::STRICT {
        true => offering.plan(plan_id),
        false => catalog.plan(plan_id),
    };
    plan.ok_or_else(|| Reply::bad("the service offering has no service plan with this plan_id"))
}

/// Refuses parameters that a schema does not allow, from the version on that
/// knows parameters.
pub(crate) fn validate(
    version: ApiVersion,
    schema: Option<&Schema>,
    parameters: &Parameters,
) -> Result<(), Reply> {
    match schema.filter(|_| version >= ApiVersion::PARAMETERS) {
        Some(schema) => schema
            .validate(&Value::Object(parameters.clone()))
            .map_err(Reply::Bad),
        None => Ok(()),
    }
}

/// How deeply a body may be nested. What is stored of it is nested a little deeper,
/// and is read by a parser that has a limit of its own.
const MOST_LEVELS: usize = 100;

fn object(body: &[u8]) -> Result<Map<String, Value>, Reply> {
    match serde_json::from_slice(body) {
        Ok(body) if levels(&body) > MOST_LEVELS => Err(Reply::Bad(format!(
            "the body is nested too deeply; {MOST_LEVELS} levels are allowed"
        ))),
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Reply::bad("the body must be a JSON object")),
        Err(_) if body.is_empty() => Err(Reply::bad("the body is empty; it must be a JSON object")),
        Err(error) => Err(Reply::Bad(format!("the body is not JSON: {error}"))),
    }
}

/// How deeply a value is nested: a string is one level, an empty object too.
fn levels(value: &Value) -> usize {
    let below = match value {
        Value::Object(members) => members.values().map(levels).max(),
        Value::Array(items) => items.iter().map(levels).max(),
        _ => None,
    };
    1 + below.unwrap_or(0)
}

/// `context` is not used, but has to be an object.
fn context(members: &Map<String, Value>) -> Result<(), Reply> {
    optional_object(members, "context").map(drop)
}

fn required(members: &Map<String, Value>, name: &str) -> Result<String, Reply> {
    optional(members, name)?.ok_or_else(|| Reply::Bad(format!("{name} is missing")))
}

/// A string; `null` is the same as none.
fn optional(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Reply> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(Reply::Bad(format!("{name} must be a non-empty string"))),
    }
}

/// An object; none and `null` are the same as an empty one.
fn optional_object(members: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, Reply> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(Reply::Bad(format!("{name} must be an object"))),
    }
}

/// The query of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as forms are encoded: a space may be a `+`.
    pub(crate) fn read(query: &str) -> Query {
        Query(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(have, _)| have == name)?;
        Some(value)
    }

    /// Whether the platform can wait for an asynchronous operation.
    pub(crate) fn accepts_incomplete(&self) -> bool {
        self.value("accepts_incomplete") == Some("true")
    }
}
