//! Schemas of all drafts, and the laws for random ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const DRAFTS: [&str; 5] = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

/// A schema of a draft that asks for one property, `it`.
fn asks(draft: &str, it: Value) -> Value {
    json!({
        "$schema": draft,
        "type": "object",
        "properties": { "it": it },
        "required": ["it"],
        "additionalProperties": false,
    })
}

/// The value made for the property of such a schema.
fn made(it: Value) -> Value {
    lawful(&asks(DRAFTS[4], it)).unwrap()["it"].clone()
}

fn what_is_wrong(schema: &Value) -> Vec<String> {
    let base = lawful(schema).unwrap();
    let wrong = invalid(schema, &base);
    wrong.into_iter().map(|(what, _)| what).collect()
}

/// Parameters for the schema, once all that is made for it has been judged.
fn lawful(schema: &Value) -> Result<Value, String> {
    let base = valid(schema)?;
    let validator = jsonschema::options()
        .offline()
        .should_validate_formats(false)
        .build(schema)
        .unwrap();
    assert!(base.is_object());
    assert!(validator.is_valid(&base), "{base} for {schema}");
    assert_eq!(valid(schema).as_ref(), Ok(&base));
    for variant in variants(schema, &base) {
        assert!(validator.is_valid(&variant), "{variant} for {schema}");
        assert_ne!(variant, base);
    }
    for (what, wrong) in invalid(schema, &base) {
        assert!(!validator.is_valid(&wrong), "{what}: {wrong} for {schema}");
        assert!(wrong.is_object());
    }
    Ok(base)
}

#[test]
fn every_draft_gets_parameters() {
    for draft in DRAFTS {
        for it in [
            json!({}),
            json!({"type": "string", "minLength": 9, "maxLength": 12}),
            json!({"type": "string", "enum": ["small", "large"]}),
            json!({"type": ["null", "integer"], "minimum": 7}),
            json!({"type": "number", "multipleOf": 0.5, "maximum": -3}),
            json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2}),
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 9, "uniqueItems": true}),
            json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}),
            json!({"type": "object", "minProperties": 3}),
            json!({"type": "object", "minProperties": 2, "additionalProperties": false, "patternProperties": {"^x-[a-z]+$": {"type": "string"}}}),
            json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
            json!({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer"}]}),
            json!({"allOf": [{"type": "integer"}, {"minimum": 4}, {"maximum": 4}]}),
            json!({"not": {"type": "string"}}),
            json!({"type": "object", "properties": {"a": {}, "b": {}}, "dependencies": {"a": ["c"]}}),
            json!({"type": "object", "properties": {"a": {}}, "dependencies": {"a": {"required": ["d"]}}}),
            json!({"type": "object", "properties": {"a": {}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            json!({"type": "object", "properties": {"a": {}, "b": {}}, "maxProperties": 1}),
            json!({"type": "object", "properties": {"kind": {"enum": ["x"]}}, "required": ["kind", "more"], "allOf": [{"properties": {"more": {"type": "integer"}}}]}),
        ] {
            let schema = asks(draft, it);
            assert_eq!(lawful(&schema).err(), None, "{schema}");
        }
    }
}

#[test]
fn what_the_schema_names_comes_first() {
    assert_eq!(made(json!({"type": "string", "default": "blue"})), "blue");
    assert_eq!(made(json!({"const": {"a": [1]}})), json!({"a": [1]}));
    assert_eq!(made(json!({"enum": [5, 6]})), 5);
    assert_eq!(made(json!({"type": "integer", "examples": ["x", 8]})), 8);
    assert_eq!(made(json!({"type": "integer", "default": "x"})), 1);
    assert_eq!(made(json!({"const": {}})), json!({}));
    assert_eq!(made(json!({"enum": [[]]})), json!([]));
    let nested = json!({"type": "object", "default": {}, "properties": {"a": {"type": "boolean"}}});
    assert_eq!(made(nested), json!({"a": true}));
}

#[test]
fn bounds_are_kept_in_both_of_their_forms() {
    let old = json!({"type": "integer", "minimum": 4, "exclusiveMinimum": true, "maximum": 6, "exclusiveMaximum": true});
    assert_eq!(lawful(&asks(DRAFTS[0], old)).unwrap()["it"], 5);
    assert_eq!(
        made(json!({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6})),
        5
    );
    assert_eq!(
        made(json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5})),
        0.125
    );
    assert_eq!(
        made(json!({"type": "integer", "minimum": 17, "multipleOf": 8})),
        24
    );
    assert_eq!(
        made(json!({"type": "integer", "maximum": -17, "multipleOf": 8})),
        -24
    );
    assert_eq!(
        made(
            json!({"type": "integer", "minimum": 9_007_199_254_740_993_i64, "maximum": 9_007_199_254_740_993_i64})
        ),
        9_007_199_254_740_993_i64
    );
}

