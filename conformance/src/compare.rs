//! Whether an answer is the one expected, and how it differs.

use fixtures::{BodyExpectation, Expectation, HeaderExpectation, Shape, Type};
use regex::Regex;
use serde_json::{Number, Value};

use crate::bindings::{Bindings, Unplayable};
use crate::exchange::Answer;

/// A place in which an answer is not as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The place: `status`, `header NAME`, `body`, or a JSON pointer into the
    /// body.
    pub at: String,
    /// What should be there.
    pub expected: Side,
    /// What is there.
    pub actual: Side,
}

/// One side of a [`Difference`].
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    /// Nothing.
    Absent,
    /// Something that is described.
    Words(String),
    /// Text that is no JSON.
    Text(String),
    /// This JSON.
    Json(Value),
}

/// How `answer` differs from what is expected: not at all if the list is empty.
pub(crate) fn compare(
    expectation: &Expectation,
    bindings: &Bindings,
    answer: &Answer,
) -> Result<Vec<Difference>, Unplayable> {
    let mut differences = Differences::default();
    if !expectation.status.contains(answer.status) {
        differences.add(
            "status",
            Side::Words(expectation.status.to_string()),
            Side::Words(answer.status.to_string()),
        );
    }
    for (name, expected) in &expectation.headers {
        let at = format!("header {name}");
        differences.header(&at, expected, bindings, answer.header(name.as_str()))?;
    }
    if let Some(body) = &expectation.body {
        if differences.0.is_empty() {
            differences.body(body, bindings, answer)?;
        } else {
            differences.another_body(body, bindings, answer)?;
        }
    }
    Ok(differences.0)
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, at: &str, expected: Side, actual: Side) {
        let at = if at.is_empty() { "body" } else { at }.to_owned();
        self.0.push(Difference {
            at,
            expected,
            actual,
        });
    }

    fn header(
        &mut self,
        at: &str,
        expected: &HeaderExpectation,
        bindings: &Bindings,
        actual: Option<&str>,
    ) -> Result<(), Unplayable> {
        let (matches, expected) = match expected {
            HeaderExpectation::Exact(text) => {
                let text = bindings.text(text)?;
                (actual == Some(text.as_str()), Side::Text(text))
            }
            HeaderExpectation::Pattern(pattern) => {
                let regex = bindings.regex(pattern)?;
                let matches = actual.is_some_and(|actual| regex.is_match(actual));
                (matches, pattern_side(&regex))
            }
        };
        if !matches {
            let actual = actual.map_or(Side::Absent, |text| Side::Text(text.to_owned()));
            self.add(at, expected, actual);
        }
        Ok(())
    }

    fn body(
        &mut self,
        expected: &BodyExpectation,
        bindings: &Bindings,
        answer: &Answer,
    ) -> Result<(), Unplayable> {
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match (expected, json) {
            (BodyExpectation::Exact(expected), Some(actual)) => {
                self.exact("", &bindings.json(expected)?, &actual);
            }
            (BodyExpectation::Exact(expected), None) => {
                let expected = Side::Json(bindings.json(expected)?);
                self.add("", expected, text_side(answer));
            }
            (BodyExpectation::ShapeIfAny(_), _) if answer.body.trim_ascii().is_empty() => {}
            (BodyExpectation::Shape(shape) | BodyExpectation::ShapeIfAny(shape), Some(actual)) => {
                self.shape("", shape, bindings, &actual)?;
            }
            (BodyExpectation::Shape(shape) | BodyExpectation::ShapeIfAny(shape), None) => {
                self.add("", Side::Words(describe(shape)), text_side(answer));
            }
            (BodyExpectation::Pattern(pattern), _) => {
                let regex = bindings.regex(pattern)?;
                if !regex.is_match(&answer.text()) {
                    self.add("", pattern_side(&regex), text_side(answer));
                }
            }
        }
        Ok(())
    }

    /// The body of an answer that is another one altogether: its members need
    /// not be told apart.
    fn another_body(
        &mut self,
        expected: &BodyExpectation,
        bindings: &Bindings,
        answer: &Answer,
    ) -> Result<(), Unplayable> {
        let mut within = Differences::default();
        within.body(expected, bindings, answer)?;
        if within.0.is_empty() {
            return Ok(());
        }
        let expected = match expected {
            BodyExpectation::Exact(json) => Side::Json(bindings.json(json)?),
            BodyExpectation::Shape(shape) | BodyExpectation::ShapeIfAny(shape) => {
                Side::Words(describe(shape))
            }
            BodyExpectation::Pattern(pattern) => pattern_side(&bindings.regex(pattern)?),
        };
        let json = serde_json::from_slice(&answer.body);
        self.add(
            "",
            expected,
            json.map_or_else(|_| text_side(answer), Side::Json),
        );
        Ok(())
    }

    fn exact(&mut self, at: &str, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                for (name, expected) in expected {
                    let at = member(at, name);
                    match actual.get(name) {
                        Some(actual) => self.exact(&at, expected, actual),
                        None => self.add(&at, Side::Json(expected.clone()), Side::Absent),
                    }
                }
                for (name, actual) in actual {
                    if !expected.contains_key(name) {
                        let at = member(at, name);
                        self.add(&at, Side::Absent, Side::Json(actual.clone()));
                    }
                }
            }
            (Value::Array(expected), Value::Array(actual)) => {
                for index in 0..expected.len().max(actual.len()) {
                    let at = format!("{at}/{index}");
                    match (expected.get(index), actual.get(index)) {
                        (Some(expected), Some(actual)) => self.exact(&at, expected, actual),
                        (expected, actual) => self.add(&at, json_side(expected), json_side(actual)),
                    }
                }
            }
            (expected, actual) => {
                if !same_scalar(expected, actual) {
                    let actual = Side::Json(actual.clone());
                    self.add(at, Side::Json(expected.clone()), actual);
                }
            }
        }
    }

    fn shape(
        &mut self,
        at: &str,
        shape: &Shape,
        bindings: &Bindings,
        actual: &Value,
    ) -> Result<(), Unplayable> {
        let (matches, expected) = match (shape, actual) {
            (Shape::Object(members), Value::Object(actual)) => {
                for (name, expected) in members {
                    let at = member(at, name);
                    match actual.get(name) {
                        Some(actual) => self.shape(&at, &expected.shape, bindings, actual)?,
                        None if expected.optional => {}
                        None => {
                            self.add(&at, Side::Words(describe(&expected.shape)), Side::Absent);
                        }
                    }
                }
                return Ok(());
            }
            (Shape::Array(shape), Value::Array(actual)) => {
                for (index, actual) in actual.iter().enumerate() {
                    self.shape(&format!("{at}/{index}"), shape, bindings, actual)?;
                }
                return Ok(());
            }
            (Shape::Text(text), actual) => {
                let expected = Value::from(bindings.text(text)?);
                (*actual == expected, Side::Json(expected))
            }
            (Shape::OneOf(types), actual) => {
                let matches = types.iter().any(|of| is_of(*of, actual));
                (matches, Side::Words(describe(shape)))
            }
            (Shape::Number(number), actual) => {
                let expected = Value::Number(number.clone());
                (same_scalar(&expected, actual), Side::Json(expected))
            }
            (Shape::Bool(bool), actual) => {
                let expected = Value::Bool(*bool);
                (*actual == expected, Side::Json(expected))
            }
            (Shape::Null, actual) => (actual.is_null(), Side::Json(Value::Null)),
            (Shape::Object(_) | Shape::Array(_), _) => (false, Side::Words(describe(shape))),
        };
        if !matches {
            self.add(at, expected, Side::Json(actual.clone()));
        }
        Ok(())
    }
}

