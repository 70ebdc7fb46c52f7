//! What a run may have created on the target, in a file, so that a run which is
//! killed can be cleaned up after.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fixtures::ApiVersion;
use serde::{Deserialize, Serialize};

use super::call::Resource;

/// What may have been created, and what its deletion has to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) instance: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binding: Option<String>,
    pub(crate) service_id: String,
    pub(crate) plan_id: String,
    /// Plans that an update may have moved it to, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) later_plan_ids: Vec<String>,
}

impl Entry {
    pub(crate) fn resource(&self) -> Resource {
        Resource {
            instance: self.instance.clone(),
            binding: self.binding.clone(),
        }
    }

    /// The plans that its deletion may have to name, the likeliest first.
    pub(crate) fn plans(&self) -> impl Iterator<Item = &str> {
        let later = self.later_plan_ids.iter().rev();
        [&self.plan_id].into_iter().chain(later).map(String::as_str)
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// The first one: where the run went. It holds no credentials.
    Run {
        target: String,
        api_version: ApiVersion,
    },
    /// What may be created, or what more is known of it.
    Creates(Entry),
    Removed(Entry),
}

/// Why a ledger cannot be used, in words for its user.
#[derive(Debug, thiserror::Error)]
#[error("the ledger {}: {why}", path.display())]
pub struct LedgerError {
    path: PathBuf,
    why: String,
}

/// What has been created and not removed yet, in memory and, while there is
/// something, in a file.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    entries: Vec<Entry>,
    /// Creations that got no answer, and when that was given up.
    unanswered: Vec<(Resource, Instant)>,
}

impl Ledger {
    /// A ledger in memory alone, for a run that nobody kills.
    pub(crate) fn in_memory() -> Ledger {
        Ledger {
            path: None,
            state: Mutex::default(),
        }
    }

