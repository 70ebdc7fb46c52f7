//! What the second service makes of a message.

use serde_json::value::RawValue;
use unicode_segmentation::UnicodeSegmentation;

/// A message that has no inverse.
#[derive(Debug)]
pub(crate) struct NotInvertible;

/// The inverse of a message, both as JSON text: a string reversed by grapheme
/// clusters, a boolean or a number negated, an array reversed.
///
/// A number keeps its digits, so that inverting twice gives it back even where
/// no machine number holds it exactly. `message` is one that serde_json reads
/// as a value: its numbers are finite.
pub(crate) fn invert(message: &RawValue) -> Result<String, NotInvertible> {
    let text = message.get();
    match text.as_bytes() {
        [b'"', ..] => {
            let string: String = read(text)?;
            let reversed: String = string.graphemes(true).rev().collect();
            Ok(serde_json::Value::from(reversed).to_string())
        }
        [b'[', ..] => {
            let elements: Vec<&RawValue> = read(text)?;
            let reversed: Vec<&str> = elements.iter().rev().map(|e| e.get()).collect();
            Ok(format!("[{}]", reversed.join(",")))
        }
        b"true" => Ok("false".to_owned()),
        b"false" => Ok("true".to_owned()),
        b"0" => Ok("0".to_owned()),
        [b'-', positive @ ..] => Ok(String::from_utf8_lossy(positive).into_owned()),
        [b'0'..=b'9', ..] => Ok(format!("-{text}")),
        _ => Err(NotInvertible),
    }
}

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, NotInvertible> {
    serde_json::from_str(text).map_err(|_| NotInvertible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn inverted(message: &Value) -> Value {
        serde_json::from_str(&inverted_text(&message.to_string())).unwrap()
    }

    fn inverted_text(message: &str) -> String {
        invert(serde_json::from_str(message).unwrap()).unwrap()
    }

    #[test]
    fn each_kind_of_message_has_its_inverse() {
        for (message, inverse) in [
            (json!("Hello World"), json!("dlroW olleH")),
            (json!("e\u{301}a 👨‍👩‍👧"), json!("👨‍👩‍👧 ae\u{301}")),
            (json!(true), json!(false)),
            (json!(42), json!(-42)),
            (json!(0), json!(0)),
            (json!(-1.5), json!(1.5)),
            (json!(i64::MIN), json!(9_223_372_036_854_775_808_u64)),
            (json!([1, "ab", [2, 3]]), json!([[2, 3], "ab", 1])),
            (json!([]), json!([])),
        ] {
            assert_eq!(inverted(&message), inverse, "{message}");
        }
    }

    #[test]
    fn a_number_keeps_its_digits() {
        let huge = "18446744073709551615";
        assert_eq!(inverted_text(huge), format!("-{huge}"));
        assert_eq!(inverted_text("1.10e2"), "-1.10e2");
    }

    #[test]
    fn objects_and_null_have_no_inverse() {
        for message in ["{}", "null"] {
            assert!(invert(serde_json::from_str(message).unwrap()).is_err());
        }
    }

    fn message() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("finite", |f| f.is_finite())
                .prop_map(Value::from),
        ];
        prop_oneof![
            scalar.clone(),
            proptest::collection::vec(scalar, 0..5).prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn inverting_twice_is_the_identity(message in message()) {
            let text = message.to_string();
            prop_assert_eq!(inverted_text(&inverted_text(&text)), text);
        }

        #[test]
        fn a_strings_clusters_come_back_in_reverse(text in "\\PC*|([a-z]|🇩🇪|\u{301}|\u{200d}|\r|\n){0,8}") {
            let clusters: Vec<&str> = text.graphemes(true).collect();
            let reversed: String = clusters.iter().rev().copied().collect();
            prop_assert_eq!(inverted(&json!(text)), json!(&reversed));

            let resegmented: Vec<&str> = reversed.graphemes(true).rev().collect();
            if resegmented == clusters {
                prop_assert_eq!(inverted(&json!(reversed)), json!(text));
            }
        }
    }
}
