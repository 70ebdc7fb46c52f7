//! The ways in which many mutants are wrong, as tables need them.

use serde_json::{Value, json};

use crate::message::{Answer, Endpoint, Request};
use crate::mutant::Memory;

/// When a mutant is wrong.
pub(super) type When = fn(&mut Memory, &Request, &Answer) -> bool;

/// Answers of an endpoint with certain statuses that give a member a value.
macro_rules! says {
    ($name:literal, $breaks:literal, $endpoint:ident $from:pat, $member:literal: $($value:tt)+) => {
        $crate::mutant::on_answer($name, $breaks, |_, request, answer| {
            if request.is($crate::message::Endpoint::$endpoint) && matches!(answer.status, $from) {
                answer.set($member, ::serde_json::json!($($value)+));
            }
        })
    };
}

/// Answers of an endpoint with certain statuses that lack a member.
macro_rules! lacks {
    ($name:literal, $breaks:literal, $endpoint:ident $from:pat, $member:literal) => {
        $crate::mutant::on_answer($name, $breaks, |_, request, answer| {
            if request.is($crate::message::Endpoint::$endpoint) && matches!(answer.status, $from) {
                answer.remove($member);
            }
        })
    };
}

/// Answers of an endpoint with certain statuses that have another status, and
/// perhaps another body.
macro_rules! turns {
    ($name:literal, $breaks:literal, $endpoint:ident $from:pat => $to:literal) => {
        turns!($name, $breaks, $endpoint $from => $to, |_, _, _| true)
    };
    ($name:literal, $breaks:literal, $endpoint:ident $from:pat => $to:literal, $when:expr) => {
        $crate::mutant::on_answer($name, $breaks, |memory, request, answer| {
            let when: $crate::wrong::ways::When = $when;
            let is_meant = when(memory, request, answer);
            let is_here = request.is($crate::message::Endpoint::$endpoint);
            if is_meant && is_here && matches!(answer.status, $from) {
                $crate::wrong::ways::turn(answer, $to);
            }
        })
    };
}

/// Requests without a mandatory member that are completed, and so carried out.
macro_rules! fills {
    ($name:literal, $breaks:literal, $endpoint:ident, $member:literal: $value:expr) => {
        $crate::mutant::on_request($name, $breaks, |_, request| {
            let is_here = request.is($crate::message::Endpoint::$endpoint);
            if is_here && request.member($member).is_null() {
                request.edit(|body| {
                    body.insert($member.to_owned(), $value.into());
                });
            }
            None
        })
    };
}

pub(super) use {fills, lacks, says, turns};

/// Gives an answer another status. What was a refusal and is one no more, or the
/// other way round, gets a body that fits.
pub(super) fn turn(answer: &mut Answer, status: u16) {
    let (was_success, is_success) = (answer.is_success(), (200..300).contains(&status));
    answer.status = status;
    match status {
        204 => {
            answer.body.clear();
            answer.set_header("content-type", None);
        }
        _ if was_success == is_success => {}
        _ if is_success => answer.set_json(&json!({})),
        _ => answer.set_json(&json!({"description": "this broker does as it likes"})),
    }
}

/// An answer in the true broker's place.
pub(super) fn instead(request: &Request, status: u16, body: &Value) -> Option<Answer> {
    const IDENTITY: &str = "x-broker-api-request-identity";
    let mut answer = Answer::of(status, body);
    answer.set_header(IDENTITY, request.header(IDENTITY));
    Some(answer)
}

/// A refusal in the true broker's place.
pub(super) fn refusal(request: &Request, status: u16) -> Option<Answer> {
    let body = json!({"description": "this broker does as it likes"});
    instead(request, status, &body)
}

/// What a platform knows of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was never there.
    Unknown,
    /// It is being provisioned.
    Creating,
    /// It is there.
    Ready,
    /// It is being updated.
    Updating,
    /// It is being deprovisioned.
    Deleting,
    /// It was there.
    Gone,
}

const PHASES: [Phase; 6] = [
    Phase::Unknown,
    Phase::Creating,
    Phase::Ready,
    Phase::Updating,
    Phase::Deleting,
    Phase::Gone,
];

/// The phase of the instance that a request is about, as far as it was followed.
pub(super) fn phase(memory: &Memory, request: &Request) -> Phase {
    let kept = memory.notes.get(&phase_of(request)).and_then(Value::as_u64);
    let kept = kept.and_then(|kept| PHASES.get(usize::try_from(kept).ok()?));
    kept.copied().unwrap_or(Phase::Unknown)
}

fn phase_of(request: &Request) -> String {
    format!("phase of {}", request.instance())
}

/// Follows an instance by the true broker's answers. Gives its phase before.
pub(super) fn follow(memory: &mut Memory, request: &Request, answer: &Answer) -> Phase {
    first_put(memory, request, answer);
    let before = phase(memory, request);
    let state = answer.member("state");
    let next = match (request.endpoint(), answer.status, before) {
        (Endpoint::Provision, 201, _) => Phase::Ready,
        (Endpoint::Provision, 202, Phase::Unknown | Phase::Gone) => Phase::Creating,
        (Endpoint::Update, 202, _) => Phase::Updating,
        (Endpoint::Deprovision, 202, _) => Phase::Deleting,
        (Endpoint::Deprovision, 200, _) => Phase::Gone,
        (Endpoint::PollInstance, 200, _) if state == "in progress" => before,
        (Endpoint::PollInstance, 200, Phase::Creating | Phase::Updating) => Phase::Ready,
        (Endpoint::PollInstance, 200, Phase::Deleting) => Phase::Gone,
        _ => before,
    };
    let place = PHASES.iter().position(|phase| *phase == next);
    memory.notes.insert(phase_of(request), place.into());
    before
}

/// What was first put under the id of an instance; null before that.
pub(super) fn first_put(memory: &mut Memory, request: &Request, answer: &Answer) -> Value {
    let key = format!("first put {}", request.instance());
    if request.is(Endpoint::Provision) && matches!(answer.status, 201 | 202) {
        memory.notes.entry(key.clone()).or_insert(request.json());
    }
    memory.notes.get(&key).cloned().unwrap_or_default()
}

/// Takes those parameters out of a body that a schema refuses.
pub(super) fn drop_parameters(request: &mut Request, is_wrong: fn(&str, &Value) -> bool) {
    request.edit(|body| {
        let parameters = body.get_mut("parameters").and_then(Value::as_object_mut);
        if let Some(parameters) = parameters {
            parameters.retain(|name, value| !is_wrong(name, value));
        }
    });
}

/// The true broker need not take an operation that is none of its own, and long.
pub(super) fn forget_long_operation(_: &mut Memory, request: &mut Request) -> Option<Answer> {
    if request
        .query("operation")
        .is_some_and(|name| name.len() > 10_000)
    {
        request.set_query("operation", None);
    }
    None
}

/// Plans of the showcase, and the offerings of the first ones.
pub(super) const SYNC: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000001";
/// `show-sync/small`
pub(super) const SMALL: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000101";
