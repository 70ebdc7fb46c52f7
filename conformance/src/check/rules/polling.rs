//! Answers to polls of the last operation.

use serde_json::Value;

use super::errors::may_tell_usable;
use super::{Sight, shown};
use crate::check::book::{Finding, Sign};
use crate::check::call::{Endpoint, Work};

pub(super) const JUDGES: &[&str] = &[
    "last-operation.state-present",
    "last-operation.state-values",
    "last-operation.description-type",
    "last-operation.description-nonempty",
    "last-operation.instance-usable-type",
    "last-operation.instance-usable-scope",
    "last-operation.update-repeatable-type",
    "last-operation.update-repeatable-scope",
    "last-operation.retry-after",
    "last-operation.retry-after-duration",
    "binding-last-operation.state-present",
    "binding-last-operation.state-values",
    "binding-last-operation.description-type",
    "binding-last-operation.retry-after",
    "binding-last-operation.retry-after-duration",
    "async.progress-message",
];

/// The ids that an instance and a binding have of their own.
struct Ids {
    state_present: &'static str,
    state_values: &'static str,
    description_type: &'static str,
    retry_after: &'static str,
    retry_after_duration: &'static str,
}

const OF_INSTANCE: Ids = Ids {
    state_present: "last-operation.state-present",
    state_values: "last-operation.state-values",
    description_type: "last-operation.description-type",
    retry_after: "last-operation.retry-after",
    retry_after_duration: "last-operation.retry-after-duration",
};

const OF_BINDING: Ids = Ids {
    state_present: "binding-last-operation.state-present",
    state_values: "binding-last-operation.state-values",
    description_type: "binding-last-operation.description-type",
    retry_after: "binding-last-operation.retry-after",
    retry_after_duration: "binding-last-operation.retry-after-duration",
};

pub(super) fn judge(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let (ids, work, of_instance) = match sight.endpoint() {
        Endpoint::PollInstance(work) => (OF_INSTANCE, work, true),
        Endpoint::PollBinding(work) => (OF_BINDING, work, false),
        _ => return,
    };
    if sight.status() != 200 {
        return;
    }
    retry_after(sight, &ids, found);
    let state = sight.json.and_then(|body| body.get("state"));
    found.push(Finding::judge(
        ids.state_present,
        state.is_some(),
        Sign::Broken,
        "a state in the answer to a poll",
        "there is none",
    ));
    if let Some(state) = state {
        found.push(Finding::judge(
            ids.state_values,
            matches!(state.as_str(), Some("in progress" | "succeeded" | "failed")),
            Sign::Broken,
            "\"in progress\", \"succeeded\" or \"failed\" as the state",
            format!("the state is {}", shown(state)),
        ));
    }
    if let Some(description) = sight.member("description") {
        found.push(super::errors::string(
            ids.description_type,
            "description",
            description,
        ));
        if description.is_string() {
            found.push(Finding::kept(
                "async.progress-message",
                "a description, or none",
            ));
            if of_instance {
                found.push(Finding::judge(
                    "last-operation.description-nonempty",
                    description.as_str() != Some(""),
                    Sign::Deviates,
                    "no empty description",
                    "the description is \"\"",
                ));
            }
        }
    }
    if of_instance {
        flags(sight, work, state, found);
    }
}

fn retry_after(sight: &Sight<'_>, ids: &Ids, found: &mut Vec<Finding>) {
    let Some(value) = sight.answer.header("retry-after") else {
        found.push(Finding::kept(ids.retry_after, "Retry-After, or none"));
        return;
    };
    found.push(Finding::kept(ids.retry_after, "Retry-After, or none"));
    let is_seconds = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    found.push(Finding::judge(
        ids.retry_after_duration,
        is_seconds,
        Sign::Deviates,
        "a number of seconds as Retry-After",
        format!("Retry-After is {}", shown(&Value::from(value))),
    ));
}

fn flags(sight: &Sight<'_>, work: Work, state: Option<&Value>, found: &mut Vec<Finding>) {
    let has_failed = state.and_then(Value::as_str) == Some("failed");
    for (name, is_allowed, type_id, scope_id, whose) in [
        (
            "instance_usable",
            may_tell_usable(work),
            "last-operation.instance-usable-type",
            "last-operation.instance-usable-scope",
            "an update or a deprovision",
        ),
        (
            "update_repeatable",
            matches!(work, Work::Update | Work::Unknown),
            "last-operation.update-repeatable-type",
            "last-operation.update-repeatable-scope",
            "an update",
        ),
    ] {
        let flag = sight.member(name);
        if let Some(flag) = flag {
            found.push(Finding::judge(
                type_id,
                flag.is_boolean(),
                Sign::Broken,
                format!("a boolean as {name}"),
                format!("it is {}", shown(flag)),
            ));
        }
        if has_failed && !is_allowed {
            found.push(Finding::judge(
                scope_id,
                flag.is_none(),
                Sign::Broken,
                format!("no {name} but where {whose} has failed"),
                format!("{name} is {}", flag.map_or_else(String::new, shown)),
            ));
        }
    }
}
