//! The first bind of a plan, and what it says where it is refused: that the plan
//! cannot be bound, that nothing was made, or that this is not the moment.

use serde_json::{Value, json};

use super::life::nothing_made;
use crate::check::call::Call;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Made, Stage, refused};

const WHEN_INCOMPLETE: &str = "async.async-when-incomplete";

const READY: &str = "a synchronous answer only when the instance is ready";

/// Binds; where the broker is not ready for it, the synchronous answer to the
/// provision came too early.
pub(super) async fn bound(stage: &Stage, instance: &Made) -> Result<Made, Stop> {
    let fresh = || stage.fresh_binding(&instance.resource);
    let call = stage.bind(&fresh());
    let first = stage.send_at_once(&call).await?;
    if first.is_success() {
        if !instance.is_async() {
            stage.kept(&first, WHEN_INCOMPLETE, READY);
        }
        return stage.taken_up(call, first).await;
    }
    let is_busy = first.status == 422 && first.code() == Some("ConcurrencyError");
    if is_missing(&first) {
        not_bindable(stage, &first);
    } else if first.status == 404 {
        not_found(stage, instance).await?;
    } else if !is_busy && says_unbindable(&first) {
        // The plan cannot be bound, or this application cannot.
        let call = for_another_app(stage, stage.bind(&fresh()));
        let again = stage.send(&call).await?;
        if again.is_success() {
            return stage.taken_up(call, again).await;
        }
        if says_unbindable(&again) {
            not_bindable(stage, &again);
        }
    }
    if is_busy {
        let mut pause = std::time::Duration::from_millis(20);
        for _ in 0..6 {
            stage.pause(pause).await;
            let call = stage.bind(&fresh());
            let again = stage.send(&call).await?;
            if again.is_success() {
                stage.prefer(&first, WHEN_INCOMPLETE, false, READY);
                return stage.taken_up(call, again).await;
            }
            pause *= 2;
        }
    }
    Err(Stop::because(refused(&first)))
}

fn not_bindable(stage: &Stage, refused: &Reply) {
    let id = "bind.bindable-declared";
    let expected = "a bind where the catalog says bindable";
    stage.expect(refused, id, false, expected);
}

fn for_another_app(stage: &Stage, bind: Call) -> Call {
    if bind.given("app_guid").is_none() {
        return bind;
    }
    let app = stage.fresh().instance;
    bind.member("bind_resource", json!({"app_guid": app}))
        .member("app_guid", app.into())
}

/// A bind has not found something: the instance, which a fetch has not shown to be
/// there, or what is to be bound to it.
async fn not_found(stage: &Stage, instance: &Made) -> Result<(), Stop> {
    if stage.is_fetchable(&instance.resource) {
        return Ok(());
    }
    let delete = stage.deprovision(&instance.resource);
    let deleted = stage.insist(&delete).await?;
    if deleted.status == 410 {
        let actual = "it can neither be bound nor deleted";
        nothing_made(stage, instance, actual);
        return Ok(());
    }
    stage
        .removed(&instance.resource, &delete, deleted)
        .await
        .map(drop)
}

/// Whether the endpoint is missing.
fn is_missing(refused: &Reply) -> bool {
    match refused.status {
        404 => refused.json.is_none(),
        status => matches!(status, 405 | 501),
    }
}

/// Whether a refusal says in words that there are no binds.
fn says_unbindable(refused: &Reply) -> bool {
    const WORDS: [&str; 5] = [
        "not bindable",
        "cannot be bound",
        "can not be bound",
        "does not support binding",
        "does not support service binding",
    ];
    let says = refused.member("description").and_then(Value::as_str);
    let says = says.unwrap_or_default().to_ascii_lowercase();
    refused.is_refusal() && WORDS.iter().any(|words| says.contains(words))
}
