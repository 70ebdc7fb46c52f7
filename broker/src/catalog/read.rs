//! Reads a catalog and refuses what platforms would refuse, or what the broker
//! could not keep.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::members::{Members, bad};
use super::{BadCatalog, Offering, Plan, Schemas};
use crate::conduct::{Conduct, Permission, PlanConduct};
use crate::schema::Schema;

/// The member of offerings and plans that tells the broker how to conduct them.
/// It is not served.
const OURS: &str = "broker";

/// The largest schema of parameters, in bytes of JSON.
const LARGEST_SCHEMA: usize = 64 * 1024;

/// The offerings of a catalog, from which what is not served is taken.
pub(super) fn offerings(json: &mut Value) -> Result<Vec<Offering>, BadCatalog> {
    let Some(services) = json.get_mut("services").and_then(Value::as_array_mut) else {
        return Err(bad("", "a catalog is an object with an array `services`"));
    };
    let mut reader = Reader::default();
    let mut offerings = Vec::new();
    for (index, service) in services.iter_mut().enumerate() {
        let at = format!("/services/{index}");
        offerings.push(reader.offering(&at, service)?);
    }
    Ok(offerings)
}

/// What has to be unique, as far as it has been read.
#[derive(Default)]
struct Reader {
    ids: Vec<String>,
    names: Vec<String>,
}

/// What an offering says for its plans.
struct Given {
    bindable: bool,
    updateable: bool,
    bindings_retrievable: bool,
    requires: Vec<Permission>,
}

impl Reader {
    fn offering(&mut self, at: &str, json: &mut Value) -> Result<Offering, BadCatalog> {
        let conduct: Conduct = take_ours(at, json)?;
        let members = Members::of(at, json)?;
        let id = self.fresh_id(&members)?;
        let name = members.text("name")?;
        if self.names.contains(&name) {
            return Err(members.bad("name", "another service offering has this name"));
        }
        self.names.push(name);
        members.text("description")?;
        members.optional::<Vec<String>>("tags")?;
        metadata(&members)?;
        dashboard_client(&members)?;
        let flag = |name: &str| {
            members
                .optional::<bool>(name)
                .map(Option::unwrap_or_default)
        };
        flag("allow_context_updates")?;
        let instances_retrievable = flag("instances_retrievable")?;
        let given = Given {
            bindable: members.required("bindable")?,
            updateable: members.nullable("plan_updateable")?.unwrap_or_default(),
            bindings_retrievable: flag("bindings_retrievable")?,
            requires: members.optional("requires")?.unwrap_or_default(),
        };
        if members.required::<Vec<Value>>("plans")?.is_empty() {
            return Err(members.bad("plans", "there is no service plan"));
        }
        let mut plans = Vec::new();
        let mut names = Vec::new();
        for (index, plan) in json["plans"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let at = format!("{at}/plans/{index}");
            plans.push(self.plan(&at, plan, &given, &mut names)?);
        }
        Ok(Offering {
            id,
            backend: conduct.backend,
            instances_retrievable,
            bindings_retrievable: given.bindings_retrievable,
            plans,
        })
    }

    fn plan(
        &mut self,
        at: &str,
        json: &mut Value,
        given: &Given,
        names: &mut Vec<String>,
    ) -> Result<Plan, BadCatalog> {
        let conduct: PlanConduct = take_ours(at, json)?;
        let contradiction = conduct.contradiction(&given.requires, given.bindings_retrievable);
        if let Some((member, why)) = contradiction {
            return Err(bad(&format!("{at}/{OURS}/{member}"), &why));
        }
        let members = Members::of(at, json)?;
        let id = self.fresh_id(&members)?;
        let name = members.text("name")?;
        if names.contains(&name) {
            return Err(members.bad("name", "another plan of this offering has this name"));
        }
        names.push(name);
        members.text("description")?;
        metadata(&members)?;
        members.nullable::<bool>("free")?;
        members.optional::<u64>("maximum_polling_duration")?;
        let bindable = members.nullable("bindable")?;
        let updateable = members.nullable("plan_updateable")?;
        let binding_rotatable = members.optional("binding_rotatable")?;
        Ok(Plan {
            id,
            bindable: bindable.unwrap_or(given.bindable),
            updateable: updateable.unwrap_or(given.updateable),
            binding_rotatable: binding_rotatable.unwrap_or_default(),
            maintenance_version: maintenance_version(&members)?,
            schemas: schemas(&members)?,
            conduct,
        })
    }

    /// An id that nothing else in the catalog has.
    fn fresh_id(&mut self, members: &Members<'_>) -> Result<String, BadCatalog> {
        let id = members.text("id")?;
        if self.ids.contains(&id) {
            return Err(members.bad("id", "another offering or plan has this id"));
        }
        self.ids.push(id.clone());
        Ok(id)
    }
}

fn metadata(members: &Members<'_>) -> Result<(), BadCatalog> {
    members.nullable::<Map<String, Value>>("metadata").map(drop)
}

fn dashboard_client(members: &Members<'_>) -> Result<(), BadCatalog> {
    if let Some(client) = members.object("dashboard_client")? {
        client.text("id")?;
        client.text("secret")?;
        client.optional::<String>("redirect_uri")?;
    }
    Ok(())
}

fn maintenance_version(members: &Members<'_>) -> Result<Option<String>, BadCatalog> {
    let Some(info) = members.object("maintenance_info")? else {
        return Ok(None);
    };
    if let Some(other) = info
        .all
        .keys()
        .find(|k| !matches!(k.as_str(), "version" | "description"))
    {
        return Err(info.bad(
            other,
            "maintenance_info has a version and a description only",
        ));
    }
    info.nullable::<String>("description")?;
    let version: String = info.required("version")?;
    match semver::Version::parse(&version) {
        Ok(_) => Ok(Some(version)),
        Err(error) => {
            let why = format!("it is no semantic version such as 1.2.0: {error}");
            Err(info.bad("version", &why))
        }
    }
}

fn schemas(members: &Members<'_>) -> Result<Schemas, BadCatalog> {
    let schema = |of: &str, when: &str| {
        let Some(schemas) = members.object("schemas")? else {
            return Ok(None);
        };
        let Some(of) = schemas.object(of)? else {
            return Ok(None);
        };
        let Some(input) = of.object(when)? else {
            return Ok(None);
        };
        let Some(json) = input.nullable::<Value>("parameters")? else {
            return Ok(None);
        };
        if json.to_string().len() > LARGEST_SCHEMA {
            return Err(input.bad("parameters", "a schema has at most 64 kB"));
        }
        let read = Schema::read(&json).map_err(|why| input.bad("parameters", &why));
        read.map(Some)
    };
    Ok(Schemas {
        provision: schema("service_instance", "create")?,
        update: schema("service_instance", "update")?,
        bind: schema("service_binding", "create")?,
    })
}

/// Takes what is meant for the broker out of what is served.
fn take_ours<T: Default + for<'de> Deserialize<'de>>(
    at: &str,
    json: &mut Value,
) -> Result<T, BadCatalog> {
    let Some(ours) = json
        .as_object_mut()
        .and_then(|members| members.remove(OURS))
    else {
        return Ok(T::default());
    };
    let at = format!("{at}/{OURS}");
    // Each member could stand alone, so that the one that is wrong can be named.
    for (name, value) in &Members::of(&at, &ours)?.all.clone() {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = T::deserialize(&Value::Object(alone)) {
            return Err(bad(&format!("{at}/{name}"), &error.to_string()));
        }
    }
    T::deserialize(&ours).map_err(|error| bad(&at, &error.to_string()))
}