#[test]
fn texts_match_their_patterns() {
    for pattern in [
        "^[a-z][a-z0-9-]{2,30}$",
        "^\\d{4}-\\d{2}$",
        "^(small|large)$",
        "needle",
        "^[^a-zA-Z0-9]+$",
        "^(?!.*--)[a-z]+(-[a-z]+)*$",
        "^(?=.*[A-Z])(?=.*[a-z])(?=.*\\d).{8,}$",
        "^\\w{1,255}$",
        "^\\p{Lu}\\u00e9\\/\\-\\S*$",
        "^([0-9]{1,3}\\.){3}[0-9]{1,3}(/[0-9]+)?$",
        "^.{1,4096}$",
        "",
    ] {
        let text = made(json!({"type": "string", "pattern": pattern}));
        assert!(text.is_string(), "{pattern}");
    }
    let long = made(json!({"type": "string", "pattern": "^[a-z]*$", "minLength": 30}));
    assert!(long.as_str().unwrap().len() >= 30);
}

#[test]
fn a_text_has_its_format() {
    assert_eq!(
        made(json!({"type": "string", "format": "date-time"})),
        "2026-01-01T03:04:05Z"
    );
    for format in [
        "date",
        "time",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uuid",
        "duration",
        "json-pointer",
        "regex",
        "uri-template",
        "relative-json-pointer",
    ] {
        let text = made(json!({"type": "string", "format": format}));
        let judge = jsonschema::options().should_validate_formats(true);
        let judge = judge.build(&json!({ "format": format })).unwrap();
        assert!(judge.is_valid(&text), "{text} as {format}");
    }
}

#[test]
fn references_are_followed_within_the_schema() {
    for schema in [
        json!({"$schema": DRAFTS[0], "id": "http://example.com/root.json", "definitions": {"a": {"type": "integer"}}, "properties": {"it": {"$ref": "#/definitions/a"}}}),
        json!({"$schema": DRAFTS[2], "definitions": {"a b/c": {"type": "integer"}}, "properties": {"it": {"$ref": "#/definitions/a%20b~1c"}}}),
        json!({"$schema": DRAFTS[2], "definitions": {"a": {"$id": "#a", "type": "integer"}}, "properties": {"it": {"$ref": "#a"}}}),
        json!({"$schema": DRAFTS[4], "$defs": {"a": {"$anchor": "a", "type": "integer"}}, "properties": {"it": {"$ref": "#a"}}}),
        json!({"$schema": DRAFTS[4], "$id": "http://example.com/root", "$defs": {"a": {"$id": "item", "type": "integer"}}, "properties": {"it": {"$ref": "item"}}}),
        json!({"$schema": DRAFTS[4], "$id": "http://example.com/root", "$defs": {"a": {"type": "integer"}}, "properties": {"it": {"$ref": "http://example.com/root#/$defs/a"}}}),
    ] {
        assert_eq!(lawful(&schema), Ok(json!({"it": 1})), "{schema}");
    }
}

#[test]
fn recursion_ends() {
    let tree = json!({
        "properties": {"name": {"type": "string"}, "left": {"$ref": "#"}, "right": {"$ref": "#"}},
        "required": ["name"],
    });
    let leaf = json!({"name": "example"});
    assert_eq!(
        lawful(&tree),
        Ok(json!({"name": "example", "left": leaf, "right": leaf}))
    );
    let list = json!({"properties": {"rest": {"type": "array", "items": {"$ref": "#"}}}});
    assert_eq!(lawful(&list), Ok(json!({"rest": [{}]})));
    for endless in [
        json!({"required": ["it"], "properties": {"it": {"type": "object", "$ref": "#"}}}),
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
        json!({"$dynamicRef": "#"}),
    ] {
        assert!(valid(&endless).is_err(), "{endless}");
    }
}

