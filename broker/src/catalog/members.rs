//! The members of an object of a catalog, each read into its type, with the
//! place of what is wrong.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::BadCatalog;

/// An object and the place where it stands, as a JSON pointer.
pub(super) struct Members<'a> {
    pub(super) at: String,
    pub(super) all: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    pub(super) fn of(at: &str, json: &'a Value) -> Result<Members<'a>, BadCatalog> {
        let at = at.to_owned();
        match json {
            Value::Object(all) => Ok(Members { at, all }),
            _ => Err(bad(&at, "it must be an object")),
        }
    }

    /// What is wrong with a member.
    pub(super) fn bad(&self, name: &str, why: &str) -> BadCatalog {
        bad(&format!("{}/{name}", self.at), why)
    }

    /// A member of this type, if it is there.
    pub(super) fn optional<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, BadCatalog> {
        let read = |value: &Value| {
            T::deserialize(value).map_err(|error| self.bad(name, &error.to_string()))
        };
        self.all.get(name).map(read).transpose()
    }

    /// A member of this type, if it is there and not `null`.
    pub(super) fn nullable<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, BadCatalog> {
        Ok(self.optional::<Option<T>>(name)?.flatten())
    }

    /// A member of this type, which has to be there.
    pub(super) fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, BadCatalog> {
        let found = self.optional(name)?;
        found.ok_or_else(|| bad(&self.at, &format!("`{name}` is missing")))
    }

    /// A text that says something, which has to be there.
    pub(super) fn text(&self, name: &str) -> Result<String, BadCatalog> {
        let text: String = self.required(name)?;
        match text.trim().is_empty() {
            true => Err(self.bad(name, "it is empty")),
            false => Ok(text),
        }
    }

    /// An object, if it is there and not `null`.
    pub(super) fn object(&self, name: &str) -> Result<Option<Members<'a>>, BadCatalog> {
        let found = self.all.get(name).filter(|value| !value.is_null());
        let at = format!("{}/{name}", self.at);
        found.map(|value| Members::of(&at, value)).transpose()
    }
}

pub(super) fn bad(at: &str, why: &str) -> BadCatalog {
    let at = if at.is_empty() { "/" } else { at };
    BadCatalog {
        at: at.to_owned(),
        why: why.to_owned(),
    }
}
