//! Brokers that are unusual in what they tell of instances and bindings.

use serde_json::{Value, json};

use super::{Unusual, instead, note, on_answer, on_both};
use crate::message::{Endpoint, Request};

pub(super) const ALL: &[Unusual] = &[
    on_answer(
        "no-dashboards",
        "A dashboard is optional, and everything else in the answer to a provision.",
        |_, _, answer| answer.remove("dashboard_url"),
    )
    .on("sync"),
    on_answer(
        "dashboards-that-are-null",
        "A dashboard_url may be null.",
        |_, request, answer| {
            if !request.is(Endpoint::FetchInstance) {
                answer.replace("dashboard_url", Value::Null);
            } else {
                answer.remove("dashboard_url");
            }
        },
    )
    .on("sync"),
    on_answer(
        "fetches-that-tell-next-to-nothing",
        "Everything in the answer to a fetch of an instance is optional, and the \
         parameters of a binding.",
        |_, request, answer| match (request.endpoint(), answer.status) {
            (Endpoint::FetchInstance, 200) => answer.set_json(&json!({})),
            (Endpoint::FetchBinding, 200) => {
                answer.remove("parameters");
                answer.remove("metadata");
            }
            _ => {}
        },
    )
    .on("sync")
    .uses(&[
        "fetch-instance.parameters-may-be-omitted",
        "fetch-instance.maintenance-info-optional",
        "fetch-binding.parameters-may-be-omitted",
    ]),
    on_both(
        "bindings-that-are-told-once",
        "A broker may hand out the information of a binding a single time.",
        |_, _| None,
        |memory, request, answer| {
            let tells = request.is(Endpoint::Bind) || request.is(Endpoint::FetchBinding);
            let has_any = INFORMATION
                .iter()
                .any(|name| !answer.member(name).is_null());
            if !tells || !answer.is_success() || !has_any {
                return;
            }
            if memory.count(&note("told", request.resource())) > 1 {
                INFORMATION.iter().for_each(|name| answer.remove(name));
            }
        },
    )
    .on("async")
    .uses(&["bind.info-may-be-returned-once"]),
    on_answer(
        "attributes-that-change",
        "What the metadata of an instance says is the broker's affair.",
        |memory, request, answer| {
            let endpoints = [
                Endpoint::Provision,
                Endpoint::Update,
                Endpoint::FetchInstance,
            ];
            if answer.is_success() && endpoints.iter().any(|endpoint| request.is(*endpoint)) {
                let seen = memory.count("seen").to_string();
                answer.set(
                    "metadata",
                    json!({"labels": {}, "attributes": {"seen": seen}}),
                );
            }
        },
    )
    .on("sync"),
    Unusual {
        catalog: || include_str!("catalogs/older.json").into(),
        minor: 13,
        ..on_both(
            "a-broker-of-2.13",
            "What a later version has brought is not there in an earlier one, nor need a \
             later version be taken.",
            |_, request| match request.endpoint() {
                Endpoint::Provision if request.header("x-broker-api-version") == Some("2.17") => {
                    instead(request, 412, &json!({}))
                }
                Endpoint::FetchInstance | Endpoint::FetchBinding | Endpoint::PollBinding => {
                    instead(request, 404, &json!({}))
                }
                Endpoint::Bind | Endpoint::Unbind if is_newer(request) => {
                    instead(request, 400, &json!({"description": "accepts_incomplete?"}))
                }
                _ => None,
            },
            |_, _, answer| {
                answer.set_header("x-broker-api-request-identity", None);
                answer.remove("metadata");
                answer.remove("endpoints");
            },
        )
    },
];

/// The members by which a binding is reached.
const INFORMATION: [&str; 5] = [
    "credentials",
    "syslog_drain_url",
    "route_service_url",
    "volume_mounts",
    "endpoints",
];

/// Whether a bind or unbind asks for what came with 2.14.
fn is_newer(request: &Request) -> bool {
    request.query("accepts_incomplete").is_some()
}