    /// A new ledger in the file at `path`, which must not exist: it might be
    /// that of a run which has left something behind.
    pub(crate) fn create(
        path: &Path,
        target: String,
        api_version: ApiVersion,
    ) -> Result<Ledger, LedgerError> {
        let file = File::options().write(true).create_new(true).open(path);
        let mut file = file.map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists => "it is there already; if a run has left it, \
                     `conformance cleanup` removes what that has created"
                    .to_owned(),
                _ => error.to_string(),
            };
            wrong(path, why)
        })?;
        let head = Line::Run {
            target,
            api_version,
        };
        write(&mut file, &head).map_err(|error| wrong(path, error.to_string()))?;
        Ok(Ledger {
            path: Some(path.to_owned()),
            state: Mutex::new(State {
                file: Some(file),
                ..State::default()
            }),
        })
    }

    /// Goes on with the ledger of an earlier run.
    pub(crate) fn resume(path: &Path, entries: Vec<Entry>) -> Result<Ledger, LedgerError> {
        let file = File::options().append(true).open(path);
        let file = file.map_err(|error| wrong(path, error.to_string()))?;
        Ok(Ledger {
            path: Some(path.to_owned()),
            state: Mutex::new(State {
                file: Some(file),
                entries,
                ..State::default()
            }),
        })
    }

    /// Reads the ledger of an earlier run: where it went, in which version, and
    /// what it has not removed.
    pub(crate) fn read(path: &Path) -> Result<(String, ApiVersion, Vec<Entry>), LedgerError> {
        let text = fs::read_to_string(path).map_err(|error| wrong(path, error.to_string()))?;
        let mut lines = text.lines().enumerate().peekable();
        let mut head = None;
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((number, line)) = lines.next() {
            let line = match serde_json::from_str::<Line>(line) {
                Ok(line) => line,
                // The run was killed while it wrote this: nothing was sent yet.
                Err(_) if lines.peek().is_none() && !text.ends_with('\n') => break,
                Err(error) => {
                    let number = number + 1;
                    let why = format!("it is no ledger of a check: line {number}: {error}");
                    return Err(wrong(path, why));
                }
            };
            match line {
                Line::Run {
                    target,
                    api_version,
                } => head = Some((target, api_version)),
                Line::Creates(entry) => {
                    entries.retain(|other| other.resource() != entry.resource());
                    entries.push(entry);
                }
                Line::Removed(entry) => {
                    entries.retain(|other| other.resource() != entry.resource());
                }
            }
        }
        match head {
            Some((target, version)) => Ok((target, version, entries)),
            None => Err(wrong(
                path,
                "it is no ledger of a check: its head is missing",
            )),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what the next request may create.
    pub(crate) fn enter(&self, entry: Entry) -> io::Result<()> {
        let mut state = self.state();
        let mut known = state.entries.iter();
        if known.any(|other| other.resource() == entry.resource()) {
            return Ok(());
        }
        if let Some(file) = &mut state.file {
            write(file, &Line::Creates(entry.clone()))?;
        }
        state.entries.push(entry);
        Ok(())
    }

    /// Enters the plan that the next request may move an instance to.
    pub(crate) fn enter_plan(&self, resource: &Resource, plan_id: &str) -> io::Result<()> {
        let mut guard = self.state();
        let State { file, entries, .. } = &mut *guard;
        let mut entries = entries.iter_mut();
        let Some(entry) = entries.find(|entry| entry.resource() == *resource) else {
            return Ok(());
        };
        if !entry.plans().any(|known| known == plan_id) {
            entry.later_plan_ids.push(plan_id.to_owned());
            if let Some(file) = file {
                write(file, &Line::Creates(entry.clone()))?;
            }
        }
        Ok(())
    }

    /// Notes that a creation got no answer, so that it may take effect later.
    pub(crate) fn unanswered(&self, resource: &Resource) {
        let now = (resource.clone(), Instant::now());
        self.state().unanswered.push(now);
    }

    /// How long it is since a creation got no answer.
    pub(crate) fn unanswered_for(&self, resource: &Resource) -> Option<Duration> {
        let state = self.state();
        let mut unanswered = state.unanswered.iter().rev();
        let (_, since) = unanswered.find(|(other, _)| other == resource)?;
        Some(since.elapsed())
    }

    /// Whether it may be there.
    pub(crate) fn has(&self, resource: &Resource) -> bool {
        self.entry(resource).is_some()
    }

    /// Its entry.
    pub(crate) fn entry(&self, resource: &Resource) -> Option<Entry> {
        let state = self.state();
        let mut entries = state.entries.iter();
        entries.find(|entry| entry.resource() == *resource).cloned()
    }

    /// Strikes off what is gone.
    pub(crate) fn strike(&self, resource: &Resource) {
        let mut state = self.state();
        let is_gone = |entry: &Entry| {
            entry.resource() == *resource
                // The bindings of an instance go with it.
                || (resource.binding.is_none() && entry.instance == resource.instance)
        };
        let (gone, left) = state.entries.drain(..).partition(is_gone);
        state.entries = left;
        let gone: Vec<Entry> = gone;
        if let Some(file) = &mut state.file {
            for entry in gone {
                // Should this fail, a clean-up finds it gone.
                let _ = write(file, &Line::Removed(entry));
            }
        }
    }

    /// What has not been removed, bindings before their instances.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.state().entries.clone();
        entries.sort_by_key(|entry| entry.binding.is_none());
        entries
    }

    /// Removes the file, unless there is something left to remove. Gives its
    /// path if it stays.
    pub(crate) fn close(&self) -> Option<PathBuf> {
        let path = self.path.clone()?;
        let state = self.state();
        if state.entries.is_empty() && fs::remove_file(&path).is_ok() {
            return None;
        }
        Some(path)
    }
}

fn write(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

fn wrong(path: &Path, why: impl Into<String>) -> LedgerError {
    LedgerError {
        path: path.to_owned(),
        why: why.into(),
    }
}
