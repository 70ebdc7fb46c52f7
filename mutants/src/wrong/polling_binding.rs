//! Wrong about the last operation of service bindings.

use serde_json::json;

use crate::mutant::Mutant;
use crate::rows::rows;

/// The mutants.
pub const MUTANTS: &[Mutant] = rows! {
    "poll-of-binding-without-hints-is-refused" breaks "binding-last-operation.hints-optional" of "show-async":
        poll_without_hints => refuse(400, "MissingHints");
    "poll-of-binding-without-hints-is-a-fault" breaks "binding-last-operation.hints-optional" of "show-async":
        poll_without_hints => refuse(500, "MissingHints");

    "poll-of-binding-in-progress-is-answered-202" breaks "binding-last-operation.status-200" of "show-async":
        polled_early => status(202);
    "poll-of-binding-in-progress-is-answered-404" breaks "binding-last-operation.status-200" of "show-async":
        polled_creation => say(404, json!({}));
    "poll-of-created-binding-is-answered-201" breaks "binding-last-operation.status-200" of "show-async":
        polled_late => status(201);

    "poll-with-a-broken-query-is-a-fault" breaks "binding-last-operation.status-400-malformed" of "show-async":
        poll_undecodable => say(500, json!({})).capped();

    "poll-of-unknown-binding-is-answered-410" breaks "binding-last-operation.status-404-unknown" of "show-sync":
        poll_of_nothing => say(410, json!({}));
    "poll-of-unknown-binding-is-answered-200" breaks "binding-last-operation.status-404-unknown" of "show-sync":
        poll_of_nothing => say(200, json!({"state": "failed"}));
    "poll-of-unknown-binding-is-answered-405" breaks "binding-last-operation.status-404-unknown" of "show-sync":
        poll_of_nothing => say(405, json!({})).capped();

    "poll-of-a-bind-in-progress-says-gone" breaks "binding-last-operation.status-410-delete-only" of "show-async":
        polled_creation => say(410, json!({}));

    "poll-of-binding-tells-no-state" breaks "binding-last-operation.state-present" of "show-async":
        polled => take("/state");
    "poll-of-binding-tells-an-array" breaks "binding-last-operation.state-present" of "show-async":
        polled => say(200, json!(["succeeded"]));
    "poll-of-binding-tells-nothing" breaks "binding-last-operation.state-present" of "show-async":
        polled => bare(200);
    "poll-of-binding-tells-null-as-state" breaks "binding-last-operation.state-values" of "show-async":
        polled => put("/state", json!(null));
    "poll-of-binding-tells-a-number-as-state" breaks "binding-last-operation.state-values" of "show-async":
        polled => put("/state", 2);
    "poll-of-binding-shouts-its-state" breaks "binding-last-operation.state-values" of "show-async":
        polled_late => put("/state", "Succeeded");
    "poll-of-binding-spells-its-state-with-a-hyphen" breaks "binding-last-operation.state-values" of "show-async":
        polled_early => put("/state", "in-progress");

    "poll-of-binding-tells-a-number-as-description" breaks "binding-last-operation.description-type" of "show-async":
        polled => put("/description", 50);
    "poll-of-binding-tells-an-object-as-description" breaks "binding-last-operation.description-type" of "show-async":
        polled => put("/description", json!({"percent": 50}));

    "poll-of-binding-asks-for-a-date" breaks "binding-last-operation.retry-after-duration" of "show-async":
        polled_early => head("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
    "poll-of-binding-asks-for-patience-in-words" breaks "binding-last-operation.retry-after-duration" of "show-async":
        polled_early => head("retry-after", "soon");
    "poll-of-binding-asks-for-a-negative-pause" breaks "binding-last-operation.retry-after-duration" of "show-async":
        polled_early => head("retry-after", "-1");

    "end-of-bind-is-forgotten" breaks "binding-last-operation.state-remembered" of "show-async":
        created_once_more => say(404, json!({}));
    "end-of-bind-turns-into-failure" breaks "binding-last-operation.state-remembered" of "show-async":
        created_once_more => put("/state", "failed");
    "end-of-bind-turns-into-progress" breaks "binding-last-operation.state-remembered" of "show-async":
        created_once_more => put("/state", "in progress");
    "end-of-unbind-turns-into-progress" breaks "binding-last-operation.state-remembered" of "show-async":
        deleted_once_more => put("/state", "in progress");
};
