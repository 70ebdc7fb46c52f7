//! Wrong about header fields, the form of bodies, and members that not everybody
//! knows.

use serde_json::{Value, json};

use super::tables::{
    REQUEST_IDENTITY, answers, has_unknown, has_unknown_resource, has_unknown_text, refusals,
};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::Mutant;

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[
    NEWER, IDENTITY, NAMES, UNKNOWN, FATAL, TYPES, BODIES, REFUSED,
];

#[rustfmt::skip]
const NEWER: &[Mutant] = refusals! {
    "newer-member-of-a-provision-is-refused" breaks "extension.newer-fields-ignored": Endpoint::Provision if has_unknown_text => 400;
    "newer-member-of-a-provision-is-a-fault" breaks "extension.newer-fields-ignored": Endpoint::Provision if has_unknown_text => 500;
};

#[rustfmt::skip]
const IDENTITY: &[Mutant] = answers! {
    "request-identity-is-lost" breaks "identity.request-identity-echoed": _, _ => |answer| answer.set_header(REQUEST_IDENTITY, None);
    "request-identity-is-lost-in-the-catalog" breaks "identity.request-identity-echoed": Endpoint::Catalog, _ => |answer| answer.set_header(REQUEST_IDENTITY, None);
    "request-identity-is-lost-in-errors" breaks "identity.request-identity-echoed": _, 400.. => |answer| answer.set_header(REQUEST_IDENTITY, None);
    "request-identity-is-lost-in-a-provision" breaks "identity.request-identity-echoed": Endpoint::Provision, 201 => |answer| answer.set_header(REQUEST_IDENTITY, None);
    "request-identity-is-the-brokers-own" breaks "identity.request-identity-echoed": _, _ => |answer| answer.set_header(REQUEST_IDENTITY, Some("e8f7f3f1-9a5c-4d8b-a4a3-2f6f4b3e7c11"));
};

/// Members of the broker's own that anybody could call so.
#[rustfmt::skip]
const NAMES: &[Mutant] = answers! {
    "catalog-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Catalog, 200 => |answer| answer.set("region", "here");
    "offering-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Catalog, 200 => |answer| extend(answer, "/services/1");
    "plan-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Catalog, 200 => |answer| extend(answer, "/services/1/plans/1");
    "provision-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Provision, 201 => |answer| answer.set("region", "here");
    "instance-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::FetchInstance, 200 => |answer| answer.set("region", "here");
    "update-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Update, 200 => |answer| answer.set("region", "here");
    "bind-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Bind, 201 => |answer| answer.set("region", "here");
    "binding-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::FetchBinding, 200 => |answer| answer.set("region", "here");
    "unbind-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Unbind, 200 => |answer| answer.set("region", "here");
    "deprovision-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::Deprovision, 200 => |answer| answer.set("region", "here");
    "poll-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::PollInstance, 200 => |answer| answer.set("progress", 50), of("show-async/only");
    "poll-of-a-binding-has-a-member-without-prefix" breaks "extension.field-prefix": Endpoint::PollBinding, 200 => |answer| answer.set("progress", 50), of("show-async/only");
};

fn extend(answer: &mut Answer, pointer: &str) {
    answer.edit(|catalog| {
        if let Some(Value::Object(members)) = catalog.pointer_mut(pointer) {
            members.insert("region".to_owned(), json!("here"));
        }
    });
}

/// What is answered otherwise because of a member that nobody knows.
#[rustfmt::skip]
const UNKNOWN: &[Mutant] = answers! {
    "unknown-member-of-a-provision-takes-the-dashboard-away" breaks "extension.unknown-fields-ignored": Endpoint::Provision, 201 if has_unknown => |answer| answer.remove("dashboard_url");
    "unknown-member-of-a-provision-comes-back" breaks "extension.unknown-fields-ignored": Endpoint::Provision, 201 if has_unknown => |answer| answer.set("conformance_unknown_field", true);
    "unknown-member-of-an-update-comes-back" breaks "extension.unknown-fields-ignored": Endpoint::Update, 200 if has_unknown => |answer| answer.set("conformance_unknown_field", true);
    "unknown-member-of-a-bind-comes-back" breaks "extension.unknown-fields-ignored": Endpoint::Bind, 201 if has_unknown => |answer| answer.set("conformance_unknown_field", true);
    "unknown-member-of-bind-resource-comes-back" breaks "extension.unknown-fields-ignored": Endpoint::Bind, 201 if has_unknown_resource => |answer| answer.set("conformance_unknown_field", true);
};

#[rustfmt::skip]
const FATAL: &[Mutant] = refusals! {
    "unknown-member-of-a-provision-is-refused" breaks "extension.unknown-fields-not-fatal": Endpoint::Provision if has_unknown => 400;
    "unknown-member-of-a-provision-is-unprocessable" breaks "extension.unknown-fields-not-fatal": Endpoint::Provision if has_unknown => 422;
    "unknown-member-of-a-provision-is-a-fault" breaks "extension.unknown-fields-not-fatal": Endpoint::Provision if has_unknown => 500;
    "unknown-member-of-an-update-is-refused" breaks "extension.unknown-fields-not-fatal": Endpoint::Update if has_unknown => 400;
    "unknown-member-of-a-bind-is-refused" breaks "extension.unknown-fields-not-fatal": Endpoint::Bind if has_unknown => 400;
    "unknown-member-of-bind-resource-is-unprocessable" breaks "extension.unknown-fields-not-fatal": Endpoint::Bind if has_unknown_resource => 422;
};

