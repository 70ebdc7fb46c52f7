//! Arrays, made of the values of their items.

use serde_json::Value;

use super::fits::{MAX_SIZE, item_schema, size};
use super::make::Trail;
use super::part::{highest, lowest, said};
use super::schema::Schema;

/// How many items are made.
const MAX_ITEMS: usize = 256;

impl<'a> Schema<'a> {
    /// Arrays that may fit: with an item at least, with no more than needed, and
    /// with other first items.
    pub(super) fn arrays(&self, part: &[&'a Value], trail: &Trail<'a>, want: usize) -> Vec<Value> {
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
        let firsts = said(part, "prefixItems").chain(said(part, "items"));
        let firsts = firsts.filter_map(Value::as_array).map(Vec::len).max();
        let few = match trail.lean || self.tired() {
            true => 0,
            false => firsts.unwrap_or(1).clamp(1, MAX_ITEMS),
        };
        let length = least.max(few).min(most);
        let unique = said(part, "uniqueItems").any(|unique| *unique == Value::Bool(true));

        let mut items: Vec<Value> = Vec::new();
        let mut whole = 0;
        let mut others = Vec::new();
        let mut last: (Vec<&Value>, Vec<Value>) = Default::default();
        for place in 0..length {
            let mut schemas = self.item_schemas(part, place);
            schemas.extend(contained.iter().filter(|_| place < contains));
            // Mostly an item is asked for what the one before it was.
            if place == 0 || !same(&last.0, &schemas) {
                let count = if unique { length.max(want) } else { want };
                last = (schemas.clone(), self.values(&schemas, trail, count));
            }
            let mut fresh = last.1.iter();
            let mut fresh = fresh
                .by_ref()
                .filter(|value| !unique || !items.contains(value));
            let Some(item) = fresh.next() else { break };
            let here = size(item);
            whole += here;
            // Most of the others will be like this one.
            if whole.saturating_add((length - place - 1).saturating_mul(here)) > MAX_SIZE {
                self.blame(|| format!("an array of {length} items would be too large"));
                return Vec::new();
            }
            if !self.spend(here) {
                return Vec::new();
            }
            if place == 0 {
                others.extend(fresh.cloned());
            }
            items.push(item.clone());
        }
        if !self.spend(whole) {
            return Vec::new();
        }
        let mut all = vec![
            Value::Array(items.clone()),
            items.iter().take(least).cloned().collect(),
        ];
        for other in others {
            if !self.spend(whole) {
                break;
            }
            let rest = items.iter().skip(1).cloned();
            all.push(std::iter::once(other).chain(rest).collect());
        }
        all
    }

    /// The schemas that an item of an array has to fit.
    pub(super) fn item_schemas(&self, part: &[&'a Value], place: usize) -> Vec<&'a Value> {
        let maps = part.iter().filter_map(|schema| schema.as_object());
        maps.filter_map(|map| item_schema(map, place)).collect()
    }
}

fn same(some: &[&Value], others: &[&Value]) -> bool {
    let mut pairs = some.iter().zip(others);
    some.len() == others.len() && pairs.all(|(one, other)| std::ptr::eq(*one, *other))
}
