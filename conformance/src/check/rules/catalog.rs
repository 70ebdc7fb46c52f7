//! The catalog.

use std::collections::BTreeMap;

use fixtures::ApiVersion;
use serde_json::Value;

use super::fields::is_semver;
use super::{Sight, shown};
use crate::check::book::{Finding, Sign};
use crate::references::leading_out;

pub(super) const JUDGES: &[&str] = &[
    "catalog.strings-at-most-255",
    "catalog.cli-unfriendly-avoided",
    "catalog.services-present",
    "catalog.services-type",
    "catalog.services-may-be-empty",
    "offering.name-present",
    "offering.name-type",
    "offering.name-unique",
    "offering.name-nonempty",
    "offering.name-cli-friendly",
    "offering.id-present",
    "offering.id-type",
    "offering.id-globally-unique",
    "offering.id-nonempty",
    "offering.id-guid",
    "offering.id-unreserved-characters",
    "offering.description-present",
    "offering.description-type",
    "offering.description-nonempty",
    "offering.tags-type",
    "offering.requires-type",
    "offering.requires-values",
    "offering.bindable-present",
    "offering.bindable-type",
    "offering.instances-retrievable-type",
    "offering.bindings-retrievable-type",
    "offering.allow-context-updates-type",
    "offering.metadata-type",
    "offering.metadata-conventional-names",
    "offering.metadata-shareable-type",
    "offering.plan-updateable-type",
    "offering.plans-present",
    "offering.plans-type",
    "offering.plans-nonempty",
    "dashboard-client.object-type",
    "dashboard-client.id-present",
    "dashboard-client.id-type",
    "dashboard-client.id-nonempty",
    "dashboard-client.secret-present",
    "dashboard-client.secret-type",
    "dashboard-client.secret-nonempty",
    "dashboard-client.redirect-uri-type",
    "plan.id-present",
    "plan.id-type",
    "plan.id-globally-unique",
    "plan.id-nonempty",
    "plan.id-guid",
    "plan.id-unreserved-characters",
    "plan.name-present",
    "plan.name-type",
    "plan.name-unique",
    "plan.name-nonempty",
    "plan.name-cli-friendly",
    "plan.description-present",
    "plan.description-type",
    "plan.description-nonempty",
    "plan.metadata-type",
    "plan.metadata-conventional-names",
    "plan.metadata-cost-amount",
    "plan.metadata-cost-unit",
    "plan.free-type",
    "plan.bindable-type",
    "plan.binding-rotatable-type",
    "plan.plan-updateable-type",
    "plan.schemas-type",
    "plan.maximum-polling-duration-type",
    "plan.maintenance-info-type",
    "schemas.service-instance-type",
    "schemas.service-binding-type",
    "schemas.service-instance-create-type",
    "schemas.service-instance-update-type",
    "schemas.service-binding-create-type",
    "schemas.parameters-type",
    "schemas.dollar-schema-present",
    "schemas.no-external-references",
    "schemas.max-64kb",
    "maintenance-info.version-present",
    "maintenance-info.version-type",
    "maintenance-info.version-semver",
    "maintenance-info.description-type",
];

