//! Brokers whose catalog says how they are unusual.

use std::borrow::Cow;
use std::time::Duration;

use conformance::{CheckRun, Exchange, Plans};
use serde_json::{Value, json};

use super::{Unusual, Warned, by_catalog, instead, unusual, warned};
use crate::message::Endpoint;

macro_rules! catalog {
    ($name:literal) => {
        || include_str!(concat!("catalogs/", $name, ".json")).into()
    };
}

pub(super) const ALL: &[Unusual] = &[
    by_catalog(
        "only-asynchronous",
        "A broker works synchronously or not as it likes; what it cannot do \
         within the request is refused with AsyncRequired.",
        catalog!("only-asynchronous"),
        |run| !answered(run, "PUT", 201) && answered(run, "PUT", 202),
    )
    .uses(&[
        "async.mode-varies",
        "async.required-description",
        "async.progress-message",
        "provision.operation-optional",
        "update.operation-optional",
        "bind.operation-optional",
        "unbind.operation-optional",
        "deprovision.operation-optional",
        "last-operation.status-400-invalid",
        "binding-last-operation.status-400-invalid",
    ]),
    by_catalog(
        "only-synchronous",
        "A broker that works synchronously disregards accepts_incomplete=true.",
        catalog!("only-synchronous"),
        |run| !run.exchanges.iter().any(|exchange| is(exchange, 202)),
    )
    .uses(&[
        "async.accepts-incomplete-ignorable",
        "async.provision-200-unchanged",
        "bind.info-may-be-returned-once",
        "bind.bind-resource-optional",
    ]),
    by_catalog(
        "created-at-once-and-deleted-later",
        "Each operation is synchronous or asynchronous on its own.",
        catalog!("deleted-later"),
        |run| answered(run, "DELETE", 202) && !answered(run, "PUT", 202),
    )
    .uses(&["last-operation.status-410-after-delete"]),
    by_catalog(
        "created-later-and-deleted-at-once",
        "Each operation is synchronous or asynchronous on its own.",
        catalog!("created-later"),
        |run| answered(run, "PUT", 202) && !answered(run, "DELETE", 202),
    ),
    by_catalog(
        "only-updates-are-asynchronous",
        "Each operation is synchronous or asynchronous on its own.",
        catalog!("updated-later"),
        |run| answered(run, "PATCH", 202) && !answered(run, "PUT", 202),
    )
    .uses(&["update.operation-optional"]),
    Unusual {
        takes: Duration::ZERO,
        ..by_catalog(
            "asynchronous-and-done-before-the-first-poll",
            "How long an operation takes is nowhere said; it may have succeeded when \
             it is first polled.",
            catalog!("only-asynchronous"),
            |run| answered(run, "PUT", 202) && answered(run, "DELETE", 202),
        )
    },
    by_catalog(
        "nothing-is-bindable",
        "A broker without a bindable plan needs no endpoints for bindings.",
        catalog!("nothing-bindable"),
        |run| !any_path(run, "/service_bindings/"),
    )
    .uses(&["bind.endpoint-optional", "unbind.endpoint-optional"]),
    by_catalog(
        "nothing-can-be-fetched",
        "Fetching is offered by instances_retrievable and bindings_retrievable, \
         which are optional.",
        catalog!("nothing-to-fetch"),
        |run| {
            let is_fetch = |path: &str| path != "/v2/catalog" && !path.contains("/last_operation");
            !run.exchanges
                .iter()
                .any(|e| e.request.method == "GET" && is_fetch(&e.request.path))
        },
    ),
    by_catalog(
        "demands-parameters-by-closed-schemas-of-every-draft",
        "Schemas may be of any draft, demand parameters, and take no others.",
        catalog!("closed-schemas"),
        |run| {
            run.exchanges
                .iter()
                .any(|e| is(e, 201) && sends(e, "greeting"))
        },
    )
    .uses(&[
        "provision.status-400-invalid",
        "provision.error-descriptions",
        "bind.error-descriptions",
    ]),
    by_catalog(
        "demands-parameters-where-only-a-validator-finds-it",
        "A schema may say what it demands by a reference inside it, or by a number of members.",
        catalog!("demands-in-a-reference"),
        |run| {
            run.exchanges
                .iter()
                .any(|e| is(e, 201) && sends(e, "parameters"))
        },
    ),
    by_catalog(
        "binds-only-applications",
        "A bind without an application may be refused with RequiresApp.",
        catalog!("apps-only"),
        |run| {
            run.exchanges
                .iter()
                .any(|e| is(e, 422) && says(e, "RequiresApp"))
        },
    )
    .uses(&["bind.bind-resource-optional"]),
    by_catalog(
        "catalog-without-any-optional-member",
        "An offering has name, id, description, bindable and plans; a plan id, \
         name and description.",
        catalog!("no-optional-members"),
        |run| !catalog_has(run, "plan_updateable") && answered(run, "PUT", 201),
    )
    .warns(NO_ENDPOINTS),
    by_catalog(
        "empty-catalog",
        "The array of offerings may be empty.",
        catalog!("empty"),
        |run| !answered(run, "PUT", 201),
    )
    .uses(&["catalog.services-may-be-empty"]),
    Unusual {
        plans: Plans::Representatives,
        ..by_catalog(
            "two-hundred-offerings",
            "Nothing limits the number of offerings.",
            two_hundred,
            |run| catalog_has(run, "offering-199") && answered(run, "PUT", 201),
        )
    },
    by_catalog(
        "odd-names-and-ids",
        "Ids are opaque, and names any text: what the specification says of \
         their characters it recommends.",
        catalog!("odd-names-and-ids"),
        |run| any_path(run, "plan_id=100%25") && answered(run, "PUT", 201),
    )
    .warns(&[
        warned(
            "offering.name-cli-friendly",
            "the name has blanks and other letters",
        ),
        warned("plan.name-cli-friendly", "likewise"),
        warned("offering.id-guid", "the id is no GUID"),
        warned("plan.id-guid", "likewise"),
        warned(
            "offering.id-unreserved-characters",
            "the id has reserved characters",
        ),
        warned("plan.id-unreserved-characters", "likewise"),
    ]),
    by_catalog(
        "longest-names-and-descriptions",
        "Texts of the catalog have up to 255 characters, however many bytes.",
        catalog!("longest-texts"),
        |run| answered(run, "PUT", 201) && catalog_has(run, "龜龜龜"),
    ),
    by_catalog(
        "every-plan-is-paid",
        "A plan may cost something; a check has to make do with it.",
        catalog!("everything-paid"),
        |run| answered(run, "PUT", 201) && !catalog_has(run, "\"free\":true"),
    ),
    by_catalog(
        "says-to-poll-at-once",
        "An answer to a poll may have a Retry-After, also of no seconds.",
        catalog!("polls-at-once"),
        |run| {
            run.exchanges.iter().any(|e| {
                e.result
                    .as_ref()
                    .is_ok_and(|a| a.header("retry-after") == Some("0"))
            })
        },
    )
    .uses(&[
        "last-operation.retry-after",
        "binding-last-operation.retry-after",
    ]),
    by_catalog(
        "is-to-be-polled-for-five-seconds-at-most",
        "A plan may limit how long it is polled by maximum_polling_duration.",
        catalog!("polled-for-seconds"),
        |run| answered(run, "PUT", 202) && catalog_has(run, "maximum_polling_duration"),
    ),
    by_catalog(
        "every-answer-is-late",
        "A request is to be answered promptly, which a fraction of a second is.",
        catalog!("late"),
        |run| run.duration > Duration::from_secs(1),
    ),
    by_catalog(
        "no-update-succeeds",
        "An update may fail, and leaves the instance as it was then.",
        catalog!("updates-that-fail"),
        |run| {
            run.exchanges
                .iter()
                .any(|e| is(e, 200) && says(e, "failed"))
        },
    ),
    Unusual {
        before: |_, request| match request.is(Endpoint::Update) {
            true => instead(request, 405, &json!({})),
            false => None,
        },
        ..by_catalog(
            "nothing-can-be-updated",
            "A broker decides whether it implements updates; this one announces none.",
            catalog!("updates-refused"),
            |run| !answered(run, "PATCH", 200) && answered(run, "PUT", 201),
        )
    }
    .uses(&["update.endpoint-optional"]),
    // What ordinary brokers do uses freedoms, too.
    Unusual {
        shows: Some(|run| answered(run, "PUT", 201) && answered(run, "PUT", 202)),
        ..unusual(
            "one-plan-within-the-request-and-one-after-it",
            "The mode of operation varies with the plan.",
            catalog!("usual"),
        )
    }
    .uses(&[
        "api-version.missing-400",
        "api-version.missing-message",
        "api-version.unsupported-412",
        "api-version.unsupported-message",
        "identity.originating-identity-optional",
        "async.mode-varies",
        "catalog.caching-headers",
        "provision.id-reuse-unsupported",
        "fetch-instance.maintenance-info-optional",
        "fetch-instance.parameters-may-be-omitted",
        "fetch-binding.parameters-may-be-omitted",
        "update.parameter-interpretation-free",
        "update.status-200-no-effect",
        "update.status-400-invalid",
        "update.error-descriptions",
        "bind.status-400-invalid",
        "unbind.status-400-invalid",
        "unbind.error-descriptions",
        "binding-last-operation.status-410-after-delete",
        "deprovision.with-bindings-unspecified",
        "deprovision.status-400-invalid",
        "deprovision.error-descriptions",
        "deprovision.orphans-auto-deleted",
        "content-type.missing-may-be-processed",
    ]),
];

