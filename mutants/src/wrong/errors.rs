//! Wrong about errors: what they say, and what they leave behind.

use serde_json::json;

use super::tables::{RIGHT_LOGIN, answers};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Mutant, on_answer, on_request};

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[UNFIT, OTHER_STATUS, BODIES, FLAGS, FINAL, DONE, TAKEN_OVER];

/// Failures that are answered as if they were something else.
#[rustfmt::skip]
const UNFIT: &[Mutant] = answers! {
    "update-of-nothing-succeeds" breaks "errors.appropriate-status": Endpoint::Update, 404 => |answer| { answer.status = 200; answer.set_json(&json!({})); };
    "update-of-nothing-leads-elsewhere" breaks "errors.appropriate-status": Endpoint::Update, 404 => |answer| answer.status = 303;
    "update-of-nothing-is-a-fault" breaks "errors.appropriate-status": Endpoint::Update, 404 => |answer| answer.status = 500;
    "bind-to-nothing-is-a-fault" breaks "errors.appropriate-status": Endpoint::Bind, 404 => |answer| answer.status = 500;
    "bind-to-nothing-leads-elsewhere" breaks "errors.appropriate-status": Endpoint::Bind, 404 => |answer| answer.status = 303;
    "provision-of-an-unknown-offering-is-a-fault" breaks "errors.appropriate-status": Endpoint::Provision, 400 if |request| names_unknown(request, "service_id") => |answer| answer.status = 500;
    "provision-of-an-unknown-plan-is-a-fault" breaks "errors.appropriate-status": Endpoint::Provision, 400 if |request| names_unknown(request, "plan_id") => |answer| answer.status = 500;
    "bind-with-an-unknown-offering-is-a-fault" breaks "errors.appropriate-status": Endpoint::Bind, 400 if |request| names_unknown(request, "service_id") => |answer| answer.status = 500;
    "bind-with-an-unknown-plan-is-a-fault" breaks "errors.appropriate-status": Endpoint::Bind, 400 if |request| names_unknown(request, "plan_id") => |answer| answer.status = 500;
    "update-to-an-unknown-plan-is-a-fault" breaks "errors.appropriate-status": Endpoint::Update, 400 if |request| names_unknown(request, "plan_id") => |answer| answer.status = 500;
    "catalog-for-an-unknown-version-is-a-fault" breaks "errors.appropriate-status": Endpoint::Catalog, 412 => |answer| answer.status = 500;
    "conditional-request-for-the-catalog-is-a-fault" breaks "errors.appropriate-status": Endpoint::Catalog, 304 => |answer| answer.status = 500;
    "provision-without-version-is-a-fault" breaks "errors.appropriate-status": Endpoint::Provision, _ if |request| request.header("x-broker-api-version").is_none() => |answer| answer.status = 500;
    "poll-of-an-unknown-operation-is-a-fault" breaks "errors.appropriate-status": Endpoint::PollInstance, _ if |request| request.query("operation").is_some_and(|name| name.starts_with("conformance")) => |answer| answer.status = 500, of("show-async/only");
    "poll-of-an-unknown-operation-of-a-binding-is-a-fault" breaks "errors.appropriate-status": Endpoint::PollBinding, _ if |request| request.query("operation").is_some_and(|name| name.starts_with("conformance")) => |answer| answer.status = 500, of("show-async/only");
    "catalog-without-version-is-a-fault" breaks "errors.appropriate-status": Endpoint::Catalog, 400 => |answer| answer.status = 500;
};

/// Whether a member of a request is no id of the showcase.
fn names_unknown(request: &Request, member: &str) -> bool {
    let id = request.member(member);
    let is_of_showcase = |id: &str| id.starts_with("4f1b7a3e-0d5e-4c3c-9f0e-");
    id.as_str().is_some_and(|id| !is_of_showcase(id))
}