/// Names, ids and descriptions of offerings or of plans: the ids of their rules.
struct Texts {
    name: [&'static str; 4],
    id: [&'static str; 5],
    description: [&'static str; 3],
}

const OF_OFFERING: Texts = Texts {
    name: [
        "offering.name-present",
        "offering.name-type",
        "offering.name-nonempty",
        "offering.name-cli-friendly",
    ],
    id: [
        "offering.id-present",
        "offering.id-type",
        "offering.id-nonempty",
        "offering.id-guid",
        "offering.id-unreserved-characters",
    ],
    description: [
        "offering.description-present",
        "offering.description-type",
        "offering.description-nonempty",
    ],
};

const OF_PLAN: Texts = Texts {
    name: [
        "plan.name-present",
        "plan.name-type",
        "plan.name-nonempty",
        "plan.name-cli-friendly",
    ],
    id: [
        "plan.id-present",
        "plan.id-type",
        "plan.id-nonempty",
        "plan.id-guid",
        "plan.id-unreserved-characters",
    ],
    description: [
        "plan.description-present",
        "plan.description-type",
        "plan.description-nonempty",
    ],
};

pub(super) fn judge(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let Some(Value::Object(body)) = sight.json else {
        return;
    };
    let version = sight.version;
    let mut judge = Judge { version, found };
    let Some(services) = body.get("services") else {
        judge.is(
            "catalog.services-present",
            false,
            "services in the catalog",
            "there are none",
        );
        return;
    };
    judge.is(
        "catalog.services-present",
        true,
        "services in the catalog",
        "",
    );
    let Some(services) = judge.objects("catalog.services-type", "services", services) else {
        return;
    };
    if services.is_empty() {
        judge.kept("catalog.services-may-be-empty", "offerings, or none");
    }
    for service in services {
        judge.offering(service);
    }
    judge.uniqueness(services);
}

struct Judge<'a> {
    version: ApiVersion,
    found: &'a mut Vec<Finding>,
}

impl Judge<'_> {
    fn is(&mut self, id: &'static str, holds: bool, expected: &str, actual: &str) {
        self.push(id, holds, Sign::Broken, expected, actual);
    }

    fn push(&mut self, id: &'static str, holds: bool, sign: Sign, expected: &str, actual: &str) {
        self.found
            .push(Finding::judge(id, holds, sign, expected, actual));
    }

    fn kept(&mut self, id: &'static str, expected: &str) {
        self.found.push(Finding::kept(id, expected));
    }

    /// A value of a kind.
    fn kind(&mut self, id: &'static str, holds: bool, expected: &str, value: &Value) {
        self.is(id, holds, expected, &format!("it is {}", shown(value)));
    }

    fn objects<'v>(
        &mut self,
        id: &'static str,
        name: &str,
        value: &'v Value,
    ) -> Option<&'v [Value]> {
        let items = value.as_array().map(Vec::as_slice);
        let items = items.filter(|items| items.iter().all(Value::is_object));
        self.kind(
            id,
            items.is_some(),
            &format!("an array of objects as {name}"),
            value,
        );
        items
    }

    fn offering(&mut self, service: &Value) {
        let name = called("offering", service);
        self.texts(&OF_OFFERING, &name, service);
        for (id, member) in [
            ("offering.tags-type", "tags"),
            ("offering.requires-type", "requires"),
        ] {
            if let Some(value) = present(service, member) {
                let items = value.as_array();
                let holds = items.is_some_and(|items| items.iter().all(Value::is_string));
                self.kind(
                    id,
                    holds,
                    &format!("an array of strings as {member} of {name}"),
                    value,
                );
            }
        }
        let required = present(service, "requires").and_then(Value::as_array);
        for permission in required.into_iter().flatten().filter_map(Value::as_str) {
            let known = ["syslog_drain", "route_forwarding", "volume_mount"];
            self.push(
                "offering.requires-values",
                known.contains(&permission),
                Sign::Deviates,
                &format!("{} in requires of {name}", known.join(", ")),
                &format!("there is {}", shown(&permission.into())),
            );
        }
        match service.get("bindable") {
            None => self.is(
                "offering.bindable-present",
                false,
                &format!("bindable in {name}"),
                "it is not there",
            ),
            Some(value) => {
                self.kept("offering.bindable-present", &format!("bindable in {name}"));
                let expected = format!("a boolean as bindable of {name}");
                self.kind(
                    "offering.bindable-type",
                    value.is_boolean(),
                    &expected,
                    value,
                );
            }
        }
        self.flags(
            &name,
            service,
            &[
                (
                    "offering.instances-retrievable-type",
                    "instances_retrievable",
                ),
                ("offering.bindings-retrievable-type", "bindings_retrievable"),
                (
                    "offering.allow-context-updates-type",
                    "allow_context_updates",
                ),
                ("offering.plan-updateable-type", "plan_updateable"),
            ],
        );
        self.object("offering.metadata-type", &name, service, "metadata");
        self.metadata_of_offering(&name, service);
        self.dashboard_client(&name, service);
        let Some(plans) = service.get("plans") else {
            self.is(
                "offering.plans-present",
                false,
                &format!("plans in {name}"),
                "there are none",
            );
            return;
        };
        self.kept("offering.plans-present", &format!("plans in {name}"));
        let Some(plans) = self.objects("offering.plans-type", &format!("plans of {name}"), plans)
        else {
            return;
        };
        let expected = format!("one plan at least in {name}");
        self.is(
            "offering.plans-nonempty",
            !plans.is_empty(),
            &expected,
            "there is none",
        );
        for plan in plans {
            self.plan(plan);
        }
        let names = plans.iter().filter_map(|plan| plan.get("name")?.as_str());
        self.unique(
            "plan.name-unique",
            &format!("different names of the plans of {name}"),
            names,
        );
    }

    fn texts(&mut self, ids: &Texts, whose: &str, value: &Value) {
        let [present, kind, nonempty, friendly] = ids.name;
        if let Some(name) = self.text([present, kind, nonempty], whose, value, "name") {
            let (sign, expected) = friendliness(name, self.version);
            self.push(
                friendly,
                sign == Sign::Kept,
                sign,
                &format!("{expected} in the name of {whose}"),
                &format!("it is {}", shown(&name.into())),
            );
            let is_word = !name.starts_with('-') && name.contains(char::is_alphanumeric);
            self.push(
                "catalog.cli-unfriendly-avoided",
                is_word,
                Sign::Deviates,
                &format!("a name of {whose} that a command line can take"),
                &format!("it is {}", shown(&name.into())),
            );
        }
        let [present, kind, nonempty, guid, unreserved] = ids.id;
        if let Some(id) = self.text([present, kind, nonempty], whose, value, "id") {
            let actual = format!("it is {}", shown(&id.into()));
            let expected = format!("a GUID as the id of {whose}");
            self.push(guid, is_guid(id), Sign::Deviates, &expected, &actual);
            let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            let expected = format!("unreserved characters in the id of {whose}");
            let holds = id.chars().all(is_unreserved);
            self.push(unreserved, holds, Sign::Deviates, &expected, &actual);
        }
        self.text(ids.description, whose, value, "description");
    }

    /// A text that has to be there; gives it if it is not empty.
    fn text<'v>(
        &mut self,
        [is_present, is_text, is_filled]: [&'static str; 3],
        whose: &str,
        value: &'v Value,
        member: &str,
    ) -> Option<&'v str> {
        let expected = format!("a {member} of {whose}");
        let Some(text) = value.get(member) else {
            self.is(is_present, false, &expected, "there is none");
            return None;
        };
        self.kept(is_present, &expected);
        let expected = format!("a string as {member} of {whose}");
        self.kind(is_text, text.is_string(), &expected, text);
        let text = text.as_str()?;
        let expected = format!("no empty {member} of {whose}");
        self.is(is_filled, !text.is_empty(), &expected, "it is empty");
        let length = text.chars().count();
        self.push(
            "catalog.strings-at-most-255",
            length <= 255,
            Sign::Deviates,
            &format!("at most 255 characters as {member} of {whose}"),
            &format!("it has {length}"),
        );
        (!text.is_empty()).then_some(text)
    }

    fn flags(&mut self, whose: &str, value: &Value, flags: &[(&'static str, &str)]) {
        for (id, member) in flags {
            if let Some(flag) = present(value, member) {
                let expected = format!("a boolean as {member} of {whose}");
                self.kind(id, flag.is_boolean(), &expected, flag);
            }
        }
    }

    fn object<'v>(
        &mut self,
        id: &'static str,
        whose: &str,
        value: &'v Value,
        member: &str,
    ) -> Option<&'v Value> {
        let object = present(value, member)?;
        let expected = format!("an object as {member} of {whose}");
        self.kind(id, object.is_object(), &expected, object);
        object.is_object().then_some(object)
    }

    fn metadata_of_offering(&mut self, whose: &str, service: &Value) {
        let Some(metadata) = present(service, "metadata").filter(|m| m.is_object()) else {
            return;
        };
        for name in [
            "displayName",
            "imageUrl",
            "longDescription",
            "providerDisplayName",
            "documentationUrl",
            "supportUrl",
        ] {
            if let Some(value) = present(metadata, name) {
                let id = "offering.metadata-conventional-names";
                let expected = format!("a string as {name} in the metadata of {whose}");
                let actual = format!("it is {}", shown(value));
                self.push(id, value.is_string(), Sign::Deviates, &expected, &actual);
            }
        }
        if let Some(shareable) = present(metadata, "shareable") {
            let expected = format!("a boolean as shareable in the metadata of {whose}");
            let actual = format!("it is {}", shown(shareable));
            let id = "offering.metadata-shareable-type";
            self.push(
                id,
                shareable.is_boolean(),
                Sign::Deviates,
                &expected,
                &actual,
            );
        }
    }

    fn dashboard_client(&mut self, whose: &str, service: &Value) {
        let id = "dashboard-client.object-type";
        let Some(client) = self.object(id, whose, service, "dashboard_client") else {
            return;
        };
        for (is_present, is_text, is_filled, member) in [
            (
                "dashboard-client.id-present",
                "dashboard-client.id-type",
                "dashboard-client.id-nonempty",
                "id",
            ),
            (
                "dashboard-client.secret-present",
                "dashboard-client.secret-type",
                "dashboard-client.secret-nonempty",
                "secret",
            ),
        ] {
            let expected = format!("a string as {member} of the dashboard_client of {whose}");
            // Up to 2.14 both are optional.
            let absent = |value: &Value| value.is_null() && !self.version.is_at_least(15);
            let Some(value) = client.get(member).filter(|value| !absent(value)) else {
                self.is(is_present, false, &expected, "there is none");
                continue;
            };
            self.kept(is_present, &expected);
            // A secret is not repeated.
            let actual = format!("it is {}", kind(value));
            self.is(is_text, value.is_string(), &expected, &actual);
            if let Some(text) = value.as_str() {
                self.is(is_filled, !text.is_empty(), &expected, "it is empty");
            }
        }
        if let Some(value) = present(client, "redirect_uri") {
            let expected = format!("a string as redirect_uri of {whose}");
            let id = "dashboard-client.redirect-uri-type";
            self.kind(id, value.is_string(), &expected, value);
        }
    }

    fn plan(&mut self, plan: &Value) {
        let name = called("plan", plan);
        self.texts(&OF_PLAN, &name, plan);
        self.flags(
            &name,
            plan,
            &[
                ("plan.free-type", "free"),
                ("plan.bindable-type", "bindable"),
                ("plan.binding-rotatable-type", "binding_rotatable"),
                ("plan.plan-updateable-type", "plan_updateable"),
            ],
        );
        if let Some(seconds) = present(plan, "maximum_polling_duration") {
            let is_whole = seconds.as_f64().is_some_and(|n| n.fract() == 0.0);
            let id = "plan.maximum-polling-duration-type";
            let expected = format!("an integer as maximum_polling_duration of {name}");
            self.kind(id, is_whole, &expected, seconds);
            if is_whole && seconds.as_f64().is_some_and(|n| n <= 0.0) {
                let actual = format!("it is {}", shown(seconds));
                let expected =
                    format!("a duration above zero as maximum_polling_duration of {name}");
                self.push(id, false, Sign::Deviates, &expected, &actual);
            }
        }
        self.object("plan.metadata-type", &name, plan, "metadata");
        self.metadata_of_plan(&name, plan);
        self.maintenance(&name, plan);
        self.schemas(&name, plan);
    }

    fn metadata_of_plan(&mut self, whose: &str, plan: &Value) {
        let Some(metadata) = present(plan, "metadata").filter(|m| m.is_object()) else {
            return;
        };
        let all = |value: &Value, is: fn(&Value) -> bool| {
            value.as_array().is_some_and(|items| items.iter().all(is))
        };
        for member in ["bullets", "costs", "displayName"] {
            let Some(value) = present(metadata, member) else {
                continue;
            };
            let (expected, is_right) = match member {
                "bullets" => ("an array of strings", all(value, Value::is_string)),
                "costs" => ("an array of objects", all(value, Value::is_object)),
                _ => ("a string", value.is_string()),
            };
            let expected = format!("{expected} as {member} in the metadata of {whose}");
            let actual = format!("it is {}", shown(value));
            let id = "plan.metadata-conventional-names";
            self.push(id, is_right, Sign::Deviates, &expected, &actual);
        }
        let costs = present(metadata, "costs").and_then(Value::as_array);
        for cost in costs.into_iter().flatten().filter(|cost| cost.is_object()) {
            let amount = cost.get("amount").and_then(Value::as_object);
            let numbers = amount.is_some_and(|a| a.values().all(Value::is_number));
            let expected = format!("currencies and numbers as the amount of a cost of {whose}");
            let actual = format!("the cost is {}", shown(cost));
            let id = "plan.metadata-cost-amount";
            self.push(id, numbers, Sign::Deviates, &expected, &actual);
            let has_unit = cost.get("unit").is_some_and(Value::is_string);
            let expected = format!("a string as the unit of a cost of {whose}");
            self.push(
                "plan.metadata-cost-unit",
                has_unit,
                Sign::Deviates,
                &expected,
                &actual,
            );
        }
    }

    fn maintenance(&mut self, whose: &str, plan: &Value) {
        let id = "plan.maintenance-info-type";
        let Some(info) = self.object(id, whose, plan, "maintenance_info") else {
            return;
        };
        let expected = format!("a version in the maintenance_info of {whose}");
        match info.get("version") {
            None => self.is(
                "maintenance-info.version-present",
                false,
                &expected,
                "there is none",
            ),
            Some(version) => {
                self.kept("maintenance-info.version-present", &expected);
                let expected = format!("a string as the maintenance version of {whose}");
                let id = "maintenance-info.version-type";
                self.kind(id, version.is_string(), &expected, version);
                if let Some(text) = version.as_str() {
                    let expected =
                        format!("Semantic Versioning for the maintenance version of {whose}");
                    let id = "maintenance-info.version-semver";
                    self.kind(id, is_semver(text), &expected, version);
                }
            }
        }
        if let Some(description) = present(info, "description") {
            let expected = format!("a string as the description in maintenance_info of {whose}");
            let actual = format!("it is {}", shown(description));
            let id = "maintenance-info.description-type";
            self.push(
                id,
                description.is_string(),
                Sign::Deviates,
                &expected,
                &actual,
            );
        }
    }

    fn schemas(&mut self, whose: &str, plan: &Value) {
        let Some(schemas) = self.object("plan.schemas-type", whose, plan, "schemas") else {
            return;
        };
        for (resource_id, resource, actions) in [
            (
                "schemas.service-instance-type",
                "service_instance",
                &[
                    ("schemas.service-instance-create-type", "create"),
                    ("schemas.service-instance-update-type", "update"),
                ][..],
            ),
            (
                "schemas.service-binding-type",
                "service_binding",
                &[("schemas.service-binding-create-type", "create")],
            ),
        ] {
            let whose = format!("the schemas of {whose}");
            let Some(of_resource) = self.object(resource_id, &whose, schemas, resource) else {
                continue;
            };
            for (id, action) in actions {
                if let Some(of_action) = self.object(id, &whose, of_resource, action)
                    && let Some(schema) = present(of_action, "parameters")
                {
                    self.schema(&format!("{resource} {action} schema of {whose}"), schema);
                }
            }
        }
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        let expected = format!("an object as the {name}");
        self.kind(
            "schemas.parameters-type",
            schema.is_object(),
            &expected,
            schema,
        );
        if !schema.is_object() {
            return;
        }
        let declared = schema.get("$schema").and_then(Value::as_str);
        self.is(
            "schemas.dollar-schema-present",
            declared.is_some_and(|text| !text.is_empty()),
            &format!("$schema at the top of the {name}"),
            "it is not there, or no string",
        );
        let away = leading_out(schema);
        self.is(
            "schemas.no-external-references",
            away.is_empty(),
            &format!("references in the {name} that stay inside it"),
            &format!("there is {}", away.join(", ")),
        );
        let size = schema.to_string().len();
        self.is(
            "schemas.max-64kb",
            size <= 65_536,
            &format!("at most 64 kB as the {name}"),
            &format!("it has {size} bytes"),
        );
    }

    fn uniqueness(&mut self, services: &[Value]) {
        let ids: Vec<&str> = texts(services, "id").collect();
        let plans = services
            .iter()
            .filter_map(|service| service.get("plans")?.as_array());
        let plan_ids: Vec<&str> = plans
            .flatten()
            .filter_map(|plan| plan.get("id")?.as_str())
            .collect();
        let expected = "different names of the offerings";
        self.unique("offering.name-unique", expected, texts(services, "name"));
        let expected = "different ids of the offerings";
        self.unique("offering.id-globally-unique", expected, ids.iter().copied());
        let expected = "different ids of the plans";
        self.unique(
            "plan.id-globally-unique",
            expected,
            plan_ids.iter().copied(),
        );
        for shared in ids.iter().filter(|id| plan_ids.contains(id)) {
            for id in ["offering.id-globally-unique", "plan.id-globally-unique"] {
                let actual = format!(
                    "{} is the id of an offering and of a plan",
                    shown(&(*shared).into())
                );
                self.push(
                    id,
                    false,
                    Sign::Deviates,
                    "different ids of offerings and plans",
                    &actual,
                );
            }
        }
    }

    fn unique<'v>(
        &mut self,
        id: &'static str,
        expected: &str,
        texts: impl Iterator<Item = &'v str>,
    ) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for text in texts {
            *counts.entry(text).or_default() += 1;
        }
        if counts.is_empty() {
            return;
        }
        let twice = counts.iter().find(|(_, count)| **count > 1);
        let actual =
            twice.map(|(text, count)| format!("{} is there {count} times", shown(&(*text).into())));
        self.is(id, actual.is_none(), expected, &actual.unwrap_or_default());
    }
}