/// A service need not be reached over the network, but mostly is.
const NO_ENDPOINTS: &[Warned] = &[
    warned("bind.endpoints-provided", "bindings have no endpoints"),
    warned("bind.network-hosts-provided", "likewise"),
];

/// Many offerings of one plan each.
fn two_hundred() -> Cow<'static, str> {
    let offering = |number: usize| -> Value {
        json!({
            "id": format!("7d0c1b5e-0200-4c3c-9f0e-{number:012}"),
            "name": format!("offering-{number}"),
            "description": "One of many.",
            "bindable": false,
            "plans": [{
                "id": format!("7d0c1b5e-0201-4c3c-9f0e-{number:012}"),
                "name": "only",
                "description": "One of many.",
            }],
        })
    };
    let services: Vec<Value> = (0..200).map(offering).collect();
    json!({"services": services}).to_string().into()
}

fn is(exchange: &Exchange, status: u16) -> bool {
    exchange
        .result
        .as_ref()
        .is_ok_and(|answer| answer.status == status)
}

fn answered(run: &CheckRun, method: &str, status: u16) -> bool {
    let mut exchanges = run.exchanges.iter();
    exchanges.any(|exchange| exchange.request.method == method && is(exchange, status))
}

fn any_path(run: &CheckRun, part: &str) -> bool {
    run.exchanges
        .iter()
        .any(|exchange| exchange.request.path.contains(part))
}

/// Whether the request's body has this text.
fn sends(exchange: &Exchange, text: &str) -> bool {
    exchange
        .request
        .body
        .as_ref()
        .is_some_and(|body| body.contains(text))
}

/// Whether the answer's body has this text.
fn says(exchange: &Exchange, text: &str) -> bool {
    let answer = exchange.result.as_ref();
    answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.body).contains(text))
}

fn catalog_has(run: &CheckRun, text: &str) -> bool {
    run.exchanges
        .first()
        .is_some_and(|exchange| says(exchange, text))
}
