//! The thread that owns the connection.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::Job;
use super::disk::{Disk, Waiting, tell};
use super::tables::Tables;
use crate::decide::{Decision, Next, Stored};
use crate::store::{Decide, Durability, Key, StoreError, now};

/// How long what has been written and nobody waits for waits for a commit.
const LONGEST_RIDE: Duration = Duration::from_millis(20);

/// Takes the jobs in the order in which they come, those that wait together in
/// one transaction.
pub(super) struct Worker {
    // Before the connection: SQLite removes the file that the disk has open.
    disk: Disk,
    connection: Connection,
    largest_group: NonZeroUsize,
    lost: UnboundedSender<Key>,
    group: Group,
    /// Whether the disk is at work.
    syncing: bool,
    /// Why the last commit failed, if it did.
    failed: Option<StoreError>,
    /// Why nothing can be relied on any more, once the disk has failed: what it
    /// was to keep may be gone, and it would not say so again.
    broken: Option<StoreError>,
}

/// What is in the open transaction.
#[derive(Default)]
struct Group {
    /// How many steps have written.
    written: usize,
    /// When the first of them did.
    since: Option<Instant>,
    /// Who waits for the commit.
    waiting: Vec<Waiting>,
    /// What was told without waiting for the commit is about these.
    told: Vec<Key>,
}

impl Worker {
    pub(super) fn new(
        connection: Connection,
        disk: Disk,
        largest_group: NonZeroUsize,
        lost: UnboundedSender<Key>,
    ) -> Worker {
        connection.set_prepared_statement_cache_capacity(32);
        Worker {
            disk,
            connection,
            largest_group,
            lost,
            group: Group::default(),
            syncing: false,
            failed: None,
            broken: None,
        }
    }

    /// Serves until it is told to end.
    pub(super) fn serve(mut self, jobs: &Receiver<Job>) {
        // Jobs that the open transaction has no room for.
        let mut backlog = VecDeque::new();
        loop {
            let Some(first) = self.wait(jobs) else {
                self.commit();
                continue;
            };
            let group = self.largest_group.get();
            for job in [first].into_iter().chain(jobs.try_iter().take(group)) {
                match job {
                    Job::Synced(result) => {
                        self.syncing = false;
                        self.broken = result.err();
                    }
                    job => backlog.push_back(job),
                }
            }
            loop {
                while self.group.written < group {
                    match backlog.pop_front() {
                        Some(Job::End) => return self.commit(),
                        Some(job) => self.take(job),
                        None => break,
                    }
                }
                let is_old = |since: Instant| since.elapsed() >= LONGEST_RIDE;
                let is_due = !self.group.waiting.is_empty()
                    || self.group.written >= group
                    || self.group.since.is_some_and(is_old);
                if self.syncing || !is_due {
                    break;
                }
                self.commit();
            }
        }
    }

