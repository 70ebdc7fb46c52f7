//! Lets many do something with one thing, one after the other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex as BlockingMutex, MutexGuard as BlockingGuard, PoisonError};

use tokio::sync::Mutex;

/// What somebody does with the thing.
type Turn<T> = Box<dyn FnOnce(&mut T) + Send>;

/// A thing that is used in turns.
///
/// Whoever finds it free takes all turns that are waiting, his own and others',
/// instead of handing the thing to the next one, who may have to be woken first.
pub(super) struct Turns<T> {
    waiting: BlockingMutex<VecDeque<Turn<T>>>,
    thing: Mutex<T>,
}

impl<T> Turns<T> {
    pub(super) fn new(thing: T) -> Turns<T> {
        Turns {
            waiting: BlockingMutex::default(),
            thing: Mutex::new(thing),
        }
    }

    /// Takes a turn: now, or right after those who are before it, without waiting for
    /// that on the thread that it is called on.
    pub(super) fn take(&self, turn: impl FnOnce(&mut T) + Send + 'static) {
        self.waiting().push_back(Box::new(turn));
        self.take_waiting();
    }

    /// Takes a turn as soon as the thing is free, and gives its result. This may wait
    /// on the thread that it is called on, and is for what takes long. Panics where
    /// asynchronous code runs.
    pub(super) fn take_here<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        let result = turn(&mut self.thing.blocking_lock());
        self.take_waiting();
        result
    }

    /// Takes the turns that are waiting, unless somebody else does.
    fn take_waiting(&self) {
        // What comes while the thing is being let go of has found it taken.
        while !self.waiting().is_empty() {
            let Ok(mut thing) = self.thing.try_lock() else {
                return;
            };
            while let Some(turn) = self.next() {
                // One that panics has said so; the others go on.
                let _ = catch_unwind(AssertUnwindSafe(|| turn(&mut thing)));
            }
        }
    }

    fn next(&self) -> Option<Turn<T>> {
        self.waiting().pop_front()
    }

    fn waiting(&self) -> BlockingGuard<'_, VecDeque<Turn<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn turns_that_come_while_another_is_taken_are_taken_after_it_in_their_order() {
        let turns = Arc::new(Turns::new(Vec::new()));
        let (begun, begins) = channel();
        let (release, released) = channel();
        let first = turns.clone();
        let first = thread::spawn(move || {
            first.take_here(|taken| {
                begun.send(()).unwrap();
                released.recv().unwrap();
                taken.push(0);
            });
        });
        begins.recv().unwrap();
        // Nobody has to wait for his turn.
        for n in 1..4 {
            turns.take(move |taken| taken.push(n));
        }
        release.send(()).unwrap();
        first.join().unwrap();
        assert_eq!(turns.take_here(|taken| taken.clone()), [0, 1, 2, 3]);
    }

    #[test]
    fn every_turn_is_taken_however_many_come_at_once() {
        let turns = Turns::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        turns.take(|taken| *taken += 1);
                    }
                });
            }
        });
        assert_eq!(turns.take_here(|taken| *taken), 4000);
    }

    #[test]
    fn turns_go_on_after_one_that_has_panicked() {
        let turns = Turns::new(0);
        turns.take(|_| panic!("a bug"));
        turns.take(|taken| *taken += 1);
        assert_eq!(turns.take_here(|taken| *taken), 1);
    }
}
