//! Values for schemas that all have to fit.
//!
//! What a value has to fit is a list of schemas: a member's own, those of
//! `allOf`, the target of a reference and so on. A choice (`oneOf`, `if`) makes
//! several lists of one, which are tried in turn. What comes out of guesses is
//! tried, and counts only if it fits.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fits::{item_schema, weight};
use super::number::{self, numbers};
use super::schema::Schema;
use super::text::{self, MAX_TEXT, texts};

/// How deep a value may be.
const MAX_DEPTH: usize = 24;
/// How many items or properties more than declared are made.
const MAX_ITEMS: usize = 256;
/// How many lists the choices in one place may make.
const MAX_CHOICES: usize = 64;

/// The types, the likeliest first.
pub(super) const TYPES: [&str; 7] = [
    "string", "integer", "number", "boolean", "object", "array", "null",
];

/// The way from the whole to the place for which a value is made.
#[derive(Clone, Default)]
pub(super) struct Trail<'a> {
    depth: usize,
    passed: Vec<&'a Value>,
    /// Whether only what is needed is made.
    lean: bool,
}

impl<'a> Trail<'a> {
    /// Makes nothing optional.
    pub(super) fn lean() -> Self {
        let lean = true;
        Self {
            lean,
            ..Self::default()
        }
    }

    /// One step further. A schema that comes again gets nothing optional, or it
    /// would come again without end.
    fn into(&self, schemas: &[&'a Value]) -> Self {
        let again = |one: &&Value| self.passed.iter().any(|passed| std::ptr::eq(*passed, *one));
        Self {
            depth: self.depth + 1,
            passed: [&self.passed, schemas].concat(),
            lean: self.lean || schemas.iter().any(again),
        }
    }
}

/// What the schemas say under a keyword.
pub(super) fn said<'s, 'a>(
    schemas: &'s [&'a Value],
    keyword: &'s str,
) -> impl Iterator<Item = &'a Value> + use<'s, 'a> {
    schemas.iter().filter_map(move |schema| schema.get(keyword))
}

/// The highest number that the schemas say under a keyword.
pub(super) fn highest(schemas: &[&Value], keyword: &str) -> Option<f64> {
    said(schemas, keyword)
        .filter_map(Value::as_f64)
        .reduce(f64::max)
}

/// The lowest number that the schemas say under a keyword.
pub(super) fn lowest(schemas: &[&Value], keyword: &str) -> Option<f64> {
    said(schemas, keyword)
        .filter_map(Value::as_f64)
        .reduce(f64::min)
}

/// The types that all the schemas allow.
pub(super) fn types(schemas: &[&Value]) -> Vec<&'static str> {
    let allows = |said: &Value, name: &str| match said {
        Value::Array(names) => names.iter().any(|one| one == name),
        one => one == name,
    };
    let allowed = |name: &&str| {
        said(schemas, "type")
            .all(|said| allows(said, name) || (*name == "integer" && allows(said, "number")))
    };
    TYPES.into_iter().filter(allowed).collect()
}

impl<'a> Schema<'a> {
    /// Up to `want` different values that fit all the schemas.
    pub(super) fn values(&self, all: &[&'a Value], trail: &Trail<'a>, want: usize) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        if trail.depth > MAX_DEPTH {
            self.blame(|| format!("a value would be more than {MAX_DEPTH} levels deep"));
            return found;
        }
        for part in self.choices(all) {
            for kind in kinds(&part) {
                for value in self.guesses(&part, kind, trail, want) {
                    if !self.spend(1 + weight(&value)) {
                        return Vec::new();
                    }
                    if !found.contains(&value) && self.fits_all(all, &value) {
                        found.push(value);
                    }
                    if found.len() == want {
                        return found;
                    }
                }
            }
        }
        found
    }

