//! What tells a refusal for one reason from the others that a broker may have.

use super::provisions::refuse;
use crate::check::call::Call;
use crate::check::session::{Reply, Stop};
use crate::check::stage::Stage;

/// Why a refusal says nothing.
pub(super) const REFUSED_TOO: &str = "the same request with nothing wrong in it was refused too: \
     a target that carries it out, with room for more instances, would show it";

/// The answer by which a request that is wrong, or odd, in one thing can be judged.
///
/// What a broker refuses otherwise than `is_expected`, it may refuse for something else:
/// for the number of instances that there are, or for a name that one of them has. Then
/// the right request has to be carried out while no other scenario plays, and the wrong
/// one is sent again after it. Where the right one is refused too, nothing is known of
/// the requirements `ids`.
pub(super) async fn controlled(
    stage: &Stage,
    reply: Reply,
    is_expected: impl Fn(&Reply) -> bool,
    (wrong, right): (impl Fn() -> Call, impl Fn() -> Call),
    ids: &[&'static str],
) -> Result<Option<Reply>, Stop> {
    if reply.is_success() || is_expected(&reply) {
        return Ok(Some(reply));
    }
    stage.alone().await;
    let again = after_right(stage, wrong(), right()).await;
    stage.enter().await;
    let again = again?;
    if again.is_none() {
        for id in ids {
            stage.unclear(id, REFUSED_TOO);
        }
    }
    Ok(again)
}

async fn after_right(stage: &Stage, wrong: Call, right: Call) -> Result<Option<Reply>, Stop> {
    match is_carried_out(stage, &right).await? {
        true => refuse(stage, &wrong).await.map(Some),
        false => Ok(None),
    }
}

/// Whether a creation is carried out. Nothing is left of it.
pub(super) async fn is_carried_out(stage: &Stage, call: &Call) -> Result<bool, Stop> {
    Ok(refuse(stage, call).await?.is_success())
}
