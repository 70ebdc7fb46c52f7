//! What a target offers, read from its catalog as far as it can be used.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

/// A plan of an offering, with what its catalog declares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    pub(crate) service_id: String,
    pub(crate) service_name: String,
    pub(crate) plan_id: String,
    pub(crate) plan_name: String,
    pub(crate) is_free: bool,
    pub(crate) is_bindable: bool,
    pub(crate) is_plan_updateable: bool,
    pub(crate) allows_context_updates: bool,
    pub(crate) has_instance_fetch: bool,
    pub(crate) has_binding_fetch: bool,
    pub(crate) is_rotatable: bool,
    pub(crate) requires: BTreeSet<String>,
    pub(crate) create_schema: Option<Value>,
    pub(crate) update_schema: Option<Value>,
    pub(crate) bind_schema: Option<Value>,
    pub(crate) maintenance_version: Option<String>,
    /// In seconds.
    pub(crate) maximum_polling_duration: Option<u64>,
    /// Whether it is the first plan of its offering.
    pub(crate) is_first: bool,
    /// The other plans of the offering. They know of no others.
    pub(crate) siblings: Vec<Arc<Subject>>,
    /// A plan of another offering, a free one if there is any.
    pub(crate) stranger: Option<Arc<Subject>>,
}

impl Subject {
    /// `offering/plan`, by their names.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.service_name, self.plan_name)
    }

    /// Whether its offering has this plan.
    pub(crate) fn offers(&self, plan_id: &str) -> bool {
        let mut others = self.siblings.iter();
        self.plan_id == plan_id || others.any(|other| other.plan_id == plan_id)
    }

    /// Whether the catalog announces anything that an update could change.
    pub(crate) fn is_updateable(&self) -> bool {
        self.is_plan_updateable
            || self.allows_context_updates
            || self.update_schema.is_some()
            || self.maintenance_version.is_some()
    }

    /// Whether offering and plan are here by name or id.
    pub(crate) fn is_of(&self, service: Option<&str>, plan: Option<&str>) -> bool {
        let fits = |wanted: Option<&str>, name: &str, id: &str| {
            wanted.is_none_or(|wanted| wanted == name || wanted == id)
        };
        fits(service, &self.service_name, &self.service_id)
            && fits(plan, &self.plan_name, &self.plan_id)
    }

    /// What the catalog says of how it behaves.
    pub(crate) fn declared(&self) -> Declared {
        Declared {
            flags: [
                self.is_bindable,
                self.is_plan_updateable,
                self.allows_context_updates,
                self.has_instance_fetch,
                self.has_binding_fetch,
                self.is_rotatable,
                self.create_schema.is_some(),
                self.update_schema.is_some(),
                self.bind_schema.is_some(),
                self.maintenance_version.is_some(),
            ],
            requires: self.requires.clone(),
        }
    }
}

/// What a catalog says of how a plan behaves: plans of which this is the same
/// need to be judged once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    flags: [bool; 10],
    requires: BTreeSet<String>,
}

/// Every plan of a catalog that can be named in a request, in order. What the
/// catalog says wrongly counts as not said.
pub(crate) fn subjects(catalog: &Value) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for service in list(catalog, "services") {
        let Some(service_id) = text(service, "id") else {
            continue;
        };
        let flag = |name: &str| service.get(name).and_then(Value::as_bool);
        for (place, plan) in list(service, "plans").enumerate() {
            let Some(plan_id) = text(plan, "id") else {
                continue;
            };
            let of_plan = |name: &str| plan.get(name).and_then(Value::as_bool);
            let either = |name: &str| of_plan(name).or(flag(name)).unwrap_or(false);
            let schema = |resource: &str, action: &str| {
                let schema = plan.pointer(&format!("/schemas/{resource}/{action}/parameters"));
                schema.filter(|schema| schema.is_object()).cloned()
            };
            let maintenance = plan.pointer("/maintenance_info/version");
            let polling = plan.get("maximum_polling_duration").and_then(Value::as_u64);
            subjects.push(Subject {
                service_name: text(service, "name").unwrap_or(service_id.clone()),
                service_id: service_id.clone(),
                plan_name: text(plan, "name").unwrap_or(plan_id.clone()),
                plan_id,
                is_free: of_plan("free").unwrap_or(true),
                is_bindable: either("bindable"),
                is_plan_updateable: either("plan_updateable"),
                allows_context_updates: flag("allow_context_updates").unwrap_or(false),
                has_instance_fetch: flag("instances_retrievable").unwrap_or(false),
                has_binding_fetch: flag("bindings_retrievable").unwrap_or(false),
                is_rotatable: of_plan("binding_rotatable").unwrap_or(false),
                requires: list(service, "requires")
                    .filter_map(|permission| Some(permission.as_str()?.to_owned()))
                    .collect(),
                create_schema: schema("service_instance", "create"),
                update_schema: schema("service_instance", "update"),
                bind_schema: schema("service_binding", "create"),
                maintenance_version: maintenance.and_then(Value::as_str).map(str::to_owned),
                maximum_polling_duration: polling,
                is_first: place == 0,
                siblings: Vec::new(),
                stranger: None,
            });
        }
    }
    introduce(&mut subjects);
    subjects
}

/// Tells each plan of the others.
fn introduce(subjects: &mut [Subject]) {
    let all: Vec<Arc<Subject>> = subjects.iter().cloned().map(Arc::new).collect();
    for subject in subjects {
        let others = all.iter().filter(|other| other.plan_id != subject.plan_id);
        let (same, other): (Vec<_>, Vec<_>) = others
            .cloned()
            .partition(|other| other.service_id == subject.service_id);
        subject.siblings = same;
        subject.stranger = other.into_iter().min_by_key(|other| !other.is_free);
    }
}

/// The plans of each behaviour that the catalog tells apart, free ones first.
pub(crate) fn behaviours(subjects: Vec<Subject>) -> Vec<Vec<Subject>> {
    let mut behaviours: Vec<Vec<Subject>> = Vec::new();
    for subject in subjects {
        let same = |plans: &&mut Vec<Subject>| plans[0].declared() == subject.declared();
        match behaviours.iter_mut().find(same) {
            Some(plans) => plans.push(subject),
            None => behaviours.push(vec![subject]),
        }
    }
    for plans in &mut behaviours {
        plans.sort_by_key(|subject| !subject.is_free);
    }
    behaviours
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let list = value.get(name).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
