//! Whether a value fits a part of a schema, in a bounded number of steps.
//!
//! This goes through what applies one schema to another; the keywords that judge
//! a value by itself are left to `jsonschema`. Nothing is cut short: the steps
//! counted here are the most that the validator of the whole takes.

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::schema::{Schema, compile};

/// How large a value may get that is put together, as [`size`] measures it.
pub(super) const MAX_SIZE: usize = 64 * 1024;

/// What it costs to match a pattern, and one in which the engine may have to go
/// back.
const MATCH: usize = 8;
const MATCH_GOING_BACK: usize = 100;

/// How deep schemas may be applied within each other. What goes deeper without
/// going into the value refers to itself.
const MAX_DEPTH: usize = 200;

/// The keywords that apply no other schema.
const LEAVES: [&str; 19] = [
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "dependencies",
];

impl<'a> Schema<'a> {
    pub(super) fn fits(&self, schema: &'a Value, value: &Value) -> bool {
        self.applied(schema, value, 0)
    }

    pub(super) fn fits_all(&self, schemas: &[&'a Value], value: &Value) -> bool {
        schemas.iter().all(|schema| self.fits(schema, value))
    }

    fn applied(&self, schema: &'a Value, value: &Value, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            self.give_up(|| "it refers to itself without end".to_owned());
        }
        if !self.spend(1) {
            return false;
        }
        let map = match schema {
            Value::Bool(all) => return *all,
            Value::Object(map) => map,
            _ => return false,
        };
        let holds = |schema| self.applied(schema, value, depth + 1);
        let holding = |schemas: &'a Vec<Value>| schemas.iter().filter(|one| holds(one)).count();
        if let Some(target) = self.only_reference(map) {
            return target.is_some_and(holds);
        }
        let before = self.left();
        let mut fits = self.leaf(map, value);
        for (keyword, argument) in map {
            fits &= match (keyword.as_str(), argument, value) {
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference), _) => {
                    self.target(reference).is_some_and(holds)
                }
                ("allOf", Value::Array(all), _) => holding(all) == all.len(),
                ("anyOf", Value::Array(any), _) => holding(any) > 0,
                ("oneOf", Value::Array(one), _) => holding(one) == 1,
                ("not", schema, _) => !holds(schema),
                ("if", schema, _) => {
                    let branch = if holds(schema) { "then" } else { "else" };
                    map.get(branch).is_none_or(holds)
                }
                ("dependentSchemas" | "dependencies", Value::Object(all), Value::Object(value)) => {
                    let asked = all.iter().filter(|(name, _)| value.contains_key(*name));
                    let asked = asked.filter(|(_, schema)| !schema.is_array());
                    asked.filter(|(_, schema)| !holds(schema)).count() == 0
                }
                ("propertyNames", schema, Value::Object(value)) => {
                    let names = value.keys().map(|name| Value::from(name.as_str()));
                    let bad = names.filter(|name| !self.applied(schema, name, depth + 1));
                    bad.count() == 0
                }
                ("contains", wanted, Value::Array(items)) => {
                    let found = items.iter();
                    let found = found.filter(|item| self.applied(wanted, item, depth + 1));
                    let (count, limit) = (found.count() as f64, |key| map.get(key)?.as_f64());
                    count >= limit("minContains").unwrap_or(1.0)
                        && limit("maxContains").is_none_or(|most| count <= most)
                }
                _ => true,
            };
        }
        self.spend_unevaluated(map, value, before, depth);
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if self.left() == 0 {
                        return false;
                    }
                    for schema in self.members(map, name) {
                        fits &= self.applied(schema, member, depth + 1);
                    }
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    fits &= item_schema(map, place)
                        .is_none_or(|schema| self.applied(schema, item, depth + 1));
                }
            }
            _ => {}
        }
        fits
    }

    /// What is beside `unevaluatedProperties` is gone through again for every
    /// member, by the validator that is; here only the steps are counted.
    fn spend_unevaluated(
        &self,
        map: &'a Map<String, Value>,
        value: &Value,
        before: usize,
        depth: usize,
    ) {
        let spent = before.saturating_sub(self.left());
        let again = |rest: &'a Value, members: &mut dyn Iterator<Item = &Value>| {
            self.spend(spent.saturating_mul(2));
            for member in members {
                self.spend(spent.saturating_mul(2));
                self.applied(rest, member, depth + 1);
            }
        };
        match (
            value,
            map.get("unevaluatedProperties"),
            map.get("unevaluatedItems"),
        ) {
            (Value::Object(members), Some(rest), _) => again(rest, &mut members.values()),
            (Value::Array(items), _, Some(rest)) => again(rest, &mut items.iter()),
            _ => {}
        }
    }

    /// Up to draft 07 a reference stands alone: what is beside it does not count.
    pub(super) fn only_reference(&self, map: &'a Map<String, Value>) -> Option<Option<&'a Value>> {
        let reference = map.get("$ref").and_then(Value::as_str)?;
        let alone = matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        alone.then(|| self.target(reference))
    }

    /// The schemas of an object's member.
    pub(super) fn members(&self, map: &'a Map<String, Value>, name: &str) -> Vec<&'a Value> {
        let object = |key| map.get(key).and_then(Value::as_object);
        let declared = object("properties").and_then(|all| all.get(name));
        let mut schemas: Vec<&Value> = declared.into_iter().collect();
        for (pattern, schema) in object("patternProperties").into_iter().flatten() {
            if self.matches(pattern, name) {
                schemas.push(schema);
            }
        }
        if schemas.is_empty() {
            schemas.extend(map.get("additionalProperties"));
        }
        schemas
    }

    /// Whether a text matches a pattern as JSON Schema understands it.
    fn matches(&self, pattern: &'a str, text: &str) -> bool {
        if !self.spend(price(pattern) + text.len() / 64) {
            return false;
        }
        let mut patterns = self.patterns.borrow_mut();
        let validator = patterns.entry(pattern).or_insert_with(|| {
            let schema = serde_json::json!({ "pattern": pattern });
            compile(&schema, self.draft).ok()
        });
        validator
            .as_ref()
            .is_some_and(|it| it.is_valid(&text.into()))
    }

    /// Judges a value by the keywords that apply no schema.
    fn leaf(&self, map: &'a Map<String, Value>, value: &Value) -> bool {
        let listed = map
            .get("enum")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        let pattern = map.get("pattern").filter(|_| value.is_string());
        let pattern = pattern.and_then(Value::as_str).map_or(0, price);
        if !self.spend(weight(value) + listed / 16 + pattern) {
            return false;
        }
        let mut leaves = self.leaves.borrow_mut();
        let leaf = leaves.entry(map).or_insert_with(|| {
            let mut flat: Map<String, Value> = map
                .iter()
                .filter(|(keyword, _)| LEAVES.contains(&keyword.as_str()))
                .map(|(keyword, argument)| (keyword.clone(), argument.clone()))
                .collect();
            if let Some(Value::Object(all)) = flat.get_mut("dependencies") {
                all.retain(|_, names| names.is_array());
            }
            let is_any = flat.is_empty();
            let validator = (!is_any).then(|| compile(&Value::Object(flat), self.draft).ok());
            validator.flatten()
        });
        // What cannot be compiled by itself is judged with the whole.
        leaf.as_ref().is_none_or(|it| it.is_valid(value))
    }
}

/// The schema of an array's item.
pub(super) fn item_schema(map: &Map<String, Value>, place: usize) -> Option<&Value> {
    let (first, rest) = match (map.get("prefixItems"), map.get("items")) {
        (Some(Value::Array(first)), rest) => (first, rest),
        (_, Some(Value::Array(first))) => (first, map.get("additionalItems")),
        (_, all) => return all,
    };
    first.get(place).or(rest)
}

/// What it costs to match a pattern.
fn price(pattern: &str) -> usize {
    let refers_back = pattern.as_bytes().windows(2);
    let mut refers_back = refers_back.filter(|two| two[0] == b'\\');
    match pattern.contains("(?") || refers_back.any(|two| matches!(two[1], b'k' | b'1'..=b'9')) {
        true => MATCH_GOING_BACK,
        false => MATCH,
    }
}

/// A measure of the memory that a value takes with all that is in it.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / 64,
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => {
            let of_member = |(name, member): (&String, &Value)| 1 + name.len() / 64 + size(member);
            8 + members.iter().map(of_member).sum::<usize>()
        }
        _ => 1,
    }
}

/// A measure of the work with a value: its own size, not that of its members,
/// which are counted when they are looked at.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() / 64,
        Value::Array(items) => items.len() / 4,
        Value::Object(members) => members.len() / 4,
        _ => 0,
    }
}
