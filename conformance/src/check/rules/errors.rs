//! Error bodies.

use serde_json::Value;

use super::{Sight, shown};
use crate::check::book::{Finding, Sign};
use crate::check::call::{Endpoint, Work};

pub(super) const JUDGES: &[&str] = &[
    "content-type.error-body-object",
    "errors.error-type",
    "errors.error-nonempty",
    "errors.error-camel-case",
    "errors.description-type",
    "errors.description-nonempty",
    "errors.instance-usable-type",
    "errors.instance-usable-scope",
    "errors.update-repeatable-type",
    "errors.update-repeatable-scope",
    "provision.error-descriptions",
    "update.error-descriptions",
    "bind.error-descriptions",
    "unbind.error-descriptions",
    "deprovision.error-descriptions",
    "async.required-description",
    "blocking.rejection-description",
];

pub(super) fn judge(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    if !sight.is_error() {
        return;
    }
    let body = match sight.json {
        Some(body @ Value::Object(_)) => body,
        _ if sight.answer.body.is_empty() => return,
        _ => {
            found.push(Finding::judge(
                "content-type.error-body-object",
                false,
                Sign::Deviates,
                "a JSON object, or nothing, as the body of an error",
                "the body is no JSON object",
            ));
            return;
        }
    };
    found.push(Finding::kept(
        "content-type.error-body-object",
        "a JSON object as the body of an error",
    ));
    if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
        code(error, found);
    }
    if let Some(description) = sight.member("description") {
        found.push(string(
            "errors.description-type",
            "description",
            description,
        ));
        if description.is_string() {
            found.push(nonempty(
                "errors.description-nonempty",
                "description",
                description,
            ));
        }
    }
    flags(sight, found);
    freedoms(sight, found);
}

fn code(error: &Value, found: &mut Vec<Finding>) {
    found.push(string("errors.error-type", "error", error));
    let Some(text) = error.as_str() else { return };
    found.push(nonempty("errors.error-nonempty", "error", error));
    if !text.is_empty() {
        found.push(Finding::judge(
            "errors.error-camel-case",
            text.chars().all(char::is_alphanumeric),
            Sign::Deviates,
            "one word in camel case as the error",
            format!("the error is {}", shown(error)),
        ));
    }
}

/// `instance_usable` belongs to failed updates and deprovisions,
/// `update_repeatable` to failed updates.
fn flags(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let endpoint = sight.endpoint();
    let update = endpoint == Endpoint::Update;
    let has_usable = update || endpoint == Endpoint::Deprovision;
    for (name, is_allowed, type_id, scope_id, whose) in [
        (
            "instance_usable",
            has_usable,
            "errors.instance-usable-type",
            "errors.instance-usable-scope",
            "updates and deprovisions",
        ),
        (
            "update_repeatable",
            update,
            "errors.update-repeatable-type",
            "errors.update-repeatable-scope",
            "updates",
        ),
    ] {
        let Some(flag) = sight.member(name) else {
            if !is_allowed {
                found.push(Finding::kept(
                    scope_id,
                    format!("no {name} but for {whose}"),
                ));
            }
            continue;
        };
        if !is_allowed {
            found.push(Finding::judge(
                scope_id,
                false,
                Sign::Broken,
                format!("no {name} but in the errors of {whose}"),
                format!("{name} is {}", shown(flag)),
            ));
        } else {
            found.push(Finding::judge(
                type_id,
                flag.is_boolean(),
                Sign::Broken,
                format!("a boolean as {name}"),
                format!("it is {}", shown(flag)),
            ));
        }
    }
}

/// What an error may say of itself.
fn freedoms(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let explains = sight.member("description").is_some_and(Value::is_string);
    let id = match sight.endpoint() {
        Endpoint::Provision => "provision.error-descriptions",
        Endpoint::Update => "update.error-descriptions",
        Endpoint::Bind => "bind.error-descriptions",
        Endpoint::Unbind => "unbind.error-descriptions",
        Endpoint::Deprovision => "deprovision.error-descriptions",
        _ => return,
    };
    if matches!(sight.status(), 400 | 422) && explains {
        found.push(Finding::kept(id, "any description, or none"));
    }
    match sight.member("error").and_then(Value::as_str) {
        Some("AsyncRequired") if explains => found.push(Finding::kept(
            "async.required-description",
            "any description, or none",
        )),
        Some("ConcurrencyError") if explains => found.push(Finding::kept(
            "blocking.rejection-description",
            "any description, or none",
        )),
        _ => {}
    }
}

pub(super) fn string(id: &'static str, name: &str, value: &Value) -> Finding {
    Finding::judge(
        id,
        value.is_string(),
        Sign::Broken,
        format!("a string as {name}"),
        format!("it is {}", shown(value)),
    )
}

fn nonempty(id: &'static str, name: &str, value: &Value) -> Finding {
    Finding::judge(
        id,
        value.as_str() != Some(""),
        Sign::Broken,
        format!("no empty {name}"),
        format!("{name} is \"\""),
    )
}

/// Whether a poll that tells a failure may carry `instance_usable`.
pub(super) fn may_tell_usable(work: Work) -> bool {
    matches!(work, Work::Update | Work::Delete | Work::Unknown)
}
