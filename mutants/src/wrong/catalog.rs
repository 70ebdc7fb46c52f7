//! Wrong about the catalog, and about what it says of a service offering.

use serde_json::json;

use super::telling::{INVERT, INVERT_PLAN, doubling, long, renaming, telling};
use crate::message::Endpoint;
use crate::mutant::{Mutant, on_answer};

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[HOW, TEXTS, MEMBERS, DOUBLED, IDS];

/// How the catalog is answered, and its outermost members.
const HOW: &[Mutant] = &[
    on_answer(
        "catalog-is-answered-201",
        "catalog.status-200",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) && answer.status == 200 {
                answer.status = 201;
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "catalog-is-there-for-the-first-platform-only",
        "catalog.status-200",
        |memory, request, answer| {
            if request.is(Endpoint::Catalog) && answer.is_success() && memory.count("asked") > 1 {
                answer.status = 503;
                answer.set_json(&json!({"description": "ask somebody else"}));
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "catalog-has-moved-after-a-while",
        "catalog.status-200",
        |memory, request, answer| {
            if request.is(Endpoint::Catalog) && answer.is_success() && memory.count("asked") > 1 {
                answer.status = 302;
                answer.set_header("location", Some("/v3/catalog"));
                answer.set_json(&json!({}));
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "catalog-has-new-offering-ids-each-time",
        "catalog.ids-stable",
        |memory, request, answer| {
            if request.is(Endpoint::Catalog) && memory.count("asked") > 1 {
                let other = "4f1b7a3e-0d5e-4c3c-9f0e-999999999999";
                answer.body = answer.body.replace(INVERT, other);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "catalog-has-new-plan-ids-each-time",
        "catalog.ids-stable",
        |memory, request, answer| {
            if request.is(Endpoint::Catalog) && memory.count("asked") > 1 {
                let other = "4f1b7a3e-0d5e-4c3c-9f0e-999999999999";
                answer.body = answer.body.replace(INVERT_PLAN, other);
            }
        },
    )
    .of("show-sync/small"),
    on_answer(
        "catalog-without-services",
        "catalog.services-present",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.remove("services");
            }
        },
    ),
    on_answer(
        "services-are-null",
        "catalog.services-type",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.replace("services", json!(null));
            }
        },
    ),
    on_answer(
        "services-are-an-object",
        "catalog.services-type",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.replace("services", json!({"show-sync": {}}));
            }
        },
    ),
    on_answer(
        "a-service-is-a-text",
        "catalog.services-type",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.edit(|catalog| {
                    if let Some(services) = catalog["services"].as_array_mut() {
                        services.push(json!("another one"));
                    }
                });
            }
        },
    )
    .of("show-sync/small"),
];

/// Names and descriptions of offerings.
#[rustfmt::skip]
const TEXTS: &[Mutant] = telling! {
    "offering-has-no-name" breaks "offering.name-present": "/services/7/name";
    "offering-name-is-null" breaks "offering.name-type": "/services/7/name" is json!(null);
    "offering-name-is-a-number" breaks "offering.name-type": "/services/7/name" is 7;
    "two-offerings-have-one-name" breaks "offering.name-unique": "/services/7/name" is "show-volume";
    "offering-name-is-empty" breaks "offering.name-nonempty": "/services/7/name" is "";
    "offering-name-has-a-blank" breaks "offering.name-cli-friendly": "/services/7/name" is "show invert";
    "offering-name-has-an-underscore" breaks "offering.name-cli-friendly": "/services/7/name" is "show_invert";
    "offering-name-begins-with-a-hyphen" breaks "catalog.cli-unfriendly-avoided": "/services/7/name" is "-invert";
    "offering-name-is-punctuation" breaks "catalog.cli-unfriendly-avoided": "/services/7/name" is "...";
    "plan-name-begins-with-a-hyphen" breaks "catalog.cli-unfriendly-avoided": "/services/7/plans/0/name" is "-invert";
    "plan-name-is-punctuation" breaks "catalog.cli-unfriendly-avoided": "/services/7/plans/0/name" is "--.";
    "offering-name-is-long" breaks "catalog.strings-at-most-255": "/services/7/name" is long(256);
    "offering-description-is-long" breaks "catalog.strings-at-most-255": "/services/7/description" is long(256);
    "plan-name-is-long" breaks "catalog.strings-at-most-255": "/services/7/plans/0/name" is long(256);
    "plan-description-is-long" breaks "catalog.strings-at-most-255": "/services/7/plans/0/description" is long(256);
    "offering-has-no-description" breaks "offering.description-present": "/services/7/description";
    "offering-description-is-null" breaks "offering.description-type": "/services/7/description" is json!(null);
    "offering-description-is-an-array" breaks "offering.description-type": "/services/7/description" is ["text"];
    "offering-description-is-empty" breaks "offering.description-nonempty": "/services/7/description" is "";
};