/// Statuses that are used for something else, wherever it happens.
#[rustfmt::skip]
const OTHER_STATUS: &[Mutant] = answers! {
    "what-is-missing-is-unprocessable" breaks "errors.specified-status": _, 400 if is_without_service => |answer| answer.status = 422;
    "what-is-not-there-is-forbidden" breaks "errors.specified-status": Endpoint::FetchInstance | Endpoint::FetchBinding | Endpoint::PollInstance | Endpoint::PollBinding, 404 => |answer| answer.status = 403;
    "errors-have-no-codes" breaks "errors.specified-codes": _, 422 => |answer| answer.remove("error"), of("show-async/only");
    "error-codes-are-in-lower-case" breaks "errors.specified-codes": _, 422 => |answer| { let code = answer.member("error"); answer.replace("error", code.as_str().unwrap_or_default().to_lowercase()); }, of("show-async/only");
    "errors-with-codes-are-texts" breaks "errors.specified-codes": _, 422 => |answer| answer.body = "not now".to_owned(), of("show-async/only");
};

fn is_without_service(request: &Request) -> bool {
    match request.0.method.as_str() {
        "DELETE" => request.query("service_id").is_none(),
        "PUT" | "PATCH" => request.json().is_object() && request.member("service_id").is_null(),
        _ => false,
    }
}

#[rustfmt::skip]
const BODIES: &[Mutant] = answers! {
    "error-code-is-a-number" breaks "errors.error-type": Endpoint::FetchInstance, 404 => |answer| answer.set("error", 404);
    "error-code-is-an-object" breaks "errors.error-type": Endpoint::Catalog, 400 => |answer| answer.set("error", json!({"code": "NotGood"}));
    "error-code-is-empty" breaks "errors.error-nonempty": Endpoint::Provision, 400 => |answer| answer.set("error", "");
    "error-code-has-blanks" breaks "errors.error-camel-case": Endpoint::FetchBinding, 404 => |answer| answer.set("error", "not found");
    "error-code-has-punctuation" breaks "errors.error-camel-case": Endpoint::Bind, 400 => |answer| answer.set("error", "BAD_REQUEST");
    "error-description-is-an-array" breaks "errors.description-type": Endpoint::FetchInstance, 404 => |answer| answer.set("description", json!(["there is none"]));
    "error-description-is-a-number" breaks "errors.description-type": Endpoint::Unbind, 400 => |answer| answer.set("description", 1);
    "error-description-is-empty" breaks "errors.description-nonempty": Endpoint::FetchInstance, 404 => |answer| answer.set("description", "");
    "error-description-of-a-deletion-is-empty" breaks "errors.description-nonempty": Endpoint::Deprovision, 410 => |answer| answer.set("description", "");
};

/// What failed updates and deprovisions may say, and others may not.
#[rustfmt::skip]
const FLAGS: &[Mutant] = answers! {
    "failed-update-tells-usability-in-a-text" breaks "errors.instance-usable-type": Endpoint::Update, 400 => |answer| answer.set("instance_usable", "yes");
    "failed-deprovision-tells-usability-in-a-number" breaks "errors.instance-usable-type": Endpoint::Deprovision, 400 => |answer| answer.set("instance_usable", 1);
    "failed-catalog-tells-usability" breaks "errors.instance-usable-scope": Endpoint::Catalog, 400.. => |answer| answer.set("instance_usable", true);
    "failed-provision-tells-usability" breaks "errors.instance-usable-scope": Endpoint::Provision, 400.. => |answer| answer.set("instance_usable", false);
    "failed-fetch-tells-usability" breaks "errors.instance-usable-scope": Endpoint::FetchInstance, 400.. => |answer| answer.set("instance_usable", true);
    "failed-poll-tells-usability" breaks "errors.instance-usable-scope": Endpoint::PollInstance, 400.. => |answer| answer.set("instance_usable", true);
    "failed-bind-tells-usability" breaks "errors.instance-usable-scope": Endpoint::Bind, 400.. => |answer| answer.set("instance_usable", true);
    "failed-fetch-of-a-binding-tells-usability" breaks "errors.instance-usable-scope": Endpoint::FetchBinding, 400.. => |answer| answer.set("instance_usable", true);
    "failed-unbind-tells-usability" breaks "errors.instance-usable-scope": Endpoint::Unbind, 400.. => |answer| answer.set("instance_usable", true);
    "failed-poll-of-a-binding-tells-usability" breaks "errors.instance-usable-scope": Endpoint::PollBinding, 400.. => |answer| answer.set("instance_usable", true);
    "failed-update-tells-repeatability-in-a-text" breaks "errors.update-repeatable-type": Endpoint::Update, 400 => |answer| answer.set("update_repeatable", "yes");
    "failed-catalog-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::Catalog, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-provision-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::Provision, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-fetch-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::FetchInstance, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-poll-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::PollInstance, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-bind-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::Bind, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-fetch-of-a-binding-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::FetchBinding, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-unbind-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::Unbind, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-deprovision-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::Deprovision, 400.. => |answer| answer.set("update_repeatable", true);
    "failed-poll-of-a-binding-tells-repeatability" breaks "errors.update-repeatable-scope": Endpoint::PollBinding, 400.. => |answer| answer.set("update_repeatable", false);
};