    /// The lists that the choices in a list of schemas make.
    pub(super) fn choices(&self, all: &[&'a Value]) -> Vec<Vec<&'a Value>> {
        let mut made = Vec::new();
        // What is decided, and what is still to be looked at.
        let mut open = vec![(Vec::new(), all.to_vec())];
        while let Some((mut part, mut rest)) = open.pop() {
            if !self.spend(1 + rest.len() / 4) || made.len() == MAX_CHOICES {
                break;
            }
            let Some(schema) = rest.pop() else {
                made.push(part);
                continue;
            };
            if *schema == Value::Bool(false) {
                continue;
            }
            let Some(map) = schema.as_object().filter(|_| !has(&part, schema)) else {
                open.push((part, rest));
                continue;
            };
            if let Some(target) = self.only_reference(map) {
                rest.extend(target);
                open.push((part, rest));
                continue;
            }
            part.push(schema);
            let mut branches = vec![rest];
            let fork = |branches: &mut Vec<Vec<&'a Value>>, ways: &[Vec<&'a Value>]| {
                let all = branches.iter();
                let forked = all.flat_map(|rest| ways.iter().map(|way| [&rest[..], way].concat()));
                *branches = forked.take(MAX_CHOICES).collect();
            };
            for (keyword, argument) in map {
                match (keyword.as_str(), argument) {
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                        fork(
                            &mut branches,
                            &[self.target(reference).into_iter().collect()],
                        );
                    }
                    ("allOf", Value::Array(all)) => {
                        fork(&mut branches, &[all.iter().collect()]);
                    }
                    ("anyOf" | "oneOf", Value::Array(any)) => {
                        let ways: Vec<_> = any.iter().map(|one| vec![one]).collect();
                        fork(&mut branches, &ways);
                    }
                    ("if", condition) => {
                        let then = [Some(condition), map.get("then")];
                        let ways = [
                            then.into_iter().flatten().collect(),
                            map.get("else").into_iter().collect(),
                        ];
                        fork(&mut branches, &ways);
                    }
                    ("dependentSchemas" | "dependencies", Value::Object(all)) => {
                        for one in all.values().filter(|one| !one.is_array()) {
                            fork(&mut branches, &[vec![one], vec![]]);
                        }
                    }
                    _ => {}
                }
                self.spend(branches.len());
            }
            // The first way is looked at first, so it comes last.
            open.extend(branches.into_iter().rev().map(|rest| (part.clone(), rest)));
        }
        made
    }

