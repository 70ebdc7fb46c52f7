//! Carries out requests: decides, stores, calls the echo service, and so on
//! until there is a reply; and carries out what was accepted for later.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serving::{Id, StartError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::ask;
use crate::catalog::Catalog;
use crate::conduct::Wrong;
use crate::config::Config;
use crate::decide::{
    Circumstances, Decision, Next, Request, Stored, begin, decide, recover, resume,
    waiting_operation,
};
use crate::echo::EchoClient;
use crate::mischief::{Mischief, on_purpose};
use crate::reply::Reply;
use crate::store::{self, Durability, Key, Lost, OpenError, Store, StoreError};
use crate::version::ApiVersion;

/// How long the recovery of an operation waits before it tries again, at first
/// and at most; unless a request asks for it.
const RECOVERY_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How long the state of the last operation on something that is gone is kept.
const MEMORY_OF_THE_GONE: Duration = Duration::from_secs(3600);

/// How often what is gone for that long is looked for.
const FORGETTING_PAUSE: Duration = Duration::from_secs(60);

/// What carries out requests. Clones share everything.
#[derive(Clone)]
pub(crate) struct Lifecycle(Arc<Inner>);

/// What was being worked on when the broker ended last, or when the store failed,
/// and how far its recovery is. How it ended may have been told already, so that
/// nothing can be said of it before it is known again.
type Recovering = HashMap<Key, Recovery>;

/// How far a recovery is.
#[derive(Clone, Debug, PartialEq)]
enum Recovery {
    /// It is being tried.
    Trying,
    /// The latest attempt has failed; what a request about it is answered.
    Failed(Reply),
}

struct Inner {
    store: Box<dyn Store>,
    echo: EchoClient,
    catalog: Arc<Catalog>,
    echo_public_url: String,
    async_delay: Duration,
    mischief: Mischief,
    recovering: Arc<watch::Sender<Recovering>>,
    /// Operations are numbered on from the time of the start.
    started_at: u64,
    operations: AtomicU64,
}

/// What a request says about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) version: ApiVersion,
    pub(crate) accepts_incomplete: bool,
}

/// For what happens without a request.
const NOBODY: Sender = Sender {
    version: ApiVersion::V2_3,
    accepts_incomplete: false,
};

