//! A store in one SQLite file.
//!
//! One thread owns the connection and takes steps in the order in which they
//! come. Those that wait together are committed together, so that durability
//! costs one write to the disk for all of them. Steps that need not be durable
//! ride along with the next commit.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::tables::Tables;
use super::{Decide, Durability, Key, Stepping, Store, StoreError};
use crate::decide::{Decision, Next, Stored};

/// How long steps that need not be durable wait for one that must be.
const LONGEST_RIDE: Duration = Duration::from_millis(20);

/// How long the state of the last operation on something that is gone is kept.
const MEMORY_OF_THE_GONE: Duration = Duration::from_secs(3600);

/// The version of the tables that this broker writes.
const TABLES_VERSION: i32 = 1;

/// Tells our files from other databases: "ECHO".
const APPLICATION_ID: i32 = 0x4543_484F;

/// A store in one SQLite file, which no other process can use meanwhile.
///
/// When it is dropped, everything is committed and the file is closed.
pub struct Sqlite {
    /// There until it is dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // If it has panicked, it has said so.
            let _ = thread.join();
        }
    }
}

/// Why a file cannot be the store, in words for an operator. The file is left
/// as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another broker; give this one a file of its own by --store", .0.display())]
    InUse(PathBuf),
    /// It is no database, or a damaged one.
    #[error("{} is no database of a broker, or is damaged ({why}); move it away or restore it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// A newer broker has written it.
    #[error("{} was written by a newer broker (tables {found}, this one knows {TABLES_VERSION}); use that one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i32,
    },
    /// It cannot be opened.
    #[error("cannot open {}: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

/// What the thread is asked.
enum Job {
    Step {
        key: Key,
        durability: Durability,
        decide: Decide,
        answer: oneshot::Sender<Result<Next, StoreError>>,
    },
    Look {
        key: Key,
        answer: oneshot::Sender<Result<Stored, StoreError>>,
    },
    InProgress {
        answer: oneshot::Sender<Result<Vec<Key>, StoreError>>,
    },
}

impl Sqlite {
    /// How many steps are committed together at most, unless told otherwise.
    pub const LARGEST_GROUP: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

    /// Opens the store in the file at `path`, or makes one there. At most
    /// `largest_group` steps are committed together.
    pub fn open(path: &Path, largest_group: NonZeroUsize) -> Result<Sqlite, OpenError> {
        let connection = connect(path)?;
        let (jobs, work) = channel();
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || Worker::new(connection).serve(&work, largest_group))
            .map_err(|error| OpenError::Unusable {
                path: path.to_owned(),
                why: error.to_string(),
            })?;
        Ok(Sqlite {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    fn ask<'a, T: Send + 'a>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Stepping<'a, T> {
        let (sender, answer) = oneshot::channel();
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(job(sender)));
        Box::pin(async move {
            let ended = || StoreError("its thread has ended".to_owned());
            match sent {
                Some(Ok(())) => answer.await.map_err(|_| ended())?,
                _ => Err(ended()),
            }
        })
    }
}

impl Store for Sqlite {
    fn step<'a>(&'a self, key: Key, durability: Durability, decide: Decide) -> Stepping<'a, Next> {
        self.ask(|answer| Job::Step {
            key,
            durability,
            decide,
            answer,
        })
    }

    fn look<'a>(&'a self, key: Key) -> Stepping<'a, Stored> {
        self.ask(|answer| Job::Look { key, answer })
    }

    fn in_progress<'a>(&'a self) -> Stepping<'a, Vec<Key>> {
        self.ask(|answer| Job::InProgress { answer })
    }
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let refused = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::InUse(path.to_owned())
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Damaged {
            path: path.to_owned(),
            why: error.to_string(),
        },
        _ => OpenError::Unusable {
            path: path.to_owned(),
            why: error.to_string(),
        },
    };
    let connection = Connection::open(path).map_err(refused)?;
    prepare(&connection, path).map_err(|error| match error {
        Refused::Sqlite(error) => refused(error),
        Refused::Open(error) => error,
    })?;
    Ok(connection)
}

enum Refused {
    Sqlite(rusqlite::Error),
    Open(OpenError),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Refused::Sqlite(error)
    }
}

