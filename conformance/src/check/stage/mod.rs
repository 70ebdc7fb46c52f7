//! What scenarios are made of: right requests for a plan, resources that are
//! made and removed, operations that are followed to their end.

mod operations;
mod removal;
mod requests;

pub(crate) use operations::End;
pub(crate) use removal::after;
pub(crate) use requests::context;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::book::{Finding, Sign};
use super::call::{Call, Endpoint, Resource, Work};
use super::options::Expect;
use super::session::{Reply, Session, Stop};
use super::subject::Subject;
use crate::fresh::fresh_id;

/// What is known of a plan besides its catalog, from the first instance that was
/// made of it.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Whether a 202 was seen.
    pub(crate) provisions_async: OnceLock<bool>,
    pub(crate) updates_async: OnceLock<bool>,
    pub(crate) deprovisions_async: OnceLock<bool>,
    pub(crate) binds_async: OnceLock<bool>,
    pub(crate) unbinds_async: OnceLock<bool>,
    /// An update that the broker carries out: the members that it changes.
    pub(crate) update: OnceLock<Value>,
    /// Whether an instance, and a binding, that does not exist is told to be gone, so
    /// that a deletion that succeeds shows that something was there.
    gone: [OnceLock<bool>; 2],
    /// How long the asynchronous creation of an instance and of a binding took.
    creation: [OnceLock<Duration>; 2],
    /// Parameters that its schemas demand, made once.
    demanded: [OnceLock<Option<Value>>; 2],
}

impl Learned {
    /// What is asynchronous, as far as it was seen.
    pub(crate) fn modes(&self) -> [Option<bool>; 5] {
        [
            &self.provisions_async,
            &self.updates_async,
            &self.deprovisions_async,
            &self.binds_async,
            &self.unbinds_async,
        ]
        .map(|flag| flag.get().copied())
    }

    /// Enters whether what does not exist is told to be gone. The first sight counts.
    pub(crate) fn learn_gone(&self, resource: &Resource, is_told: bool) {
        self.gone[usize::from(resource.binding.is_some())].get_or_init(|| is_told);
    }

    /// Whether a deletion that succeeds shows that something was there.
    pub(crate) fn tells_gone(&self, resource: &Resource) -> bool {
        Learned::is(&self.gone[usize::from(resource.binding.is_some())])
    }

    /// How long such a creation took: the first that was seen.
    pub(crate) fn creation(&self, resource: &Resource) -> &OnceLock<Duration> {
        &self.creation[usize::from(resource.binding.is_some())]
    }

    pub(crate) fn is(flag: &OnceLock<bool>) -> bool {
        flag.get().copied().unwrap_or(false)
    }
}

/// A resource that a scenario has made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) resource: Resource,
    /// The answer to the request that made it.
    pub(crate) reply: Reply,
    /// That request.
    pub(crate) call: Call,
}

impl Made {
    pub(crate) fn is_async(&self) -> bool {
        self.reply.status == 202
    }
}

/// Where a scenario plays: one plan of the target.
pub(crate) struct Stage {
    pub(crate) session: Arc<Session>,
    pub(crate) subject: Arc<Subject>,
    pub(crate) learned: Arc<Learned>,
    slots: Arc<Semaphore>,
    place: Arc<Mutex<Place>>,
    /// The ids of the instances that it has chosen.
    instances: Arc<Mutex<Vec<String>>>,
}

/// A scenario's place among those that run side by side.
#[derive(Debug, Default)]
struct Place {
    permit: Option<OwnedSemaphorePermit>,
    /// Whether it has the places of all the others too.
    is_alone: bool,
}

impl Stage {
    pub(crate) fn new(
        session: Arc<Session>,
        subject: Arc<Subject>,
        learned: Arc<Learned>,
        slots: Arc<Semaphore>,
    ) -> Stage {
        Stage {
            session,
            subject,
            learned,
            slots,
            place: Arc::default(),
            instances: Arc::default(),
        }
    }