/// The other members of offerings.
#[rustfmt::skip]
const MEMBERS: &[Mutant] = telling! {
    "offering-tags-are-a-text" breaks "offering.tags-type": "/services/7/tags" is "echo, invert";
    "offering-tag-is-a-number" breaks "offering.tags-type": "/services/7/tags" is json!(["echo", 1]);
    "offering-requires-a-text" breaks "offering.requires-type": "/services/7/requires" is "syslog_drain";
    "offering-requires-a-number" breaks "offering.requires-type": "/services/7/requires" is [1];
    "offering-requires-what-nobody-knows" breaks "offering.requires-values": "/services/7/requires" is ["time_travel"];
    "offering-does-not-say-whether-it-is-bindable" breaks "offering.bindable-present": "/services/2/bindable";
    "offering-bindable-is-null" breaks "offering.bindable-type": "/services/2/bindable" is json!(null);
    "offering-bindable-is-a-text" breaks "offering.bindable-type": "/services/2/bindable" is "false";
    "instances-retrievable-is-a-text" breaks "offering.instances-retrievable-type": "/services/7/instances_retrievable" is "true";
    "bindings-retrievable-is-a-number" breaks "offering.bindings-retrievable-type": "/services/7/bindings_retrievable" is 1;
    "allow-context-updates-is-a-text" breaks "offering.allow-context-updates-type": "/services/7/allow_context_updates" is "false";
    "offering-metadata-is-a-text" breaks "offering.metadata-type": "/services/7/metadata" is "a service";
    "offering-metadata-is-an-array" breaks "offering.metadata-type": "/services/7/metadata" is json!([{"displayName": "Show"}]);
    "offering-plan-updateable-is-a-text" breaks "offering.plan-updateable-type": "/services/7/plan_updateable" is "no";
    "offering-has-no-plans" breaks "offering.plans-present": "/services/7/plans";
    "offering-plans-are-null" breaks "offering.plans-type": "/services/7/plans" is json!(null);
    "offering-plans-are-an-object" breaks "offering.plans-type": "/services/7/plans" is json!({"invert": {}});
    "a-plan-is-a-text" breaks "offering.plans-type": "/services/7/plans" is ["invert"];
    "offering-plans-are-empty" breaks "offering.plans-nonempty": "/services/7/plans" is json!([]);
    "offering-has-no-id" breaks "offering.id-present": "/services/7/id";
    "offering-id-is-null" breaks "offering.id-type": "/services/7/id" is json!(null);
    "offering-id-is-a-number" breaks "offering.id-type": "/services/7/id" is 8;
    "offering-id-is-empty" breaks "offering.id-nonempty": "/services/7/id" is "";
};

/// Ids that are something else's, too.
const DOUBLED: &[Mutant] = doubling! {
    "two-offerings-have-one-id" breaks "offering.id-globally-unique": "service_id" is "4f1b7a3e-0d5e-4c3c-9f0e-000000000007";
    "offering-id-is-its-plans" breaks "offering.id-globally-unique": "service_id" is "4f1b7a3e-0d5e-4c3c-9f0e-000000000801", capped;
};

/// Ids that are used, but are no good ones.
#[rustfmt::skip]
const IDS: &[Mutant] = renaming! {
    "offering-id-is-a-name" breaks "offering.id-guid": "4f1b7a3e-0d5e-4c3c-9f0e-000000000008" is "show-invert-id";
    "offering-id-has-a-blank" breaks "offering.id-unreserved-characters": "4f1b7a3e-0d5e-4c3c-9f0e-000000000008" is "show invert id";
    "offering-id-has-a-slash" breaks "offering.id-unreserved-characters": "4f1b7a3e-0d5e-4c3c-9f0e-000000000008" is "show/invert/id";
    "offering-id-is-long" breaks "catalog.strings-at-most-255": "4f1b7a3e-0d5e-4c3c-9f0e-000000000008" is long(256);
    "plan-id-is-long" breaks "catalog.strings-at-most-255": "4f1b7a3e-0d5e-4c3c-9f0e-000000000801" is long(256);
};