/// Checks that the file is ours, takes it for this process alone, and brings
/// its tables up to date.
fn prepare(connection: &Connection, path: &Path) -> Result<(), Refused> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    let (application, version) = (number("application_id")?, number("user_version")?);
    if tables > 0 && application != APPLICATION_ID {
        return Err(Refused::Open(OpenError::Damaged {
            path: path.to_owned(),
            why: "it holds other tables".to_owned(),
        }));
    }
    if version > TABLES_VERSION {
        return Err(Refused::Open(OpenError::Newer {
            path: path.to_owned(),
            found: version,
        }));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The lock is kept from the first write on.
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    if version < TABLES_VERSION {
        connection.execute_batch(Tables::MAKE)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", TABLES_VERSION)?;
    }
    let long_ago = now().saturating_sub(MEMORY_OF_THE_GONE.as_secs());
    Tables(connection).forget_gone(long_ago)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The thread that owns the connection.
struct Worker {
    connection: Connection,
    /// How many steps have been written that are not committed yet.
    written: usize,
    /// Who waits for the commit, with what they are told then.
    waiting: Vec<(oneshot::Sender<Result<Next, StoreError>>, Next)>,
}

impl Worker {
    fn new(connection: Connection) -> Worker {
        connection.set_prepared_statement_cache_capacity(32);
        Worker {
            connection,
            written: 0,
            waiting: Vec::new(),
        }
    }

    /// Serves until nobody can ask any more.
    fn serve(mut self, jobs: &Receiver<Job>, largest_group: NonZeroUsize) {
        loop {
            let first = match self.written > 0 {
                true => match jobs.recv_timeout(LONGEST_RIDE) {
                    Ok(job) => Some(job),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                },
                false => match jobs.recv() {
                    Ok(job) => Some(job),
                    Err(_) => break,
                },
            };
            let Some(first) = first else {
                self.commit();
                continue;
            };
            self.take(first);
            for _ in self.written.max(1)..largest_group.get() {
                match jobs.try_recv() {
                    Ok(job) => self.take(job),
                    Err(_) => break,
                }
            }
            if !self.waiting.is_empty() || self.written >= largest_group.get() {
                self.commit();
            }
        }
        self.commit();
    }

    fn take(&mut self, job: Job) {
        // Somebody who has gone away needs no answer.
        match job {
            Job::Look { key, answer } => {
                let _ = answer.send(Tables(&self.connection).read(&key).map_err(failed));
            }
            Job::InProgress { answer } => {
                let _ = answer.send(Tables(&self.connection).in_progress().map_err(failed));
            }
            Job::Step {
                key,
                durability,
                decide,
                answer,
            } => match (self.step(&key, decide), durability) {
                (Ok(next), Durability::Durable) => self.waiting.push((answer, next)),
                (Ok(next), Durability::Recoverable) => {
                    let _ = answer.send(Ok(next));
                }
                (Err(error), _) => {
                    let _ = answer.send(Err(error));
                }
            },
        }
    }

    fn step(&mut self, key: &Key, mut decide: Decide) -> Result<Next, StoreError> {
        let tables = Tables(&self.connection);
        let before = tables.read(key).map_err(failed)?;
        let decision = decide(before.clone());
        let writes = [
            decision.instance != before.instance,
            decision.drop_bindings,
            decision.binding != before.binding,
        ];
        let writes = writes.into_iter().filter(|writes| *writes).count();
        if writes > 0 && self.written == 0 {
            self.run("BEGIN").map_err(failed)?;
        }
        if writes > 0 {
            self.written += 1;
        }
        let write = || write(&Tables(&self.connection), key, &before, &decision);
        match writes {
            0 | 1 => write().map_err(failed)?,
            _ => self.wholly(write).map_err(failed)?,
        }
        Ok(decision.next)
    }

    /// Does several writes, of which nothing is left where one of them fails.
    fn wholly(&self, write: impl FnOnce() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
        self.run("SAVEPOINT step")?;
        let written = write();
        if written.is_err() {
            self.run("ROLLBACK TO step")?;
        }
        self.run("RELEASE step")?;
        written
    }

    /// Runs a statement that is run again and again.
    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Commits what is open, and tells everybody who waits for it.
    fn commit(&mut self) {
        let result = match self.written {
            0 => Ok(()),
            _ => self.run("COMMIT").map_err(failed),
        };
        if result.is_err() && !self.connection.is_autocommit() {
            // What cannot be committed must not stay open for ever; if even
            // this fails, so will the next step.
            let _ = self.run("ROLLBACK");
        }
        self.written = 0;
        for (answer, next) in self.waiting.drain(..) {
            let told = result.clone().map(|()| next);
            // Somebody who has gone away needs no answer.
            let _ = answer.send(told);
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

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}
