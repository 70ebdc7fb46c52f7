//! What the schemas say that a value has to fit together.
//!
//! They are a list: a member's own, those of `allOf`, the target of a reference
//! and so on. A choice (`oneOf`, `if`) makes several lists of one.

use serde_json::Value;

use super::schema::Schema;

/// How many lists the choices in one place may make.
const MAX_CHOICES: usize = 64;

/// The types, the likeliest first.
const TYPES: [&str; 7] = [
    "string", "integer", "number", "boolean", "object", "array", "null",
];

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
}

fn has(part: &[&Value], schema: &Value) -> bool {
    part.iter().any(|one| std::ptr::eq(*one, schema))
}
