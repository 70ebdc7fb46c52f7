//! Wrong about rotating service bindings.

use serde_json::json;

use crate::mutant::Mutant;
use crate::rows::rows;

/// Answers that are wrong.
pub const MUTANTS: &[Mutant] = rows! {
    "rotation-is-answered-200" breaks "rotate.new-binding-created" of "show-sync":
        rotated => status(200);
    "rotation-tells-an-array" breaks "rotate.response-same-as-create" of "show-sync":
        rotated => say(201, json!(["rotated"]));
    "accepted-rotation-tells-text" breaks "rotate.response-same-as-create" of "show-async":
        rotated => say(202, "rotating");
    "synchronous-rotation-is-answered-400" breaks "rotate.async-required-422" of "show-async":
        rotation_at_once => status(400);
    "synchronous-rotation-is-refused-by-another-code" breaks "rotate.async-required-422" of "show-async":
        rotation_at_once => put("/error", "AsyncNeeded");
};

/// Requests that are handled wrongly.
pub const CARRIED_OUT: &[Mutant] = &[];