    /// The same scenario's stage with another plan, of which nothing is learned.
    pub(crate) fn with(&self, subject: Arc<Subject>) -> Stage {
        Stage {
            session: self.session.clone(),
            subject,
            learned: Arc::default(),
            slots: self.slots.clone(),
            place: self.place.clone(),
            instances: self.instances.clone(),
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place among the scenarios that run side by side.
    pub(crate) async fn enter(&self) {
        *self.place() = Place::default();
        // Nobody closes the semaphore.
        let permit = self.slots.clone().acquire_owned().await.ok();
        self.place().permit = permit;
    }

    /// Waits until no other scenario runs, and lets none run until it enters again.
    pub(crate) async fn alone(&self) {
        *self.place() = Place::default();
        let all = self.session.options.jobs.max(1);
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        let permit = self.slots.clone().acquire_many_owned(all).await.ok();
        *self.place() = Place {
            permit,
            is_alone: true,
        };
    }

    /// Sleeps, and lets another scenario run meanwhile.
    pub(crate) async fn pause(&self, span: Duration) {
        if self.place().is_alone {
            return tokio::time::sleep(span).await;
        }
        *self.place() = Place::default();
        tokio::time::sleep(span).await;
        self.enter().await;
    }

    /// Sends a call, and again while its answer is one of the moment.
    pub(crate) async fn send(&self, call: &Call) -> Result<Reply, Stop> {
        let subject = Some(&*self.subject);
        let pause = |span| self.pause(span);
        self.session.patiently(call, subject, false, pause).await
    }

    /// The same, where a `ConcurrencyError` counts, unless something else is under
    /// way.
    pub(crate) async fn send_at_once(&self, call: &Call) -> Result<Reply, Stop> {
        let subject = Some(&*self.subject);
        let pause = |span| self.pause(span);
        self.session.patiently(call, subject, true, pause).await
    }

    /// Whether a requirement is one of the version that is judged.
    pub(crate) fn knows(&self, minor: u8) -> bool {
        self.session.version().is_at_least(minor)
    }

    /// Judges a requirement by an answer.
    pub(crate) fn expect(&self, reply: &Reply, id: &'static str, holds: bool, expected: &str) {
        self.judge(reply, id, holds, Sign::Broken, expected);
    }

    /// The same, but where it does not hold that is no violation.
    pub(crate) fn prefer(&self, reply: &Reply, id: &'static str, holds: bool, expected: &str) {
        self.judge(reply, id, holds, Sign::Deviates, expected);
    }

    pub(crate) fn judge(
        &self,
        reply: &Reply,
        id: &'static str,
        holds: bool,
        sign: Sign,
        expected: &str,
    ) {
        let code = reply.code().map(|code| format!(" with the error {code}"));
        let code = code.unwrap_or_default();
        let actual = format!("it was answered {}{code}", reply.status);
        self.found(reply, Finding::judge(id, holds, sign, expected, actual));
    }

    /// Judges a requirement by what an answer says, told in other words than by
    /// its status.
    pub(crate) fn tell(
        &self,
        reply: &Reply,
        id: &'static str,
        sign: Sign,
        expected: &str,
        actual: &str,
    ) {
        self.found(reply, Finding::judge(id, false, sign, expected, actual));
    }

    /// Judges what an answer gives; without it, it is no violation unless the
    /// user has said that there is some.
    pub(crate) fn prefer_told(&self, reply: &Reply, id: &'static str, holds: bool, expected: &str) {
        let sign = match self.session.options.expect.contains(&Expect::Credentials) {
            true => Sign::Broken,
            false => Sign::Deviates,
        };
        self.found(
            reply,
            Finding::judge(id, holds, sign, expected, "there are none"),
        );
    }

    pub(crate) fn kept(&self, reply: &Reply, id: &'static str, expected: &str) {
        self.found(reply, Finding::kept(id, expected));
    }

    fn found(&self, reply: &Reply, finding: Finding) {
        self.session.find(reply.at, finding);
    }

    pub(crate) fn unclear(&self, id: &'static str, why: &str) {
        self.session.record().book.unclear(id, why);
    }

    // Resources.

    /// A fresh id.
    pub(crate) fn fresh(&self) -> Resource {
        let id = fresh_id();
        self.instances().push(id.clone());
        Resource::instance(id)
    }

    fn instances(&self) -> MutexGuard<'_, Vec<String>> {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh id of a binding of this instance.
    pub(crate) fn fresh_binding(&self, instance: &Resource) -> Resource {
        instance.with_binding(fresh_id())
    }

    /// Makes an instance, and waits until it is there.
    pub(crate) async fn instance(&self) -> Result<Made, Stop> {
        let resource = self.fresh();
        self.make(self.provision(&resource)).await
    }

    /// Makes a binding of an instance, and waits until it is there.
    pub(crate) async fn binding(&self, instance: &Resource) -> Result<Made, Stop> {
        let resource = self.fresh_binding(instance);
        self.make(self.bind(&resource)).await
    }

    /// Sends a creation of something new and waits until it is done.
    pub(crate) async fn make(&self, call: Call) -> Result<Made, Stop> {
        let made = self.begin(call).await?;
        self.complete(made).await
    }

    /// Takes a creation of something new that was answered by `reply`, and waits
    /// until it is done.
    pub(crate) async fn taken_up(&self, call: Call, reply: Reply) -> Result<Made, Stop> {
        let made = self.accepted(call, reply).await?;
        self.complete(made).await
    }

    /// Waits until what was begun is there.
    pub(crate) async fn complete(&self, made: Made) -> Result<Made, Stop> {
        let hides_work = made.resource.binding.is_none()
            && (self.session.record().book).deviates("provision.status-202-in-progress");
        let is_hidden = hides_work && self.is_begun(&made.resource, Work::Create).await?;
        if made.is_async() || is_hidden {
            let started = Instant::now();
            match self
                .settle(&made.resource, Work::Create, &made.reply)
                .await?
            {
                End::Succeeded => {
                    let took = self.learned.creation(&made.resource);
                    took.get_or_init(|| started.elapsed());
                }
                end => {
                    let asked = &made.reply.asked;
                    let end = match end {
                        End::Failed => "failed",
                        _ => "ended without the resource being there",
                    };
                    return Err(Stop::because(format!("the operation of {asked} {end}")));
                }
            }
        }
        Ok(made)
    }

    /// Sends a creation of something new.
    pub(crate) async fn begin(&self, call: Call) -> Result<Made, Stop> {
        let reply = self.send(&call).await?;
        self.accepted(call, reply).await
    }

    /// Whether something is in progress, whatever the request was answered.
    async fn is_begun(&self, resource: &Resource, work: Work) -> Result<bool, Stop> {
        let polled = self.send(&self.poll(resource, work, None)).await?;
        let state = polled.member("state").and_then(Value::as_str);
        Ok(polled.status == 200 && state == Some("in progress"))
    }

    /// A maintenance version that is not sent cannot be the wrong one.
    pub(crate) fn demands_maintenance(&self, call: &Call, reply: &Reply) {
        let id = match call.endpoint {
            Endpoint::Provision => "provision.maintenance-info-conflict-422",
            Endpoint::Update => "update.maintenance-info-conflict-422",
            _ => return,
        };
        let is_conflict = reply.code() == Some("MaintenanceInfoConflict");
        if is_conflict && call.given("maintenance_info").is_none() {
            let expected = "no conflict where no maintenance_info is sent";
            self.expect(reply, id, false, expected);
        }
    }

    async fn accepted(&self, call: Call, reply: Reply) -> Result<Made, Stop> {
        let resource = call.resource.clone();
        let resource = resource.ok_or_else(|| Stop::because("it creates nothing"))?;
        let (id, flag) = match resource.binding {
            None => (
                "provision.status-201-created",
                &self.learned.provisions_async,
            ),
            Some(_) => ("bind.status-201-created", &self.learned.binds_async),
        };
        if !reply.is_success() {
            self.demands_maintenance(&call, &reply);
            return Err(Stop::because(refused(&reply)));
        }
        let is_right = reply.status == 201 || (reply.status == 202 && call.accepts_incomplete());
        let expected = "201 Created (or 202 Accepted) for what is new";
        // While it is in progress, 202 is right, which is another entry's.
        if reply.is_after_503 && reply.status == 200 {
            self.unclear(
                id,
                "it may have been made by the request that was answered 503",
            );
        } else if is_right || !self.is_begun(&resource, Work::Create).await? {
            self.expect(&reply, id, is_right, expected);
        } else {
            self.unclear(id, "it was in progress, which 202 is for");
        }
        if call.accepts_incomplete() {
            // The first sight counts.
            let _ = flag.set(reply.status == 202);
            if reply.status == 201 {
                self.kept(
                    &reply,
                    "async.accepts-incomplete-ignorable",
                    "a synchronous success",
                );
            }
            self.kept(
                &reply,
                "async.mode-varies",
                "a synchronous or asynchronous success",
            );
        }
        Ok(Made {
            resource,
            reply,
            call,
        })
    }
}

/// A request that did not succeed, as the reason why others cannot be judged.
pub(crate) fn refused(reply: &Reply) -> String {
    let why = reply.member("description").and_then(Value::as_str);
    let why = why.map(|why| why.chars().take(200).collect::<String>());
    match why {
        Some(why) => format!("{} was answered {} ({why})", reply.asked, reply.status),
        None => format!("{} was answered {}", reply.asked, reply.status),
    }
}
