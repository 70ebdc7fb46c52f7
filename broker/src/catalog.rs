//! The catalog: what the broker offers, as it is served, and what the broker
//! reads from it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::backend::Backend;
use crate::conduct::{Conduct, PlanConduct};
use crate::schema::Schema;

/// The member of offerings and plans that tells the broker how to conduct them.
/// It is not served.
const OURS: &str = "broker";

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
        let offerings = Reader::default().offerings(&mut json)?;
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

/// What the broker reads of an offering; the rest is served as it is.
#[derive(Deserialize)]
struct OfferingJson {
    id: String,
    name: String,
    description: String,
    bindable: bool,
    #[serde(default)]
    instances_retrievable: bool,
    #[serde(default)]
    bindings_retrievable: bool,
    #[serde(default)]
    plan_updateable: bool,
    plans: Vec<Value>,
}

/// What the broker reads of a plan.
#[derive(Deserialize)]
struct PlanJson {
    id: String,
    name: String,
    description: String,
    bindable: Option<bool>,
    plan_updateable: Option<bool>,
    #[serde(default)]
    binding_rotatable: bool,
    maintenance_info: Option<MaintenanceInfo>,
}

#[derive(Deserialize)]
struct MaintenanceInfo {
    version: String,
}

/// Reads the offerings of a catalog, and checks what platforms rely on.
#[derive(Default)]
struct Reader {
    ids: Vec<String>,
    names: Vec<String>,
}

impl Reader {
    fn offerings(mut self, json: &mut Value) -> Result<Vec<Offering>, BadCatalog> {
        let Some(services) = json.get_mut("services").and_then(Value::as_array_mut) else {
            return Err(bad("", "a catalog is an object with an array `services`"));
        };
        let mut offerings = Vec::new();
        for (index, service) in services.iter_mut().enumerate() {
            let at = format!("/services/{index}");
            offerings.push(self.offering(&at, service)?);
        }
        Ok(offerings)
    }

    fn offering(&mut self, at: &str, json: &mut Value) -> Result<Offering, BadCatalog> {
        let read: OfferingJson = parse(at, json)?;
        self.is_new(at, &read.id, "id")?;
        not_empty(at, &[&read.name, &read.description])?;
        if self.names.contains(&read.name) {
            return Err(bad(at, "another service offering has this name"));
        }
        self.names.push(read.name);
        let conduct: Conduct = take_ours(at, json)?;
        if read.plans.is_empty() {
            return Err(bad(&format!("{at}/plans"), "there is no service plan"));
        }
        let mut plans: Vec<Plan> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for index in 0..read.plans.len() {
            let at = format!("{at}/plans/{index}");
            let plan = &mut json["plans"][index];
            let plan_read: PlanJson = parse(&at, plan)?;
            self.is_new(&at, &plan_read.id, "id")?;
            not_empty(&at, &[&plan_read.name, &plan_read.description])?;
            if names.contains(&plan_read.name) {
                return Err(bad(&at, "another plan of this offering has this name"));
            }
            names.push(plan_read.name);
            let conduct: PlanConduct = take_ours(&at, plan)?;
            plans.push(Plan {
                id: plan_read.id,
                bindable: plan_read.bindable.unwrap_or(read.bindable),
                updateable: plan_read.plan_updateable.unwrap_or(read.plan_updateable),
                binding_rotatable: plan_read.binding_rotatable,
                maintenance_version: plan_read.maintenance_info.map(|info| info.version),
                schemas: schemas(&at, plan)?,
                conduct,
            });
        }
        Ok(Offering {
            id: read.id,
            backend: conduct.backend,
            instances_retrievable: read.instances_retrievable,
            bindings_retrievable: read.bindings_retrievable,
            plans,
        })
    }

    fn is_new(&mut self, at: &str, id: &str, what: &str) -> Result<(), BadCatalog> {
        if id.is_empty() {
            return Err(bad(&format!("{at}/{what}"), "it is empty"));
        }
        if self.ids.iter().any(|other| other == id) {
            let why = "another offering or plan has this id";
            return Err(bad(&format!("{at}/{what}"), why));
        }
        self.ids.push(id.to_owned());
        Ok(())
    }
}

fn not_empty(at: &str, texts: &[&str]) -> Result<(), BadCatalog> {
    match texts.iter().any(|text| text.is_empty()) {
        true => Err(bad(at, "its name or description is empty")),
        false => Ok(()),
    }
}

fn schemas(at: &str, plan: &Value) -> Result<Schemas, BadCatalog> {
    let schema = |pointer: &str| match plan.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(json) => Schema::read(json)
            .map(Some)
            .map_err(|why| bad(&format!("{at}{pointer}"), &why)),
    };
    Ok(Schemas {
        provision: schema("/schemas/service_instance/create/parameters")?,
        update: schema("/schemas/service_instance/update/parameters")?,
        bind: schema("/schemas/service_binding/create/parameters")?,
    })
}

/// Takes what is meant for the broker out of what is served.
fn take_ours<T: Default + for<'de> Deserialize<'de>>(
    at: &str,
    json: &mut Value,
) -> Result<T, BadCatalog> {
    match json
        .as_object_mut()
        .and_then(|members: &mut Map<_, _>| members.remove(OURS))
    {
        None => Ok(T::default()),
        Some(ours) => parse(&format!("{at}/{OURS}"), &ours),
    }
}

fn parse<T: for<'de> Deserialize<'de>>(at: &str, json: &Value) -> Result<T, BadCatalog> {
    T::deserialize(json).map_err(|error| bad(at, &error.to_string()))
}

fn bad(at: &str, why: &str) -> BadCatalog {
    let at = if at.is_empty() { "/" } else { at };
    BadCatalog {
        at: at.to_owned(),
        why: why.to_owned(),
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
