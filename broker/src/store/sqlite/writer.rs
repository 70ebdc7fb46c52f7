//! The connection, and what has gone through it that is not on the disk yet.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::mpsc::Sender;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::disk::Work;
use super::recent::Recent;
use super::tables::Tables;
use crate::decide::{Decision, Next, Stored};
use crate::store::{Decide, Durability, Key, Lost, StoreError, now};

/// How many pages the write-ahead log has before they are moved to where they
/// belong: as many as SQLite itself would wait for.
const LONGEST_LOG: i64 = 1000;

/// Room for one step in a transaction.
pub(super) type Place = OwnedSemaphorePermit;

/// Who is told the result of what he asked for. If he has gone away, he needs none.
pub(super) type Told<T> = oneshot::Sender<Result<T, StoreError>>;

/// Somebody who is told how a commit has ended.
pub(super) type Waiting = Box<dyn FnOnce(&Result<(), StoreError>) + Send>;

/// What takes steps, as many as there are places in one transaction.
pub(super) struct Writer {
    connection: Connection,
    largest_group: NonZeroUsize,
    disk: Sender<Work>,
    lost: Lost,
    group: Group,
    recent: Recent,
    /// How many bytes the step that is being taken has read and written.
    bytes: Cell<usize>,
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

impl Writer {
    pub(super) fn new(
        connection: Connection,
        largest_group: NonZeroUsize,
        disk: Sender<Work>,
        lost: Lost,
    ) -> Writer {
        connection.set_prepared_statement_cache_capacity(32);
        Writer {
            connection,
            largest_group,
            disk,
            lost,
            group: Group::default(),
            recent: Recent::default(),
            bytes: Cell::default(),
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
        told: Told<Next>,
    ) {
        let result = self.take(place, &key, decide);
        let rides = |next: &Next| durability == Durability::Recoverable && next.tells_success();
        if result.as_ref().is_ok_and(rides) {
            // Where nothing is open, nothing can get lost.
            if !self.group.places.is_empty() {
                self.group.told.push(key);
            }
            let _ = told.send(result);
        } else {
            self.tell_when_sure(result, told);
        }
        self.go_on();
    }

    pub(super) fn look(&mut self, key: &Key, told: Told<Stored>) {
        let result = self.read(|tables| tables.read(key));
        self.tell_when_sure(result, told);
        self.go_on();
    }

    pub(super) fn in_progress(&mut self) -> Result<Vec<Key>, StoreError> {
        self.read(|tables| tables.in_progress())
    }

    pub(super) fn forget_gone(&mut self, place: Place, before: u64) -> Result<bool, StoreError> {
        self.sound()?;
        self.recent.forget();
        let more = self.write(place, |tables| tables.forget_gone(before));
        self.go_on();
        more
    }

    /// Whether it can be written to, as far as is known. After a commit that
    /// failed, this is tried, if there is a place for it.
    pub(super) fn ready(&mut self, place: Option<Place>, told: Told<()>) {
        let known = self.sound();
        match place {
            Some(place) if known.is_ok() && self.failed.is_some() && !self.syncing => {
                let tried = self.write(place, |tables| tables.touch());
                self.tell_when_sure(tried, told);
                self.go_on();
            }
            _ => {
                let committed = self.failed.clone().map_or(Ok(()), Err);
                let _ = told.send(known.and(committed));
            }
        }
    }

    /// Takes up that the disk has got, or not, what it was last asked to keep, and
    /// commits what is due. Gives who waits for that.
    pub(super) fn synced(&mut self, result: Result<(), StoreError>) -> Option<Vec<Waiting>> {
        self.syncing = false;
        self.broken = result.err();
        match self.is_due() {
            true => self.commit(),
            false => None,
        }
    }

    /// Commits what is open, if anything is. Gives who waits for the disk to get it;
    /// until it has, or not, the disk counts as at work.
    pub(super) fn commit(&mut self) -> Option<Vec<Waiting>> {
        let waiting = self.end_group();
        self.syncing = waiting.is_some();
        self.tidy_log();
        waiting
    }

    /// Takes up that the disk's thread has ended before its time.
    pub(super) fn left_alone(&mut self) {
        let error = StoreError("its disk's thread has ended; restart the broker".to_owned());
        self.syncing = false;
        self.broken = Some(error.clone());
        self.abandon(error);
    }

    /// Tells a result when all that it may rest on is on the disk, or has been told
    /// as a success that recovery reaches again.
    fn tell_when_sure<T: Send + 'static>(&mut self, result: Result<T, StoreError>, told: Told<T>) {
        match result {
            Ok(found) if self.syncing || !self.group.places.is_empty() => {
                self.group.waiting.push(Box::new(|ended| {
                    let _ = told.send(ended.clone().map(|()| found));
                }));
            }
            result => _ = told.send(result),
        }
    }

