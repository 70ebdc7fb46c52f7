//! A store in one SQLite file.
//!
//! Steps are taken one after the other, by whoever comes; a thread commits, and
//! gets to the disk what has been committed. While the disk is at work, steps
//! gather in the next transaction, so that durability costs one write to the
//! disk for all of them, and nobody waits for the disk who need not. Steps that
//! need not be durable ride along with the next commit.

mod disk;
mod file;
mod recent;
mod tables;
mod turns;
mod writer;

use std::fs::OpenOptions;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::{Decide, Durability, Key, Lost, Stepping, Store, StoreError};
use crate::decide::{Next, Stored};
use disk::{Disk, Sync, Work};
use turns::Turns;
use writer::{Place, Told, Writer};

pub use file::OpenError;

/// A store in one SQLite file, which no other process can use meanwhile.
///
/// When it is dropped, everything is committed and the file is closed.
pub struct Sqlite {
    writer: Arc<Turns<Writer>>,
    /// How many more steps have room in the open transaction.
    room: Arc<Semaphore>,
    disk: Sender<Work>,
    /// There until it is dropped.
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let _ = self.disk.send(Work::End);
        // The last turn may be what has kept the store, and be taken on that thread,
        // which cannot wait for itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // If it has panicked, it has said so.
            let _ = thread.join();
        }
    }
}

impl Sqlite {
    /// How many steps are committed together at most, unless told otherwise.
    pub const LARGEST_GROUP: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

    /// Opens the store in the file at `path`, or makes one there. At most
    /// `largest_group` steps are committed together.
    pub fn open(path: &Path, largest_group: NonZeroUsize, lost: Lost) -> Result<Sqlite, OpenError> {
        let connection = file::connect(path)?;
        let unusable = |error| OpenError::unusable(path, error);
        let log = file::write_ahead_log(path).map_err(unusable)?;
        let log = OpenOptions::new().write(true).open(log).map_err(unusable)?;
        // What the process before has committed need not be on the disk.
        log.sync_data().map_err(unusable)?;
        let sync = Box::new(move || log.sync_data());
        Sqlite::start(connection, sync, largest_group, lost).map_err(unusable)
    }

    fn start(
        connection: Connection,
        sync: Sync,
        largest_group: NonZeroUsize,
        lost: Lost,
    ) -> std::io::Result<Sqlite> {
        let (disk, work) = channel();
        let writer = Writer::new(connection, largest_group, disk.clone(), lost);
        let writer = Arc::new(Turns::new(writer));
        let served = Disk::new(sync, writer.clone());
        let thread = thread::Builder::new()
            .name("store-disk".to_owned())
            .spawn(move || served.serve(&work))?;
        Ok(Sqlite {
            writer,
            room: Arc::new(Semaphore::new(largest_group.get())),
            disk,
            thread: Some(thread),
        })
    }

    /// Waits for room in the open transaction.
    async fn place(&self) -> Result<Place, StoreError> {
        let place = self.room.clone().acquire_owned().await;
        place.map_err(|_| StoreError("it has been closed".to_owned()))
    }

    /// Takes a turn at the writer, and waits for what it tells.
    async fn ask<T: Send + 'static>(
        &self,
        turn: impl FnOnce(&mut Writer, Told<T>) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (told, answer) = oneshot::channel();
        self.writer.take(|writer| turn(writer, told));
        let ended = |_| StoreError("what was asked of it has come to nothing".to_owned());
        answer.await.map_err(ended)?
    }
}

