//! Sees to it that what has been committed is on the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::writer::{Waiting, Writer, tell};
use crate::store::StoreError;

/// How long what has been written and nobody waits for waits for a commit.
const LONGEST_RIDE: Duration = Duration::from_millis(20);

/// Gets to the disk what was committed before it is called.
pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// What there is to do.
pub(super) enum Work {
    /// Get to the disk what has been committed, and tell those who wait for it.
    Sync(Vec<Waiting>),
    /// Since then something has been written that nobody waits for.
    Ride(Instant),
    /// Nothing more: nobody will ask any more.
    End,
}

/// What waits for the disk, on a thread of its own, so that steps go on meanwhile.
pub(super) struct Disk {
    sync: Sync,
    writer: Arc<Mutex<Writer>>,
    /// Since when somebody rides.
    rides: Option<Instant>,
    /// Whether the disk does what it is told.
    synced: Result<(), StoreError>,
}

impl Disk {
    pub(super) fn new(sync: Sync, writer: Arc<Mutex<Writer>>) -> Disk {
        Disk {
            sync,
            writer,
            rides: None,
            synced: Ok(()),
        }
    }

    /// Works until it is told to end.
    pub(super) fn serve(mut self, work: &Receiver<Work>) {
        loop {
            match self.next(work) {
                Some(Work::Sync(waiting)) => self.get_to_the_disk(waiting),
                Some(Work::Ride(since)) => _ = self.rides.get_or_insert(since),
                None => {
                    self.rides = None;
                    self.writer.blocking_lock().end_ride();
                }
                Some(Work::End) => return,
            }
        }
    }

    /// What there is to do next, or `None` when it is time for a commit.
    fn next(&self, work: &Receiver<Work>) -> Option<Work> {
        let Some(since) = self.rides else {
            return Some(work.recv().unwrap_or(Work::End));
        };
        match work.recv_timeout(LONGEST_RIDE.saturating_sub(since.elapsed())) {
            Ok(work) => Some(work),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Work::End),
        }
    }

    /// As long as somebody waits.
    fn get_to_the_disk(&mut self, first: Vec<Waiting>) {
        let mut next = Some(first);
        while let Some(waiting) = next {
            self.sync();
            next = self.writer.blocking_lock().synced(self.synced.clone());
            tell(waiting, &self.synced);
        }
        // Whoever has written meanwhile and waits for nothing.
        self.rides = Some(Instant::now());
    }

    fn sync(&mut self) {
        // A disk that has failed once may forget what it has failed to keep, and
        // then say that all is well.
        if self.synced.is_ok() {
            self.synced = (self.sync)().map_err(|error| {
                StoreError(format!(
                    "what was written cannot be got to the disk ({error}); restart the broker when the disk is well again"
                ))
            });
        }
    }
}
