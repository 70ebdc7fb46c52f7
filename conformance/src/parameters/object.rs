//! Objects, made of the values of their properties.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fits::size;
use super::make::Trail;
use super::part::{highest, said};
use super::schema::Schema;
use super::text::{self, texts};

/// How many properties more than named are made.
const MAX_MORE: usize = 256;
/// How many objects are tried for each that is wanted.
const MAX_VARIED: usize = 4;

impl<'a> Schema<'a> {
    /// Objects that may fit: with as many properties as can be had, with other
    /// values of these, and with the required ones only.
    pub(super) fn objects(&self, part: &[&'a Value], trail: &Trail<'a>, want: usize) -> Vec<Value> {
        let required: Vec<&str> = said(part, "required")
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let declared = said(part, "properties")
            .filter_map(Value::as_object)
            .flat_map(Map::keys);
        let optional = declared
            .map(String::as_str)
            .filter(|name| !required.contains(name));
        let lean = trail.lean || self.tired();
        let mut made: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for name in &required {
            made.insert(name, self.member_values(part, name, trail, want));
            if made[name].is_empty() {
                self.blame(|| format!("none was found for the property `{name:.100}`"));
                return Vec::new();
            }
        }
        let needed = first_of_each(&made);
        for name in optional.filter(|_| !lean) {
            if self.left() == 0 {
                return Vec::new();
            }
            if !made.contains_key(name) {
                made.insert(name, self.member_values(part, name, trail, want));
            }
        }
        let full = self.filled(part, first_of_each(&made), trail);
        let best = match self.fits_all(part, &full) {
            true => full,
            false => self.thinned(part, needed.clone(), &full),
        };
        let mut all = vec![best.clone(), self.filled(part, needed, trail)];
        // The others have another value of one property.
        let others = made
            .iter()
            .flat_map(|(name, others)| others.iter().skip(1).map(move |other| (name, other)));
        let cost = size(&best);
        for (name, other) in others.take(want * MAX_VARIED) {
            if !self.spend(cost) {
                break;
            }
            let mut varied = best.clone();
            if let Some(member) = varied.get_mut(*name) {
                *member = other.clone();
                all.insert(all.len() - 1, varied);
            }
        }
        all
    }

    fn member_values(
        &self,
        part: &[&'a Value],
        name: &str,
        trail: &Trail<'a>,
        want: usize,
    ) -> Vec<Value> {
        self.values(&self.member_schemas(part, name), trail, want)
    }

    /// The schemas that a member of an object has to fit.
    pub(super) fn member_schemas(&self, part: &[&'a Value], name: &str) -> Vec<&'a Value> {
        let maps = part.iter().filter_map(|schema| schema.as_object());
        maps.flat_map(|map| self.members(map, name)).collect()
    }

    /// With further properties, where so many are asked for.
    fn filled(
        &self,
        part: &[&'a Value],
        mut members: Map<String, Value>,
        trail: &Trail<'a>,
    ) -> Value {
        let least = highest(part, "minProperties").map_or(0, |least| least as usize);
        if least > members.len() + MAX_MORE {
            self.blame(|| format!("an object would have {least} properties"));
        } else if least > members.len() {
            let asked: Vec<_> = said(part, "propertyNames").collect();
            for name in self.further_names(part, &asked, trail, least) {
                if self.left() == 0 {
                    break;
                }
                let is_new = members.len() < least && !members.contains_key(&name);
                if is_new && self.fits_all(&asked, &Value::from(name.as_str())) {
                    let value = self.member_values(part, &name, trail, 1).pop();
                    members.extend(value.map(|value| (name, value)));
                }
            }
        }
        Value::Object(members)
    }

    /// Names that properties may have beside the declared ones.
    fn further_names(
        &self,
        part: &[&'a Value],
        asked: &[&'a Value],
        trail: &Trail<'a>,
        want: usize,
    ) -> Vec<String> {
        let mut names = Vec::new();
        let patterns = said(part, "patternProperties").filter_map(Value::as_object);
        for pattern in patterns.flat_map(Map::keys) {
            let asked = text::Asked::matching(pattern);
            names.extend(texts(&asked, want, &|steps| self.spend(steps)).unwrap_or_default());
        }
        if !asked.is_empty() {
            let made = self.values(asked, trail, want);
            names.extend(made.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        // Some of these may be ruled out by a pattern.
        for name in ["extra", "other", "_"] {
            names.extend((1..=want).map(|count| format!("{name}{count}")));
        }
        names
    }

    /// What can be had of `full` beside what is needed, one after the other.
    fn thinned(&self, part: &[&'a Value], needed: Map<String, Value>, full: &Value) -> Value {
        let mut kept = Value::Object(needed);
        let mut fits = self.fits_all(part, &kept);
        let cost = size(full);
        for (name, member) in full.as_object().into_iter().flatten() {
            if !self.spend(cost) {
                break;
            }
            let mut more = kept.clone();
            if let Some(members) = more.as_object_mut() {
                members.insert(name.clone(), member.clone());
            }
            let more_fits = self.fits_all(part, &more);
            if more_fits || !fits {
                (kept, fits) = (more, more_fits);
            }
        }
        kept
    }
}

fn first_of_each(made: &BTreeMap<&str, Vec<Value>>) -> Map<String, Value> {
    let first =
        |(name, values): (&&str, &Vec<Value>)| Some(((*name).to_owned(), values.first()?.clone()));
    made.iter().filter_map(first).collect()
}