/// Mutants that call a refusal of an update final, and carry it out the second time.
macro_rules! not_final {
    ($($name:literal if $is:expr;)*) => {
        &[$(
            on_answer($name, "errors.update-repeatable-false-final", |memory, request, answer| {
                let is: fn(&Request, &Answer) -> bool = $is;
                if !request.is(Endpoint::Update) || !is(request, answer) {
                    return;
                }
                if memory.count(&format!("{}{}", request.resource(), request.0.body)) == 1 {
                    answer.set("update_repeatable", false);
                } else {
                    answer.status = 200;
                    answer.set_json(&json!({}));
                }
            })
            .of("show-sync/small")
        ),*]
    };
}

#[rustfmt::skip]
const FINAL: &[Mutant] = not_final! {
    "malformed-update-is-final-and-succeeds" if |request, _| request.json().is_null();
    "conflicting-update-is-final-and-succeeds" if |_, answer| answer.member("error") == "MaintenanceInfoConflict";
    "update-to-an-unknown-plan-is-final-and-succeeds" if |request, _| names_unknown(request, "plan_id");
};

/// Mutants that refuse with these statuses, but do it: `name breaks requirement:
/// endpoint, status if kind`.
macro_rules! doing {
    ($($name:literal breaks $id:literal: $endpoint:pat, $status:pat if $is:expr $(, $mark:ident($($of:literal)?))*;)*) => {
        &[$(
            on_answer($name, $id, |memory, request, answer| {
                let is: fn(&Request) -> bool = $is;
                if matches!(request.endpoint(), $endpoint) && matches!(answer.status, $status) && is(request) {
                    memory.send(corrected(request));
                }
            })
            .of("show-sync/small")
            $(.$mark($($of)?))*
        ),*]
    };
}

#[rustfmt::skip]
const DONE: &[Mutant] = doing! {
    "provision-without-offering-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 400 if is_without_service;
    "provision-without-plan-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 400 if |request| request.json().is_object() && request.member("plan_id").is_null();
    "provision-without-json-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 400 if |request| request.json().is_null();
    "provision-of-an-unknown-plan-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 400 if |request| names_unknown(request, "plan_id");
    "conflicting-provision-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 422 if |request| !request.member("maintenance_info").is_null();
    "synchronous-provision-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 422 if is_synchronous, of("show-async/only");
    "asynchronous-provision-is-refused-and-begun" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 400 if is_without_service, of("show-async/only");
    "provision-without-credentials-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Provision, 401 if |_| true;
    "deprovision-without-credentials-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Deprovision, 401 if |_| true;
    "deprovision-without-offering-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Deprovision, 400 if is_without_service;
    "deprovision-without-plan-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Deprovision, 400 if |request| request.query("plan_id").is_none();
    "deprovision-with-another-plan-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Deprovision, 400 if |request| request.query("plan_id").is_some_and(|id| !id.starts_with("4f1b7a3e"));
    "synchronous-deprovision-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Deprovision, 422 if is_synchronous, of("show-async/only");
    "bind-without-offering-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Bind, 400 if is_without_service;
    "bind-without-json-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Bind, 400 if |request| request.json().is_null();
    "bind-with-wrong-parameters-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Bind, 400 if |request| !request.member("parameters").is_null();
    "bind-without-app-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Bind, 422 if |request| request.member("app_guid").is_null(), of("show-app");
    "synchronous-bind-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Bind, 422 if is_synchronous, of("show-async/only");
    "unbind-without-offering-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Unbind, 400 if is_without_service;
    "unbind-without-plan-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Unbind, 400 if |request| request.query("plan_id").is_none();
    "synchronous-unbind-is-refused-and-done" breaks "errors.4xx-no-side-effects": Endpoint::Unbind, 422 if is_synchronous, of("show-async/only");
};

