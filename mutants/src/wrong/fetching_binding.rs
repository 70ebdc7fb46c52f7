//! Wrong about fetching service bindings.

use serde_json::json;

use crate::mutant::Mutant;
use crate::rows::rows;

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "bindings-cannot-be-fetched" breaks "fetch-binding.endpoint-supported" of "show-sync":
        fetched => say(404, json!({}));
    "bindings-fetch-is-not-implemented" breaks "fetch-binding.endpoint-supported" of "show-sync":
        fetched => say(501, json!({}));
    "bindings-fetch-is-answered-201" breaks "fetch-binding.endpoint-supported" of "show-sync":
        fetched => status(201);
    "new-binding-cannot-be-fetched-at-once" breaks "fetch-binding.available-after-success" of "show-async":
        fetched_first => say(404, json!({}));
    "new-binding-is-fetched-with-202" breaks "fetch-binding.available-after-success" of "show-async":
        fetched_first => status(202);
    "fetch-of-binding-without-hints-is-refused" breaks "fetch-binding.hints-optional" of "show-sync":
        fetch_without_hints => refuse(400, "MissingHints");
    "fetch-of-unknown-binding-says-gone" breaks "fetch-binding.status-404-unknown" of "show-sync":
        fetch_of_nothing => say(410, json!({}));
    "fetch-of-unknown-binding-is-empty" breaks "fetch-binding.status-404-unknown" of "show-sync":
        fetch_of_nothing => say(200, json!({}));
    "fetch-of-deleted-binding-says-gone" breaks "fetch-binding.status-404-unknown" of "show-sync":
        fetch_of_the_deleted => say(410, json!({}));
    "fetch-of-binding-in-progress-is-empty" breaks "fetch-binding.status-404-in-progress" of "show-async":
        fetched_early => say(200, json!({}));
    "fetch-of-binding-in-progress-is-blocked" breaks "fetch-binding.status-404-in-progress" of "show-async":
        fetched_early => refuse(422, "ConcurrencyError");
    "fetch-of-binding-in-progress-is-accepted" breaks "fetch-binding.status-404-in-progress" of "show-async":
        fetched_early => say(202, json!({}));
};

/// Bindings that are taken for others.
pub const MIXED_UP: &[Mutant] = &[];
