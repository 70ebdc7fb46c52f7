//! Tables of mutants that change an answer, or refuse a request, of a kind.

use serde_json::{Value, json};

use crate::message::{Answer, Request};

/// The credentials of the true broker.
pub(super) const RIGHT_LOGIN: &str = "Basic dXNlcjpwYXNz";

/// The header that a platform numbers its requests by.
pub(super) const REQUEST_IDENTITY: &str = "x-broker-api-request-identity";

/// Mutants that change the answers of these endpoints with these statuses, and
/// only those to requests of a kind: `name breaks requirement: endpoint, status if
/// kind => change, mark`.
macro_rules! answers {
    ($($name:literal breaks $id:literal: $endpoint:pat, $status:pat $(if $is:expr)?
        => $change:expr $(, $mark:ident($($of:literal)?))*;)*) => {
        &[$(
            $crate::mutant::on_answer($name, $id, |_, request, answer| {
                let is: &[fn(&$crate::message::Request) -> bool] = &[$($is)?];
                let is_of_kind = is.iter().all(|is| is(request));
                if matches!(request.endpoint(), $endpoint) && matches!(answer.status, $status) && is_of_kind {
                    let change: fn(&mut $crate::message::Answer) = $change;
                    change(answer);
                }
            })
            .of("show-sync/small")
            $(.$mark($($of)?))*
        ),*]
    };
}

/// Mutants that refuse requests of a kind with a status: `name breaks requirement:
/// endpoint if kind => status, mark`.
macro_rules! refusals {
    ($($name:literal breaks $id:literal: $endpoint:pat if $is:expr
        => $status:literal $(, $mark:ident($($of:literal)?))*;)*) => {
        &[$(
            $crate::mutant::on_request($name, $id, |_, request| {
                let is: fn(&$crate::message::Request) -> bool = $is;
                let is_refused = matches!(request.endpoint(), $endpoint) && is(request);
                is_refused.then(|| $crate::wrong::tables::refusal(request, $status))
            })
            .of("show-sync/small")
            $(.$mark($($of)?))*
        ),*]
    };
}

pub(super) use {answers, refusals};

/// An error as the true broker would tell it.
pub(super) fn refusal(request: &Request, status: u16) -> Answer {
    let mut answer = Answer::of(status, &json!({"description": "this is refused"}));
    answer.set_header(REQUEST_IDENTITY, request.header(REQUEST_IDENTITY));
    answer
}

/// Whether the credentials are the right ones.
pub(super) fn is_logged_in(request: &Request) -> bool {
    request.header("authorization") == Some(RIGHT_LOGIN)
}

/// Whether the body of a request has a member that no version knows.
pub(super) fn has_unknown(request: &Request) -> bool {
    names(&request.json()).any(|name| !KNOWN.contains(&name.as_str()))
}

/// Whether its `bind_resource` has one.
pub(super) fn has_unknown_resource(request: &Request) -> bool {
    let resource = request.member("bind_resource");
    names(&resource).any(|name| name != "app_guid" && name != "route")
}

/// Whether the value of the one that it has is a text.
pub(super) fn has_unknown_text(request: &Request) -> bool {
    let body = request.json();
    names(&body).any(|name| !KNOWN.contains(&name.as_str()) && body[name].is_string())
}

fn names(value: &Value) -> impl Iterator<Item = &String> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, _)| name)
}

const KNOWN: [&str; 11] = [
    "service_id",
    "plan_id",
    "context",
    "organization_guid",
    "space_guid",
    "parameters",
    "maintenance_info",
    "previous_values",
    "bind_resource",
    "app_guid",
    "predecessor_binding_id",
];