fn texts<'a>(values: &'a [Value], member: &str) -> impl Iterator<Item = &'a str> {
    values
        .iter()
        .filter_map(move |value| value.get(member)?.as_str())
}

/// A member that is not null, which counts as absent.
fn present<'a>(value: &'a Value, member: &str) -> Option<&'a Value> {
    value.get(member).filter(|value| !value.is_null())
}

/// Whether a name is one for a command line in the words of a version, and which
/// characters these ask for.
fn friendliness(name: &str, version: ApiVersion) -> (Sign, &'static str) {
    if !version.is_at_least(13) {
        let sign = match name.contains(|c: char| c.is_uppercase() || c.is_whitespace()) {
            true => Sign::Broken,
            false => Sign::Kept,
        };
        return (sign, "lower case and no spaces");
    }
    let expected = match version.is_at_least(14) {
        true => "letters, digits, periods and hyphens",
        false => "letters of lower case, digits and hyphens",
    };
    // What later versions allow was hardly meant to be forbidden, and that letters
    // are those of English is not said.
    let is_letter = |c: char| {
        // An accent may be a character of its own.
        c.is_alphanumeric() || matches!(c, '.' | '-' | '\u{300}'..='\u{36f}')
    };
    let is_plain = |c: char| match version.is_at_least(14) {
        true => c.is_ascii_alphanumeric() || c == '.' || c == '-',
        false => c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    };
    let sign = match (name.chars().all(is_plain), name.chars().all(is_letter)) {
        (true, _) => Sign::Kept,
        (_, true) => Sign::Deviates,
        _ => Sign::Broken,
    };
    (sign, expected)
}

