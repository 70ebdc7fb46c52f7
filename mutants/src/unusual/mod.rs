//! Brokers that are unusual, but right: each makes use of a freedom that the
//! specification gives. Some have a catalog that says so, in which the member
//! `broker` tells the reference broker how to conduct itself; others stand at a
//! door in front of it.

mod catalogs;
mod demands;
mod errors;
mod instances;
mod meanwhile;
mod messages;
mod operations;
pub mod trial;

use std::borrow::Cow;
use std::time::Duration;

use conformance::{CheckRun, Plans};

use serde_json::Value;

use crate::message::{Answer, Request};
use crate::mutant::{After, Before};

/// How the check logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// By user name and password.
    Basic,
    /// By a bearer token.
    Token,
    /// Not at all.
    None,
}

/// A recommendation that a broker really does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warned {
    /// The requirement's id.
    pub id: &'static str,
    /// Why it warns.
    pub why: &'static str,
}

/// A broker that is unusual, but right.
#[derive(Clone, Copy)]
pub struct Unusual {
    /// What it does, in a few words with hyphens; no two have the same.
    pub name: &'static str,
    /// What makes it right.
    pub right: &'static str,
    /// Its catalog, in the form that the reference broker reads.
    catalog: fn() -> Cow<'static, str>,
    /// The only plan that is judged.
    plan: Option<&'static str>,
    /// Which of several plans are judged.
    plans: Plans,
    /// How long its asynchronous operations take.
    takes: Duration,
    /// The minor version by which it is judged.
    minor: u8,
    login: Login,
    /// What stands before its paths.
    path: &'static str,
    before: Before,
    after: After,
    /// How its answers are put into bytes, if in another way than usual.
    framing: Option<fn(&Answer) -> Vec<u8>>,
    /// What shows that it is unusual; without it, that it has changed messages.
    shows: Option<fn(&CheckRun) -> bool>,
    /// The freedoms (MAY) that a check sees it use.
    pub uses: &'static [&'static str],
    /// What warns.
    pub warns: &'static [Warned],
}

/// The authorization that the reference broker takes.
const TRUE_LOGIN: &str = "Basic dXNlcjpwYXNz";

/// Long enough to be observed by a machine that is busy.
const OBSERVABLE: Duration = Duration::from_millis(150);

const fn unusual(
    name: &'static str,
    right: &'static str,
    catalog: fn() -> Cow<'static, str>,
) -> Unusual {
    Unusual {
        name,
        right,
        catalog,
        plan: None,
        plans: Plans::Behaviours,
        takes: OBSERVABLE,
        minor: 17,
        login: Login::Basic,
        path: "",
        before: |_, _| None,
        after: |_, _, _| {},
        framing: None,
        shows: None,
        uses: &[],
        warns: &[],
    }
}

/// A broker whose catalog says how it is unusual; the exchanges show it.
const fn by_catalog(
    name: &'static str,
    right: &'static str,
    catalog: fn() -> Cow<'static, str>,
    shows: fn(&CheckRun) -> bool,
) -> Unusual {
    Unusual {
        shows: Some(shows),
        ..unusual(name, right, catalog)
    }
}

/// A broker with an ordinary catalog that changes requests, or answers them.
const fn on_request(name: &'static str, right: &'static str, before: Before) -> Unusual {
    Unusual {
        before,
        ..unusual(name, right, usual_catalog)
    }
}

/// The same, with answers.
const fn on_answer(name: &'static str, right: &'static str, after: After) -> Unusual {
    on_both(name, right, |_, _| None, after)
}

/// The same, with both.
const fn on_both(name: &'static str, right: &'static str, before: Before, after: After) -> Unusual {
    Unusual {
        after,
        ..on_request(name, right, before)
    }
}

fn usual_catalog() -> Cow<'static, str> {
    include_str!("catalogs/usual.json").into()
}

impl Unusual {
    /// The same, on this plan alone.
    const fn on(mut self, plan: &'static str) -> Unusual {
        self.plan = Some(plan);
        self
    }

    /// The same, which is seen to use these freedoms.
    const fn uses(mut self, uses: &'static [&'static str]) -> Unusual {
        self.uses = uses;
        self
    }

    /// The same, for which these recommendations warn.
    const fn warns(mut self, warns: &'static [Warned]) -> Unusual {
        self.warns = warns;
        self
    }
}

const fn warned(id: &'static str, why: &'static str) -> Warned {
    Warned { id, why }
}

/// What is answered in the reference broker's place.
fn instead(request: &Request, status: u16, body: &Value) -> Option<Answer> {
    let identity = "x-broker-api-request-identity";
    let mut answer = Answer::of(status, body);
    answer.set_header(identity, request.header(identity));
    Some(answer)
}

/// Whether the reference broker takes the request for its platform's.
fn is_logged_in(request: &Request) -> bool {
    request.header("authorization") == Some(TRUE_LOGIN)
}

/// The note about an instance or binding.
fn note(what: &str, resource: &str) -> String {
    format!("{what} {resource}")
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Unusual> {
    // What takes longest comes first.
    let of = [
        operations::ALL,
        meanwhile::ALL,
        catalogs::ALL,
        messages::ALL,
        errors::ALL,
        instances::ALL,
        demands::ALL,
    ];
    of.into_iter().flatten()
}