#[test]
fn conditions_are_met() {
    let schema = json!({
        "$schema": DRAFTS[2],
        "properties": {"kind": {"enum": ["disk", "net"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "disk"}}},
        "then": {"properties": {"size": {"type": "integer"}}, "required": ["size"]},
        "else": {"properties": {"port": {"type": "integer"}}, "required": ["port"]},
    });
    assert_eq!(lawful(&schema), Ok(json!({"kind": "disk", "size": 1})));
    let other = json!({
        "allOf": [{"$ref": "#/$defs/named"}, {"properties": {"size": {"type": "integer"}}}],
        "$defs": {"named": {"properties": {"name": {"type": "string"}}, "required": ["name"]}},
        "unevaluatedProperties": false,
    });
    assert_eq!(lawful(&other), Ok(json!({"name": "example", "size": 1})));
    let dependent = json!({
        "properties": {"card": {"type": "string"}},
        "dependentRequired": {"card": ["address"]},
        "dependentSchemas": {"card": {"properties": {"address": {"type": "integer"}}}},
    });
    // The address is only named where it is asked for.
    assert!(lawful(&dependent).is_ok());
}

#[test]
fn an_optional_property_that_cannot_be_had_is_left_out() {
    let schema = json!({"properties": {"no": false, "huge": {"type": "string", "minLength": 1e9}, "yes": {"type": "null"}}});
    assert_eq!(lawful(&schema), Ok(json!({"yes": null})));
}

#[test]
fn arrays_have_what_is_asked_in_each_place() {
    assert_eq!(
        made(json!({"prefixItems": [{"const": 1}, {"type": "boolean"}], "items": false})),
        json!([1, true])
    );
    assert_eq!(
        made(json!({"type": "array", "contains": {"const": "x"}, "minContains": 2, "minItems": 3})),
        json!(["x", "x", "example"])
    );
    let old = asks(
        DRAFTS[1],
        json!({"items": [{"type": "integer"}], "additionalItems": {"type": "string"}, "minItems": 2}),
    );
    assert_eq!(lawful(&old).unwrap()["it"], json!([1, "example"]));
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let schema = json!({
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 8},
            "name": {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "^[a-z]+$"},
            "zone": {"enum": ["a", "b"]},
            "disk": {"type": "object", "properties": {"gb": {"type": "number", "multipleOf": 4}}, "required": ["gb"]},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2, "uniqueItems": true},
        },
        "required": ["size"],
        "additionalProperties": false,
    });
    insta::assert_snapshot!(what_is_wrong(&schema).join("\n"), @r"
    an additional property that the schema forbids
    disk is a string instead of an object
    disk.gb is a string instead of a number
    disk.gb is no multiple of 4
    disk.gb is missing
    name is an integer instead of a string
    name has fewer characters than 2
    name has more characters than 9
    name does not match its pattern
    size is a string instead of an integer
    size is below its minimum of 1
    size is above its maximum of 8
    size is missing
    tags is a string instead of an array
    tags has fewer items than 1
    tags has an item twice
    tags has more items than 2
    tags[0] is an integer instead of a string
    zone is not one of the values listed
    ");
}

#[test]
fn exclusive_bounds_are_broken_in_both_of_their_forms() {
    let old = json!({"type": "integer", "minimum": 4, "exclusiveMinimum": true});
    let new = json!({"type": "integer", "exclusiveMinimum": 4});
    for schema in [asks(DRAFTS[0], old), asks(DRAFTS[4], new)] {
        let base = valid(&schema).unwrap();
        let wrong = ("it is not above 4".to_owned(), json!({"it": 4}));
        assert!(invalid(&schema, &base).contains(&wrong), "{schema}");
    }
}

#[test]
fn a_schema_that_accepts_everything_refuses_nothing() {
    for schema in [json!(true), json!({})] {
        assert_eq!(lawful(&schema), Ok(json!({})));
        assert_eq!(invalid(&schema, &json!({"a": 1})), []);
    }
}

