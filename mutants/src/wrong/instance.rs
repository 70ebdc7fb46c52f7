//! Wrong about service instances: provisioning, fetching, updating, polling,
//! deprovisioning.

use serde_json::json;

use crate::message::Endpoint;
use crate::mutant::{Mutant, on_answer, on_both};

/// The mutants.
pub const MUTANTS: &[Mutant] = &[
    on_answer(
        "conflict-is-answered-200",
        "provision.status-409-existing",
        |_, request, answer| {
            if request.is(Endpoint::Provision) && answer.status == 409 {
                answer.status = 200;
                answer.set_json(&json!({}));
            }
        },
    )
    .of("show-sync"),
    on_both(
        "provision-without-plan-id-is-carried-out",
        "provision.status-400-missing-plan-id",
        |_, request| {
            let is_without = request.member("plan_id").is_null() && request.json().is_object();
            if request.is(Endpoint::Provision) && is_without {
                request.edit(|members| {
                    members.insert("plan_id".to_owned(), SMALL.into());
                });
            }
            None
        },
        |_, _, _| {},
    )
    .of("show-sync"),
];

/// The plan `small` of the offering `show-sync`.
const SMALL: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000101";