fn is_synchronous(request: &Request) -> bool {
    request.query("accepts_incomplete") != Some("true")
}

/// The same request without its defect, as the offering and plan that it names
/// allow; or else those of `show-sync`.
fn corrected(request: &Request) -> Request {
    let mut right = request.clone();
    right.set_header("authorization", Some(RIGHT_LOGIN));
    right.set_query("accepts_incomplete", Some("true"));
    let known = |id: Option<&str>| {
        id.filter(|id| id.starts_with("4f1b7a3e"))
            .map(str::to_owned)
    };
    let given = |name: &str| match request.0.method.as_str() {
        "DELETE" => known(request.query(name)),
        _ => known(request.member(name).as_str()),
    };
    let (service, plan) = match (given("service_id"), given("plan_id")) {
        (Some(service), Some(plan)) => (service, plan),
        (None, Some(plan)) => (service_of(&plan), plan),
        (_, None) => (SHOW_SYNC.to_owned(), SMALL.to_owned()),
    };
    if request.0.method == "DELETE" {
        right.set_query("service_id", Some(&service));
        right.set_query("plan_id", Some(&plan));
        return right;
    }
    right.set_json(&json!({
        "service_id": service,
        "plan_id": plan,
        "organization_guid": "an organization",
        "space_guid": "a space",
        "bind_resource": {"app_guid": "an app"},
    }));
    right
}

/// The offering `show-sync`, and its plan `small`.
const SHOW_SYNC: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000001";
const SMALL: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000101";

/// The offering of a plan: the showcase numbers the plans of its second offering
/// from 201 on.
fn service_of(plan: &str) -> String {
    let number = plan.chars().rev().nth(2).map(String::from);
    format!(
        "{}{}",
        SHOW_SYNC.trim_end_matches('1'),
        number.unwrap_or_default()
    )
}

/// What was there gives way to what is refused, and a fault is done all the same.
const TAKEN_OVER: &[Mutant] = &[
    on_answer(
        "conflicting-provision-takes-the-id-over",
        "errors.4xx-no-side-effects",
        |memory, request, answer| {
            if request.is(Endpoint::Provision) && answer.status == 409 {
                let plan = request.member("plan_id");
                let hints = format!(
                    "{}?service_id={SHOW_SYNC}&plan_id={SMALL}",
                    request.resource()
                );
                if plan.as_str().is_some_and(|plan| plan != SMALL) {
                    memory.send(request.another("DELETE", &hints, None));
                    memory.send(request.clone());
                }
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "provision-called-text-is-a-fault-and-done",
        "errors.5xx-no-side-effects",
        |_, request, answer| {
            let is_called_text = request.header("content-type") == Some("text/plain");
            if request.is(Endpoint::Provision) && is_called_text {
                answer.status = 500;
                answer.set_json(&json!({}));
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "deprovision-without-plan-is-a-fault-and-done",
        "errors.5xx-no-side-effects",
        |memory, request, answer| {
            if request.is(Endpoint::Deprovision) && request.query("plan_id").is_none() {
                answer.status = 500;
                memory.send(corrected(request));
            }
        },
    )
    .of("show-sync/small"),
    on_request(
        "provision-of-an-unknown-offering-is-done",
        "errors.appropriate-status",
        |_, request| {
            if request.is(Endpoint::Provision) && names_unknown(request, "service_id") {
                *request = corrected(request);
            }
            None
        },
    )
    .of("show-sync/small")
    .capped(),
];