#[test]
fn variants_differ_in_one_place() {
    let schema =
        json!({"properties": {"a": {"type": "integer", "default": 3}, "b": {"type": "boolean"}}});
    let base = valid(&schema).unwrap();
    assert_eq!(base, json!({"a": 3, "b": true}));
    let others = variants(&schema, &base);
    assert_eq!(
        others,
        [
            json!({"a": 1, "b": true}),
            json!({"a": 3, "b": false}),
            json!({"a": 2, "b": true}),
            json!({"a": 3})
        ]
    );
}

#[test]
fn parameters_are_an_object_or_nothing() {
    assert!(valid(&json!({"type": "string"})).is_err());
    assert!(valid(&json!({"const": 3})).is_err());
    assert!(valid(&json!(false)).is_err());
    assert_eq!(valid(&json!({"minimum": 3})), Ok(json!({})));
}

#[test]
fn what_is_no_schema_is_refused_with_words() {
    for bad in [
        json!(3),
        json!(null),
        json!([]),
        json!({"type": "strnig"}),
        json!({"$ref": "http://example.com/other.json"}),
        json!({"$ref": "#/nowhere"}),
        json!({"$schema": "http://example.com/unknown"}),
        json!({"properties": {"a": {"pattern": "("}}}),
    ] {
        assert!(valid(&bad).is_err_and(|why| why.len() > 10), "{bad}");
        assert_eq!(variants(&bad, &json!({})), [] as [Value; 0]);
        assert_eq!(invalid(&bad, &json!({})), []);
    }
}

#[test]
fn no_schema_makes_more_work_than_it_is_worth() {
    let asking = |it| asks(DRAFTS[4], it);
    let doubled = |mut schema: Value, double: fn(Value) -> Value| {
        let mut definitions = serde_json::Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            definitions.insert(format!("l{level}"), double(next));
        }
        definitions.insert("l40".to_owned(), json!({}));
        schema["$defs"] = Value::Object(definitions);
        schema
    };
    let start = || json!({"$ref": "#/$defs/l0"});
    for heavy in [
        asking(json!({"type": "string", "minLength": 1_000_000_000})),
        asking(json!({"type": "array", "minItems": 1_000_000_000})),
        asking(json!({"type": "object", "minProperties": 1e18})),
        asking(json!({"type": "string", "pattern": "^(((a{1000}){1000}){1000})$"})),
        doubled(start(), |next| json!({"allOf": [next, next]})),
        doubled(start(), |next| json!({"oneOf": [next, next]})),
        doubled(
            start(),
            |next| json!({"not": {"not": {"anyOf": [next, next]}}}),
        ),
        doubled(
            start(),
            |next| json!({"required": ["a", "b"], "properties": {"a": next, "b": next}}),
        ),
        doubled(
            start(),
            |next| json!({"type": "array", "minItems": 9, "items": next}),
        ),
        // Here the validator goes through the same again and again.
        doubled(
            start(),
            |next| json!({"allOf": [next], "unevaluatedProperties": {"type": "integer"}}),
        ),
        doubled(
            start(),
            |next| json!({"if": next, "then": true, "unevaluatedProperties": next}),
        ),
    ] {
        assert!(valid(&heavy).is_err(), "{heavy}");
    }
    // Here each step makes much more of what is there already.
    let many = |bound: Value| {
        let property = |n: usize| (format!("p{n}"), json!({"type": "string"}));
        let mut schema = bound;
        schema["properties"] = (0..1500).map(property).collect();
        schema
    };
    let nested = |next| json!({"type": "array", "minItems": 256, "items": next});
    let three = nested(nested(nested(json!({"type": "boolean"}))));
    for heavy in [
        asking(three),
        asking(json!({"type": "string", "pattern": "a".repeat(5000)})),
        many(json!({"minProperties": 100_000})),
        many(json!({"patternProperties": {"(?=p)^(p+)+$": {"not": {}}}, "minProperties": 1600})),
    ] {
        let refused = valid(&heavy);
        assert!(refused.is_err(), "{refused:?}");
    }
    // Where nothing of it is needed it is left out.
    let optional = doubled(
        start(),
        |next| json!({"properties": {"a": next, "b": next}}),
    );
    assert!(lawful(&optional).is_ok());
    let empties = "()".repeat(1000) + "{4000000000}";
    for light in [
        asking(json!({"type": "string", "pattern": format!("^{}$", "(|a){1000}")})),
        asking(json!({"type": "string", "pattern": empties})),
        asking(json!({"enum": (0..20_000).collect::<Vec<_>>()})),
    ] {
        let _ = valid(&light);
    }
}