/// How a reader is told of an offering or plan.
fn called(what: &str, value: &Value) -> String {
    let name = value.get("name").or(value.get("id"));
    match name.and_then(Value::as_str) {
        Some(name) => format!("{what} {}", shown(&name.into())),
        None => format!("an {what} without a name").replace("an plan", "a plan"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use fixtures::ApiVersion;

    use super::{Sign, friendliness};

    #[test]
    fn a_name_is_judged_by_the_words_of_the_version() {
        use Sign::{Broken, Deviates, Kept};
        for (name, signs) in [
            ("my-db-2", [Kept, Kept, Kept, Kept]),
            ("My-DB", [Broken, Deviates, Kept, Kept]),
            ("db.small", [Kept, Deviates, Kept, Kept]),
            ("donn\u{e9}es", [Kept, Deviates, Deviates, Deviates]),
            ("donne\u{301}es", [Kept, Deviates, Deviates, Deviates]),
            ("my_db", [Kept, Broken, Broken, Broken]),
            ("my db", [Broken, Broken, Broken, Broken]),
        ] {
            for (minor, sign) in [12, 13, 14, 15].into_iter().zip(signs) {
                let version = ApiVersion::minor(minor).unwrap();
                assert_eq!(friendliness(name, version).0, sign, "{name} in 2.{minor}");
            }
        }
    }
}
