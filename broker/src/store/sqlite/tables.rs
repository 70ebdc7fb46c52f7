//! The tables of the SQLite store, and all SQL on them.

use std::cell::Cell;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use serving::Id;

use crate::decide::Stored;
use crate::instance::{Binding, Instance, Phase};
use crate::store::Key;

/// How much is forgotten at once, so that nobody waits long behind it.
const FORGOTTEN_AT_ONCE: u16 = 500;

/// The tables, through a connection.
pub(super) struct Tables<'a> {
    pub(super) connection: &'a Connection,
    /// Counts the bytes of what is read and written.
    pub(super) bytes: &'a Cell<usize>,
}

impl Tables<'_> {
    /// Makes the tables of an empty file. `gone_at` is when something ceased to
    /// exist, in seconds since 1970.
    pub(super) const MAKE: &'static str = "
        CREATE TABLE instances (
            id TEXT PRIMARY KEY,
            in_progress INTEGER NOT NULL,
            gone_at INTEGER,
            body TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE bindings (
            instance TEXT NOT NULL,
            id TEXT NOT NULL,
            in_progress INTEGER NOT NULL,
            gone_at INTEGER,
            body TEXT NOT NULL,
            PRIMARY KEY (instance, id)
        ) WITHOUT ROWID;
        CREATE INDEX instances_in_progress ON instances (id) WHERE in_progress;
        CREATE INDEX bindings_in_progress ON bindings (instance, id) WHERE in_progress;
        CREATE INDEX instances_gone ON instances (gone_at) WHERE gone_at IS NOT NULL;
        CREATE INDEX bindings_gone ON bindings (gone_at) WHERE gone_at IS NOT NULL;
    ";

    pub(super) fn read(&self, key: &Key) -> rusqlite::Result<Stored> {
        let instance = self
            .connection
            .prepare_cached("SELECT body FROM instances WHERE id = ?1")?
            .query_row([key.instance.as_str()], |row| self.body(row))
            .optional()?;
        let Some(id) = &key.binding else {
            return Ok(Stored {
                // What is not there has no bindings.
                bindings_in_progress: instance.is_some() && self.is_any_in_progress(key)?,
                instance,
                binding: None,
            });
        };
        let binding = self
            .connection
            .prepare_cached("SELECT body FROM bindings WHERE instance = ?1 AND id = ?2")?
            .query_row([key.instance.as_str(), id.as_str()], |row| self.body(row))
            .optional()?;
        Ok(Stored {
            instance,
            binding,
            // Only what is about the instance as a whole asks for it.
            bindings_in_progress: false,
        })
    }

    /// Whether an operation works on any binding of the instance.
    fn is_any_in_progress(&self, key: &Key) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM bindings WHERE instance = ?1 AND in_progress)",
            )?
            .query_row([key.instance.as_str()], |row| row.get(0))
    }

    pub(super) fn write_instance(
        &self,
        id: &Id,
        instance: Option<&Instance>,
        now: u64,
    ) -> rusqlite::Result<()> {
        let Some(instance) = instance else {
            self.connection
                .prepare_cached("DELETE FROM instances WHERE id = ?1")?
                .execute([id.as_str()])?;
            return Ok(());
        };
        self.connection
            .prepare_cached(
                "INSERT INTO instances (id, in_progress, gone_at, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET in_progress = ?2, gone_at = ?3, body = ?4",
            )?
            .execute(params![
                id.as_str(),
                instance.operation.is_in_progress(),
                gone_at(instance.phase, now),
                self.text(instance)?,
            ])?;
        Ok(())
    }

    pub(super) fn write_binding(
        &self,
        instance: &Id,
        id: &Id,
        binding: Option<&Binding>,
        now: u64,
    ) -> rusqlite::Result<()> {
        let Some(binding) = binding else {
            self.connection
                .prepare_cached("DELETE FROM bindings WHERE instance = ?1 AND id = ?2")?
                .execute([instance.as_str(), id.as_str()])?;
            return Ok(());
        };
        self.connection
            .prepare_cached(
                "INSERT INTO bindings (instance, id, in_progress, gone_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (instance, id) DO UPDATE SET in_progress = ?3, gone_at = ?4, body = ?5",
            )?
            .execute(params![
                instance.as_str(),
                id.as_str(),
                binding.operation.is_in_progress(),
                gone_at(binding.phase, now),
                self.text(binding)?,
            ])?;
        Ok(())
    }

    pub(super) fn drop_bindings(&self, instance: &Id) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM bindings WHERE instance = ?1")?
            .execute([instance.as_str()])?;
        Ok(())
    }

    pub(super) fn in_progress(&self) -> rusqlite::Result<Vec<Key>> {
        let mut keys = Vec::new();
        let mut instances = self
            .connection
            .prepare("SELECT id FROM instances WHERE in_progress")?;
        for instance in instances.query_map([], |row| id(row, 0))? {
            keys.push(Key {
                instance: instance?,
                binding: None,
            });
        }
        let mut bindings = self
            .connection
            .prepare("SELECT instance, id FROM bindings WHERE in_progress")?;
        for key in bindings.query_map([], |row| Ok((id(row, 0)?, id(row, 1)?)))? {
            let (instance, binding) = key?;
            keys.push(Key {
                instance,
                binding: Some(binding),
            });
        }
        Ok(keys)
    }

    /// Forgets a part of what ceased to exist before this time, in seconds since
    /// 1970. Gives whether there may be more.
    pub(super) fn forget_gone(&self, before: u64) -> rusqlite::Result<bool> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let instances = "DELETE FROM instances WHERE id IN (
            SELECT id FROM instances WHERE gone_at < ?1 LIMIT ?2)";
        let bindings = "DELETE FROM bindings WHERE (instance, id) IN (
            SELECT instance, id FROM bindings WHERE gone_at < ?1 LIMIT ?2)";
        let mut more = false;
        for sql in [instances, bindings] {
            let forgotten = self
                .connection
                .prepare_cached(sql)?
                .execute(params![before, FORGOTTEN_AT_ONCE])?;
            more |= forgotten >= usize::from(FORGOTTEN_AT_ONCE);
        }
        Ok(more)
    }

    /// Writes something that changes nothing.
    pub(super) fn touch(&self) -> rusqlite::Result<()> {
        let version: i32 = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        self.connection.pragma_update(None, "user_version", version)
    }

    fn text(&self, value: &impl serde::Serialize) -> rusqlite::Result<String> {
        let text = serde_json::to_string(value)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        self.bytes.update(|bytes| bytes + text.len());
        Ok(text)
    }

    fn body<T: DeserializeOwned>(&self, row: &Row<'_>) -> rusqlite::Result<T> {
        let text = row.get_ref(0)?.as_str()?;
        self.bytes.update(|bytes| bytes + text.len());
        serde_json::from_str(text).map_err(|error| unreadable(0, error))
    }
}

fn gone_at(phase: Phase, now: u64) -> Option<i64> {
    (phase == Phase::Gone).then(|| i64::try_from(now).unwrap_or(i64::MAX))
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Id> {
    let text = row.get_ref(column)?.as_str()?;
    Id::new(text).map_err(|error| unreadable(column, error))
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
