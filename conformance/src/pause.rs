//! How long to wait between two polls.

use std::time::Duration;

use crate::exchange::Answer;

/// The first pause, and the longest one that we choose ourselves.
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(2);

/// A target's Retry-After counts up to this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Pauses that grow, unless the target says how long to wait.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) fn new() -> Pauses {
        Pauses(SHORTEST)
    }

    /// The pause after this answer to a poll.
    pub(crate) fn after(&mut self, answer: &Answer) -> Duration {
        let own = self.0;
        self.0 = (own * 3 / 2).min(LONGEST);
        retry_after(answer).unwrap_or(own)
    }
}

/// How long the target says to wait. No time at all says nothing: who never waits
/// asks as fast as can be.
pub(crate) fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds: u64 = answer.header("retry-after")?.parse().ok()?;
    let span = Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER);
    (!span.is_zero()).then_some(span)
}
