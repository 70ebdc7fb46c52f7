//! The connection, and what has gone through it that is not on the disk yet.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::mpsc::Sender;
use std::time::Instant;

use rusqlite::Connection;
use serving::Id;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::disk::Work;
use super::tables::Tables;
use crate::decide::{Decision, Next, Stored};
use crate::store::{Decide, Durability, Key, StoreError, now};

/// How many pages the write-ahead log has before they are moved to where they
/// belong: as many as SQLite itself would wait for.
const LONGEST_LOG: i64 = 1000;

/// Room for one step in a transaction.
pub(super) type Place = OwnedSemaphorePermit;

/// Somebody who is told how a commit has ended.
pub(super) type Waiting = oneshot::Sender<Result<(), StoreError>>;

/// What takes steps, as many as there are places in one transaction.
pub(super) struct Writer {
    connection: Connection,
    largest_group: NonZeroUsize,
    disk: Sender<Work>,
    lost: UnboundedSender<Key>,
    group: Group,
    /// What the latest step on an instance has left as work that is under way, and
    /// the binding that it was about: what the step after the work will read.
    under_way: HashMap<Id, (Option<Id>, Stored)>,
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
    /// The places of the steps that have written.
    places: Vec<Place>,
    /// Who waits for the commit.
    waiting: Vec<Waiting>,
    /// What was told without waiting for the commit is about these.
    told: Vec<Key>,
}

/// What was found out, and when it may be told.
pub(super) struct Found<T> {
    result: Result<T, StoreError>,
    rests_on: Option<oneshot::Receiver<Result<(), StoreError>>>,
}