fn text_side(answer: &Answer) -> Side {
    match answer.body.is_empty() {
        true => Side::Words("an empty body".to_owned()),
        false => Side::Text(answer.text()),
    }
}

fn json_side(value: Option<&Value>) -> Side {
    value.map_or(Side::Absent, |value| Side::Json(value.clone()))
}

fn pattern_side(regex: &Regex) -> Side {
    Side::Words(format!("text that matches {}", regex.as_str()))
}

/// What a shape asks for, without what is inside of it.
fn describe(shape: &Shape) -> String {
    match shape {
        Shape::OneOf(types) => {
            let names: Vec<&str> = types.iter().map(|of| of.name()).collect();
            names.join(" or ")
        }
        Shape::Text(text) => format!("{:?}", text.as_str()),
        Shape::Number(number) => number.to_string(),
        Shape::Bool(bool) => bool.to_string(),
        Shape::Null => "null".to_owned(),
        Shape::Array(_) => Type::Array.name().to_owned(),
        Shape::Object(_) => Type::Object.name().to_owned(),
    }
}

/// A JSON pointer to a member.
fn member(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn is_of(of: Type, value: &Value) -> bool {
    match of {
        Type::Any => true,
        Type::Array => value.is_array(),
        Type::Boolean => value.is_boolean(),
        Type::Integer => value.as_number().is_some_and(is_integer),
        Type::NonEmptyString => value.as_str().is_some_and(|text| !text.is_empty()),
        Type::Null => value.is_null(),
        Type::Number => value.is_number(),
        Type::Object => value.is_object(),
        Type::String => value.is_string(),
        Type::Url => value
            .as_str()
            .is_some_and(|text| after_authority(text).is_some()),
    }
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
}

/// Whether two values that are no containers mean the same: numbers by their
/// value, URLs but for their authority.
fn same_scalar(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Number(expected), Value::Number(actual)) => same_number(expected, actual),
        (Value::String(expected), Value::String(actual)) => {
            match (after_authority(expected), after_authority(actual)) {
                (Some(expected), Some(actual)) => expected == actual,
                _ => expected == actual,
            }
        }
        (expected, actual) => expected == actual,
    }
}

