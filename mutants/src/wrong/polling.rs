//! Wrong about the last operation of service instances.

use serde_json::json;

use super::ways::{Phase, follow, lacks, refusal, says, turns};
use crate::message::{Answer, Endpoint, Request};
use crate::mutant::{Memory, Mutant, on_answer, on_request};

/// The mutants.
pub const MUTANTS: &[Mutant] = &[
    on_answer(
        "instance-that-is-done-is-told-to-be-in-progress-with-another",
        "last-operation.state-own",
        |memory, request, answer| {
            // The other one is known by its provision, which is sent twice.
            let before = follow(memory, request, answer);
            let is_done = answer.member("state") == "succeeded";
            match (request.endpoint(), before) {
                (Endpoint::Provision, Phase::Creating) => {
                    memory.count("in progress");
                }
                (Endpoint::PollInstance, Phase::Creating) if is_done => {
                    memory.notes.remove("in progress");
                }
                (Endpoint::PollInstance, Phase::Ready)
                    if memory.notes.contains_key("in progress") =>
                {
                    answer.replace("state", "in progress");
                }
                _ => {}
            }
        },
    )
    .of("show-async/only"),
    on_request(
        "poll-of-an-instance-needs-its-service-and-plan",
        "last-operation.hints-optional",
        |_, request| match request.is(Endpoint::PollInstance) && request.query("plan_id").is_none() {
            true => refusal(request, 400),
            false => None,
        },
    )
    .of("show-async/only"),
    on_request(
        "poll-of-an-instance-without-its-service-fails",
        "last-operation.hints-optional",
        |_, request| {
            let is_without = request.query("service_id").is_none();
            match request.is(Endpoint::PollInstance) && is_without {
                true => refusal(request, 500),
                false => None,
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "poll-of-an-instance-is-202-while-in-progress",
        "last-operation.status-200", PollInstance 200 => 202,
        |_, _, answer| answer.member("state") == "in progress"
    )
    .of("show-async/only"),
    turns!(
        "poll-of-an-instance-is-201-in-the-end",
        "last-operation.status-200", PollInstance 200 => 201,
        |_, _, answer| answer.member("state") == "succeeded"
    )
    .of("show-async/only"),
    turns!(
        "poll-of-an-instance-is-204-in-the-end",
        "last-operation.status-200", PollInstance 200 => 204,
        |_, _, answer| answer.member("state") == "succeeded"
    )
    .of("show-async/only"),
    turns!(
        "first-poll-of-an-instance-is-404",
        "last-operation.status-200", PollInstance 200 => 404,
        |memory, request, _| request.is(Endpoint::PollInstance)
            && memory.count(request.path()) == 1
    )
    .of("show-async/only"),
    on_answer(
        "poll-of-an-update-is-500",
        "last-operation.status-200",
        |memory, request, answer| {
            // It is never told how the update has ended.
            let updated = format!("updated {}", request.resource());
            if request.is(Endpoint::Update) && answer.status == 202 {
                memory.notes.insert(updated, true.into());
            } else if request.is(Endpoint::PollInstance) && memory.notes.contains_key(&updated) {
                answer.status = 500;
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "undecodable-poll-of-an-instance-is-500",
        "last-operation.status-400-malformed", PollInstance 200..=499 => 500, is_undecodable
    )
    .of("show-async/only")
    .capped(),
    turns!(
        "poll-of-an-unknown-instance-is-410",
        "last-operation.status-404-unknown", PollInstance 404 => 410, is_unknown
    )
    .of("show-sync/small"),
    turns!(
        "poll-of-an-unknown-instance-is-400",
        "last-operation.status-404-unknown", PollInstance 404 => 400, is_unknown
    )
    .of("show-sync/small"),
    on_answer(
        "unknown-instance-is-told-to-be-done",
        "last-operation.status-404-unknown",
        |memory, request, answer| {
            if is_unknown(memory, request, answer) && request.is(Endpoint::PollInstance) {
                answer.status = 200;
                answer.set_json(&json!({"state": "succeeded"}));
            }
        },
    )
    .of("show-sync/small"),
    turns!(
        "polling-instances-is-not-implemented",
        "last-operation.status-404-unknown", PollInstance _ => 501
    )
    .of("show-sync/small")
    .capped(),
    turns!(
        "provisioned-instance-is-told-to-be-gone",
        "last-operation.status-410-delete-only", PollInstance 200 => 410,
        |memory, request, answer| follow(memory, request, answer) == Phase::Creating
            && answer.member("state") == "succeeded"
    )
    .of("show-async/only"),
    turns!(
        "updated-instance-is-told-to-be-gone",
        "last-operation.status-410-delete-only", PollInstance 200 => 410, is_updating
    )
    .of("show-async/only"),
    lacks!("poll-of-an-instance-has-no-state", "last-operation.state-present", PollInstance 200, "state")
        .of("show-async/only"),
    on_answer(
        "poll-of-an-instance-is-answered-with-text",
        "last-operation.state-present",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance) && answer.status == 200 {
                answer.set_json(&answer.member("state"));
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "poll-of-an-instance-has-no-body",
        "last-operation.state-present",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance) && answer.status == 200 {
                answer.body.clear();
            }
        },
    )
    .of("show-async/only"),
    says!("state-of-an-instance-is-null", "last-operation.state-values", PollInstance 200, "state": null)
        .of("show-async/only"),
    says!("state-of-an-instance-is-a-number", "last-operation.state-values", PollInstance 200, "state": 1)
        .of("show-async/only"),
    on_answer(
        "state-of-an-instance-is-in-capitals",
        "last-operation.state-values",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance)
                && let Some(state) = answer.member("state").as_str()
            {
                answer.set("state", state.to_uppercase());
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "state-of-an-instance-has-no-blank",
        "last-operation.state-values",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance) && answer.member("state") == "in progress" {
                answer.set("state", "in_progress");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "instance-that-is-done-is-called-created",
        "last-operation.state-values",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance) && answer.member("state") == "succeeded" {
                answer.set("state", "created");
            }
        },
    )
    .of("show-async/only"),
    says!(
        "description-of-a-poll-is-an-object",
        "last-operation.description-type", PollInstance 200, "description": {"en": "working"}
    )
    .of("show-async/only"),
    says!(
        "description-of-a-poll-is-empty",
        "last-operation.description-nonempty", PollInstance 200, "description": ""
    )
    .of("show-async/only")
    .capped(),
    says!(
        "polled-instance-usable-is-text",
        "last-operation.instance-usable-type", PollInstance 200, "instance_usable": "true"
    )
    .of("show-async/only"),
    says!(
        "polled-update-repeatable-is-a-number",
        "last-operation.update-repeatable-type", PollInstance 200, "update_repeatable": 1
    )
    .of("show-async/only"),
    on_answer(
        "failed-provision-tells-whether-the-instance-is-usable",
        "last-operation.instance-usable-scope",
        |memory, request, answer| fails(memory, request, answer, Phase::Creating, "instance_usable"),
    )
    .of("show-async/only"),
    on_answer(
        "failed-provision-tells-whether-updates-are-repeatable",
        "last-operation.update-repeatable-scope",
        |memory, request, answer| {
            fails(memory, request, answer, Phase::Creating, "update_repeatable")
        },
    )
    .of("show-async/only"),
    on_answer(
        "failed-deprovision-tells-whether-updates-are-repeatable",
        "last-operation.update-repeatable-scope",
        |memory, request, answer| {
            fails(memory, request, answer, Phase::Deleting, "update_repeatable")
        },
    )
    .of("show-async/only"),
    on_answer(
        "poll-of-an-instance-is-put-off-to-a-date",
        "last-operation.retry-after-duration",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance) && answer.member("state") == "in progress" {
                answer.set_header("retry-after", Some("Fri, 31 Dec 1999 23:59:59 GMT"));
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "poll-of-an-instance-is-put-off-a-little",
        "last-operation.retry-after-duration",
        |_, request, answer| {
            if request.is(Endpoint::PollInstance) && answer.member("state") == "in progress" {
                answer.set_header("retry-after", Some("soon"));
            }
        },
    )
    .of("show-async/only"),
    turns!(
        "end-of-a-provision-is-forgotten",
        "last-operation.state-remembered", PollInstance 200 => 404,
        |memory, request, answer| follow(memory, request, answer) == Phase::Ready
    )
    .of("show-async/only"),
    on_answer(
        "provision-has-failed-after-all",
        "last-operation.state-remembered",
        |memory, request, answer| {
            let before = follow(memory, request, answer);
            if before == Phase::Ready && request.is(Endpoint::PollInstance) {
                answer.replace("state", "failed");
            }
        },
    )
    .of("show-async/only"),
    on_answer(
        "deprovision-has-failed-after-all",
        "last-operation.state-remembered",
        |memory, request, answer| {
            let before = follow(memory, request, answer);
            if before == Phase::Gone && request.is(Endpoint::PollInstance) {
                answer.replace("state", "failed");
            }
        },
    )
    .of("show-async/only"),
];

fn is_updating(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    follow(memory, request, answer) == Phase::Updating
}

fn is_undecodable(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.0.path.contains("%zz")
}

fn is_unknown(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    follow(memory, request, answer) == Phase::Unknown
}

/// Makes an operation fail in the end, and say too much of it.
fn fails(
    memory: &mut Memory,
    request: &Request,
    answer: &mut Answer,
    in_phase: Phase,
    too_much: &str,
) {
    let is_meant = follow(memory, request, answer) == in_phase;
    if is_meant && request.is(Endpoint::PollInstance) && answer.member("state") == "succeeded" {
        answer.set("state", "failed");
        answer.set(too_much, true);
    }
}
