//! The file: whose it is, whether it is whole, and what it is set to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::tables::Tables;

/// The version of the tables that this broker writes.
const TABLES_VERSION: i32 = 1;

/// Tells our files from other databases: "ECHO".
const APPLICATION_ID: i32 = 0x4543_484F;

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

impl OpenError {
    fn of(error: &rusqlite::Error, path: &Path) -> OpenError {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse(path),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                OpenError::Damaged { path, why }
            }
            _ => OpenError::Unusable { path, why },
        }
    }

    pub(super) fn unusable(path: &Path, why: impl std::fmt::Display) -> OpenError {
        OpenError::Unusable {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

/// A connection to the store in the file at `path`, which is made if it is not
/// there, and is this process's alone.
pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    // Without the flag that makes a URI of a name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags);
    let connection = connection.map_err(|error| OpenError::of(&error, path))?;
    prepare(&connection, path).map_err(|error| match error {
        Refused::Sqlite(error) => OpenError::of(&error, path),
        Refused::Open(error) => error,
    })?;
    Ok(connection)
}

/// The file in which SQLite keeps what has been committed until it has a place
/// in the file itself.
pub(super) fn write_ahead_log(path: &Path) -> std::io::Result<PathBuf> {
    // SQLite follows links; the name is the one that it comes to.
    let mut log = path.canonicalize()?.into_os_string();
    log.push("-wal");
    Ok(log.into())
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
    let damaged = |why: String| {
        let path = path.to_owned();
        Refused::Open(OpenError::Damaged { path, why })
    };
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    let (application, version) = (number("application_id")?, number("user_version")?);
    if tables > 0 && application != APPLICATION_ID {
        return Err(damaged("it holds other tables".to_owned()));
    }
    if version > TABLES_VERSION {
        return Err(Refused::Open(OpenError::Newer {
            path: path.to_owned(),
            found: version,
        }));
    }
    let state: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if state != "ok" {
        return Err(damaged(state));
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let why = "there is no write-ahead log on this file system";
        return Err(Refused::Open(OpenError::unusable(path, why)));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The lock is kept from the first write on.
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    if version < TABLES_VERSION {
        connection.execute_batch(Tables::MAKE)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", TABLES_VERSION)?;
    }
    connection.execute_batch("COMMIT")?;
    // Where the system tells what has left it from what is on the disk, SQLite has
    // to ask for the latter before it writes over what we have synced.
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // From now on SQLite syncs the write-ahead log only where it has to before
    // it moves things on; that a commit is on the disk is our own care.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // When that is, we say, for it takes as long as the disk does.
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))?;
    Ok(())
}