    /// The next job, or `None` when it is time for a commit.
    fn wait(&self, jobs: &Receiver<Job>) -> Option<Job> {
        // As long as this worker lives, its disk can send to it.
        let ended = Job::End;
        let since = self.group.since.filter(|_| !self.syncing);
        let Some(since) = since else {
            return Some(jobs.recv().unwrap_or(ended));
        };
        match jobs.recv_timeout(LONGEST_RIDE.saturating_sub(since.elapsed())) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(ended),
        }
    }

    fn take(&mut self, job: Job) {
        // Somebody who has gone away needs no answer.
        match job {
            Job::Look { key, answer } => {
                let found = self.read(|tables| tables.read(&key));
                self.tell_later(answer, found);
            }
            Job::InProgress { answer } => {
                let _ = answer.send(self.read(|tables| tables.in_progress()));
            }
            Job::Ready { answer } => {
                let _ = answer.send(self.ready());
            }
            Job::Forget { before, answer } => {
                let _ = answer.send(self.write(|tables| tables.forget_gone(before)));
            }
            Job::Step {
                key,
                durability,
                decide,
                answer,
            } => match self.step(&key, decide) {
                Ok(next) if durability == Durability::Recoverable && next.tells_success() => {
                    self.group.told.push(key);
                    let _ = answer.send(Ok(next));
                }
                next => self.tell_later(answer, next),
            },
            // Both are looked at where they come in.
            Job::Synced(_) | Job::End => {}
        }
    }

    /// Tells what was found out when all that it may rest on is on the disk.
    fn tell_later<T: Send + 'static>(
        &mut self,
        answer: oneshot::Sender<Result<T, StoreError>>,
        found: Result<T, StoreError>,
    ) {
        // Somebody who has gone away needs no answer.
        match found {
            Ok(found) if self.syncing || self.group.written > 0 => {
                self.group.waiting.push(Box::new(move |result| {
                    let _ = answer.send(result.map(|()| found));
                }));
            }
            found => _ = answer.send(found),
        }
    }

    fn step(&mut self, key: &Key, decide: Decide) -> Result<Next, StoreError> {
        let before = self.read(|tables| tables.read(key))?;
        let decision = decide(before.clone());
        let changes = decision.instance != before.instance
            || decision.drop_bindings
            || decision.binding != before.binding;
        if changes {
            self.write(|tables| write(tables, key, &before, &decision))?;
        }
        Ok(decision.next)
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&Tables<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let read = read(&Tables(&self.connection)).map_err(failed);
        // Some errors end the transaction even where nothing was to be written.
        let is_undone = self.group.written > 0 && self.connection.is_autocommit();
        read.map_err(|error| match is_undone {
            true => self.abandon(error),
            false => error,
        })
    }

    /// Writes into the open transaction. Where that fails, nothing is left of
    /// the transaction: SQLite may have undone it by itself.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&Tables<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let begun = match self.group.written {
            0 => self.run("BEGIN"),
            _ => Ok(()),
        };
        let written = begun.and_then(|()| write(&Tables(&self.connection)));
        self.group.written += 1;
        self.group.since.get_or_insert_with(Instant::now);
        written.map_err(|error| self.abandon(failed(error)))
    }

    /// Whether it can be written to, as far as is known. After a commit that
    /// failed, this is tried.
    fn ready(&mut self) -> Result<(), StoreError> {
        self.read(|_| Ok(()))?;
        if self.failed.is_some() && !self.syncing {
            self.write(|tables| tables.touch())?;
            self.commit();
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Commits what is open, and has those told who wait for it.
    fn commit(&mut self) {
        if self.group.written > 0 {
            if let Err(error) = self.run("COMMIT") {
                self.abandon(failed(error));
                return;
            }
            self.failed = None;
        }
        let group = std::mem::take(&mut self.group);
        if group.waiting.is_empty() {
            return;
        }
        if group.written > 0 || self.syncing {
            self.syncing = true;
            self.disk.sync(group.waiting);
        } else {
            // What they have read is on the disk, unless that has failed.
            tell(group.waiting, &self.broken.clone().map_or(Ok(()), Err));
        }
    }

    /// Undoes what is open, and tells those about it who wait for it or have
    /// been told otherwise. Gives the error back.
    fn abandon(&mut self, error: StoreError) -> StoreError {
        if !self.connection.is_autocommit() {
            // If even this fails, so will the next step.
            let _ = self.run("ROLLBACK");
        }
        let group = std::mem::take(&mut self.group);
        tell(group.waiting, &Err(error.clone()));
        for key in group.told {
            // Nobody listens any more when the broker ends.
            let _ = self.lost.send(key);
        }
        self.failed = Some(error.clone());
        error
    }

    /// Runs a statement that is run again and again.
    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

fn write(
    tables: &Tables<'_>,
    key: &Key,
    before: &Stored,
    decision: &Decision,
) -> rusqlite::Result<()> {
    if decision.instance != before.instance {
        tables.write_instance(&key.instance, decision.instance.as_ref(), now())?;
    }
    if decision.drop_bindings {
        tables.drop_bindings(&key.instance)?;
    }
    match &key.binding {
        Some(id) if decision.binding != before.binding => {
            tables.write_binding(&key.instance, id, decision.binding.as_ref(), now())
        }
        _ => Ok(()),
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}
