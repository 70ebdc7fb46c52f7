//! Header fields, the form of bodies, and what brokers add on their own.

use serde_json::Value;

use super::{Sight, shown};
use crate::check::book::{Finding, Sign};
use crate::check::call::{Endpoint, Login};
use crate::check::session::REQUEST_IDENTITY;

pub(super) const JUDGES: &[&str] = &[
    "identity.request-identity-echoed",
    "identity.originating-identity-optional",
    "content-type.response-json",
    "content-type.success-body-object",
    "extension.fields-may-be-added",
    "extension.field-prefix",
    "auth.unsecured-allowed",
    "auth.prefix-and-credentials-vary",
    "auth.other-mechanism",
    "async.operation-unreserved-characters",
];

pub(super) fn judge(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    identity(sight, found);
    let body = &sight.answer.body;
    if !body.is_empty() && sight.status() != 304 {
        found.push(content_type(sight));
    }
    if sight.is_success() {
        found.push(object(sight));
        extensions(sight, found);
        operation(sight, found);
        if sight.call.login == Login::Right {
            freedoms(sight, found);
        }
    }
}

fn identity(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    if let Some(sent) = sight.request.header(REQUEST_IDENTITY) {
        let echoed = sight.answer.header(REQUEST_IDENTITY);
        found.push(Finding::judge(
            "identity.request-identity-echoed",
            echoed == Some(sent),
            Sign::Deviates,
            format!("the request's {REQUEST_IDENTITY} in the answer"),
            match echoed {
                None => "it is not there",
                Some(_) => "it has another value",
            },
        ));
    }
}

fn content_type(sight: &Sight<'_>) -> Finding {
    let sent = sight.answer.header("content-type");
    let media_type = sent.map(|value| value.split(';').next().unwrap_or_default().trim());
    Finding::judge(
        "content-type.response-json",
        media_type.is_some_and(|media| media.eq_ignore_ascii_case("application/json")),
        Sign::Deviates,
        "Content-Type: application/json with a body",
        match sent {
            None => "there is no Content-Type".to_owned(),
            Some(sent) => format!("Content-Type is {}", shown(&Value::from(sent))),
        },
    )
}

fn object(sight: &Sight<'_>) -> Finding {
    let expected = "a JSON object as the body of a success";
    let id = "content-type.success-body-object";
    match sight.json {
        Some(Value::Object(_)) => Finding::kept(id, expected),
        Some(other) => {
            let actual = format!("the body is {}", shown(other));
            Finding::judge(id, false, Sign::Broken, expected, actual)
        }
        None if sight.answer.body.is_empty() => {
            // Where every member is optional, an empty body loses nothing.
            let sign = match sight.endpoint() {
                Endpoint::Catalog | Endpoint::PollInstance(_) | Endpoint::PollBinding(_) => {
                    Sign::Broken
                }
                _ => Sign::Deviates,
            };
            Finding::judge(id, false, sign, expected, "the body is empty")
        }
        None => Finding::judge(id, false, Sign::Broken, expected, "the body is no JSON"),
    }
}

/// An operation's name that a platform can send back without encoding it.
fn operation(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    if let (202, Some(Value::String(name))) = (sight.status(), sight.member("operation")) {
        let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        found.push(Finding::judge(
            "async.operation-unreserved-characters",
            name.chars().all(is_unreserved),
            Sign::Deviates,
            "unreserved characters in the operation",
            format!("it is {}", shown(&name.as_str().into())),
        ));
    }
}

/// The members that the specification defines for the answers of an endpoint.
fn known(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Catalog => &["services"],
        Endpoint::Provision | Endpoint::Update => &["dashboard_url", "operation", "metadata"],
        Endpoint::FetchInstance => &[
            "service_id",
            "plan_id",
            "dashboard_url",
            "parameters",
            "maintenance_info",
            "metadata",
        ],
        Endpoint::Bind | Endpoint::FetchBinding => &[
            "metadata",
            "credentials",
            "syslog_drain_url",
            "route_service_url",
            "volume_mounts",
            "endpoints",
            "operation",
            "parameters",
        ],
        Endpoint::Unbind | Endpoint::Deprovision => &["operation"],
        Endpoint::PollInstance(_) | Endpoint::PollBinding(_) => &[
            "state",
            "description",
            "instance_usable",
            "update_repeatable",
        ],
    }
}

const OF_OFFERING: &[&str] = &[
    "name",
    "id",
    "description",
    "tags",
    "requires",
    "bindable",
    "instances_retrievable",
    "bindings_retrievable",
    "allow_context_updates",
    "metadata",
    "dashboard_client",
    "plan_updateable",
    "plans",
];

const OF_PLAN: &[&str] = &[
    "id",
    "name",
    "description",
    "metadata",
    "free",
    "bindable",
    "binding_rotatable",
    "plan_updateable",
    "schemas",
    "maximum_polling_duration",
    "maintenance_info",
];

fn extensions(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let Some(body) = sight.json else { return };
    let mut own = unknown(body, known(sight.endpoint()));
    if sight.endpoint() == Endpoint::Catalog {
        for service in items(body, "services") {
            own.extend(unknown(service, OF_OFFERING));
            for plan in items(service, "plans") {
                own.extend(unknown(plan, OF_PLAN));
            }
        }
    }
    for name in own {
        found.push(Finding::kept(
            "extension.fields-may-be-added",
            "any members beside those of the specification",
        ));
        let has_prefix = has_prefix(&name);
        found.push(Finding::judge(
            "extension.field-prefix",
            has_prefix,
            Sign::Deviates,
            "a prefix before the name of a member of the broker's own",
            format!("a member is called {}", shown(&Value::from(name))),
        ));
    }
}

fn has_prefix(name: &str) -> bool {
    name.contains(['-', '.', ':', '_', '/'])
}

/// Whether a member of the answer to a creation or update is one that the broker
/// has added under a prefix of its own.
pub(crate) fn is_extension(name: &str) -> bool {
    let endpoints = [Endpoint::Provision, Endpoint::Bind];
    has_prefix(name) && !endpoints.iter().any(|of| known(*of).contains(&name))
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let items = value.get(name).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn unknown(value: &Value, known: &[&str]) -> Vec<String> {
    let members = value.as_object().into_iter().flatten();
    let names = members.map(|(name, _)| name.clone());
    names
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

/// What a success shows the broker to make use of, or not to insist on.
fn freedoms(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    found.push(Finding::kept(
        "auth.prefix-and-credentials-vary",
        "an answer below the URL and for the credentials that were given",
    ));
    if sight
        .request
        .header("X-Broker-API-Originating-Identity")
        .is_none()
    {
        found.push(Finding::kept(
            "identity.originating-identity-optional",
            "a success without the header of the originating identity",
        ));
    }
    match sight.request.header("Authorization") {
        None => found.push(Finding::kept(
            "auth.unsecured-allowed",
            "a success without credentials where none were agreed upon",
        )),
        Some(value) if !value.starts_with("Basic ") => found.push(Finding::kept(
            "auth.other-mechanism",
            "a success with the credentials that were agreed upon",
        )),
        Some(_) => {}
    }
}
