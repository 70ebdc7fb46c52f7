//! Values for schemas that all have to fit.
//!
//! What comes out of guesses is tried, and counts only if it fits.

use serde_json::{Map, Value};

use super::fits::weight;
use super::number::{self, numbers};
use super::part::{said, types};
use super::schema::Schema;
use super::text::{self, texts};

/// How deep a value may be.
const MAX_DEPTH: usize = 24;

/// The way from the whole to the place for which a value is made.
#[derive(Clone, Default)]
pub(super) struct Trail<'a> {
    depth: usize,
    passed: Vec<&'a Value>,
    /// Whether only what is needed is made.
    pub(super) lean: bool,
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
                    // It is compared with those that have been found.
                    if !self.spend(1 + weight(&value) + found.len() / 8) {
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
            Kind::Named => named(part)
                .filter(|value| !is_empty(value))
                .cloned()
                .collect(),
            Kind::Empty => named(part).filter(is_empty).cloned().collect(),
            Kind::Type("string") => self.strings(part, want),
            Kind::Type("integer" | "number") => {
                let bounds = said(part, "minimum").chain(said(part, "maximum"));
                let mut all = numbers(&number::Asked::of(part), want);
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
        let asked = text::Asked::of(part);
        let made = texts(&asked, want, &|steps| self.spend(steps));
        made.map_err(|why| self.blame(|| why))
            .unwrap_or_default()
            .into_iter()
            .map(Value::String)
            .collect()
    }
}

/// A group of guesses.
#[derive(Clone, Copy)]
enum Kind {
    /// What the schema itself names.
    Named,
    /// A value of a type.
    Type(&'static str),
    /// What the schema names, but for lack of anything better: `{}` and `[]`.
    Empty,
}

/// The values that the schemas name, those that are meant to be used first.
fn named<'a>(part: &[&'a Value]) -> impl Iterator<Item = &'a Value> {
    let listed = |keyword| said(part, keyword).filter_map(Value::as_array).flatten();
    said(part, "const")
        .chain(said(part, "default"))
        .chain(listed("examples"))
        .chain(listed("enum"))
}

/// The groups of guesses for schemas, in the order in which they are tried.
fn kinds(part: &[&Value]) -> Vec<Kind> {
    let names = |keyword: &&str| said(part, keyword).next().is_some();
    let mut kinds = vec![Kind::Named];
    if !["const", "enum"].iter().any(names) {
        // Where the type is left open, the other keywords tell which is meant.
        let speaks = |name: &&str| match *name {
            "object" => [
                "properties",
                "required",
                "patternProperties",
                "minProperties",
            ]
            .iter()
            .any(names),
            "array" => ["items", "prefixItems", "minItems", "contains"]
                .iter()
                .any(names),
            "integer" | "number" => ["minimum", "maximum", "multipleOf"].iter().any(names),
            _ => false,
        };
        let (likely, others): (Vec<_>, Vec<_>) = types(part).into_iter().partition(speaks);
        kinds.extend(likely.into_iter().chain(others).map(Kind::Type));
    }
    kinds.push(Kind::Empty);
    kinds
}