/// A pure decision on what is stored.
type Pure = Box<dyn FnOnce(&Circumstances<'_>, Stored) -> Decision + Send>;

impl Lifecycle {
    /// With the store that `open` opens, which it looks after from now on.
    pub(crate) fn new(
        config: &Config,
        catalog: Arc<Catalog>,
        open: impl FnOnce(Lost) -> Result<Box<dyn Store>, OpenError>,
    ) -> Result<Lifecycle, StartError> {
        let recovering = Arc::new(watch::Sender::default());
        let (lose, lost) = unbounded_channel();
        let noted = recovering.clone();
        let store = open(Box::new(move |key: Key| {
            note(&noted, &key, Recovery::Trying);
            // Nobody listens any more when the broker ends.
            let _ = lose.send(key);
        }));
        let lifecycle = Lifecycle(Arc::new(Inner {
            store: store.map_err(|error| StartError::Other(error.to_string()))?,
            echo: EchoClient::new(config.echo_url.as_str(), config.echo_timeout)?,
            catalog,
            echo_public_url: config.echo_public_url().to_string(),
            async_delay: config.async_delay,
            mischief: Mischief::default(),
            recovering,
            started_at: now(),
            operations: AtomicU64::new(0),
        }));
        lifecycle.look_after_store(lost);
        Ok(lifecycle)
    }

    /// Carries out a request, or misbehaves as its plan is to.
    pub(crate) async fn carry_out(&self, key: Key, sender: Sender, request: Request) -> Reply {
        if let Err(reply) = self.recovered(&key).await {
            return reply;
        }
        if key.binding.is_none() {
            self.bindings_tried(&key.instance).await;
        }
        match self.wrong(&key, &request).await {
            Ok(None) => {}
            Ok(Some(Wrong::Late(by))) => sleep(by).await,
            Ok(Some(wrong)) => {
                if let Some(reply) = on_purpose(&wrong) {
                    return reply;
                }
            }
            Err(error) => return failed(error),
        }
        let asked = match &request {
            Request::Provision(asked) => Some(asked.clone()),
            _ => None,
        };
        // What it is about may have been lost since then.
        let (inner, about) = (self.0.clone(), key.clone());
        let first: Pure = Box::new(move |at, stored| match inner.is_known(&about) {
            true => decide(at, stored, &request),
            false => stored.reply(Reply::Concurrency),
        });
        let next = match self.step(&key, sender, Durability::Durable, first).await {
            Ok(next) => next,
            Err(error) => return failed(error),
        };
        match self.go_on(&key, sender, next, asked.as_ref()).await {
            Ok(reply) => reply,
            Err(error) => {
                self.recover_one(key);
                failed(error)
            }
        }
    }

    /// What is to go wrong with a request on purpose.
    async fn wrong(&self, key: &Key, request: &Request) -> Result<Option<Wrong>, StoreError> {
        if !self.0.catalog.has_faults() {
            return Ok(None);
        }
        let of_instance = match request {
            Request::Provision(asked) => Some(asked.plan_id.clone()),
            _ => {
                let instance = self.0.store.look(key.clone()).await?.instance;
                instance.map(|instance| instance.asked.plan_id)
            }
        };
        let plan = of_instance.and_then(|plan_id| self.0.catalog.plan(&plan_id));
        let Some(fault) = plan.and_then(|plan| request.fault(&plan.conduct.faults)) else {
            return Ok(None);
        };
        Ok(self.0.mischief.next(key, request, fault))
    }

    /// What is stored, with what is needed to look at it.
    pub(crate) async fn look<T>(
        &self,
        key: Key,
        sender: Sender,
        look: impl FnOnce(&Circumstances<'_>, &Stored) -> T,
    ) -> Result<T, Reply> {
        let stored = loop {
            self.recovered(&key).await?;
            let stored = self.0.store.look(key.clone()).await.map_err(failed)?;
            // What it is about may have been lost meanwhile.
            if self.0.is_known(&key) {
                break stored;
            }
        };
        Ok(look(&self.0.circumstances(&key, sender, ""), &stored))
    }

    /// Whether the store and the echo service are there, or why not.
    pub(crate) async fn ready(&self) -> (Result<(), String>, Result<(), String>) {
        let store = self.0.store.ready().await;
        let store = store.map_err(|error| error.to_string());
        let echo = self.0.echo.is_reachable().await;
        (store, echo.map_err(|error| error.to_string()))
    }

    /// Takes up what was in progress when the broker ended last.
    pub(crate) async fn recover(&self) -> Result<(), StoreError> {
        for key in self.0.store.in_progress().await? {
            // What cannot be read is tried again, and keeps nothing else from going on.
            let stored = self.0.store.look(key.clone()).await.unwrap_or_default();
            let lifecycle = self.clone();
            match waiting_operation(&stored, key.binding.is_some()) {
                Some((operation, until)) => {
                    tokio::spawn(async move { lifecycle.later(key, operation, until).await });
                }
                None => self.recover_one(key),
            }
        }
        Ok(())
    }

    /// Takes up what the store says it has `lost`, and has it forget in time what
    /// is gone.
    fn look_after_store(&self, mut lost: UnboundedReceiver<Key>) {
        // Neither keeps the store from being closed.
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(key) = lost.recv().await {
                let Some(inner) = inner.upgrade() else { return };
                Lifecycle(inner).recover_one(key);
            }
        });
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(inner) = inner.upgrade() {
                let before = store::now().saturating_sub(MEMORY_OF_THE_GONE.as_secs());
                // A store that fails tells it to those who need it; this can wait.
                while inner.store.forget_gone(before).await == Ok(true) {}
                drop(inner);
                sleep(FORGETTING_PAUSE).await;
            }
        });
    }

    /// Carries the operation on `key` to its end; until then, nothing is said
    /// about it.
    fn recover_one(&self, key: Key) {
        let lifecycle = self.clone();
        note(&self.0.recovering, &key, Recovery::Trying);
        tokio::spawn(async move {
            lifecycle.carry_to_its_end(&key).await;
            lifecycle.0.recovering.send_modify(|recovering| {
                recovering.remove(&key);
            });
        });
    }

    /// Waits until it is known again how things are with what a request is
    /// about, or gives the reply that this cannot be found out for now.
    async fn recovered(&self, key: &Key) -> Result<(), Reply> {
        if self.0.is_known(key) {
            return Ok(());
        }
        let about = about(key);
        // What has failed before is tried again for this request.
        self.0.recovering.send_if_modified(|all| {
            let mut again = false;
            for key in &about {
                if let Some(failed @ Recovery::Failed(_)) = all.get_mut(key) {
                    *failed = Recovery::Trying;
                    again = true;
                }
            }
            again
        });
        let of = |all: &Recovering| about.each_ref().map(|key| all.get(key).cloned());
        let mut recovering = self.0.recovering.subscribe();
        let known = recovering
            .wait_for(|all| !of(all).contains(&Some(Recovery::Trying)))
            .await;
        // The sender lives as long as we do.
        let mut failed = known.map(|all| of(&all)).into_iter().flatten().flatten();
        match failed.next() {
            Some(Recovery::Failed(reply)) => Err(reply),
            _ => Ok(()),
        }
    }

    /// Waits while the recovery of a binding of the instance is being tried. What is
    /// asked of the instance as a whole would be refused meanwhile, though the
    /// platform may have been told that the operation on the binding has ended.
    async fn bindings_tried(&self, instance: &Id) {
        let is_tried = |(key, recovery): (&Key, &Recovery)| {
            key.instance == *instance && key.binding.is_some() && *recovery == Recovery::Trying
        };
        let mut recovering = self.0.recovering.subscribe();
        // The sender lives as long as we do.
        let _ = recovering.wait_for(|all| !all.iter().any(is_tried)).await;
    }

    /// From `next` to the reply. Fails where the store does, after the work has
    /// begun.
    async fn go_on(
        &self,
        key: &Key,
        sender: Sender,
        mut next: Next,
        asked: Option<&ask::Provision>,
    ) -> Result<Reply, StoreError> {
        loop {
            let work = match next {
                Next::Reply(reply) => return Ok(reply),
                Next::Accepted(reply) => {
                    self.schedule(key, &reply);
                    return Ok(reply);
                }
                Next::Work(work) => work,
            };
            let done = self.0.echo.perform(key, &work).await;
            // What succeeded, recovery would find again; what failed is told
            // only when it is certain.
            let durability = match done {
                Ok(_) => Durability::Recoverable,
                Err(_) => Durability::Durable,
            };
            let asked = asked.cloned();
            let then: Pure =
                Box::new(move |at, stored| resume(at, stored, &work, done, asked.as_ref()));
            next = self.step(key, sender, durability, then).await?;
        }
    }

    /// Has an accepted operation carried out when its time has come.
    fn schedule(&self, key: &Key, reply: &Reply) {
        if let Reply::Accepted { operation, .. } = reply {
            let (lifecycle, key, operation) = (self.clone(), key.clone(), operation.clone());
            let until = now().saturating_add(millis(self.0.async_delay));
            tokio::spawn(async move { lifecycle.later(key, operation, until).await });
        }
    }

    async fn later(&self, key: Key, operation: String, until: u64) {
        sleep(Duration::from_millis(until.saturating_sub(now()))).await;
        let (mut pause, longest) = RECOVERY_PAUSE;
        let next = loop {
            let operation = operation.clone();
            let first: Pure = Box::new(move |at, stored| begin(at, stored, &operation));
            match self.step(&key, NOBODY, Durability::Durable, first).await {
                Ok(next) => break next,
                Err(_) => sleep(pause).await,
            }
            pause = (pause * 2).min(longest);
        };
        if self.go_on(&key, NOBODY, next, None).await.is_err() {
            self.recover_one(key);
        }
    }

    /// Carries an operation to its end that may have been told as done: until
    /// it is done, however long the echo service is away.
    async fn carry_to_its_end(&self, key: &Key) {
        let (mut pause, longest) = RECOVERY_PAUSE;
        while let Err(reply) = self.attempt_to_carry(key).await {
            note(&self.0.recovering, key, Recovery::Failed(reply));
            let mut asked = self.0.recovering.subscribe();
            let again = asked.wait_for(|all| all.get(key) == Some(&Recovery::Trying));
            tokio::select! {
                () = sleep(pause) => {}
                // The sender lives as long as we do.
                _ = again => {}
            }
            note(&self.0.recovering, key, Recovery::Trying);
            pause = (pause * 2).min(longest);
        }
    }

    /// One attempt, or what a request is answered that cannot wait for another.
    async fn attempt_to_carry(&self, key: &Key) -> Result<(), Reply> {
        let first: Pure = Box::new(recover);
        let next = self.step(key, NOBODY, Durability::Durable, first).await;
        let Next::Work(work) = next.map_err(failed)? else {
            return Ok(());
        };
        let done = self.0.echo.perform(key, &work).await;
        let effect = done.map_err(Reply::Echo)?;
        let then: Pure = Box::new(move |at, stored| resume(at, stored, &work, Ok(effect), None));
        let next = self.step(key, NOBODY, Durability::Durable, then).await;
        let reply = self.go_on(key, NOBODY, next.map_err(failed)?, None).await;
        reply.map(drop).map_err(failed)
    }

    async fn step(
        &self,
        key: &Key,
        sender: Sender,
        durability: Durability,
        pure: Pure,
    ) -> Result<Next, StoreError> {
        let (inner, about) = (self.0.clone(), key.clone());
        let fresh = inner.fresh_operation();
        let decide = Box::new(move |stored| {
            let at = inner.circumstances(&about, sender, &fresh);
            pure(&at, stored)
        });
        self.0.store.step(key.clone(), durability, decide).await
    }
}

