//! Carries out requests: decides, stores, calls the echo service, and so on
//! until there is a reply; and carries out what was accepted for later.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serving::StartError;
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
use crate::echo::{EchoClient, EchoError};
use crate::mischief::{Mischief, on_purpose};
use crate::reply::Reply;
use crate::store::{Durability, Key, Store, StoreError};
use crate::version::ApiVersion;

/// How long the recovery of an operation waits before it tries again, at first
/// and at most.
const RECOVERY_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// What carries out requests. Clones share everything.
#[derive(Clone)]
pub(crate) struct Lifecycle(Arc<Inner>);

/// What was being worked on when the broker ended last, and why the latest
/// attempt to carry it to its end has failed, once one has. How it ended may have
/// been told already, so that nothing can be said of it before it is known again.
type Recovering = HashMap<Key, Option<EchoError>>;

struct Inner {
    store: Box<dyn Store>,
    echo: EchoClient,
    catalog: Arc<Catalog>,
    echo_public_url: String,
    async_delay: Duration,
    mischief: Mischief,
    recovering: watch::Sender<Recovering>,
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
type Pure = Box<dyn FnMut(&Circumstances<'_>, Stored) -> Decision + Send>;

impl Lifecycle {
    pub(crate) fn new(
        config: &Config,
        catalog: Arc<Catalog>,
        store: Box<dyn Store>,
    ) -> Result<Lifecycle, StartError> {
        Ok(Lifecycle(Arc::new(Inner {
            store,
            echo: EchoClient::new(config.echo_url.as_str(), config.echo_timeout)?,
            catalog,
            echo_public_url: config.echo_public_url().to_string(),
            async_delay: config.async_delay,
            mischief: Mischief::default(),
            recovering: watch::Sender::default(),
            started_at: now(),
            operations: AtomicU64::new(0),
        })))
    }

    /// Carries out a request, or misbehaves as its plan is to.
    pub(crate) async fn carry_out(&self, key: Key, sender: Sender, request: Request) -> Reply {
        if let Err(reply) = self.recovered(&key).await {
            return reply;
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
        let first: Pure = Box::new(move |at, stored| decide(at, stored, &request));
        let next = self.step(&key, sender, Durability::Durable, first).await;
        self.go_on(&key, sender, next, asked.as_ref()).await
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
        self.recovered(&key).await?;
        let stored = self.0.store.look(key.clone()).await.map_err(failed)?;
        Ok(look(&self.0.circumstances(&key, sender, ""), &stored))
    }

    /// Whether the store and the echo service are there, or why not.
    pub(crate) async fn ready(&self) -> (Result<(), String>, Result<(), String>) {
        let store = self.0.store.in_progress().await;
        let store = store.map(drop).map_err(|error| error.to_string());
        let echo = self.0.echo.is_reachable().await;
        (store, echo.map_err(|error| error.to_string()))
    }

    /// Takes up what was in progress when the broker ended last.
    pub(crate) async fn recover(&self) -> Result<(), StoreError> {
        for key in self.0.store.in_progress().await? {
            let stored = self.0.store.look(key.clone()).await?;
            let lifecycle = self.clone();
            match waiting_operation(&stored, key.binding.is_some()) {
                Some((operation, until)) => {
                    tokio::spawn(async move { lifecycle.later(key, operation, until).await });
                }
                None => {
                    self.0.recovering.send_modify(|recovering| {
                        recovering.insert(key.clone(), None);
                    });
                    tokio::spawn(async move { lifecycle.take_up(key).await });
                }
            }
        }
        Ok(())
    }

    /// Waits until it is known again how things are with what a request is
    /// about, or gives the reply that this cannot be found out for now.
    async fn recovered(&self, key: &Key) -> Result<(), Reply> {
        let instance = Key {
            instance: key.instance.clone(),
            binding: None,
        };
        let of = |all: &Recovering| all.get(&instance).or_else(|| all.get(key)).cloned();
        let mut recovering = self.0.recovering.subscribe();
        let known = recovering.wait_for(|all| of(all) != Some(None)).await;
        // The sender lives as long as we do.
        match known.ok().and_then(|all| of(&all)).flatten() {
            Some(error) => Err(Reply::Echo(error)),
            None => Ok(()),
        }
    }

    /// From `next` to the reply.
    async fn go_on(
        &self,
        key: &Key,
        sender: Sender,
        mut next: Result<Next, StoreError>,
        asked: Option<&ask::Provision>,
    ) -> Reply {
        loop {
            let work = match next {
                Ok(Next::Reply(reply)) => return reply,
                Ok(Next::Accepted(reply)) => {
                    self.schedule(key, &reply);
                    return reply;
                }
                Ok(Next::Work(work)) => work,
                Err(error) => return failed(error),
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
                Box::new(move |at, stored| resume(at, stored, &work, done.clone(), asked.as_ref()));
            next = self.step(key, sender, durability, then).await;
        }
    }

    /// Has an accepted operation carried out when its time has come.
    fn schedule(&self, key: &Key, reply: &Reply) {
        if let Reply::Accepted { operation, .. } = reply {
            let (lifecycle, key, operation) = (self.clone(), key.clone(), operation.clone());
            let until = now() + millis(self.0.async_delay);
            tokio::spawn(async move { lifecycle.later(key, operation, until).await });
        }
    }

    async fn later(&self, key: Key, operation: String, until: u64) {
        sleep(Duration::from_millis(until.saturating_sub(now()))).await;
        let first: Pure = Box::new(move |at, stored| begin(at, stored, &operation));
        let next = self.step(&key, NOBODY, Durability::Durable, first).await;
        self.go_on(&key, NOBODY, next, None).await;
    }

    /// Carries an operation to its end that may have been told as done: until
    /// it is done, however long the echo service is away.
    async fn take_up(&self, key: Key) {
        self.carry_to_its_end(&key).await;
        self.0.recovering.send_modify(|recovering| {
            recovering.remove(&key);
        });
    }

    async fn carry_to_its_end(&self, key: &Key) {
        let (mut pause, longest) = RECOVERY_PAUSE;
        loop {
            let first: Pure = Box::new(recover);
            let next = self.step(key, NOBODY, Durability::Recoverable, first).await;
            let work = match next {
                Ok(Next::Work(work)) => work,
                _ => return,
            };
            let done = self.0.echo.perform(key, &work).await;
            let error = match done {
                Err(error) => error,
                Ok(_) => {
                    let then: Pure =
                        Box::new(move |at, stored| resume(at, stored, &work, done.clone(), None));
                    let next = self.step(key, NOBODY, Durability::Durable, then).await;
                    self.go_on(key, NOBODY, next, None).await;
                    return;
                }
            };
            self.0.recovering.send_modify(|recovering| {
                recovering.insert(key.clone(), Some(error));
            });
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn step(
        &self,
        key: &Key,
        sender: Sender,
        durability: Durability,
        mut pure: Pure,
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

    /// An id that no operation has had, in this process or before.
    fn fresh_operation(&self) -> String {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        format!("op-{:x}-{number:x}", self.started_at)
    }
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