fn same_number(expected: &Number, actual: &Number) -> bool {
    let float = |number: &Number| !number.is_i64() && !number.is_u64();
    if float(expected) || float(actual) {
        expected.as_f64() == actual.as_f64()
    } else {
        expected == actual
    }
}

/// What follows the authority of an http(s) URL. The documents show three
/// hosts for one service, so the authority of a URL tells nothing.
fn after_authority(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    if !["http", "https"]
        .iter()
        .any(|http| scheme.eq_ignore_ascii_case(http))
    {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_authority = !authority.is_empty() && !authority.contains(char::is_whitespace);
    is_authority.then_some(path)
}

#[cfg(test)]
mod tests {
    use fixtures::Fixture;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The differences of a body from `expectation`, each in a line.
    fn differences(expectation: Value, body: &str) -> Vec<String> {
        let fixture: Fixture = serde_json::from_value(json!({
            "title": "t",
            "source": {"document": "d", "heading": "h"},
            "variables": {"id": "x.y"},
            "steps": []
        }))
        .unwrap();
        let bindings = Bindings::new(&fixture, &[], None).unwrap();
        let expectation = json!({"status": [200], "body": expectation});
        let answer = Answer {
            status: 200,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        let side = |side: &Side| match side {
            Side::Absent => "nothing".to_owned(),
            Side::Words(words) => words.clone(),
            Side::Text(text) => format!("text {text:?}"),
            Side::Json(value) => value.to_string(),
        };
        compare(
            &serde_json::from_value(expectation).unwrap(),
            &bindings,
            &answer,
        )
        .unwrap()
        .iter()
        .map(|d| format!("{}: {}, not {}", d.at, side(&d.expected), side(&d.actual)))
        .collect()
    }

    fn exact(expected: Value, actual: Value) -> Vec<String> {
        differences(json!({ "exact": expected }), &actual.to_string())
    }

    #[test]
    fn an_absent_member_is_not_null_and_an_unexpected_one_is_a_difference() {
        assert_eq!(
            exact(json!({"a": null}), json!({})),
            ["/a: null, not nothing"]
        );
        assert_eq!(
            exact(json!({}), json!({"a/b": null})),
            ["/a~1b: nothing, not null"]
        );
    }

    #[test]
    fn arrays_are_compared_in_order_and_in_length() {
        assert_eq!(
            exact(json!([1, 2]), json!([2, 1])),
            ["/0: 1, not 2", "/1: 2, not 1"]
        );
        assert_eq!(exact(json!([1]), json!([1, 2])), ["/1: nothing, not 2"]);
        assert_eq!(exact(json!([[1]]), json!([[]])), ["/0/0: 1, not nothing"]);
    }

    #[test]
    fn numbers_are_compared_by_value_and_types_are_not_mixed() {
        assert!(exact(json!([1, 1.0, 2.5, -0.0]), json!([1.0, 1, 2.5, 0])).is_empty());
        assert_eq!(exact(json!(u64::MAX), json!(u64::MAX - 1)).len(), 1);
        assert_eq!(exact(json!("1"), json!(1)), [r#"body: "1", not 1"#]);
        assert_eq!(exact(json!({}), json!([])), ["body: {}, not []"]);
        assert_eq!(exact(json!(false), json!(null)), ["body: false, not null"]);
    }

    #[test]
    fn in_a_documented_url_any_authority_matches_and_the_rest_is_exact() {
        let documented = "http://16.98.113.38:8090/echo/i?a=b#c";
        for same in ["http://h/echo/i?a=b#c", "https://[::1]:1/echo/i?a=b#c"] {
            assert!(exact(json!(documented), json!(same)).is_empty(), "{same}");
        }
        for other in [
            "http://h/echo/i?a=b",
            "http://h/echo/j?a=b#c",
            "http://h//echo/i?a=b#c",
            "http:///echo/i?a=b#c",
            "ftp://h/echo/i?a=b#c",
            "/echo/i?a=b#c",
        ] {
            assert_eq!(exact(json!(documented), json!(other)).len(), 1, "{other}");
        }
        assert_eq!(exact(json!("ftp://a/b"), json!("ftp://c/b")).len(), 1);
    }

    #[test]
    fn a_body_that_is_no_json_is_shown_as_it_is() {
        let expected = json!({"exact": {}});
        assert_eq!(
            differences(expected.clone(), "<p>"),
            [r#"body: {}, not text "<p>""#]
        );
        assert_eq!(differences(expected, ""), ["body: {}, not an empty body"]);
    }

    #[test]
    fn a_shape_asks_for_what_it_names_and_no_more() {
        let shape = json!({"shape": {
            "id": "=i-{id}",
            "url?": "url",
            "list": ["integer|boolean"],
            "name": "non-empty string",
            "any": "any",
            "one": 1,
            "none": null
        }});
        let right = json!({"id": "i-x.y", "list": [1, 1.0, true], "name": "n", "any": null, "one": 1.0, "none": null, "more": 1});
        assert!(differences(shape.clone(), &right.to_string()).is_empty());
        let wrong =
            json!({"id": "i-xzy", "url": "h", "list": [1.5], "name": "", "one": 2, "none": false});
        assert_eq!(
            differences(shape, &wrong.to_string()),
            [
                "/any: any, not nothing",
                r#"/id: "i-x.y", not "i-xzy""#,
                "/list/0: integer or boolean, not 1.5",
                r#"/name: non-empty string, not """#,
                "/none: null, not false",
                "/one: 1, not 2",
                r#"/url: url, not "h""#,
            ]
        );
    }

    #[test]
    fn a_pattern_is_found_anywhere_and_its_variables_are_no_patterns() {
        assert!(differences(json!({"pattern": "{id}"}), "a x.y b").is_empty());
        assert_eq!(
            differences(json!({"pattern": "^{id}$"}), "xzy"),
            [r#"body: text that matches ^(?:x\.y)$, not text "xzy""#]
        );
    }

    /// JSON without braces in its strings, which a fixture would take for
    /// variables.
    fn json_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z:/ ]{0,4}".prop_map(Value::from),
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-c]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn there_is_no_difference_exactly_where_two_values_are_equal(
            one in json_value(), other in json_value(),
        ) {
            prop_assert!(exact(one.clone(), one.clone()).is_empty());
            prop_assert_eq!(exact(one.clone(), other.clone()).is_empty(), one == other);
        }
    }
}
