//! Sees to it that what has been committed is on the disk.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::Job;
use crate::store::StoreError;

/// Gets to the disk what was committed before it is called.
pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// Tells somebody who waits for a commit how it has ended.
pub(super) type Waiting = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The thread that waits for the disk, so that the one that owns the connection
/// goes on meanwhile.
pub(super) struct Disk {
    /// There until it is dropped.
    batches: Option<Sender<Vec<Waiting>>>,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// The worker is told of each batch by a [`Job::Synced`].
    pub(super) fn start(sync: Sync, worker: Sender<Job>) -> io::Result<Disk> {
        let (batches, work) = channel();
        let thread = thread::Builder::new()
            .name("store-disk".to_owned())
            .spawn(move || serve(&work, sync, &worker))?;
        Ok(Disk {
            batches: Some(batches),
            thread: Some(thread),
        })
    }

    /// Has everything committed so far synced, and those told who wait for it.
    pub(super) fn sync(&self, waiting: Vec<Waiting>) {
        if let Some(batches) = &self.batches {
            // The thread lives as long as we do.
            let _ = batches.send(waiting);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // If it has panicked, it has said so.
            let _ = thread.join();
        }
    }
}

fn serve(batches: &Receiver<Vec<Waiting>>, mut sync: Sync, worker: &Sender<Job>) {
    let mut synced = Ok(());
    while let Ok(waiting) = batches.recv() {
        // A disk that has failed once may forget what it has failed to keep, and
        // then say that all is well.
        synced = synced.and_then(|()| {
            sync().map_err(|error| {
                StoreError(format!(
                    "what was written cannot be got to the disk ({error}); restart the broker when the disk is well again"
                ))
            })
        });
        // The worker first: it has work to do while the others are told.
        let _ = worker.send(Job::Synced(synced.clone()));
        tell(waiting, &synced);
    }
}

/// Tells those who wait how it has ended.
pub(super) fn tell(waiting: Vec<Waiting>, result: &Result<(), StoreError>) {
    for told in waiting {
        told(result.clone());
    }
}
