//! What scenarios are made of: right requests for a plan, resources that are
//! made and removed, operations that are followed to their end.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::book::{Finding, Sign};
use super::call::{Call, Endpoint, Resource, Work};
use super::options::{Expect, Parameters};
use super::patience::Moment;
use super::session::{Reply, Session, Stop};
use super::subject::Subject;
use super::sweep::sweep;
use crate::fresh::fresh_id;
use crate::parameters::demanded;
use crate::pause::Pauses;

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
    /// Whether an instance, and a binding, that does not exist is told to be gone, so that a deletion that
    /// succeeds shows that something was there.
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

/// How an operation has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed,
    /// The broker says, by 410 or 404, that there is nothing any more.
    Gone,
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
    slot: Mutex<Option<OwnedSemaphorePermit>>,
    /// The ids of the instances that it has chosen.
    instances: Mutex<Vec<String>>,
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
            slot: Mutex::new(None),
            instances: Mutex::default(),
        }
    }

    /// Waits for a place among the scenarios that run side by side.
    pub(crate) async fn enter(&self) {
        // Nobody closes the semaphore.
        let permit = self.slots.clone().acquire_owned().await.ok();
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }

    /// Sleeps, and lets another scenario run meanwhile.
    pub(crate) async fn pause(&self, span: Duration) {
        drop(
            self.slot
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        tokio::time::sleep(span).await;
        self.enter().await;
    }

    // What is found.

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

    // Requests.

    fn parameters(&self) -> &Parameters {
        &self.session.options.parameters
    }

    fn hints(&self, call: Call) -> Call {
        call.query("service_id", &self.subject.service_id)
            .query("plan_id", &self.subject.plan_id)
    }

    fn base(&self) -> Value {
        json!({"service_id": self.subject.service_id, "plan_id": self.subject.plan_id})
    }

    /// A provision that is right in everything.
    pub(crate) fn provision(&self, resource: &Resource) -> Call {
        let mut body = self.base();
        body["organization_guid"] = ORGANIZATION.into();
        body["space_guid"] = SPACE.into();
        if self.knows(12) {
            body["context"] = context("conformance");
        }
        if let Some(parameters) = self.provision_parameters() {
            body["parameters"] = parameters;
        }
        Call::on(Endpoint::Provision, resource)
            .query("accepts_incomplete", "true")
            .json(body)
    }

    /// The parameters of an ordinary provision: the user's, or what the schema
    /// demands.
    pub(crate) fn provision_parameters(&self) -> Option<Value> {
        let own = self.parameters().provision.clone();
        own.or_else(|| {
            let made = &self.learned.demanded[0];
            made.get_or_init(|| demanded(self.subject.create_schema.as_ref()))
                .clone()
        })
    }

    /// A bind that is right in everything.
    pub(crate) fn bind(&self, resource: &Resource) -> Call {
        let mut body = self.base();
        let route = ["route_forwarding".to_owned()].into();
        body["bind_resource"] = match self.subject.requires == route {
            true => json!({"route": "conformance.example.com"}),
            false => json!({"app_guid": APP}),
        };
        if self.subject.requires != route {
            body["app_guid"] = APP.into();
        }
        if self.knows(13) {
            body["context"] = context("conformance");
        }
        let own = self.parameters().bind.clone();
        let made = &self.learned.demanded[1];
        let made = || {
            let made = made.get_or_init(|| demanded(self.subject.bind_schema.as_ref()));
            made.clone()
        };
        if let Some(parameters) = own.or_else(made) {
            body["parameters"] = parameters;
        }
        self.incomplete_if_bindings(Call::on(Endpoint::Bind, resource))
            .json(body)
    }

    /// Bindings can be made asynchronously since 2.14.
    fn incomplete_if_bindings(&self, call: Call) -> Call {
        match self.knows(14) {
            true => call.query("accepts_incomplete", "true"),
            false => call,
        }
    }

    /// An update that changes these members.
    pub(crate) fn update(&self, resource: &Resource, changes: &Value) -> Call {
        let mut body = json!({"service_id": self.subject.service_id});
        if let (Some(body), Some(changes)) = (body.as_object_mut(), changes.as_object()) {
            body.extend(changes.clone());
        }
        Call::on(Endpoint::Update, resource)
            .query("accepts_incomplete", "true")
            .json(body)
    }

    pub(crate) fn deprovision(&self, resource: &Resource) -> Call {
        self.hints(Call::on(Endpoint::Deprovision, resource))
            .query("accepts_incomplete", "true")
    }

    pub(crate) fn unbind(&self, resource: &Resource) -> Call {
        self.incomplete_if_bindings(self.hints(Call::on(Endpoint::Unbind, resource)))
    }

    /// The deletion of an instance or binding.
    pub(crate) fn delete(&self, resource: &Resource) -> Call {
        match resource.binding {
            None => self.deprovision(resource),
            Some(_) => self.unbind(resource),
        }
    }

    /// A fetch with both hints, which the versions before 2.16 do not know.
    pub(crate) fn fetch(&self, resource: &Resource) -> Call {
        let call = match resource.binding {
            None => Call::on(Endpoint::FetchInstance, resource),
            Some(_) => Call::on(Endpoint::FetchBinding, resource),
        };
        match self.knows(16) {
            true => self.hints(call),
            false => call,
        }
    }

    /// Whether the offering lets this be fetched.
    pub(crate) fn is_fetchable(&self, resource: &Resource) -> bool {
        self.knows(14)
            && match resource.binding {
                None => self.subject.has_instance_fetch,
                Some(_) => self.subject.has_binding_fetch,
            }
    }

    /// A poll with both hints.
    pub(crate) fn poll(&self, resource: &Resource, work: Work, operation: Option<&str>) -> Call {
        let call = self.hints(self.poll_without_hints(resource, work));
        match operation {
            Some(operation) => call.query("operation", operation),
            None => call,
        }
    }

    pub(crate) fn poll_without_hints(&self, resource: &Resource, work: Work) -> Call {
        Call::on(
            match resource.binding {
                None => Endpoint::PollInstance(work),
                Some(_) => Endpoint::PollBinding(work),
            },
            resource,
        )
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

    /// The operation that an answer names, which polls have to repeat.
    pub(crate) fn operation(reply: &Reply) -> Option<String> {
        let operation = reply.member("operation")?.as_str()?;
        (!operation.is_empty()).then(|| operation.to_owned())
    }

    /// Polls the operation that was accepted by `accepted` until it has ended.
    pub(crate) async fn settle(
        &self,
        resource: &Resource,
        work: Work,
        accepted: &Reply,
    ) -> Result<End, Stop> {
        let operation = Stage::operation(accepted);
        let poll = self.poll(resource, work, operation.as_deref());
        let limit = self
            .subject
            .maximum_polling_duration
            .map(Duration::from_secs);
        let limit = limit
            .unwrap_or(Duration::MAX)
            .min(self.session.options.operation_timeout);
        let started = Instant::now();
        let mut pauses = Pauses::new();
        loop {
            let left = limit.saturating_sub(started.elapsed());
            let reply = self.polled(&poll, left).await?;
            if let Some(end) = self.end_of(resource, work, &reply)? {
                if end != End::Failed && work == Work::Delete {
                    self.session.ledger().strike(resource);
                }
                return Ok(end);
            }
            if started.elapsed() >= limit {
                return Err(Stop::because(format!(
                    "the operation of {} was still in progress after {limit:?}",
                    accepted.asked
                )));
            }
            self.pause(pauses.after(&reply.answer)).await;
        }
    }

    /// Sends a poll, and again while it is answered by a fault or not at all to the
    /// point: a platform goes on then.
    async fn polled(&self, poll: &Call, limit: Duration) -> Result<Reply, Stop> {
        let limit = limit.min(LONGEST_FAULT);
        let started = Instant::now();
        let mut pauses = Pauses::new();
        loop {
            let reply = self.session.send(poll, Some(&self.subject)).await?;
            let is_fault = reply.status >= 500 && reply.status != 501;
            let is_answer = !is_fault && Moment::of(&reply).is_none();
            if is_answer || started.elapsed() >= limit {
                return Ok(reply);
            }
            self.pause(pauses.after(&reply.answer)).await;
        }
    }

    /// What a poll says: how the operation has ended, or that it has not.
    fn end_of(&self, resource: &Resource, work: Work, reply: &Reply) -> Result<Option<End>, Stop> {
        let (ok, gone, only_delete) = match resource.binding {
            None => (
                "last-operation.status-200",
                "last-operation.status-410-after-delete",
                "last-operation.status-410-delete-only",
            ),
            Some(_) => (
                "binding-last-operation.status-200",
                "binding-last-operation.status-410-after-delete",
                "binding-last-operation.status-410-delete-only",
            ),
        };
        let expected = "200 to a poll of an operation that was accepted";
        match (reply.status, work) {
            (200, _) => {
                self.kept(reply, ok, expected);
                if work != Work::Delete {
                    self.kept(reply, only_delete, "no 410 but after a deletion");
                }
                match reply.member("state").and_then(Value::as_str) {
                    Some("in progress") => Ok(None),
                    Some("succeeded") => {
                        if work == Work::Delete {
                            self.kept(reply, gone, "succeeded or 410 at the end of a deletion");
                        }
                        Ok(Some(End::Succeeded))
                    }
                    Some("failed") => Ok(Some(End::Failed)),
                    _ => Err(Stop::because(format!(
                        "the answer to {} has no state",
                        reply.asked
                    ))),
                }
            }
            (410, Work::Delete) => {
                self.kept(reply, gone, "succeeded or 410 at the end of a deletion");
                Ok(Some(End::Gone))
            }
            // The 404 of what is gone fits its row as well.
            (404, Work::Delete) => Ok(Some(End::Gone)),
            (410, _) => {
                self.prefer(reply, only_delete, false, "no 410 but after a deletion");
                Err(Stop::because(refused(reply)))
            }
            _ => {
                // Who has deleted something need not tell of it any more, and who
                // has no time for a poll has not processed it.
                let says_nothing = matches!(
                    Moment::of(reply),
                    Some(Moment::TooMany | Moment::Concurrency)
                );
                if work != Work::Delete && !says_nothing {
                    self.expect(reply, ok, false, expected);
                }
                Err(Stop::because(refused(reply)))
            }
        }
    }

    /// Whether the operation is in progress now, by a poll.
    pub(crate) async fn is_in_progress(
        &self,
        resource: &Resource,
        work: Work,
        accepted: &Reply,
    ) -> Result<bool, Stop> {
        let operation = Stage::operation(accepted);
        let poll = self.poll(resource, work, operation.as_deref());
        let limit = self.session.options.operation_timeout;
        let reply = self.polled(&poll, limit).await?;
        Ok(self.end_of(resource, work, &reply)?.is_none())
    }

    /// Deletes what exists, and waits until it is gone.
    pub(crate) async fn remove(&self, resource: &Resource) -> Result<Reply, Stop> {
        self.remove_by(resource, self.delete(resource)).await
    }

    /// The same for an instance that an update has moved to another plan.
    pub(crate) async fn remove_from(&self, resource: &Resource, plan: &str) -> Result<Reply, Stop> {
        let call = self.delete(resource).query("plan_id", plan);
        self.remove_by(resource, call).await
    }

    /// Sends the deletion of what exists, and once more where it is refused: a fault
    /// of the broker's own, or what it is busy with, may be over by then.
    pub(crate) async fn insist(&self, call: &Call) -> Result<Reply, Stop> {
        let first = self.send(call).await?;
        match first.status {
            // An earlier request may have deleted it.
            404 | 410 if first.is_after_503 => return Err(Stop::because(refused(&first))),
            200..=299 | 404 | 410 => return Ok(first),
            400..=499 => self.pause(AFTER_REFUSAL).await,
            _ => {}
        }
        let again = self.send(call).await?;
        if again.status == 410 && first.status >= 500 {
            let expected = "something left to delete after a deletion was answered 5xx";
            self.prefer(&again, after(&first), false, expected);
        }
        Ok(match again.status {
            410 => first,
            _ => again,
        })
    }

    async fn remove_by(&self, resource: &Resource, call: Call) -> Result<Reply, Stop> {
        let reply = self.insist(&call).await?;
        self.removed(resource, &call, reply).await
    }

    /// Judges the answer to the deletion of what exists, and waits until it is
    /// gone.
    pub(crate) async fn removed(
        &self,
        resource: &Resource,
        call: &Call,
        reply: Reply,
    ) -> Result<Reply, Stop> {
        let (id, flag) = match resource.binding {
            None => (
                "deprovision.status-200-deleted",
                &self.learned.deprovisions_async,
            ),
            Some(_) => ("unbind.status-200-deleted", &self.learned.unbinds_async),
        };
        // It says that nothing was deleted, and may have reasons of its own.
        if !reply.is_success() && !matches!(reply.status, 404 | 410) {
            return Err(Stop::because(refused(&reply)));
        }
        let is_right = matches!(reply.status, 200 | 202);
        let expected = "200 (or 202 Accepted) to the deletion of what exists";
        // While it is in progress, 202 is right, which is another entry's.
        if is_right || !reply.is_success() || !self.is_begun(resource, Work::Delete).await? {
            self.expect(&reply, id, is_right, expected);
        }
        if call.accepts_incomplete() {
            let _ = flag.set(reply.status == 202);
        }
        if reply.status == 202 && self.settle(resource, Work::Delete, &reply).await? == End::Failed
        {
            return self.remove_again(resource, call).await;
        }
        Ok(reply)
    }

    /// Deletes what is still there after an operation that has failed.
    async fn remove_again(&self, resource: &Resource, call: &Call) -> Result<Reply, Stop> {
        let reply = self.send(call).await?;
        let is_failed = match reply.status {
            202 => self.settle(resource, Work::Delete, &reply).await? == End::Failed,
            status => !matches!(status, 200 | 410),
        };
        match is_failed {
            true => Err(Stop::because(format!("{} failed twice", reply.asked))),
            false => Ok(reply),
        }
    }

    /// After a creation that was refused: nothing may be there. A deletion tells,
    /// where the broker says of what does not exist that it is gone.
    pub(crate) async fn nothing_made(&self, refused: &Reply, call: &Call) -> Result<(), Stop> {
        let Some(resource) = &call.resource else {
            return Ok(());
        };
        let reply = self.send(&self.delete(resource)).await?;
        if !self.learned.tells_gone(resource) {
            return Ok(());
        }
        let expected = format!("nothing to delete after {} was refused", refused.asked);
        self.expect(&reply, after(refused), !reply.is_success(), &expected);
        if reply.status == 202 {
            self.settle(resource, Work::Delete, &reply).await?;
        }
        Ok(())
    }

    /// Leaves nothing behind of a scenario that was stopped: what it holds of a
    /// quota, others may need.
    pub(crate) async fn tidy(&self) {
        let instances = self.instances().clone();
        let mut entries = self.session.ledger().entries();
        entries.retain(|entry| instances.contains(&entry.instance));
        let limit = self.session.options.operation_timeout.min(LONGEST_TIDYING);
        // What is left, the end of the run sees to.
        sweep(&self.session, entries, limit).await;
    }

    /// Ends: nobody follows what is still under way.
    pub(crate) fn leave(&self) {
        self.session.forget(&self.instances());
    }
}

/// How long a target may answer polls by faults before that is judged.
const LONGEST_FAULT: Duration = Duration::from_secs(30);

/// The pause before a deletion that was refused is asked for once more.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// How long a scenario cleans up after itself.
const LONGEST_TIDYING: Duration = Duration::from_secs(30);

/// The entry about what a refused request leaves behind.
pub(crate) fn after(refused: &Reply) -> &'static str {
    match refused.status {
        500.. => "errors.5xx-no-side-effects",
        _ => "errors.4xx-no-side-effects",
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

const ORGANIZATION: &str = "5f1c7a56-26f8-4f38-8bc3-95ff4d3d3b60";
const SPACE: &str = "c1b1d1a4-3f3f-4d2e-9a52-0d8f5fd1c2e7";
const APP: &str = "0a7d4b0e-5c0f-4f7b-8a53-3a1c7f6a9d11";

/// A context as Cloud Foundry sends it.
pub(crate) fn context(instance_name: &str) -> Value {
    json!({
        "platform": "cloudfoundry",
        "organization_guid": ORGANIZATION,
        "space_guid": SPACE,
        "organization_name": "conformance",
        "space_name": "conformance",
        "instance_name": instance_name,
    })
}
