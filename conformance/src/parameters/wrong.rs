//! Values that are wrong in one place.

use serde_json::{Map, Value, json};

use super::fits::{MAX_SIZE, size};
use super::number::number;
use super::part::{highest, lowest, said, types};
use super::schema::Schema;
use super::text::MAX_TEXT;
use super::vary::{Spot, with, without};

/// How many wrong values are made.
const MAX_INVALID: usize = 50;

impl Schema<'_> {
    /// See [`invalid`](super::invalid).
    pub(super) fn invalid(&self, base: &Value) -> Vec<(String, Value)> {
        let mut found: Vec<(String, Value)> = Vec::new();
        if self.accepts(base) != Some(true) {
            return found;
        }
        for spot in self.spots(base) {
            let Some(here) = base.pointer(&spot.pointer) else {
                continue;
            };
            let replaced = replacements(&spot, here)
                .into_iter()
                .filter_map(|(what, other)| {
                    Some((what, with(base, &spot.pointer, |place| *place = other)?))
                });
            let removed = without(base, &spot.pointer)
                .map(|value| (format!("{} is missing", spot.name), value));
            for (what, value) in replaced.chain(removed) {
                if found.len() == MAX_INVALID || self.left() == 0 {
                    return found;
                }
                // Of several ways to be wrong in the same respect one will do.
                let known = found.iter().any(|(said, _)| *said == what);
                if !known && value.is_object() && self.accepts(&value) == Some(false) {
                    found.push((what, value));
                }
            }
        }
        found
    }
}

/// Values that are likely to be wrong in a place, and why.
fn replacements(spot: &Spot, here: &Value) -> Vec<(String, Value)> {
    let part = &spot.part[..];
    let mut all = Vec::new();
    match here {
        Value::Number(_) => numbers(part, here, &mut all),
        Value::String(text) => texts(part, text, &mut all),
        Value::Array(items) => arrays(part, items, &mut all),
        Value::Object(members) => objects(spot, members, &mut all),
        _ => {}
    }
    if said(part, "enum")
        .chain(said(part, "const"))
        .next()
        .is_some()
    {
        let others = [
            json!("not-listed"),
            json!(987_654),
            json!(!here.as_bool().unwrap_or(false)),
            json!([]),
            json!({}),
        ];
        let others = others.into_iter().filter(|other| kind(other) == kind(here));
        all.extend(others.map(|other| ("is not one of the values listed".to_owned(), other)));
    }
    let allowed = types(part);
    let right = match kind(here) {
        "integer" if allowed.contains(&"number") => "number",
        right => right,
    };
    if said(part, "type").next().is_some() {
        let others = [
            json!("text"),
            json!(1),
            json!(true),
            json!({}),
            json!([]),
            Value::Null,
        ];
        let mut wrong = others.into_iter();
        let wrong = wrong.find(|other| !allowed.contains(&kind(other)));
        // A wrong type is what is most likely to be noticed, so it comes first.
        if let Some(wrong) = wrong {
            let what = format!(
                "is {} instead of {}",
                with_article(kind(&wrong)),
                with_article(right)
            );
            all.insert(0, (what, wrong));
        }
    }
    let whole = |(what, value): (String, Value)| match spot.name.as_str() {
        "" => (what, value),
        name => (format!("{name} {what}"), value),
    };
    all.into_iter().map(whole).collect()
}

fn numbers(part: &[&Value], here: &Value, all: &mut Vec<(String, Value)>) {
    let mut add = |what: String, wrong: f64| all.extend(number(wrong).map(|wrong| (what, wrong)));
    // What is too small is so by one step, and so remains a multiple.
    let step = highest(part, "multipleOf").unwrap_or(1.0);
    if let Some(least) = highest(part, "minimum") {
        add(format!("is below its minimum of {least}"), least - step);
    }
    if let Some(most) = lowest(part, "maximum") {
        add(format!("is above its maximum of {most}"), most + step);
    }
    // In draft 04 whether a bound is exclusive stands beside it.
    let beside = |keyword, bound: Option<f64>| {
        let exclusive = said(part, keyword).any(|said| *said == Value::Bool(true));
        bound.filter(|_| exclusive)
    };
    let least = highest(part, "exclusiveMinimum");
    if let Some(least) = least.or(beside("exclusiveMinimum", highest(part, "minimum"))) {
        add(format!("is not above {least}"), least);
    }
    let most = lowest(part, "exclusiveMaximum");
    if let Some(most) = most.or(beside("exclusiveMaximum", lowest(part, "maximum"))) {
        add(format!("is not below {most}"), most);
    }
    if let (Some(step), Some(here)) = (highest(part, "multipleOf"), here.as_f64()) {
        for by in [1.0, step / 2.0] {
            add(format!("is no multiple of {step}"), here + by);
        }
    }
}

fn texts(part: &[&Value], here: &str, all: &mut Vec<(String, Value)>) {
    let length = here.chars().count();
    if let Some(least) = highest(part, "minLength").filter(|least| *least >= 1.0) {
        let short: String = here.chars().take(least as usize - 1).collect();
        all.push((format!("has fewer characters than {least}"), short.into()));
    }
    if let Some(most) = lowest(part, "maxLength").filter(|most| *most < MAX_TEXT as f64) {
        let last = here.chars().last().unwrap_or('a');
        let mut long = here.to_owned();
        long.extend(std::iter::repeat_n(
            last,
            (most as usize + 1).saturating_sub(length),
        ));
        all.push((format!("has more characters than {most}"), long.into()));
    }
    if said(part, "pattern").next().is_some() {
        let shape: String = std::iter::repeat_n('!', length).collect();
        let others = [
            format!("{here}!"),
            shape,
            "!".to_owned(),
            "A 1".to_owned(),
            "a".to_owned(),
            String::new(),
        ];
        all.extend(
            others
                .into_iter()
                .map(|other| ("does not match its pattern".to_owned(), other.into())),
        );
    }
}

fn arrays(part: &[&Value], here: &[Value], all: &mut Vec<(String, Value)>) {
    if let Some(least) = highest(part, "minItems").filter(|least| *least >= 1.0) {
        let few = here.iter().take(least as usize - 1).cloned().collect();
        all.push((format!("has fewer items than {least}"), Value::Array(few)));
    }
    let Some(last) = here.last() else { return };
    let again = |count| {
        here.iter()
            .chain(std::iter::repeat_n(last, count))
            .cloned()
            .collect()
    };
    if said(part, "uniqueItems").any(|unique| *unique == Value::Bool(true)) {
        all.push(("has an item twice".to_owned(), Value::Array(again(1))));
    }
    if let Some(most) = lowest(part, "maxItems").filter(|most| *most < 256.0) {
        let more = (most as usize + 1).saturating_sub(here.len());
        if more.saturating_mul(size(last)) <= MAX_SIZE {
            let what = format!("has more items than {most}");
            all.push((what, Value::Array(again(more))));
        }
    }
}

fn objects(spot: &Spot, here: &Map<String, Value>, all: &mut Vec<(String, Value)>) {
    let mut more = here.clone();
    let name = if here.contains_key("additional") {
        "additional-property"
    } else {
        "additional"
    };
    more.insert(name.to_owned(), json!("example"));
    let what = match spot.name.as_str() {
        "" => "an additional property that the schema forbids",
        _ => "has an additional property that the schema forbids",
    };
    all.push((what.to_owned(), Value::Object(more)));
}

/// The type of a value, as a schema calls it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
            "integer"
        }
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn with_article(kind: &str) -> String {
    match kind {
        "null" => kind.to_owned(),
        "array" | "integer" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}
