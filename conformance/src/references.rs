//! References in a JSON Schema that lead out of it.

use std::collections::BTreeSet;

use jsonschema::uri;
use serde_json::Value;

/// The keywords whose value is a reference.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Members whose members are names of the user's and no keywords.
const NAMED: [&str; 5] = [
    "properties",
    "patternProperties",
    "definitions",
    "$defs",
    "dependentSchemas",
];

/// Members that hold values and no schemas.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// The keywords that give a schema its id: today's, and that of draft 04, which
/// means nothing in later drafts.
const IDS: [&[&str]; 2] = [&["$id"], &["$id", "id"]];

/// Where a schema without an id is: nobody knows, and what is relative to this
/// may be anywhere.
const UNKNOWN: &str = "json-schema:///";

/// Every reference in `schema` that, taken relative to the id of the schema it
/// stands in, neither begins with `#` nor names a schema embedded in `schema`.
pub(crate) fn leading_out(schema: &Value) -> Vec<String> {
    let [mut out, by_old_ids] = IDS.map(|ids| {
        let mut seen = Seen::default();
        seen.walk(schema, UNKNOWN, ids);
        seen.leading_out()
    });
    out.retain(|reference| by_old_ids.contains(reference));
    out
}

/// What a walk through a schema finds.
#[derive(Default)]
struct Seen {
    /// The ids of the schema and of those embedded in it.
    ids: BTreeSet<String>,
    /// Each reference as it is written, and what it can mean.
    references: Vec<(String, [String; 2])>,
}

impl Seen {
    fn walk(&mut self, schema: &Value, base: &str, id_keywords: &[&str]) {
        match schema {
            Value::Array(items) => items.iter().for_each(|it| self.walk(it, base, id_keywords)),
            Value::Object(members) => {
                let id = id_keywords.iter().find_map(|id| members.get(*id)?.as_str());
                let own = id.map_or_else(|| base.to_owned(), |id| resolved(base, id));
                for (name, member) in members {
                    if let Value::String(text) = member
                        && REFERENCES.contains(&name.as_str())
                    {
                        // Up to draft 07 an id beside a reference does not count.
                        let targets = [&own, base].map(|base| resolved(base, text));
                        self.references.push((text.clone(), targets));
                    } else if NAMED.contains(&name.as_str()) {
                        let named = member.as_object().into_iter().flatten();
                        named.for_each(|(_, schema)| self.walk(schema, &own, id_keywords));
                    } else if !VALUES.contains(&name.as_str()) {
                        self.walk(member, &own, id_keywords);
                    }
                }
                if id.is_some() {
                    self.ids.insert(own);
                }
            }
            _ => {}
        }
    }

    fn leading_out(self) -> Vec<String> {
        let names = |target: &String| {
            self.ids.contains(target) || self.ids.iter().any(|id| may_be(id, target))
        };
        let leads_out = |(text, targets): &(String, [String; 2])| {
            !text.is_empty() && !text.starts_with('#') && !targets.iter().any(names)
        };
        let out = self.references.iter().filter(|it| leads_out(it));
        out.map(|(text, _)| text.clone()).collect()
    }
}

/// A reference by RFC 3986, without its fragment. What is none stays as it is.
fn resolved(base: &str, reference: &str) -> String {
    let base = uri::from_str(base).ok();
    let resolved = base.and_then(|base| uri::resolve_against(&base.borrow(), reference).ok());
    match resolved {
        Some(uri) => uri.strip_fragment().as_str().to_owned(),
        None => reference.split('#').next().unwrap_or_default().to_owned(),
    }
}

/// Whether two ids can be the same because one is relative to an unknown base.
fn may_be(one: &str, other: &str) -> bool {
    let ends = |whole: &str, end: &str| {
        let end = end.strip_prefix(UNKNOWN).filter(|end| !end.is_empty());
        let head = end.and_then(|end| whole.strip_suffix(end));
        head.is_some_and(|head| head.ends_with('/'))
    };
    ends(one, other) || ends(other, one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_leads_out_unless_it_is_local_or_means_what_is_embedded() {
        let schema = json!({
            "$id": "https://example.com/root.json",
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {
                "$ref": {"type": "string"},
                "local": {"$ref": "#/definitions/a"},
                "empty": {"$ref": ""},
                "embedded": {"$ref": "https://example.com/a.json#/b"},
                "relative": {"$ref": "a.json"},
                "away": {"items": {"$ref": "http://other.example.com/x"}},
                "file": {"anyOf": [{"$ref": "file:///etc/passwd"}]},
                "neighbour": {"$ref": "b.json"},
                "blank": {"$ref": "a neighbour.json"},
                "default": {"default": {"$ref": "not-a-reference"}},
            },
            "definitions": {"a": {"$id": "https://example.com/a.json"}},
        });
        assert_eq!(
            leading_out(&schema),
            [
                "http://other.example.com/x",
                "a neighbour.json",
                "file:///etc/passwd",
                "b.json",
            ]
        );
    }

    #[test]
    fn references_and_ids_are_relative_to_the_schema_that_they_stand_in() {
        let schema = json!({
            "$id": "https://e.com/s/root.json",
            "properties": {
                "a": {"$ref": "./root.json#/definitions/a"},
                "b": {"$ref": "../s/root.json"},
                "c": {"$ref": "https://e.com/s/a.json"},
                "d": {"$ref": "HTTPS://E.com/s/root.json#"},
                "e": {"$id": "deeper/", "items": {"$ref": "../a.json"}, "not": {"$ref": "a.json"}},
                "f": {"$id": "deepest/", "$ref": "a.json"},
            },
            "definitions": {"a": {"$id": "a.json"}},
        });
        assert_eq!(leading_out(&schema), ["a.json"]);
    }

    #[test]
    fn what_is_relative_to_no_id_may_be_what_is_embedded() {
        for (id, reference) in [
            ("https://e.com/s/a.json", "a.json"),
            ("https://e.com/s/a.json", "./s/a.json"),
            ("a.json", "https://e.com/s/a.json"),
            ("urn:example:a", "urn:example:a#/b"),
        ] {
            for keyword in ["$id", "id"] {
                let schema = json!({"$ref": reference, "definitions": {"a": {keyword: id}}});
                assert_eq!(leading_out(&schema), [""; 0], "{schema}");
            }
        }
        let other =
            json!({"$ref": "b.json", "definitions": {"a": {"$id": "https://e.com/ab.json"}}});
        assert_eq!(leading_out(&other), ["b.json"]);
    }

    #[test]
    fn an_id_of_draft_04_counts_only_where_it_helps() {
        let schema = json!({
            "$id": "https://e.com/root.json",
            "properties": {"a": {"id": "https://other.org/", "items": {"$ref": "root.json"}}},
        });
        assert_eq!(leading_out(&schema), [""; 0]);
    }
}