    /// Sees to it that what is open is committed in time.
    fn go_on(&mut self) {
        if self.syncing {
            // Who waits for the disk commits what is open then.
            return;
        }
        if self.is_due() {
            self.syncing = true;
            self.tell_disk(Work::Keep);
        } else if self.group.places.len() == 1 {
            self.tell_disk(Work::Ride(Instant::now()));
        }
    }

    fn is_due(&self) -> bool {
        !self.group.waiting.is_empty() || self.group.places.len() >= self.largest_group.get()
    }

    fn tell_disk(&self, work: Work) {
        // If its thread has ended before its time, nothing is told any more.
        let _ = self.disk.send(work);
    }

    fn take(&mut self, place: Place, key: &Key, decide: Decide) -> Result<Next, StoreError> {
        self.sound()?;
        // Of this step alone.
        self.bytes.set(0);
        let before = match self.recent.get(key) {
            Some(stored) => stored,
            None => self.read(|tables| tables.read(key))?,
        };
        let decision = decide(before.clone());
        let changes = decision.instance != before.instance
            || decision.drop_bindings
            || decision.binding != before.binding;
        if changes {
            self.write(place, |tables| write(tables, key, &before, &decision))?;
        }
        let bytes = self.bytes.get();
        Ok(self.recent.put(key, &before, decision, bytes))
    }

    /// Fails once nothing can be relied on any more.
    fn sound(&self) -> Result<(), StoreError> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn tables(&self) -> Tables<'_> {
        Tables {
            connection: &self.connection,
            bytes: &self.bytes,
        }
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&Tables<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.sound()?;
        let read = read(&self.tables()).map_err(failed);
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
        let written = begun.and_then(|()| write(&self.tables()));
        self.group.places.push(place);
        written.map_err(|error| self.abandon(failed(error)))
    }

    /// Commits what is open. Gives who waits for the disk to get it.
    fn end_group(&mut self) -> Option<Vec<Waiting>> {
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
            // What they have read is on the disk, or recovery reaches it again.
            None if group.places.is_empty() => tell(group.waiting, &Ok(())),
            None if group.waiting.is_empty() => {}
            None => return Some(group.waiting),
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
        self.recent.forget();
        self.failed = Some(error.clone());
        let group = std::mem::take(&mut self.group);
        tell(group.waiting, &Err(error.clone()));
        for key in group.told {
            (self.lost)(key);
        }
        error
    }

    /// Moves what is in a long write-ahead log to where it belongs, so that the
    /// log begins anew. That takes as long as the disk does.
    fn tidy_log(&self) {
        let pages = self.checkpoint("PRAGMA wal_checkpoint(NOOP)");
        if pages.is_ok_and(|pages| pages >= LONGEST_LOG) {
            // If it fails, the log grows, until a commit fails and tells it.
            let _ = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)");
            // The first commit in a log that begins anew waits for the disk, too.
            let _ = self.tables().touch();
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
        Some(id) if decision.drop_bindings || decision.binding != before.binding => {
            tables.write_binding(&key.instance, id, decision.binding.as_ref(), now())
        }
        _ => Ok(()),
    }
}

/// Tells those who wait how it has ended.
pub(super) fn tell(waiting: Vec<Waiting>, result: &Result<(), StoreError>) {
    for told in waiting {
        told(result);
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}
