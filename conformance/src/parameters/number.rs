//! Numbers within bounds.

use serde_json::{Number, Value};

use super::part::{highest, lowest, said};

/// What is asked of a number.
pub(super) struct Asked {
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
    /// What it has to be a multiple of, if anything.
    pub(super) step: Option<f64>,
}

impl Asked {
    /// What the schemas ask of a number.
    pub(super) fn of(part: &[&Value]) -> Self {
        let step =
            said(part, "multipleOf")
                .filter_map(Value::as_f64)
                .reduce(|one, other| match one % other == 0.0 {
                    true => one,
                    false if other % one == 0.0 => other,
                    false => one * other,
                });
        let least = [highest(part, "minimum"), highest(part, "exclusiveMinimum")];
        let most = [lowest(part, "maximum"), lowest(part, "exclusiveMaximum")];
        Self {
            least: least.into_iter().flatten().reduce(f64::max),
            most: most.into_iter().flatten().reduce(f64::min),
            step,
        }
    }
}

/// Numbers that probably are as asked, the simplest first.
pub(super) fn numbers(asked: &Asked, want: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let step = asked.step.filter(|step| *step > 0.0).unwrap_or(1.0);
    let least = asked
        .least
        .map_or(f64::NEG_INFINITY, |least| (least / step).ceil());
    let most = asked
        .most
        .map_or(f64::INFINITY, |most| (most / step).floor());
    // One is a likely size and zero a likely "none".
    let start = 1f64.max(least).min(most);
    // An exclusive bound costs one more.
    let counts = || (0..want + 2).map(|count| count as f64);
    all.extend(counts().map(|count| (start + count) * step));
    all.extend(counts().map(|count| (start - count) * step));
    all.push(start + 0.5);
    all.extend(asked.most);
    if let (Some(least), Some(most)) = (asked.least, asked.most) {
        let part = |count| least + (most - least) * (count + 1.0) / (want + 3) as f64;
        all.extend(counts().map(part));
    }
    all.into_iter().filter_map(number).collect()
}

/// A number as JSON, without a fraction where there is none.
pub(super) fn number(number: f64) -> Option<Value> {
    // Whole numbers up to here are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.fract() == 0.0 && number.abs() <= EXACT {
        true => Some(Value::from(number as i64)),
        false => Number::from_f64(number).map(Value::Number),
    }
}