/// Schemas of a small grammar, with keywords that may contradict each other.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec!["string", "integer", "number", "boolean", "null", "array", "object"]).prop_map(|name| json!({"type": name})),
        (-9..9i32, 0..9i32).prop_map(|(least, more)| json!({"type": "integer", "minimum": least, "maximum": least + more})),
        (1..5i32, -20..20i32).prop_map(|(step, most)| json!({"type": "number", "multipleOf": f64::from(step) / 2.0, "exclusiveMaximum": most})),
        (0..9u32, 0..9u32).prop_map(|(least, most)| json!({"type": "string", "minLength": least, "maxLength": most})),
        prop::sample::select(vec!["^[a-c]{2,4}$", "\\d+", "^(x|yy)*$", "[^a]"]).prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        Just(json!({"enum": [1, "a", null, {"a": 1}]})),
        Just(json!({"const": "a"})),
        Just(json!({"default": 5})),
        Just(json!({"$ref": "#"})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..4);
        let members = || prop::collection::btree_map("[abc]", inner.clone(), 0..4);
        prop_oneof![
            (members(), prop::collection::btree_set("[abcd]", 0..3), inner.clone()).prop_map(|(properties, required, rest)| {
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": rest})
            }),
            (members(), 0..3u32, 0..4u32).prop_map(|(patterns, least, most)| {
                json!({"patternProperties": patterns, "minProperties": least, "maxProperties": most})
            }),
            (inner.clone(), 0..3u32, any::<bool>()).prop_map(|(items, least, unique)| {
                json!({"type": "array", "items": items, "minItems": least, "uniqueItems": unique})
            }),
            (some(), inner.clone(), inner.clone()).prop_map(|(first, rest, contains)| {
                json!({"prefixItems": first, "items": rest, "contains": contains})
            }),
            some().prop_map(|all| json!({ "oneOf": all })),
            some().prop_map(|all| json!({ "anyOf": all })),
            some().prop_map(|all| json!({ "allOf": all })),
            inner.clone().prop_map(|one| json!({ "not": one })),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(condition, then, other)| {
                json!({"if": condition, "then": then, "else": other})
            }),
            (members(), inner.clone()).prop_map(|(properties, dependent)| {
                json!({"properties": properties, "dependentSchemas": {"a": dependent}, "dependentRequired": {"b": ["c"]}})
            }),
            (members(), inner.clone()).prop_map(|(properties, rest)| {
                json!({"properties": properties, "unevaluatedProperties": rest})
            }),
        ]
    })
}

/// JSON that is a schema by accident, if at all.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        prop::sample::select(vec!["#", "#/", "object", "string", "(", "(?=a"])
            .prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "$ref",
        "$id",
        "$anchor",
        "$defs",
        "a",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "contains",
        "default",
        "dependencies",
        "else",
        "enum",
        "examples",
        "exclusiveMinimum",
        "format",
        "if",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "properties",
        "propertyNames",
        "required",
        "then",
        "type",
        "uniqueItems",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| json!(map)),
        ]
    })
}

#[test]
fn only_what_a_schema_is_known_to_refuse_is_refused() {
    let closed =
        json!({"properties": {"size": {"type": "integer"}}, "additionalProperties": false});
    assert!(refuses(&closed, &json!({"greeting": "a"})));
    assert!(!refuses(&closed, &json!({"size": 1})));
    assert!(!refuses(&json!({"type": "nothing"}), &json!({})));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_made_is_judged_as_it_is_said_to_be(schema in schema()) {
        let _ = lawful(&schema);
    }

    #[test]
    fn no_json_as_a_schema_makes_a_panic(schema in anything(), base in anything()) {
        let _ = lawful(&schema);
        variants(&schema, &base);
        invalid(&schema, &base);
    }
}