impl Inner {
    fn circumstances<'a>(
        &'a self,
        key: &'a Key,
        sender: Sender,
        fresh_operation: &'a str,
    ) -> Circumstances<'a> {
        Circumstances {
            instance: &key.instance,
            binding: key.binding.as_ref(),
            version: sender.version,
            accepts_incomplete: sender.accepts_incomplete,
            catalog: &self.catalog,
            echo_public_url: &self.echo_public_url,
            fresh_operation,
            now: now(),
            async_delay: self.async_delay,
        }
    }

    /// Whether how things are with what a request is about is stored, and not to be
    /// found out first.
    fn is_known(&self, key: &Key) -> bool {
        let recovering = self.recovering.borrow();
        recovering.is_empty() || !about(key).iter().any(|key| recovering.contains_key(key))
    }

    /// An id that no operation has had, in this process or before.
    fn fresh_operation(&self) -> String {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        format!("op-{:x}-{number:x}", self.started_at)
    }
}

/// What a request on `key` is about: the instance, and the binding if it is about one.
fn about(key: &Key) -> [Key; 2] {
    let instance = Key {
        instance: key.instance.clone(),
        binding: None,
    };
    [instance, key.clone()]
}

fn note(all: &watch::Sender<Recovering>, key: &Key, recovery: Recovery) {
    all.send_modify(|recovering| {
        recovering.insert(key.clone(), recovery);
    });
}

