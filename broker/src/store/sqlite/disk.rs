//! Sees to it that what has been committed is on the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::turns::Turns;
use super::writer::{Writer, tell};
use crate::store::StoreError;

/// How long what has been written and nobody waits for waits for a commit.
const LONGEST_RIDE: Duration = Duration::from_millis(20);

/// Gets to the disk what was committed before it is called.
pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// What there is to do.
pub(super) enum Work {
    /// Commit what is open, and if somebody waits for that, get it to the disk.
    Keep,
    /// Since then something has been written that nobody waits for.
    Ride(Instant),
    /// Nothing more: nobody will ask any more.
    End,
}

/// What waits for the disk, on a thread of its own, so that steps go on meanwhile.
pub(super) struct Disk {
    sync: Sync,
    writer: Arc<Turns<Writer>>,
    /// Since when somebody rides.
    rides: Option<Instant>,
    /// Whether the disk does what it is told.
    synced: Result<(), StoreError>,
}

impl Drop for Disk {
    fn drop(&mut self) {
        if thread::panicking() {
            self.writer.take(Writer::left_alone);
        }
    }
}

impl Disk {
    pub(super) fn new(sync: Sync, writer: Arc<Turns<Writer>>) -> Disk {
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
                Some(Work::Keep) | None => self.keep(),
                Some(Work::Ride(since)) => _ = self.rides.get_or_insert(since),
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

    /// Commits what is open, and gets it to the disk as long as somebody waits.
    fn keep(&mut self) {
        self.rides = None;
        let mut next = self.writer.take_here(Writer::commit);
        while let Some(waiting) = next {
            self.sync();
            let synced = self.synced.clone();
            next = self.writer.take_here(|writer| writer.synced(synced));
            tell(waiting, &self.synced);
            // Whoever has written meanwhile and waits for nothing.
            self.rides = Some(Instant::now());
        }
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