impl Store for Sqlite {
    fn step<'a>(&'a self, key: Key, durability: Durability, decide: Decide) -> Stepping<'a, Next> {
        Box::pin(async move {
            let place = self.place().await?;
            self.ask(move |writer, told| writer.step(place, key, durability, decide, told))
                .await
        })
    }

    fn look<'a>(&'a self, key: Key) -> Stepping<'a, Stored> {
        Box::pin(self.ask(move |writer, told| writer.look(&key, told)))
    }

    fn in_progress<'a>(&'a self) -> Stepping<'a, Vec<Key>> {
        Box::pin(self.ask(|writer, told| _ = told.send(writer.in_progress())))
    }

    fn ready<'a>(&'a self) -> Stepping<'a, ()> {
        // Where there is no room, the disk is at work, and nothing is tried.
        let place = self.room.clone().try_acquire_owned().ok();
        Box::pin(self.ask(|writer, told| writer.ready(place, told)))
    }

    fn forget_gone<'a>(&'a self, before: u64) -> Stepping<'a, bool> {
        Box::pin(async move {
            let place = self.place().await?;
            self.ask(move |writer, told| _ = told.send(writer.forget_gone(place, before)))
                .await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::backend::Backend;
    use crate::decide::{Decision, Verb, Work};
    use crate::instance::Instance;
    use crate::reply::Reply;

    /// A store in `dir` that gets things to the disk by `sync`, with these
    /// settings of SQLite, and what it tells of losses.
    fn store(
        dir: &Path,
        sync: Sync,
        largest_group: NonZeroUsize,
        settings: &str,
    ) -> (Sqlite, UnboundedReceiver<Key>) {
        let connection = file::connect(&dir.join("a.db")).unwrap();
        connection.execute_batch(settings).unwrap();
        let (lose, losses) = unbounded_channel();
        let lost = Box::new(move |key| lose.send(key).unwrap());
        let store = Sqlite::start(connection, sync, largest_group, lost).unwrap();
        (store, losses)
    }

    fn key(id: &str) -> Key {
        Key {
            instance: serving::Id::new(id).unwrap(),
            binding: None,
        }
    }

    /// Stores an instance whose plan has an id of this length.
    fn put<'a>(
        store: &'a Sqlite,
        id: &str,
        length: usize,
        durability: Durability,
    ) -> Stepping<'a, Next> {
        let success = Next::Reply(Reply::Updated(None));
        put_and(store, id, length, durability, success)
    }

    /// The same, after which comes `next`.
    fn put_and<'a>(
        store: &'a Sqlite,
        id: &str,
        length: usize,
        durability: Durability,
        next: Next,
    ) -> Stepping<'a, Next> {
        let instance: Instance = serde_json::from_value(serde_json::json!({
            "asked": {
                "service_id": "s",
                "plan_id": "p".repeat(length),
                "organization_guid": "o",
                "space_guid": "s",
                "parameters": {},
                "maintenance_version": null,
            },
            "backend": "echo",
            "dashboard_url": "http://d",
            "metadata": null,
            "phase": "ready",
            "operation": {"id": "op", "kind": "create", "is_async": false, "state": "succeeded"},
            "update": null,
            "halted": null,
        }))
        .unwrap();
        let decide = move |_| Decision {
            instance: Some(instance),
            binding: None,
            drop_bindings: false,
            next,
        };
        started(store.step(key(id), durability, Box::new(decide)))
    }

    /// A future that has gone as far as it comes.
    fn started<T: Send + 'static>(mut future: Stepping<'_, T>) -> Stepping<'_, T> {
        match now(&mut future) {
            Some(result) => Box::pin(async { result }),
            None => future,
        }
    }

    /// A store on a disk that tells when it begins, and goes on when it is told to.
    struct Slow {
        /// Ends before the store, which waits for its disk then.
        release: mpsc::Sender<()>,
        begins: mpsc::Receiver<()>,
        store: Sqlite,
        losses: UnboundedReceiver<Key>,
    }

    fn slow(dir: &Path, largest_group: NonZeroUsize, settings: &str) -> Slow {
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let sync = move || {
            begun.send(()).map_err(io::Error::other)?;
            released.recv().map_err(io::Error::other)
        };
        let (store, losses) = store(dir, Box::new(sync), largest_group, settings);
        Slow {
            release,
            begins,
            store,
            losses,
        }
    }

    #[tokio::test]
    async fn a_durable_step_is_told_when_the_disk_has_it_and_the_others_go_on_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let slow = slow(dir.path(), Sqlite::LARGEST_GROUP, "");
        let mut durable = put(&slow.store, "durable", 1, Durability::Durable);
        slow.begins.recv().unwrap();

        put(&slow.store, "rides along", 1, Durability::Recoverable)
            .await
            .unwrap();
        let mut look = started(slow.store.look(key("durable")));
        let mut next = put(&slow.store, "next", 1, Durability::Durable);
        slow.store.ready().await.unwrap();
        assert!(now(&mut durable).is_none());
        assert!(now(&mut look).is_none());
        assert!(now(&mut next).is_none());

        slow.release.send(()).unwrap();
        assert!(durable.await.is_ok());
        slow.begins.recv().unwrap();
        assert!(now(&mut next).is_none());
        slow.release.send(()).unwrap();
        assert!(next.await.is_ok());
        assert!(look.await.unwrap().instance.is_some());
    }

    /// What a future gives now, if anything.
    fn now<T>(future: &mut Stepping<'_, T>) -> Option<Result<T, StoreError>> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(result) => Some(result),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn only_success_is_told_before_the_disk_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let slow = slow(dir.path(), Sqlite::LARGEST_GROUP, "");
        let work = Next::Work(Work {
            verb: Verb::Create,
            backend: Backend::Echo,
            operation: "op".to_owned(),
        });
        let refusal = Next::Reply(Reply::InstanceConflict);
        let accepted = Next::Accepted(Reply::Accepted {
            operation: "op".to_owned(),
            shown: None,
        });
        for next in [work, refusal, accepted] {
            let mut told = put_and(&slow.store, "i", 1, Durability::Recoverable, next.clone());
            slow.begins.recv().unwrap();
            slow.store.ready().await.unwrap();
            assert!(now(&mut told).is_none(), "{next:?}");
            slow.release.send(()).unwrap();
            assert_eq!(told.await, Ok(next));
            // A step that changes nothing has nothing to wait for.
            let other = put(&slow.store, "i", 2, Durability::Durable);
            slow.begins.recv().unwrap();
            slow.release.send(()).unwrap();
            other.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_rests_on_something_that_the_disk_has_not_got_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let (begun, begins) = mpsc::channel();
        let (fail, failing) = mpsc::channel::<()>();
        let sync = move || {
            begun.send(()).map_err(io::Error::other)?;
            failing.recv().map_err(io::Error::other)?;
            Err(io::Error::other("it is full of dust"))
        };
        let (store, _) = store(dir.path(), Box::new(sync), Sqlite::LARGEST_GROUP, "");
        let first = put(&store, "i", 1, Durability::Durable);
        begins.recv().unwrap();
        // Neither changes anything.
        let same = put(&store, "i", 1, Durability::Durable);
        let look = started(store.look(key("i")));
        store.ready().await.unwrap();
        fail.send(()).unwrap();
        let error = first.await.unwrap_err();
        assert_eq!(same.await, Err(error.clone()));
        assert_eq!(look.await, Err(error));
    }

    #[tokio::test]
    async fn once_the_disk_has_failed_nothing_is_told_as_done() {
        let dir = tempfile::tempdir().unwrap();
        let mut syncs = 0;
        let sync = move || {
            syncs += 1;
            match syncs {
                1 => Ok(()),
                2 => Err(io::Error::other("it is full of dust")),
                // It says that all is well, though what it lost stays lost.
                _ => Ok(()),
            }
        };
        let (store, _) = store(dir.path(), Box::new(sync), Sqlite::LARGEST_GROUP, "");
        assert!(put(&store, "a", 1, Durability::Durable).await.is_ok());
        let error = put(&store, "b", 1, Durability::Durable).await.unwrap_err();
        assert!(error.to_string().contains("it is full of dust"), "{error}");
        for durability in [Durability::Durable, Durability::Recoverable] {
            assert_eq!(put(&store, "c", 1, durability).await, Err(error.clone()));
        }
        assert_eq!(store.look(key("a")).await, Err(error.clone()));
        assert_eq!(store.forget_gone(u64::MAX).await, Err(error.clone()));
        assert_eq!(store.ready().await, Err(error));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_disk_whose_thread_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let sync = || panic!("a bug");
        let (store, _losses) = store(dir.path(), Box::new(sync), Sqlite::LARGEST_GROUP, "");
        for id in ["a", "b", "c"] {
            let step = put(&store, id, 1, Durability::Durable).await;
            assert!(step.is_err(), "{id}");
        }
        assert!(store.look(key("a")).await.is_err());
        assert!(store.ready().await.is_err());
    }

    #[tokio::test]
    async fn readiness_is_told_while_there_is_no_room_for_another_step() {
        let dir = tempfile::tempdir().unwrap();
        let slow = slow(dir.path(), NonZeroUsize::MIN, "");
        let first = put(&slow.store, "first", 1, Durability::Durable);
        slow.begins.recv().unwrap();
        let second = put(&slow.store, "second", 1, Durability::Durable);
        let mut third = put(&slow.store, "third", 1, Durability::Durable);

        let (ready, has_room) = (now(&mut slow.store.ready()), now(&mut third).is_some());
        for _ in 0..3 {
            slow.release.send(()).unwrap();
        }
        assert_eq!((ready, has_room), (Some(Ok(())), false));
        for told in [first, second, third] {
            assert!(told.await.is_ok());
        }
    }

    #[tokio::test]
    async fn what_a_step_has_left_under_way_is_forgotten_when_it_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        let full = "PRAGMA max_page_count = 12";
        let slow = slow(dir.path(), Sqlite::LARGEST_GROUP, full);
        let kept = put(&slow.store, "kept", 1, Durability::Durable);
        slow.begins.recv().unwrap();
        let work = Next::Work(Work {
            verb: Verb::Create,
            backend: Backend::Echo,
            operation: "op".to_owned(),
        });
        let undone = put_and(&slow.store, "i", 1, Durability::Durable, work);
        let large = put(&slow.store, "large", 1_000_000, Durability::Durable);
        assert!(large.await.is_err());
        assert!(undone.await.is_err());

        let (tell, told) = mpsc::channel();
        let decide = move |stored: Stored| {
            tell.send(stored.clone()).unwrap();
            stored.reply(Reply::Updated(None))
        };
        let seen = started(
            slow.store
                .step(key("i"), Durability::Durable, Box::new(decide)),
        );
        slow.release.send(()).unwrap();
        assert!(kept.await.is_ok() && seen.await.is_ok());
        assert_eq!(told.recv(), Ok(Stored::default()));
    }

    #[tokio::test]
    async fn what_was_told_and_cannot_be_stored_is_named_as_lost() {
        let dir = tempfile::tempdir().unwrap();
        let full = "PRAGMA max_page_count = 12";
        let mut slow = slow(dir.path(), Sqlite::LARGEST_GROUP, full);
        let kept = put(&slow.store, "kept", 1, Durability::Durable);
        slow.begins.recv().unwrap();

        // While the disk is at work, what comes is in one transaction.
        let told = put(&slow.store, "told", 1, Durability::Recoverable);
        let waits = put(&slow.store, "waits", 1, Durability::Durable);
        let large = put(&slow.store, "large", 1_000_000, Durability::Durable);
        assert!(told.await.is_ok());
        let error = large.await.unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(waits.await, Err(error));
        assert_eq!(slow.losses.recv().await, Some(key("told")));
        slow.release.send(()).unwrap();
        assert!(kept.await.is_ok());
        for id in ["told", "waits", "large"] {
            assert_eq!(
                slow.store.look(key(id)).await,
                Ok(Stored::default()),
                "{id}"
            );
        }

        // There is room for something smaller, so it works again.
        let ready = started(slow.store.ready());
        slow.release.send(()).unwrap();
        assert_eq!(ready.await, Ok(()));
        assert!(
            slow.store
                .look(key("kept"))
                .await
                .unwrap()
                .instance
                .is_some()
        );
        let small = put(&slow.store, "small", 1, Durability::Durable);
        slow.release.send(()).unwrap();
        assert!(small.await.is_ok());
    }
}