fn failed(error: StoreError) -> Reply {
    Reply::Store(error.to_string())
}

/// Now, in milliseconds since 1970.
fn now() -> u64 {
    millis(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use serving::{Listen, Running};

    use super::*;
    use crate::store::{Decide, Memory, Stepping};

    /// A store in memory that fails as often as it is told to.
    struct Failing {
        memory: Memory,
        /// Whether the next step fails that changes something after an intent.
        fails: Arc<AtomicBool>,
        /// Whether what the next step or look is about is lost right before it.
        loses: Arc<AtomicBool>,
        lost: Mutex<Lost>,
    }

    impl Failing {
        fn lose(&self, key: &Key) {
            if self.loses.swap(false, Ordering::SeqCst) {
                self.lost.lock().unwrap()(key.clone());
            }
        }
    }

    impl Store for Failing {
        fn step<'a>(
            &'a self,
            key: Key,
            durability: Durability,
            decide: Decide,
        ) -> Stepping<'a, Next> {
            self.lose(&key);
            let after_intent = durability == Durability::Recoverable;
            if after_intent && self.fails.swap(false, Ordering::SeqCst) {
                return Box::pin(async { Err(StoreError("its disk is full".to_owned())) });
            }
            self.memory.step(key, durability, decide)
        }

        fn look<'a>(&'a self, key: Key) -> Stepping<'a, Stored> {
            let looked = self.memory.look(key.clone());
            self.lose(&key);
            looked
        }

        fn in_progress<'a>(&'a self) -> Stepping<'a, Vec<Key>> {
            self.memory.in_progress()
        }

        fn ready<'a>(&'a self) -> Stepping<'a, ()> {
            self.memory.ready()
        }

        fn forget_gone<'a>(&'a self, before: u64) -> Stepping<'a, bool> {
            self.memory.forget_gone(before)
        }
    }

    /// A lifecycle with a store that fails or loses something when it is told to.
    struct Sick {
        lifecycle: Lifecycle,
        fails: Arc<AtomicBool>,
        loses: Arc<AtomicBool>,
        echo: Running,
    }

    impl Sick {
        async fn start() -> Sick {
            let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
            let config = Config::new(echo.url().parse().unwrap());
            let catalog = Catalog::read(include_str!("../catalogs/documented.json"), "http://e");
            let (fails, loses) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
            let open = |lost| {
                let store: Box<dyn Store> = Box::new(Failing {
                    memory: Memory::default(),
                    fails: fails.clone(),
                    loses: loses.clone(),
                    lost: Mutex::new(lost),
                });
                Ok(store)
            };
            let lifecycle = Lifecycle::new(&config, Arc::new(catalog.unwrap()), open);
            Sick {
                lifecycle: lifecycle.unwrap(),
                fails,
                loses,
                echo,
            }
        }

        async fn ask(&self, request: Request) -> Reply {
            self.lifecycle.carry_out(key(), NOBODY, request).await
        }
    }

    fn key() -> Key {
        Key {
            instance: Id::new("i").unwrap(),
            binding: None,
        }
    }

    fn provision() -> Request {
        Request::Provision(ask::Provision {
            service_id: "echo_service".to_owned(),
            plan_id: "big_0001".to_owned(),
            organization_guid: "o".to_owned(),
            space_guid: "s".to_owned(),
            parameters: Default::default(),
            maintenance_version: None,
        })
    }

    #[tokio::test]
    async fn what_the_store_failed_to_keep_after_the_work_was_done_is_made_good() {
        let sick = Sick::start().await;
        sick.fails.store(true, Ordering::SeqCst);
        assert_eq!(
            sick.ask(provision()).await,
            Reply::Store("the store failed: its disk is full".to_owned())
        );
        // Nobody has to restart anything, and the instance is there once.
        let again = sick.ask(provision()).await;
        assert!(matches!(again, Reply::AlreadyProvisioned(_)));
        sick.echo.stop(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn nothing_rests_on_what_was_lost_before_it_is_made_good() {
        let sick = Sick::start().await;
        let provisioned = sick.ask(provision()).await;
        assert!(matches!(provisioned, Reply::Provisioned(_)));
        // A request that was on its way already is told to come again.
        sick.loses.store(true, Ordering::SeqCst);
        let hints = || ask::Hints {
            service_id: None,
            plan_id: None,
        };
        let refused = sick.ask(Request::Deprovision(hints())).await;
        assert_eq!(refused, Reply::Concurrency);
        // What is looked at is looked at again.
        sick.loses.store(true, Ordering::SeqCst);
        let known = sick.lifecycle.look(key(), NOBODY, |_, stored| {
            (stored.instance.is_some(), sick.lifecycle.0.is_known(&key()))
        });
        assert_eq!(known.await, Ok((true, true)));
        assert_eq!(
            sick.ask(Request::Deprovision(hints())).await,
            Reply::Deleted
        );
        sick.echo.stop(Duration::ZERO).await;
    }
}
