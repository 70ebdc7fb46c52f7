//! References in a JSON Schema that lead out of it.

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

/// Every reference in `schema` that neither begins with `#` nor names a schema
/// embedded in it.
pub(crate) fn leading_out(schema: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    let mut found = Vec::new();
    walk(schema, &mut |name, text| match name {
        "$id" | "id" => ids.push(text.trim_end_matches('#').to_owned()),
        _ => found.push(text.to_owned()),
    });
    found.retain(|reference| {
        let target = reference.split('#').next().unwrap_or_default();
        !target.is_empty() && !ids.iter().any(|id| id == target || ends_with(id, target))
    });
    found
}

/// Whether `target`, as a relative reference, can mean the embedded `id`.
fn ends_with(id: &str, target: &str) -> bool {
    !target.contains(':') && id.ends_with(&format!("/{}", target.trim_start_matches('/')))
}

/// Shows each identifying or referring keyword to `see`.
fn walk(schema: &Value, see: &mut dyn FnMut(&str, &str)) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Object(members) => {
            for (name, member) in members {
                if let Value::String(text) = member
                    && (REFERENCES.contains(&name.as_str()) || name == "$id" || name == "id")
                {
                    see(name, text);
                } else if NAMED.contains(&name.as_str()) {
                    let named = member.as_object().into_iter().flatten();
                    named.for_each(|(_, schema)| walk(schema, see));
                } else if !VALUES.contains(&name.as_str()) {
                    walk(member, see);
                }
            }
        }
        _ => {}
    }
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
                "embedded": {"$ref": "https://example.com/a.json#/b"},
                "relative": {"$ref": "a.json"},
                "away": {"items": {"$ref": "http://other.example.com/x"}},
                "file": {"anyOf": [{"$ref": "file:///etc/passwd"}]},
                "default": {"default": {"$ref": "not-a-reference"}},
            },
            "definitions": {"a": {"$id": "https://example.com/a.json"}},
        });
        assert_eq!(
            leading_out(&schema),
            ["http://other.example.com/x", "file:///etc/passwd"]
        );
    }
}
