//! The places of a value, and other values for them.

use serde_json::Value;

use super::make::Trail;
use super::schema::Schema;

/// How many places of a value are looked at.
const MAX_SPOTS: usize = 100;
const MAX_VARIANTS: usize = 6;

/// A place of a value.
pub(super) struct Spot<'a> {
    /// Where it is, as a JSON pointer.
    pub(super) pointer: String,
    /// Where it is, in words; nothing at the top.
    pub(super) name: String,
    /// The schemas that its value has to fit.
    all: Vec<&'a Value>,
    /// Those of them that apply to the value that is there.
    pub(super) part: Vec<&'a Value>,
}

impl<'a> Schema<'a> {
    /// The places of a value, from the top. There are none if it does not fit.
    pub(super) fn spots(&self, value: &Value) -> Vec<Spot<'a>> {
        let mut spots = Vec::new();
        self.collect(
            value,
            self.top().to_vec(),
            String::new(),
            String::new(),
            &mut spots,
        );
        spots
    }

    fn collect(
        &self,
        value: &Value,
        all: Vec<&'a Value>,
        pointer: String,
        name: String,
        spots: &mut Vec<Spot<'a>>,
    ) {
        let mut parts = self.choices(&all).into_iter();
        let Some(part) = parts.find(|part| self.fits_all(part, value)) else {
            return;
        };
        if spots.len() == MAX_SPOTS {
            return;
        }
        let schemas = part.clone();
        let (above, named) = (pointer.clone(), name.clone());
        spots.push(Spot {
            pointer,
            name,
            all,
            part,
        });
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let escaped = key.replace('~', "~0").replace('/', "~1");
                    let all = self.member_schemas(&schemas, key);
                    self.collect(
                        member,
                        all,
                        format!("{above}/{escaped}"),
                        within(&named, key),
                        spots,
                    );
                }
            }
            // One item stands for the others.
            Value::Array(items) => {
                if let Some(item) = items.first() {
                    let all = self.item_schemas(&schemas, 0);
                    self.collect(
                        item,
                        all,
                        format!("{above}/0"),
                        format!("{named}[0]"),
                        spots,
                    );
                }
            }
            _ => {}
        }
    }

    /// See [`variants`](super::variants).
    pub(super) fn variants(&self, base: &Value) -> Vec<Value> {
        let spots = self.spots(base);
        // Another value changes more than the lack of one, which may be implied.
        let changed = |round| {
            spots.iter().filter_map(move |spot| {
                let here = base.pointer(&spot.pointer)?;
                if here.is_object() || here.is_array() {
                    return None;
                }
                let values = self.values(&spot.all, &Trail::default(), 3).into_iter();
                let other = values.filter(|value| !same(value, here)).nth(round)?;
                with(base, &spot.pointer, |place| *place = other)
            })
        };
        let removed = spots.iter().filter_map(|spot| {
            let here = base.pointer(&spot.pointer)?;
            let implied = spot
                .part
                .iter()
                .any(|schema| schema.get("default") == Some(here));
            without(base, &spot.pointer).filter(|_| !implied)
        });
        let mut found: Vec<Value> = Vec::new();
        for value in changed(0).chain(changed(1)).chain(removed) {
            if !found.contains(&value) && self.accepts(&value) == Some(true) {
                found.push(value);
            }
            if found.len() == MAX_VARIANTS || self.left() == 0 {
                break;
            }
        }
        found
    }
}

/// The words for a member.
pub(super) fn within(name: &str, member: &str) -> String {
    match name {
        "" => format!("{member:.60}"),
        name => format!("{name}.{member:.60}"),
    }
}

/// A value with a change in one place.
pub(super) fn with(base: &Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Option<Value> {
    let mut value = base.clone();
    change(value.pointer_mut(pointer)?);
    Some(value)
}

/// A value without one of its members.
pub(super) fn without(base: &Value, pointer: &str) -> Option<Value> {
    let (above, key) = pointer.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    let mut value = base.clone();
    value.pointer_mut(above)?.as_object_mut()?.remove(&key)?;
    Some(value)
}

/// Whether two values mean the same: 1 and 1.0 do.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}
