//! A mutant: a true broker made wrong in one way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conformance::Expect;
use serde_json::Value;
use serving::testing::{Keeper, Received, Reply, Sent};

use crate::message::{Answer, Request};

/// What a mutant remembers of what has gone through its door.
#[derive(Debug, Default)]
pub struct Memory {
    /// Notes, by whatever the mutant likes.
    pub notes: BTreeMap<String, Value>,
    besides: Vec<Request>,
    wait: Duration,
}

impl Memory {
    /// Counts up; the first time it gives 1.
    pub fn count(&mut self, what: &str) -> u64 {
        let count = self.notes.get(what).and_then(Value::as_u64).unwrap_or(0) + 1;
        self.notes.insert(what.to_owned(), count.into());
        count
    }

    /// Sends the true broker another request before the answer goes out. Nobody
    /// hears what it says to that.
    pub fn send(&mut self, request: Request) {
        self.besides.push(request);
    }

    /// Holds the answer back for so long.
    pub fn wait(&mut self, span: Duration) {
        self.wait = span;
    }
}

/// What happens to a request before the true broker gets it. What it gives is
/// answered in the broker's place.
pub type Before = fn(&mut Memory, &mut Request) -> Option<Answer>;

/// What happens to an answer of the true broker.
pub type After = fn(&mut Memory, &Request, &mut Answer);

/// A broker that is wrong in one way.
#[derive(Clone, Copy)]
pub struct Mutant {
    /// What it does, in a few words with hyphens; no two have the same.
    pub name: &'static str,
    /// The requirement that it breaks.
    pub breaks: &'static str,
    /// The offering of the showcase that shows it, or `offering/plan`; `None`: the
    /// catalog, or any.
    pub offering: Option<&'static str>,
    /// Whether a reading of the specification caps the verdict on a MUST at `warn`.
    pub is_capped: bool,
    /// What the user of the check says of it, where its fault shows only then.
    pub expects: Option<Expect>,
    /// Whether the one that tries it has no credentials.
    pub is_open: bool,
    /// What counts as prompt in its trial, so that that need not take a minute.
    pub prompt: Option<Duration>,
    before: Before,
    after: After,
}

const fn mutant(name: &'static str, breaks: &'static str, before: Before, after: After) -> Mutant {
    Mutant {
        name,
        breaks,
        offering: None,
        is_capped: false,
        expects: None,
        is_open: false,
        prompt: None,
        before,
        after,
    }
}

/// A mutant that changes requests on their way in, or answers them itself.
pub const fn on_request(name: &'static str, breaks: &'static str, before: Before) -> Mutant {
    mutant(name, breaks, before, |_, _, _| {})
}

/// A mutant that changes answers on their way out.
pub const fn on_answer(name: &'static str, breaks: &'static str, after: After) -> Mutant {
    mutant(name, breaks, |_, _| None, after)
}

/// A mutant that does both.
pub const fn on_both(
    name: &'static str,
    breaks: &'static str,
    before: Before,
    after: After,
) -> Mutant {
    mutant(name, breaks, before, after)
}

impl Mutant {
    /// The same, shown by this offering of the showcase, or `offering/plan`.
    pub const fn of(mut self, offering: &'static str) -> Mutant {
        self.offering = Some(offering);
        self
    }

    /// The same, where the verdict is capped at `warn`.
    pub const fn capped(mut self) -> Mutant {
        self.is_capped = true;
        self
    }

    /// The same, where the user of the check says this of it.
    pub const fn expecting(mut self, what: Expect) -> Mutant {
        self.expects = Some(what);
        self
    }

    /// The same, tried without credentials.
    pub const fn open(mut self) -> Mutant {
        self.is_open = true;
        self
    }

    /// The same, where an answer is prompt within this time.
    pub const fn prompt_within(mut self, span: Duration) -> Mutant {
        self.prompt = Some(span);
        self
    }
}

/// A mutant at its door, and what it has done.
pub struct AtTheDoor {
    mutant: Mutant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    memory: Memory,
    fired: usize,
}

impl AtTheDoor {
    /// A mutant that remembers nothing yet.
    pub fn new(mutant: Mutant) -> AtTheDoor {
        AtTheDoor {
            mutant,
            state: Mutex::default(),
        }
    }

    /// Who does this to what goes through, right or wrong.
    pub fn doing(before: Before, after: After) -> AtTheDoor {
        AtTheDoor::new(on_both("", "", before, after))
    }

    /// How many messages it has changed.
    pub fn fired(&self) -> usize {
        self.state().fired
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper for AtTheDoor {
    fn enter(&self, sent: &mut Sent) -> Option<Reply> {
        let mut state = self.state();
        let mut request = Request(sent.clone());
        let instead = (self.mutant.before)(&mut state.memory, &mut request);
        state.fired += usize::from(request.0 != *sent || instead.is_some());
        *sent = request.0;
        instead.map(|answer| Reply::Answer(answer.into()))
    }

    fn leave(&self, sent: &Sent, received: Received) -> Reply {
        let mut state = self.state();
        let true_answer = Answer::from(received);
        let mut answer = true_answer.clone();
        let request = Request(sent.clone());
        (self.mutant.after)(&mut state.memory, &request, &mut answer);
        let wait = std::mem::take(&mut state.memory.wait);
        let is_as_before = answer == true_answer && state.memory.besides.is_empty();
        state.fired += usize::from(!is_as_before || !wait.is_zero());
        match wait.is_zero() {
            true => Reply::Answer(answer.into()),
            false => Reply::Late(wait, answer.into()),
        }
    }

    fn besides(&self) -> Vec<Sent> {
        let besides = std::mem::take(&mut self.state().memory.besides);
        besides.into_iter().map(|request| request.0).collect()
    }
}
