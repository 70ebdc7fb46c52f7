//! Wrong about deleting service bindings.

use serde_json::json;

use crate::mutant::Mutant;
use crate::rows::rows;

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "unbind-is-answered-201" breaks "unbind.status-200-deleted" of "show-sync":
        unbound => status(201);
    "unbind-is-answered-204" breaks "unbind.status-200-deleted" of "show-sync":
        unbound => bare(204);
    "unbind-of-a-binding-says-gone" breaks "unbind.status-200-deleted" of "show-sync":
        unbound => say(410, json!({}));
    "unbind-of-a-binding-says-not-found" breaks "unbind.status-200-deleted" of "show-sync":
        unbound => say(404, json!({}));
    "unbind-says-nothing" breaks "unbind.status-200-body" of "show-sync":
        unbound => bare(200);
    "unbind-says-an-array" breaks "unbind.status-200-body" of "show-sync":
        unbound => write("[]");
    "unbind-says-ok" breaks "unbind.status-200-body" of "show-sync":
        unbound => write("OK");
    "unbind-in-progress-is-answered-200" breaks "unbind.status-202-in-progress" of "show-async":
        unbinding => say(200, json!({}));

    "unbind-again-starts-another-operation" breaks "unbind.resent-operation-matches" of "show-async":
        unbinding_still => put("/operation", "another");
    "unbind-again-tells-no-operation" breaks "unbind.resent-operation-matches" of "show-async":
        unbinding_still => take("/operation");
    "unbind-in-progress-again-is-answered-200" breaks "unbind.resent-202-not-200" of "show-async":
        unbinding_still => say(200, json!({}));
    "unbind-in-progress-again-says-gone" breaks "unbind.resent-202-not-200" of "show-async":
        unbinding_still => say(410, json!({}));
    "unbind-in-progress-again-is-blocked" breaks "unbind.resent-202-not-200" of "show-async":
        unbinding_still => refuse(422, "ConcurrencyError").capped();

    "unbind-with-a-broken-query-is-answered-404" breaks "unbind.status-400-malformed" of "show-sync":
        unbind_undecodable => status(404).capped();
    "unbind-without-service-is-answered-422" breaks "unbind.status-400-missing-service-id" of "show-sync":
        unbind_without_service => status(422);
    "unbind-without-plan-is-answered-404" breaks "unbind.status-400-missing-plan-id" of "show-sync":
        unbind_without_plan => status(404);

    "unbind-of-unknown-binding-is-answered-404" breaks "unbind.status-410-unknown" of "show-sync":
        unbind_of_nothing => say(404, json!({}));
    "unbind-of-unknown-binding-is-answered-200" breaks "unbind.status-410-unknown" of "show-sync":
        unbind_of_nothing => say(200, json!({}));
    "unbind-of-deleted-binding-is-answered-404" breaks "unbind.status-410-unknown" of "show-sync":
        unbind_of_the_deleted => say(404, json!({}));

    "synchronous-unbind-is-answered-400" breaks "unbind.async-required-422" of "show-async":
        unbind_at_once => status(400);
    "synchronous-unbind-is-refused-by-another-code" breaks "unbind.async-required-code" of "show-async":
        unbind_at_once => put("/error", "AsyncNeeded");
    "synchronous-unbind-is-refused-without-a-code" breaks "unbind.async-required-code" of "show-async":
        unbind_at_once => take("/error");

    "unbind-tells-a-number-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", 7);
    "unbind-tells-a-boolean-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", true);
    "unbind-tells-an-object-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", json!({"id": "unbind"}));
    "unbind-tells-an-array-as-operation" breaks "unbind.operation-type" of "show-async":
        unbinding => put("/operation", json!(["unbind"]));
};

/// Requests that are handled wrongly.
pub const CARRIED_OUT: &[Mutant] = &[];
