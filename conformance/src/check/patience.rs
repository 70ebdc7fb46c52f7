//! How long a request is sent again that a target refuses for the moment.

use std::time::Duration;

use super::activity::Around;
use super::session::Reply;
use crate::pause::retry_after;

/// Why an answer says nothing of its request but that this is not the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// 429: there are too many requests.
    TooMany,
    /// 503: nobody is there to answer.
    Unavailable,
    /// 422 `ConcurrencyError`: something else is under way.
    Concurrency,
}

impl Moment {
    /// That of an answer, if it has one.
    pub(crate) fn of(reply: &Reply) -> Option<Moment> {
        match reply.status {
            429 => Some(Moment::TooMany),
            503 => Some(Moment::Unavailable),
            422 if reply.code() == Some("ConcurrencyError") => Some(Moment::Concurrency),
            _ => None,
        }
    }

    /// How long to go on, where an operation may take `operation`. What is left
    /// afterwards is no answer of the moment any more.
    pub(crate) fn longest(self, around: Around, operation: Duration) -> Duration {
        match (self, around) {
            (Moment::TooMany, _) => Duration::from_secs(60).min(operation),
            // What it says of an operation has to be seen before that has ended.
            (Moment::Unavailable, Around::Own) => Duration::from_millis(20),
            (Moment::Unavailable, _) => Duration::from_secs(3),
            (Moment::Concurrency, Around::Own) => Duration::ZERO,
            (Moment::Concurrency, Around::Others) => operation,
            (Moment::Concurrency, Around::Nothing) => Duration::from_secs(3),
        }
    }

    /// Why nothing can be judged by it, where it lasts.
    pub(crate) fn hinders(self, around: Around) -> Option<&'static str> {
        match (self, around) {
            (Moment::TooMany, _) => Some(
                "time and again: the target takes fewer requests than a check sends; \
                 a higher limit, or fewer --jobs, would show it",
            ),
            (Moment::Concurrency, Around::Others) => {
                Some("as long as other operations were in progress; --jobs 1 would show it")
            }
            _ => None,
        }
    }
}

/// The first pause, and the longest one that we choose ourselves.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// The pauses before one request is sent again, and how much they come to.
#[derive(Debug)]
pub(crate) struct Patience {
    next: Duration,
    pub(crate) waited: Duration,
    around: Around,
}

impl Patience {
    pub(crate) fn new() -> Patience {
        Patience {
            next: SHORTEST,
            waited: Duration::ZERO,
            around: Around::Own,
        }
    }

    /// What was waited for counts only as long as it is in the way.
    pub(crate) fn turn_to(&mut self, around: Around) {
        if around < self.around {
            self.waited = Duration::ZERO;
        }
        self.around = around;
    }

    /// The next pause, unless `longest` has been waited already, or would be less than
    /// what the target asks for.
    pub(crate) fn after(&mut self, reply: &Reply, longest: Duration) -> Option<Duration> {
        if self.waited >= longest {
            return None;
        }
        let pause = match retry_after(&reply.answer) {
            Some(said) if said > longest - self.waited => return None,
            said => said.unwrap_or(self.next),
        };
        self.next = (self.next * 2).min(LONGEST);
        self.waited += pause;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Answer;

    fn reply(status: u16, retry_after: Option<&str>) -> Reply {
        let headers = retry_after.map(|value| ("Retry-After".to_owned(), value.to_owned()));
        Reply {
            at: 0,
            status,
            asked: String::new(),
            json: None,
            unread: None,
            is_after_503: false,
            answer: Answer {
                status,
                headers: headers.into_iter().collect(),
                body: Vec::new(),
            },
        }
    }

    #[test]
    fn pauses_grow_unless_the_target_says_how_long_and_come_to_an_end() {
        let longest = Duration::from_secs(2);
        let mut patience = Patience::new();
        let mut own = Vec::new();
        while let Some(pause) = patience.after(&reply(503, None), longest) {
            own.push(pause.as_millis());
        }
        assert_eq!(own, [10, 20, 40, 80, 160, 320, 500, 500, 500]);

        let mut patience = Patience::new();
        let nothing = patience.after(&reply(429, Some("0")), longest);
        assert_eq!(nothing, Some(SHORTEST));
        assert_eq!(patience.after(&reply(429, Some("7")), longest), None);
        let said = patience.after(&reply(429, Some("1")), longest);
        assert_eq!(said, Some(Duration::from_secs(1)));
        assert_eq!(patience.after(&reply(429, Some("1")), longest), None);
    }

    #[test]
    fn what_was_waited_for_is_forgotten_when_it_is_over() {
        let longest = Duration::from_secs(1);
        let mut patience = Patience::new();
        patience.turn_to(Around::Others);
        while patience.after(&reply(503, None), longest).is_some() {}
        patience.turn_to(Around::Others);
        assert_eq!(patience.after(&reply(503, None), longest), None);
        patience.turn_to(Around::Nothing);
        assert!(patience.after(&reply(503, None), longest).is_some());
    }

    #[test]
    fn nothing_is_waited_for_where_the_own_operation_is_in_the_way() {
        let operation = Duration::from_secs(300);
        let own = Moment::Concurrency.longest(Around::Own, operation);
        assert_eq!(own, Duration::ZERO);
        let others = Moment::Concurrency.longest(Around::Others, operation);
        assert_eq!(others, operation);
    }
}