#[rustfmt::skip]
const TYPES: &[Mutant] = answers! {
    "json-is-declared-as-text" breaks "content-type.response-json": _, _ => |answer| answer.set_header("content-type", Some("text/plain"));
    "json-is-not-declared" breaks "content-type.response-json": _, _ => |answer| answer.set_header("content-type", None);
    "errors-are-declared-as-problems" breaks "content-type.response-json": _, 400.. => |answer| answer.set_header("content-type", Some("application/problem+json"));
    "catalog-is-declared-as-html" breaks "content-type.response-json": Endpoint::Catalog, 200 => |answer| answer.set_header("content-type", Some("text/html; charset=utf-8"));
};

#[rustfmt::skip]
const BODIES: &[Mutant] = answers! {
    "error-is-plain-text" breaks "content-type.error-body-object": Endpoint::FetchInstance, 404 => |answer| answer.body = "there is none".to_owned();
    "error-is-html" breaks "content-type.error-body-object": Endpoint::Provision, 400 => |answer| answer.body = "<h1>Bad Request</h1>".to_owned();
    "error-is-an-array" breaks "content-type.error-body-object": Endpoint::Unbind, 410 => |answer| answer.body = "[]".to_owned();
    "error-is-a-json-text" breaks "content-type.error-body-object": Endpoint::Bind, 404 => |answer| answer.body = "\"gone\"".to_owned();
    "fetched-instance-is-no-json" breaks "content-type.success-body-object": Endpoint::FetchInstance, 200 => |answer| answer.body = "service_id: 1".to_owned();
    "fetched-binding-is-an-array" breaks "content-type.success-body-object": Endpoint::FetchBinding, 200 => |answer| answer.body = format!("[{}]", answer.body);
    "provision-again-answers-a-text" breaks "content-type.success-body-object": Endpoint::Provision, 200 => |answer| answer.body = "\"it is there\"".to_owned();
    "bind-again-answers-a-number" breaks "content-type.success-body-object": Endpoint::Bind, 200 => |answer| answer.body = "1".to_owned();
    "update-answers-plain-text" breaks "content-type.success-body-object": Endpoint::Update, 200 => |answer| answer.body = "OK".to_owned();
    "unbind-answers-null" breaks "content-type.success-body-object": Endpoint::Unbind, 200 => |answer| answer.body = "null".to_owned();
    "deprovision-answers-an-array" breaks "content-type.success-body-object": Endpoint::Deprovision, 200 => |answer| answer.body = "[]".to_owned();
    "poll-answers-an-array" breaks "content-type.success-body-object": Endpoint::PollInstance, 200 => |answer| answer.body = format!("[{}]", answer.body), of("show-async/only");
    "poll-answers-nothing" breaks "content-type.success-body-object": Endpoint::PollBinding, 200 => |answer| answer.body.clear(), of("show-async/only");
    "unbind-answers-nothing" breaks "content-type.success-body-object": Endpoint::Unbind, 200 => |answer| answer.body.clear(), capped();
    "provision-again-answers-nothing" breaks "content-type.success-body-object": Endpoint::Provision, 200 => |answer| answer.body.clear(), capped();
};

/// Bodies that are refused for what they are, or are called.
#[rustfmt::skip]
const REFUSED: &[Mutant] = refusals! {
    "json-called-text-is-refused-415" breaks "content-type.mismatch-400": Endpoint::Provision if |request| is_called(request, "text/plain") => 415;
    "json-called-xml-is-refused-422" breaks "content-type.mismatch-400": Endpoint::Provision if |request| is_called(request, "application/xml") => 422;
    "broken-json-is-unprocessable-in-provisions" breaks "content-type.unprocessable-400": Endpoint::Provision if is_broken => 422;
    "broken-json-is-unprocessable-in-updates" breaks "content-type.unprocessable-400": Endpoint::Update if is_broken => 422;
    "broken-json-is-unprocessable-in-binds" breaks "content-type.unprocessable-400": Endpoint::Bind if is_broken => 422;
    "array-is-unprocessable-in-provisions" breaks "content-type.unprocessable-400": Endpoint::Provision if |request| request.json().is_array() => 422;
    "array-is-unprocessable-in-updates" breaks "content-type.unprocessable-400": Endpoint::Update if |request| request.json().is_array() => 422;
    "array-is-unprocessable-in-binds" breaks "content-type.unprocessable-400": Endpoint::Bind if |request| request.json().is_array() => 422;
};

fn is_called(request: &Request, media_type: &str) -> bool {
    request.header("content-type") == Some(media_type)
}

fn is_broken(request: &Request) -> bool {
    request.json().is_null()
}
