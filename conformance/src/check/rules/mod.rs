//! Invariants: what has to hold in every answer, whoever asked for it. Each is
//! a pure function of an exchange and of what the catalog declares.

mod binding;
mod catalog;
mod errors;
mod fields;
mod headers;
mod polling;
mod time;

pub(crate) use binding::INFORMATION;
pub(crate) use headers::is_extension;

use std::collections::BTreeSet;

use fixtures::ApiVersion;
use serde_json::Value;

use super::book::Finding;
use super::call::{Call, Endpoint};
use super::options::Expect;
use super::subject::Subject;
use crate::exchange::{Answer, Request};

/// An exchange, as the invariants see it.
pub(crate) struct Sight<'a> {
    pub(crate) call: &'a Call,
    pub(crate) request: &'a Request,
    pub(crate) answer: &'a Answer,
    /// The answer's body, if it is JSON.
    pub(crate) json: Option<&'a Value>,
    /// The plan that it is about, if it is about one.
    pub(crate) subject: Option<&'a Subject>,
    pub(crate) expect: &'a BTreeSet<Expect>,
    /// The version that is judged by.
    pub(crate) version: ApiVersion,
}

impl Sight<'_> {
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.call.endpoint
    }

    pub(crate) fn status(&self) -> u16 {
        self.answer.status
    }

    pub(crate) fn is_success(&self) -> bool {
        matches!(self.answer.status, 200..=202)
    }

    pub(crate) fn is_error(&self) -> bool {
        self.answer.status >= 400
    }

    /// A member of the body that is not null, which counts as absent.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.json?.get(name).filter(|value| !value.is_null())
    }
}

/// What an exchange says, by itself, about requirements.
pub(crate) fn judge(sight: &Sight<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    headers::judge(sight, &mut found);
    errors::judge(sight, &mut found);
    fields::judge(sight, &mut found);
    polling::judge(sight, &mut found);
    binding::judge(sight, &mut found);
    if sight.endpoint() == Endpoint::Catalog && sight.status() == 200 {
        catalog::judge(sight, &mut found);
    }
    found
}

/// The ids of the requirements that invariants judge.
pub(crate) fn judged() -> impl Iterator<Item = &'static str> {
    [
        headers::JUDGES,
        errors::JUDGES,
        polling::JUDGES,
        binding::JUDGES,
        catalog::JUDGES,
    ]
    .into_iter()
    .flatten()
    .copied()
    .chain(fields::judged())
}

/// The ids of those that the catalog's content shows.
pub(crate) fn of_catalog() -> &'static [&'static str] {
    catalog::JUDGES
}

/// The ids of those that an answer to any request can show.
pub(crate) fn of_any_answer() -> impl Iterator<Item = &'static str> {
    headers::JUDGES.iter().chain(errors::JUDGES).copied()
}

/// A JSON value in a few words, for a message.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