impl<T> Found<T> {
    /// What was found out, when all that it may rest on is on the disk.
    pub(super) async fn told(self) -> Result<T, StoreError> {
        let found = self.result?;
        match self.rests_on {
            Some(disk) => {
                let ended = |_| StoreError("its disk's thread has ended".to_owned());
                disk.await.map_err(ended)?.map(|()| found)
            }
            None => Ok(found),
        }
    }
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        largest_group: NonZeroUsize,
        disk: Sender<Work>,
        lost: UnboundedSender<Key>,
    ) -> Writer {
        connection.set_prepared_statement_cache_capacity(32);
        Writer {
            connection,
            largest_group,
            disk,
            lost,
            group: Group::default(),
            under_way: HashMap::new(),
            syncing: false,
            failed: None,
            broken: None,
        }
    }

    /// Takes a step. What a step that need not be durable is to tell as a success
    /// waits for nothing.
    pub(super) fn step(
        &mut self,
        place: Place,
        key: Key,
        durability: Durability,
        decide: Decide,
    ) -> Found<Next> {
        let result = self.take(place, &key, decide);
        let rides = |next: &Next| durability == Durability::Recoverable && next.tells_success();
        let found = match result {
            Ok(next) if rides(&next) => {
                self.group.told.push(key);
                Found {
                    result: Ok(next),
                    rests_on: None,
                }
            }
            result => self.found(result),
        };
        self.go_on();
        found
    }

    pub(super) fn look(&mut self, key: &Key) -> Found<Stored> {
        let result = self.read(|tables| tables.read(key));
        let found = self.found(result);
        self.go_on();
        found
    }

    pub(super) fn in_progress(&mut self) -> Result<Vec<Key>, StoreError> {
        self.read(|tables| tables.in_progress())
    }

    pub(super) fn forget_gone(&mut self, place: Place, before: u64) -> Result<bool, StoreError> {
        self.under_way.clear();
        let more = self.write(place, |tables| tables.forget_gone(before));
        self.go_on();
        more
    }

    /// Whether it can be written to, as far as is known. After a commit that
    /// failed, this is tried, if there is a place for it.
    pub(super) fn ready(&mut self, place: Option<Place>) -> Result<(), StoreError> {
        self.read(|_| Ok(()))?;
        if let Some(place) = place
            && self.failed.is_some()
            && !self.syncing
        {
            self.write(place, |tables| tables.touch())?;
            let waiting = self.commit();
            self.hand_on(waiting);
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Takes up that the disk has got, or not, what it was last asked to keep.
    /// Gives who waits for what it is to keep next.
    pub(super) fn synced(&mut self, result: Result<(), StoreError>) -> Option<Vec<Waiting>> {
        self.syncing = false;
        self.broken = result.err();
        let waiting = match self.is_due() {
            true => self.commit(),
            false => None,
        };
        self.tidy_log();
        waiting
    }

    /// Commits what is open and nobody waits for. While the disk is at work, nothing
    /// is: that is committed afterwards.
    pub(super) fn end_ride(&mut self) {
        if !self.syncing {
            let waiting = self.commit();
            self.hand_on(waiting);
            self.tidy_log();
        }
    }

    fn found<T>(&mut self, result: Result<T, StoreError>) -> Found<T> {
        let has_to_wait = result.is_ok() && (self.syncing || !self.group.places.is_empty());
        let rests_on = has_to_wait.then(|| {
            let (waiting, told) = oneshot::channel();
            self.group.waiting.push(waiting);
            told
        });
        Found { result, rests_on }
    }

    /// Sees to it that what is open is committed in time.
    fn go_on(&mut self) {
        if self.syncing {
            // Who waits for the disk commits what is open then.
            return;
        }
        if self.is_due() {
            let waiting = self.commit();
            self.hand_on(waiting);
        } else if self.group.places.len() == 1 {
            self.tell_disk(Work::Ride(Instant::now()));
        }
    }

    fn is_due(&self) -> bool {
        !self.group.waiting.is_empty() || self.group.places.len() >= self.largest_group.get()
    }

    fn hand_on(&self, waiting: Option<Vec<Waiting>>) {
        if let Some(waiting) = waiting {
            self.tell_disk(Work::Sync(waiting));
        }
    }

    fn tell_disk(&self, work: Work) {
        // Its thread lives as long as we do.
        let _ = self.disk.send(work);
    }

    fn take(&mut self, place: Place, key: &Key, decide: Decide) -> Result<Next, StoreError> {
        let left = self.under_way.remove(&key.instance);
        let before = match left.filter(|(binding, _)| *binding == key.binding) {
            Some((_, stored)) => self.read(|_| Ok(stored))?,
            None => self.read(|tables| tables.read(key))?,
        };
        let decision = decide(before.clone());
        let changes = decision.instance != before.instance
            || decision.drop_bindings
            || decision.binding != before.binding;
        if changes {
            self.write(place, |tables| write(tables, key, &before, &decision))?;
        }
        if matches!(decision.next, Next::Work(_)) && !decision.drop_bindings {
            let stored = Stored {
                instance: decision.instance,
                binding: decision.binding,
                bindings_in_progress: before.bindings_in_progress,
            };
            let left = (key.binding.clone(), stored);
            self.under_way.insert(key.instance.clone(), left);
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
        let is_undone = !self.group.places.is_empty() && self.connection.is_autocommit();
        read.map_err(|error| match is_undone {
            true => self.abandon(error),
            false => error,
        })
    }

    /// Writes into the open transaction. Where that fails, nothing is left of
    /// the transaction: SQLite may have undone it by itself.
    fn write<T>(
        &mut self,
        place: Place,
        write: impl FnOnce(&Tables<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let begun = match self.group.places.is_empty() {
            true => self.run("BEGIN"),
            false => Ok(()),
        };
        let written = begun.and_then(|()| write(&Tables(&self.connection)));
        self.group.places.push(place);
        written.map_err(|error| self.abandon(failed(error)))
    }

    /// Commits what is open. Gives who waits for the disk to get it; from then on
    /// the disk counts as at work.
    fn commit(&mut self) -> Option<Vec<Waiting>> {
        if !self.group.places.is_empty() {
            if let Err(error) = self.run("COMMIT") {
                self.abandon(failed(error));
                return None;
            }
            self.failed = None;
        }
        let group = std::mem::take(&mut self.group);
        match &self.broken {
            Some(error) => tell(group.waiting, &Err(error.clone())),
            // What they have read is on the disk.
            None if group.places.is_empty() => tell(group.waiting, &Ok(())),
            None if group.waiting.is_empty() => {}
            None => {
                self.syncing = true;
                return Some(group.waiting);
            }
        }
        None
    }

    /// Undoes what is open, and tells those about it who wait for it or have
    /// been told otherwise. Gives the error back.
    fn abandon(&mut self, error: StoreError) -> StoreError {
        if !self.connection.is_autocommit() {
            // If even this fails, so will the next step.
            let _ = self.run("ROLLBACK");
        }
        self.under_way.clear();
        let group = std::mem::take(&mut self.group);
        tell(group.waiting, &Err(error.clone()));
        for key in group.told {
            // Nobody listens any more when the broker ends.
            let _ = self.lost.send(key);
        }
        self.failed = Some(error.clone());
        error
    }

    /// Moves what is in a long write-ahead log to where it belongs, so that the
    /// log begins anew. That takes as long as the disk does.
    fn tidy_log(&self) {
        // In the middle of a transaction it cannot be done.
        if !self.group.places.is_empty() {
            return;
        }
        let pages = self.checkpoint("PRAGMA wal_checkpoint(NOOP)");
        if pages.is_ok_and(|pages| pages >= LONGEST_LOG) {
            // If it fails, the log grows, until a commit fails and tells it.
            let _ = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)");
            // The first commit in a log that begins anew waits for the disk, too.
            let _ = Tables(&self.connection).touch();
        }
    }

    /// Does this to the write-ahead log, and gives how many pages it has.
    fn checkpoint(&self, sql: &str) -> rusqlite::Result<i64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row([], |row| row.get(1))
    }

    /// Runs a statement that is run again and again.
    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.group.places.is_empty() {
            // Nobody is left who could be told of a failure; recovery will find it.
            let _ = self.run("COMMIT");
        }
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

/// Tells those who wait how it has ended.
pub(super) fn tell(waiting: Vec<Waiting>, result: &Result<(), StoreError>) {
    for told in waiting {
        // Somebody who has gone away needs no answer.
        let _ = told.send(result.clone());
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}