    /// Values of a kind that may fit.
    fn guesses(
        &self,
        part: &[&'a Value],
        kind: Kind,
        trail: &Trail<'a>,
        want: usize,
    ) -> Vec<Value> {
        let is_empty = |value: &&Value| {
            **value == Value::Array(vec![]) || **value == Value::Object(Map::new())
        };
        match kind {
            Kind::Named => {
                let listed = ["enum", "examples"]
                    .map(|keyword| said(part, keyword).filter_map(Value::as_array).flatten());
                let [listed, examples] = listed;
                let all = said(part, "const")
                    .chain(said(part, "default"))
                    .chain(examples)
                    .chain(listed);
                all.filter(|value| !is_empty(value)).cloned().collect()
            }
            Kind::Empty => said(part, "default").filter(is_empty).cloned().collect(),
            Kind::Type("string") => self.strings(part, want),
            Kind::Type("integer" | "number") => {
                let bounds = said(part, "minimum").chain(said(part, "maximum"));
                let mut all = numbers(&number_asked(part), want);
                // As they are written, which is more exact than what is counted with.
                all.extend(bounds.filter(|bound| bound.is_number()).cloned());
                all
            }
            Kind::Type("boolean") => vec![Value::Bool(true), Value::Bool(false)],
            Kind::Type("object") => self.objects(part, &trail.into(part), want),
            Kind::Type("array") => self.arrays(part, &trail.into(part), want),
            Kind::Type(_) => vec![Value::Null],
        }
    }

    fn strings(&self, part: &[&'a Value], want: usize) -> Vec<Value> {
        let asked = text::Asked {
            least: highest(part, "minLength").map_or(0, |least| least as usize),
            most: lowest(part, "maxLength").map(|most| most as usize),
            patterns: said(part, "pattern").filter_map(Value::as_str).collect(),
            formats: said(part, "format").filter_map(Value::as_str).collect(),
        };
        self.spend(asked.patterns.len() * want * 8 + asked.least.min(MAX_TEXT) / 64);
        let made = texts(&asked, want);
        made.map_err(|why| self.blame(|| why))
            .unwrap_or_default()
            .into_iter()
            .map(Value::String)
            .collect()
    }

    fn objects(&self, part: &[&'a Value], trail: &Trail<'a>, want: usize) -> Vec<Value> {
        let required: Vec<&str> = said(part, "required")
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let declared = said(part, "properties")
            .filter_map(Value::as_object)
            .flat_map(Map::keys);
        let optional = declared
            .map(String::as_str)
            .filter(|name| !required.contains(name));
        let lean = trail.lean || self.tired();
        let mut made: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for name in &required {
            made.insert(name, self.member_values(part, name, trail, want));
            if made[name].is_empty() {
                self.blame(|| format!("none was found for the property `{name:.100}`"));
                return Vec::new();
            }
        }
        let needed = first_of_each(&made);
        for name in optional.filter(|_| !lean) {
            if !made.contains_key(name) {
                made.insert(name, self.member_values(part, name, trail, want));
            }
        }
        let full = self.filled(part, first_of_each(&made), trail);
        let best = match self.fits_all(part, &full) {
            true => full,
            false => self.thinned(part, needed.clone(), &full),
        };
        let mut all = vec![best.clone(), self.filled(part, needed, trail)];
        // The others have another value of one property.
        for (name, others) in &made {
            for other in others.iter().skip(1) {
                let mut varied = best.clone();
                if let Some(member) = varied.get_mut(*name) {
                    *member = other.clone();
                    all.insert(all.len() - 1, varied);
                }
            }
        }
        all
    }

    fn member_values(
        &self,
        part: &[&'a Value],
        name: &str,
        trail: &Trail<'a>,
        want: usize,
    ) -> Vec<Value> {
        self.values(&self.member_schemas(part, name), trail, want)
    }

    /// The schemas that a member of an object has to fit.
    pub(super) fn member_schemas(&self, part: &[&'a Value], name: &str) -> Vec<&'a Value> {
        let maps = part.iter().filter_map(|schema| schema.as_object());
        maps.flat_map(|map| self.members(map, name)).collect()
    }

    /// The schemas that an item of an array has to fit.
    pub(super) fn item_schemas(&self, part: &[&'a Value], place: usize) -> Vec<&'a Value> {
        let maps = part.iter().filter_map(|schema| schema.as_object());
        maps.filter_map(|map| item_schema(map, place)).collect()
    }

    /// With further properties, where so many are asked for.
    fn filled(
        &self,
        part: &[&'a Value],
        mut members: Map<String, Value>,
        trail: &Trail<'a>,
    ) -> Value {
        let least = highest(part, "minProperties").map_or(0, |least| least as usize);
        if least > members.len() + MAX_ITEMS {
            self.blame(|| format!("an object would have {least} properties"));
        } else if least > members.len() {
            let names = said(part, "propertyNames").collect::<Vec<_>>();
            let patterns = said(part, "patternProperties")
                .filter_map(Value::as_object)
                .flat_map(Map::keys);
            let mut candidates: Vec<String> = Vec::new();
            for pattern in patterns {
                let patterns = vec![pattern.as_str()];
                candidates.extend(
                    texts(
                        &text::Asked {
                            patterns,
                            ..Default::default()
                        },
                        least,
                    )
                    .unwrap_or_default(),
                );
            }
            if !names.is_empty() {
                let made = self.values(&names, trail, least);
                candidates.extend(made.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            candidates.extend((1..=least).map(|count| format!("extra{count}")));
            for name in candidates {
                if members.len() < least
                    && !members.contains_key(&name)
                    && self.fits_all(&names, &Value::from(name.as_str()))
                {
                    let value = self.member_values(part, &name, trail, 1).pop();
                    members.extend(value.map(|value| (name, value)));
                }
            }
        }
        Value::Object(members)
    }

    /// What can be had of `full` beside what is needed, one after the other.
    fn thinned(&self, part: &[&'a Value], needed: Map<String, Value>, full: &Value) -> Value {
        let mut kept = Value::Object(needed);
        let mut fits = self.fits_all(part, &kept);
        for (name, member) in full.as_object().into_iter().flatten() {
            let mut more = kept.clone();
            if let Some(members) = more.as_object_mut() {
                members.insert(name.clone(), member.clone());
            }
            self.spend(weight(full));
            let more_fits = self.fits_all(part, &more);
            if more_fits || !fits {
                (kept, fits) = (more, more_fits);
            }
        }
        kept
    }

    fn arrays(&self, part: &[&'a Value], trail: &Trail<'a>, want: usize) -> Vec<Value> {
        let contained: Vec<_> = said(part, "contains").collect();
        let contains = match contained.is_empty() {
            true => 0,
            false => highest(part, "minContains").map_or(1, |least| least as usize),
        };
        let least = highest(part, "minItems")
            .map_or(0, |least| least as usize)
            .max(contains);
        let most = lowest(part, "maxItems").map_or(usize::MAX, |most| most as usize);
        if least > MAX_ITEMS {
            self.blame(|| format!("an array would have {least} items"));
            return Vec::new();
        }
        let firsts = ["prefixItems", "items"]
            .into_iter()
            .flat_map(|keyword| said(part, keyword));
        let firsts = firsts
            .filter_map(Value::as_array)
            .map(Vec::len)
            .max()
            .unwrap_or(0);
        let few = if trail.lean || self.tired() {
            0
        } else {
            firsts.clamp(1, MAX_ITEMS)
        };
        let length = least.max(few).min(most);
        let unique = said(part, "uniqueItems").any(|unique| *unique == Value::Bool(true));

        let mut items: Vec<Value> = Vec::new();
        let mut others = Vec::new();
        let mut last: (Vec<&Value>, Vec<Value>) = Default::default();
        for place in 0..length {
            let mut schemas = self.item_schemas(part, place);
            schemas.extend(contained.iter().filter(|_| place < contains));
            let same = |one: &Vec<&Value>| {
                one.len() == schemas.len()
                    && one
                        .iter()
                        .zip(&schemas)
                        .all(|(one, other)| std::ptr::eq(*one, *other))
            };
            if place == 0 || !same(&last.0) {
                let count = if unique { length.max(want) } else { want };
                last = (schemas.clone(), self.values(&schemas, trail, count));
            }
            let mut fresh = last
                .1
                .iter()
                .filter(|value| !unique || !items.contains(value));
            let Some(item) = fresh.next() else { break };
            if !self.spend(1 + weight(item)) {
                return Vec::new();
            }
            if place == 0 {
                others.extend(fresh.cloned());
            }
            items.push(item.clone());
        }
        let mut all = vec![
            Value::Array(items.clone()),
            Value::Array(items[..least.min(items.len())].to_vec()),
        ];
        for other in others {
            let mut varied = items.clone();
            varied[0] = other;
            all.push(Value::Array(varied));
        }
        all
    }
}

/// A group of guesses.
#[derive(Clone, Copy)]
enum Kind {
    /// What the schema itself names.
    Named,
    /// A value of a type.
    Type(&'static str),
    /// What the schema names and says nothing.
    Empty,
}

fn kinds(part: &[&Value]) -> Vec<Kind> {
    let names = |keyword| said(part, keyword).next().is_some();
    let mut kinds = vec![Kind::Named];
    if !names("const") && !names("enum") {
        let speaks = |name: &&str| match *name {
            "object" => [
                "properties",
                "required",
                "patternProperties",
                "minProperties",
            ]
            .into_iter()
            .any(names),
            "array" => ["items", "prefixItems", "minItems", "contains"]
                .into_iter()
                .any(names),
            "integer" | "number" => ["minimum", "maximum", "multipleOf"].into_iter().any(names),
            _ => false,
        };
        // Where the type is left open, the other keywords tell which is meant.
        let (likely, rest): (Vec<_>, Vec<_>) = types(part).into_iter().partition(speaks);
        let both = rest.contains(&"number") && rest.contains(&"integer");
        kinds.extend(
            likely
                .into_iter()
                .chain(rest.into_iter().filter(|name| !both || *name != "number"))
                .map(Kind::Type),
        );
    }
    kinds.push(Kind::Empty);
    kinds
}

/// What the schemas ask of a number.
fn number_asked(part: &[&Value]) -> number::Asked {
    let step = said(part, "multipleOf")
        .filter_map(Value::as_f64)
        .reduce(|one, other| match one % other == 0.0 {
            true => one,
            false if other % one == 0.0 => other,
            false => one * other,
        });
    let least = [highest(part, "minimum"), highest(part, "exclusiveMinimum")];
    let most = [lowest(part, "maximum"), lowest(part, "exclusiveMaximum")];
    number::Asked {
        least: least.into_iter().flatten().reduce(f64::max),
        most: most.into_iter().flatten().reduce(f64::min),
        step,
    }
}

fn first_of_each(made: &BTreeMap<&str, Vec<Value>>) -> Map<String, Value> {
    let first =
        |(name, values): (&&str, &Vec<Value>)| Some(((*name).to_owned(), values.first()?.clone()));
    made.iter().filter_map(first).collect()
}

fn has(part: &[&Value], schema: &Value) -> bool {
    part.iter().any(|one| std::ptr::eq(*one, schema))
}
