//! The values of a fixture's variables, and what requests and expectations say
//! with them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fixtures::{
    AUTHORIZATION, Body, FRESH, Fixture, HeaderName, Json, Pattern, Template, VariableName,
    is_fresh,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde_json::Value;

use crate::exchange::Request;
use crate::fresh::fresh_id;

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The documented credentials, for fixtures that name none.
pub(crate) const DOCUMENTED_CREDENTIALS: &str = "user:pass";

/// A value for each variable.
#[derive(Clone, Debug)]
pub(crate) struct Bindings {
    values: BTreeMap<String, String>,
    /// The header fields that every request carries, unless it names them itself.
    carried: BTreeMap<HeaderName, Template>,
}

/// Why a fixture cannot be played, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unplayable(pub(crate) String);

impl From<regex::Error> for Unplayable {
    fn from(error: regex::Error) -> Self {
        Self(error.to_string())
    }
}

type Played<T> = Result<T, Unplayable>;

impl Bindings {
    /// The documented values, of which those in `fixture` go before those in
    /// the fixtures of its `setup`. `credentials`, if there are any, go before
    /// the documented ones.
    pub(crate) fn new(
        fixture: &Fixture,
        setup: &[&Fixture],
        credentials: Option<&str>,
    ) -> Played<Self> {
        let mut bindings = Self::with_credentials(None);
        for fixture in setup.iter().copied().chain([fixture]) {
            for (name, value) in &fixture.variables {
                for name in value.variables().filter(|name| is_fresh(name.as_str())) {
                    let fresh = bindings.values.entry(name.to_string());
                    fresh.or_insert_with(fresh_id);
                }
                let value = bindings.text(value)?;
                bindings.set(name.as_str(), value);
            }
        }
        if let Some(credentials) = credentials {
            bindings.set(AUTHORIZATION, credentials.to_owned());
        }
        Ok(bindings)
    }

    /// Just the built-in variables.
    pub(crate) fn with_credentials(credentials: Option<&str>) -> Self {
        let mut bindings = Self {
            values: BTreeMap::new(),
            carried: BTreeMap::new(),
        };
        bindings.set(FRESH, fresh_id());
        let credentials = credentials.unwrap_or(DOCUMENTED_CREDENTIALS);
        bindings.set(AUTHORIZATION, credentials.to_owned());
        bindings
    }

    /// Lets every request carry these header fields.
    pub(crate) fn carrying(mut self, headers: &BTreeMap<HeaderName, Template>) -> Self {
        self.carried = headers.clone();
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// The same, but for a fresh id in the place of one variable's value.
    pub(crate) fn with_fresh(&self, name: &VariableName) -> Self {
        let mut bindings = self.clone();
        bindings.set(name.as_str(), fresh_id());
        bindings
    }

    pub(crate) fn value(&self, name: &VariableName) -> Played<String> {
        let value = self.values.get(name.as_str()).cloned();
        value.ok_or_else(|| Unplayable(format!("{name} has no value")))
    }

    /// The credentials that `{authorization}` stands for.
    pub(crate) fn credentials(&self) -> &str {
        self.values
            .get(AUTHORIZATION)
            .map_or(DOCUMENTED_CREDENTIALS, String::as_str)
    }

    pub(crate) fn text(&self, template: &Template) -> Played<String> {
        template.render(|name| self.value(name))
    }

    pub(crate) fn json(&self, json: &Json) -> Played<Value> {
        json.render(&mut |template| self.text(template))
    }

    pub(crate) fn regex(&self, pattern: &Pattern) -> Played<Regex> {
        pattern.regex(|name| self.value(name))
    }

    fn encoded(&self, template: &Template) -> Played<String> {
        template.render(|name| Ok(encode(&self.value(name)?)))
    }

    fn header(&self, template: &Template) -> Played<String> {
        template.render(|name| match name.as_str() {
            AUTHORIZATION => Ok(STANDARD.encode(self.credentials())),
            _ => self.value(name),
        })
    }

    /// Header fields as they are sent: a request's own, and those carried.
    pub(crate) fn headers(
        &self,
        headers: &BTreeMap<HeaderName, Template>,
    ) -> Played<Vec<(String, String)>> {
        let mut sent = Vec::new();
        let is_own = |name: &HeaderName| {
            let mut own = headers.keys();
            own.any(|own| own.as_str().eq_ignore_ascii_case(name.as_str()))
        };
        let carried = self.carried.iter().filter(|(name, _)| !is_own(name));
        for (name, value) in carried.chain(headers) {
            sent.push((name.to_string(), self.header(value)?));
        }
        Ok(sent)
    }

    /// A fixture's request as it is sent.
    pub(crate) fn request(&self, request: &fixtures::Request) -> Played<Request> {
        let mut path = self.encoded(request.path.template())?;
        for (index, (name, value)) in request.query.iter().enumerate() {
            let value = encode(&self.text(value)?);
            let mark = if index == 0 { '?' } else { '&' };
            path.push_str(&format!("{mark}{}={value}", encode(name)));
        }
        let headers = self.headers(&request.headers)?;
        let body = match &request.body {
            Some(Body::Json(json)) => Some(self.json(json)?.to_string()),
            Some(Body::Text(text)) => Some(self.text(text)?),
            None => None,
        };
        Ok(Request {
            method: request.method.to_string(),
            path,
            headers,
            body,
        })
    }
}

/// A text as a value in a path or query is sent.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
