//! What a broker answers while an operation is in progress. Each sight counts
//! only if the operation is in progress before and after it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::bindings::OTHERS_REFUSED;
use super::conflicts::{Other, other_parameters, other_plans};
use super::control::is_carried_out;
use super::updates::{different, updateable};
use super::{Scenario, bindable};
use crate::check::book::Sign;
use crate::check::call::{Call, Endpoint, Resource, Work};
use crate::check::session::{Reply, Stop};
use crate::check::stage::{End, Learned, Made, Stage, context, refused};
use crate::parameters;

/// The pause between two looks at an operation.
const BETWEEN: Duration = Duration::from_millis(10);

/// Why a scenario saw nothing.
const TOO_QUICK: &str =
    "the operation had ended before it could be observed: a slower one would show it";

/// Why a bind cannot differ: unknown parameters may be refused, or disregarded.
const NO_OTHER_PARAMETERS: &str = "only parameters make a bind another one: a plan that is bound \
     asynchronously and publishes a schema with a choice for them would show it";

/// What another request under an id that is being created is answered.
const DIFFERENT: &str = "409 Conflict (or 422 ConcurrencyError) to another request under the id";

/// How much longer than the first one a creation may take, and the longest that
/// is waited for it.
const MARGIN: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

pub(super) const PROVISION: Scenario = Scenario {
    name: "while an instance is being provisioned",
    judges: &[
        "provision.resent-202-not-200",
        "provision.status-200-sync-only",
        "provision.resent-operation-matches",
        "provision.status-409-in-progress",
        "fetch-instance.status-404-in-progress",
        "fetch-instance.available-after-success",
        "blocking.rejection-422",
        "blocking.rejection-code",
        "blocking.concurrency-degree",
        "last-operation.state-own",
    ],
    needs: |stage| {
        needs(
            &stage.learned.provisions_async,
            "no plan that was judged is provisioned asynchronously",
        )
    },
    play: |stage| Box::pin(provision(stage)),
};

pub(super) const HALTED_PROVISION: Scenario = Scenario {
    name: "an instance that is deleted while it is being provisioned",
    judges: &[
        "deprovision.during-create-halts",
        "deprovision.during-create-last-operation-async",
        "deprovision.during-create-last-operation-sync",
        "deprovision.concurrency-422",
        "deprovision.concurrency-code",
    ],
    needs: |stage| {
        needs(
            &stage.learned.provisions_async,
            "no plan that was judged is provisioned asynchronously",
        )
    },
    play: |stage| Box::pin(halted_provision(stage)),
};

pub(super) const UPDATE: Scenario = Scenario {
    name: "while an instance is being updated",
    judges: &[
        "update.resent-202-not-200",
        "update.resent-operation-matches",
        "fetch-instance.status-422-updating",
        "fetch-instance.concurrency-error-code",
        "blocking.rejection-422",
        "blocking.rejection-code",
        "deprovision.concurrency-422",
        "deprovision.concurrency-code",
    ],
    needs: updates_later,
    play: |stage| Box::pin(update(stage)),
};

pub(super) const UNBIND_MEANWHILE: Scenario = Scenario {
    name: "a binding that is deleted while its instance is being updated",
    judges: &["blocking.rejection-422", "blocking.rejection-code"],
    needs: |stage| {
        bindable(stage)?;
        updates_later(stage)
    },
    play: |stage| Box::pin(unbind_meanwhile(stage)),
};

pub(super) const DEPROVISION: Scenario = Scenario {
    name: "while an instance is being deprovisioned",
    judges: &[
        "deprovision.resent-202-not-200",
        "deprovision.resent-operation-matches",
    ],
    needs: |stage| {
        needs(
            &stage.learned.deprovisions_async,
            "no plan that was judged is deprovisioned asynchronously",
        )
    },
    play: |stage| Box::pin(deprovision(stage)),
};

pub(super) const BIND: Scenario = Scenario {
    name: "while a binding is being created",
    judges: &[
        "bind.resent-202-not-200",
        "bind.status-200-sync-only",
        "bind.resent-operation-matches",
        "bind.status-409-in-progress",
        "bind.concurrency-422",
        "blocking.bind-as-instance-mutation",
        "binding-last-operation.single-without-identifier",
        "fetch-binding.status-404-in-progress",
        "fetch-binding.available-after-success",
    ],
    needs: binds,
    play: |stage| Box::pin(bind(stage)),
};

pub(super) const HALTED_BIND: Scenario = Scenario {
    name: "a binding that is deleted while it is being created",
    judges: &[
        "unbind.during-create-halts",
        "unbind.during-create-last-operation-async",
        "unbind.during-create-last-operation-sync",
        "unbind.concurrency-422",
        "unbind.concurrency-code",
    ],
    needs: binds,
    play: |stage| Box::pin(halted_bind(stage)),
};

pub(super) const UNBIND: Scenario = Scenario {
    name: "while a binding is being deleted",
    judges: &[
        "unbind.resent-202-not-200",
        "unbind.resent-operation-matches",
    ],
    needs: |stage| {
        bindable(stage)?;
        needs(
            &stage.learned.unbinds_async,
            "no plan that was judged is unbound asynchronously",
        )
    },
    play: |stage| Box::pin(unbind(stage)),
};

fn needs(flag: &std::sync::OnceLock<bool>, why: &'static str) -> Result<(), &'static str> {
    match Learned::is(flag) {
        true => Ok(()),
        false => Err(why),
    }
}

fn updates_later(stage: &Stage) -> Result<(), &'static str> {
    updateable(stage)?;
    needs(
        &stage.learned.updates_async,
        "no plan that was judged is updated asynchronously",
    )
}

fn binds(stage: &Stage) -> Result<(), &'static str> {
    bindable(stage)?;
    needs(
        &stage.learned.binds_async,
        "no plan that was judged is bound asynchronously",
    )
}

/// An operation that may be in progress.
struct Busy<'a> {
    stage: &'a Stage,
    resource: &'a Resource,
    work: Work,
    accepted: &'a Reply,
    /// When it was accepted.
    since: Instant,
}

impl Busy<'_> {
    async fn is_in_progress(&self) -> Result<bool, Stop> {
        self.stage
            .is_in_progress(self.resource, self.work, self.accepted)
            .await
    }

    /// The answer to a call that was sent while the operation was in progress;
    /// none if it had ended by then.
    async fn ask(&self, call: &Call) -> Result<Option<Reply>, Stop> {
        let reply = self.stage.send(call).await?;
        Ok(self.is_in_progress().await?.then_some(reply))
    }

    /// The same request again goes on with the same operation.
    async fn resend(
        &self,
        call: &Call,
        status: &'static str,
        operation: &'static str,
    ) -> Result<(), Stop> {
        let sent = Instant::now();
        let Some(reply) = self.ask(call).await? else {
            self.stage.unclear(status, TOO_QUICK);
            self.stage.unclear(operation, TOO_QUICK);
            return Ok(());
        };
        let expected = "202 to the same request again, while it is in progress";
        let is_busy = reply.status == 422 && reply.code() == Some("ConcurrencyError");
        let sign = match is_busy || (reply.status == 409 && call.creates()) {
            true => Sign::Deviates,
            false => Sign::Broken,
        };
        self.stage
            .judge(&reply, status, reply.status == 202, sign, expected);
        if reply.status == 200 && call.creates() {
            let sync_only = match self.resource.binding {
                None => "provision.status-200-sync-only",
                Some(_) => "bind.status-200-sync-only",
            };
            self.stage.prefer(&reply, sync_only, false, expected);
        }
        if reply.status == 202 {
            let named = |reply: &Reply| reply.member("operation").cloned();
            let mut same = named(&reply) == named(self.accepted);
            if !same && self.work == Work::Update {
                // Where the first one had just ended, another one has begun.
                self.stage.settle(self.resource, self.work, &reply).await?;
                let first = self.stage.send(call).await?;
                let second = self.stage.send(call).await?;
                same = named(&first) == named(&second);
            }
            let expected = "the operation of the first answer";
            match same {
                true => self.stage.kept(&reply, operation, expected),
                // After the first update has ended, the same one is a new one.
                false if self.work == Work::Update && !self.goes_on_after(sent).await? => {
                    self.stage.unclear(operation, TOO_QUICK);
                }
                false => {
                    let actual = "it names another one";
                    self.stage
                        .tell(&reply, operation, Sign::Broken, expected, actual);
                }
            }
        }
        Ok(())
    }

    /// Whether the operation is in progress for longer after `sent` than it had been
    /// until now: then it was not over, and another one begun, in between. A broker
    /// need not tell its operations apart when it is polled.
    async fn goes_on_after(&self, sent: Instant) -> Result<bool, Stop> {
        let until_now = self.since.elapsed();
        loop {
            let after = sent.elapsed();
            if !self.is_in_progress().await? {
                return Ok(false);
            }
            if after >= until_now {
                return Ok(true);
            }
            self.stage.pause(BETWEEN).await;
        }
    }

    /// Another request under an id that is being created. Gives a refusal that is not
    /// the right one: it counts only of what is not refused under an id of its own.
    async fn differ(&self, call: &Call, id: &'static str) -> Result<Option<Reply>, Stop> {
        let Some(reply) = self.ask(call).await? else {
            self.stage.unclear(id, TOO_QUICK);
            return Ok(None);
        };
        let is_right = reply.status == 409
            || (reply.status == 422 && reply.code() == Some("ConcurrencyError"));
        if !is_right && reply.is_refusal() {
            return Ok(Some(reply));
        }
        self.stage.expect(&reply, id, is_right, DIFFERENT);
        Ok(None)
    }

    /// Carries to its end what was accepted; a binding is removed again, or the
    /// instance would have one when it is deprovisioned.
    async fn follow(&self, call: &Call, reply: &Reply) -> Result<(), Stop> {
        let stage = self.stage;
        if call.endpoint == Endpoint::Bind {
            let bound = stage.taken_up(call.clone(), reply.clone()).await?;
            stage.remove(&bound.resource).await?;
        } else if reply.status == 202 {
            stage.settle(self.resource, Work::Update, reply).await?;
        }
        Ok(())
    }

    /// A request that a broker may refuse for the time being. What a refusal was
    /// for, shows afterwards.
    async fn refuses(&self, call: &Call) -> Result<Option<Reply>, Stop> {
        let reply = self.stage.send(call).await?;
        if call.endpoint == Endpoint::Deprovision && reply.is_success() {
            // What is deleted need not tell of its other operations any more.
            return Ok(None);
        }
        let is_busy = self.is_in_progress().await?;
        if reply.is_success() {
            self.follow(call, &reply).await?;
        }
        let reply = is_busy.then_some(reply);
        if let Some(reply) = &reply {
            let is_free = reply.is_success() || reply.status == 422;
            if is_free {
                let id = "blocking.concurrency-degree";
                self.stage
                    .kept(reply, id, "ordinary processing, or a refusal");
            }
        }
        Ok(reply.filter(|reply| !reply.is_success()))
    }
}

/// The ids of a refusal that is due to concurrency: its status, and its code.
type Blocked = (&'static str, &'static str);

const BLOCKED: Blocked = ("blocking.rejection-422", "blocking.rejection-code");

/// Judges a refusal that was due to concurrency.
fn for_the_time_being(stage: &Stage, refused: &Reply, ids: Blocked) {
    blocked(stage, refused, ids, Sign::Broken);
}

/// The same for a request about an instance that was being provisioned. By one
/// reading it does not exist until that has ended, for anything but polls, and for
/// what does not exist 404 is right.
fn not_there_yet(stage: &Stage, refused: &Reply) {
    let sign = match refused.status {
        404 => Sign::Deviates,
        _ => Sign::Broken,
    };
    blocked(stage, refused, BLOCKED, sign);
}

fn blocked(stage: &Stage, refused: &Reply, (status, code): Blocked, sign: Sign) {
    let expected = "422 to what cannot be handled while an operation is in progress";
    stage.judge(refused, status, refused.status == 422, sign, expected);
    if refused.status == 422 {
        let is_right = refused.code() == Some("ConcurrencyError");
        stage.expect(refused, code, is_right, "the error ConcurrencyError");
    }
}

async fn provision(stage: &Stage) -> Result<(), Stop> {
    // Another instance, whose state must not be mixed up with this one's.
    let settled = stage.instance().await?;
    let call = stage.provision(&stage.fresh());
    let made = stage.begin(call.clone()).await?;
    let busy = Busy {
        stage,
        resource: &made.resource,
        work: Work::Create,
        accepted: &made.reply,
        since: Instant::now(),
    };
    if !made.is_async() || !busy.is_in_progress().await? {
        let made = stage.complete(made).await?;
        stage.remove(&made.resource).await?;
        stage.remove(&settled.resource).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    busy.resend(
        &call,
        "provision.resent-202-not-200",
        "provision.resent-operation-matches",
    )
    .await?;
    if stage.is_fetchable(&made.resource) {
        let id = "fetch-instance.status-404-in-progress";
        match busy.ask(&stage.fetch(&made.resource)).await? {
            Some(reply) => {
                let expected = "404 while the provisioning is in progress";
                stage.expect(&reply, id, reply.status == 404, expected);
            }
            None => stage.unclear(id, TOO_QUICK),
        }
    }
    let in_use = "provision.status-409-in-progress";
    let mut doubtful = Vec::new();
    for other in others(stage, &call) {
        let reply = busy
            .differ(&other.call(stage, &made.resource), in_use)
            .await?;
        doubtful.extend(reply.map(|reply| (other, reply)));
    }
    own_state(stage, &settled, &busy).await?;
    let bind = stage.bind(&stage.fresh_binding(&made.resource));
    let bind_refused = match stage.subject.is_bindable {
        true => busy.refuses(&bind).await?,
        false => None,
    };
    let update = stage.learned.update.get();
    let update = update.map(|changes| stage.update(&made.resource, changes));
    let update_refused = match &update {
        Some(update) => busy.refuses(update).await?,
        None => None,
    };
    let made = stage.complete(made).await?;
    at_once(stage, &made).await?;
    if let Some(refused) = bind_refused {
        let again = stage.send(&bind).await?;
        if again.is_success() {
            not_there_yet(stage, &refused);
            let bound = stage.taken_up(bind, again).await?;
            stage.remove(&bound.resource).await?;
        }
    }
    if let (Some(refused), Some(update)) = (update_refused, update) {
        let again = stage.send(&update).await?;
        if again.is_success() {
            not_there_yet(stage, &refused);
        }
        if again.status == 202 {
            stage.settle(&made.resource, Work::Update, &again).await?;
        }
    }
    stage.remove(&made.resource).await?;
    for (other, reply) in &doubtful {
        other.judge(stage, reply, in_use, false).await?;
    }
    stage.remove(&settled.resource).await.map(drop)
}

/// Fetched the moment that it is said to be there.
async fn at_once(stage: &Stage, made: &Made) -> Result<(), Stop> {
    if stage.is_fetchable(&made.resource) {
        let reply = stage.send(&stage.fetch(&made.resource)).await?;
        let id = match made.resource.binding {
            None => "fetch-instance.available-after-success",
            Some(_) => "fetch-binding.available-after-success",
        };
        let expected = "200 as soon as the operation has succeeded";
        stage.expect(&reply, id, reply.status == 200, expected);
    }
    Ok(())
}

/// Provisions that differ from this one in what makes an instance another one.
fn others(stage: &Stage, call: &Call) -> Vec<Other> {
    let given = call.given("parameters");
    let schema = stage.subject.create_schema.as_ref();
    let base = given.cloned();
    let base = base.or_else(|| parameters::valid(schema?).ok());
    let varied = base.map(|base| other_parameters(stage, &base));
    let plans = other_plans(stage, given).into_iter();
    let alike = plans.chain(varied);
    alike.filter_map(|alike| alike.into_iter().next()).collect()
}

/// An instance that is done stays so while another one is being worked on.
async fn own_state(stage: &Stage, settled: &Made, busy: &Busy<'_>) -> Result<(), Stop> {
    let operation = Stage::operation(&settled.reply);
    let poll = stage.poll(&settled.resource, Work::Create, operation.as_deref());
    let Some(reply) = busy.ask(&poll).await? else {
        stage.unclear("last-operation.state-own", TOO_QUICK);
        return Ok(());
    };
    let state = reply.member("state").and_then(Value::as_str);
    let is_mixed_up = reply.status == 200 && state == Some("in progress");
    let expected = "the state of the polled instance, whatever happens on others";
    match is_mixed_up {
        true => {
            let actual = "it is in progress, as another instance is";
            stage.tell(
                &reply,
                "last-operation.state-own",
                Sign::Broken,
                expected,
                actual,
            );
        }
        false => stage.kept(&reply, "last-operation.state-own", expected),
    }
    Ok(())
}

async fn update(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let call = stage.update(&instance, &different(stage));
    let accepted = stage.send(&call).await?;
    let busy = Busy {
        stage,
        resource: &instance,
        work: Work::Update,
        accepted: &accepted,
        since: Instant::now(),
    };
    if accepted.status != 202 || !busy.is_in_progress().await? {
        stage.remove(&instance).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    busy.resend(
        &call,
        "update.resent-202-not-200",
        "update.resent-operation-matches",
    )
    .await?;
    if stage.is_fetchable(&instance) {
        fetch_meanwhile(stage, &busy).await?;
    }
    let bind = stage.bind(&stage.fresh_binding(&instance));
    let bind_refused = match stage.subject.is_bindable {
        true => busy.refuses(&bind).await?,
        false => None,
    };
    // It has no bindings, which a broker may want to be gone first.
    let delete = stage.deprovision(&instance);
    let delete_refused = busy.refuses(&delete).await?;
    // What was accepted is waited for, so what may be so comes last.
    let other = another(stage, &call).map(|changes| stage.update(&instance, &changes));
    let other_refused = match &other {
        Some(other) if delete_refused.is_some() => busy.refuses(other).await?,
        _ => None,
    };
    if delete_refused.is_some() {
        stage.settle(&instance, Work::Update, &accepted).await?;
    }
    if let Some(refused) = bind_refused {
        let again = stage.send(&bind).await?;
        if again.is_success() {
            for_the_time_being(stage, &refused, BLOCKED);
            let bound = stage.taken_up(bind, again).await?;
            stage.remove(&bound.resource).await?;
        }
    }
    if let (Some(refused), Some(other)) = (other_refused, other) {
        let again = stage.send(&other).await?;
        if again.is_success() {
            for_the_time_being(stage, &refused, BLOCKED);
        }
        if again.status == 202 {
            stage.settle(&instance, Work::Update, &again).await?;
        }
    }
    match delete_refused {
        Some(refused) => {
            if stage.remove(&instance).await?.is_success() {
                let ids = (
                    "deprovision.concurrency-422",
                    "deprovision.concurrency-code",
                );
                for_the_time_being(stage, &refused, ids);
            }
        }
        // It was accepted: whatever it answered is followed by the right one.
        None => {
            let again = stage.send(&delete).await?;
            if again.status == 202 {
                stage.settle(&instance, Work::Delete, &again).await?;
            }
        }
    }
    Ok(())
}

/// What another update than `update` changes: nothing else, but to other values.
fn another(stage: &Stage, update: &Call) -> Option<Value> {
    let mut changes = stage.learned.update.get()?.clone();
    if stage.update(update.resource.as_ref()?, &changes) != *update {
        return Some(changes);
    }
    // A platform may tell with any update what things are called.
    changes["context"] = context("conformance-renamed-again");
    stage.knows(12).then_some(changes)
}

async fn unbind_meanwhile(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let binding = stage.binding(&instance).await?.resource;
    let unbind = stage.unbind(&binding);
    let accepted = stage
        .send(&stage.update(&instance, &different(stage)))
        .await?;
    let busy = Busy {
        stage,
        resource: &instance,
        work: Work::Update,
        accepted: &accepted,
        since: Instant::now(),
    };
    if accepted.status != 202 || !busy.is_in_progress().await? {
        stage.remove(&binding).await?;
        stage.remove(&instance).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    let reply = stage.send(&unbind).await?;
    let is_busy = busy.is_in_progress().await?;
    deleted(stage, &binding, &reply).await?;
    stage.settle(&instance, Work::Update, &accepted).await?;
    if !reply.is_success() {
        let again = stage.send(&unbind).await?;
        if is_busy && again.is_success() {
            for_the_time_being(stage, &reply, BLOCKED);
        }
        deleted(stage, &binding, &again).await?;
        if !again.is_success() {
            return Err(Stop::because(refused(&again)));
        }
    }
    stage.remove(&instance).await.map(drop)
}

/// Waits until an accepted deletion has ended.
async fn deleted(stage: &Stage, resource: &Resource, reply: &Reply) -> Result<(), Stop> {
    if reply.status == 202 && stage.settle(resource, Work::Delete, reply).await? == End::Failed {
        let asked = &reply.asked;
        return Err(Stop::because(format!("the operation of {asked} failed")));
    }
    Ok(())
}

async fn fetch_meanwhile(stage: &Stage, busy: &Busy<'_>) -> Result<(), Stop> {
    let (status, code) = (
        "fetch-instance.status-422-updating",
        "fetch-instance.concurrency-error-code",
    );
    let Some(reply) = busy.ask(&stage.fetch(busy.resource)).await? else {
        stage.unclear(status, TOO_QUICK);
        stage.unclear(code, TOO_QUICK);
        return Ok(());
    };
    let is_right = matches!(reply.status, 200 | 422);
    let expected = "200, or 422 where it cannot be read while it is updated";
    stage.expect(&reply, status, is_right, expected);
    if reply.status == 422 {
        let is_right = reply.code() == Some("ConcurrencyError");
        stage.expect(&reply, code, is_right, "the error ConcurrencyError");
    }
    Ok(())
}

async fn deprovision(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let ids = (
        "deprovision.resent-202-not-200",
        "deprovision.resent-operation-matches",
    );
    delete_twice(stage, &instance, ids).await
}

async fn unbind(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let binding = stage.binding(&instance).await?.resource;
    let ids = (
        "unbind.resent-202-not-200",
        "unbind.resent-operation-matches",
    );
    let deleted = delete_twice(stage, &binding, ids).await;
    stage.remove(&instance).await?;
    deleted
}

async fn delete_twice(
    stage: &Stage,
    resource: &Resource,
    (status, operation): (&'static str, &'static str),
) -> Result<(), Stop> {
    let call = stage.delete(resource);
    let accepted = stage.send(&call).await?;
    if accepted.status != 202 {
        return Err(Stop::because(TOO_QUICK));
    }
    let busy = Busy {
        stage,
        resource,
        work: Work::Delete,
        accepted: &accepted,
        since: Instant::now(),
    };
    if busy.is_in_progress().await? {
        busy.resend(&call, status, operation).await?;
    } else {
        stage.unclear(status, TOO_QUICK);
        stage.unclear(operation, TOO_QUICK);
    }
    stage
        .settle(resource, Work::Delete, &accepted)
        .await
        .map(drop)
}

async fn bind(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let schema = stage.subject.bind_schema.as_ref();
    let mut call = stage.bind(&stage.fresh_binding(&instance));
    let own = stage.session.options.parameters.bind.clone();
    let valid = || schema.and_then(|schema| parameters::valid(schema).ok());
    if let Some(given) = own.or_else(valid) {
        call = call.member("parameters", given);
    }
    let made = stage.begin(call.clone()).await?;
    let busy = Busy {
        stage,
        resource: &made.resource,
        work: Work::Create,
        accepted: &made.reply,
        since: Instant::now(),
    };
    if !made.is_async() || !busy.is_in_progress().await? {
        let made = stage.complete(made).await?;
        stage.remove(&made.resource).await?;
        stage.remove(&instance).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    busy.resend(
        &call,
        "bind.resent-202-not-200",
        "bind.resent-operation-matches",
    )
    .await?;
    if stage.is_fetchable(&made.resource) {
        let id = "fetch-binding.status-404-in-progress";
        match busy.ask(&stage.fetch(&made.resource)).await? {
            Some(reply) => {
                let expected = "404 while the binding is being created";
                stage.expect(&reply, id, reply.status == 404, expected);
            }
            None => stage.unclear(id, TOO_QUICK),
        }
    }
    let variant = schema
        .zip(call.given("parameters"))
        .and_then(|(schema, given)| parameters::variants(schema, given).into_iter().next());
    let in_use = "bind.status-409-in-progress";
    let mut doubtful = None;
    match variant {
        Some(other) => {
            let differing = call.clone().member("parameters", other.clone());
            let reply = busy.differ(&differing, in_use).await?;
            doubtful = reply.map(|reply| (other, reply));
        }
        None => stage.unclear(in_use, NO_OTHER_PARAMETERS),
    }
    let second_refused = second_bind(stage, &busy, &instance).await?;
    let made = stage.complete(made).await?;
    at_once(stage, &made).await?;
    if let Some((second, refused)) = second_refused {
        bound_later(stage, second, &refused).await?;
    }
    stage.remove(&made.resource).await?;
    if let Some((other, reply)) = doubtful {
        let own = stage.bind(&stage.fresh_binding(&instance));
        match is_carried_out(stage, &own.member("parameters", other)).await? {
            true => stage.expect(&reply, in_use, false, DIFFERENT),
            false => stage.unclear(in_use, OTHERS_REFUSED),
        }
    }
    stage.remove(&instance).await.map(drop)
}

const SECOND_BIND: &str = "a success, or 422 ConcurrencyError, while another binding is created";

/// A second binding of the instance, while the first one is in progress. Gives a
/// refusal of which it shows later what it was for.
async fn second_bind(
    stage: &Stage,
    busy: &Busy<'_>,
    instance: &Resource,
) -> Result<Option<(Call, Reply)>, Stop> {
    let call = stage.bind(&stage.fresh_binding(instance));
    let reply = stage.send(&call).await?;
    let is_busy = busy.is_in_progress().await?;
    let id = "bind.concurrency-422";
    let says = reply.status == 422 && reply.code() == Some("ConcurrencyError");
    let is_right = reply.is_success() || says;
    if !is_busy {
        stage.unclear(id, TOO_QUICK);
    } else if is_right {
        stage.kept(&reply, id, SECOND_BIND);
        let freedom = "blocking.bind-as-instance-mutation";
        stage.kept(&reply, freedom, "a success, or ConcurrencyError");
        if busy.accepted.member("operation").is_none() {
            let single = "binding-last-operation.single-without-identifier";
            stage.kept(&reply, single, "a success, or ConcurrencyError");
        }
    }
    if reply.is_success() {
        let second = stage.taken_up(call, reply).await?;
        stage.remove(&second.resource).await?;
        return Ok(None);
    }
    Ok((is_busy && !is_right).then_some((call, reply)))
}

/// The second bind once more, when the first binding is there: a broker may have
/// refused it for good, as one too many.
async fn bound_later(stage: &Stage, second: Call, first: &Reply) -> Result<(), Stop> {
    let id = "bind.concurrency-422";
    let again = stage.send(&second).await?;
    if !again.is_success() {
        let why = "a second binding was refused also after the first one was there: \
             an instance that can have two at a time would show it";
        stage.unclear(id, why);
        return Ok(());
    }
    stage.expect(first, id, false, SECOND_BIND);
    let bound = stage.taken_up(second, again).await?;
    stage.remove(&bound.resource).await.map(drop)
}

/// The ids of a deletion while the creation is in progress.
struct Halt {
    halts: &'static str,
    is_async: &'static str,
    is_sync: &'static str,
    concurrency: &'static str,
    code: &'static str,
}

async fn halted_provision(stage: &Stage) -> Result<(), Stop> {
    let made = stage.begin(stage.provision(&stage.fresh())).await?;
    let ids = Halt {
        halts: "deprovision.during-create-halts",
        is_async: "deprovision.during-create-last-operation-async",
        is_sync: "deprovision.during-create-last-operation-sync",
        concurrency: "deprovision.concurrency-422",
        code: "deprovision.concurrency-code",
    };
    halted(stage, made, ids).await
}

async fn halted_bind(stage: &Stage) -> Result<(), Stop> {
    let instance = stage.instance().await?.resource;
    let made = stage
        .begin(stage.bind(&stage.fresh_binding(&instance)))
        .await?;
    let ids = Halt {
        halts: "unbind.during-create-halts",
        is_async: "unbind.during-create-last-operation-async",
        is_sync: "unbind.during-create-last-operation-sync",
        concurrency: "unbind.concurrency-422",
        code: "unbind.concurrency-code",
    };
    let halted = halted(stage, made, ids).await;
    stage.remove(&instance).await?;
    halted
}

async fn halted(stage: &Stage, made: Made, ids: Halt) -> Result<(), Stop> {
    let (resource, begun) = (made.resource.clone(), Instant::now());
    let is_busy = made.is_async()
        && stage
            .is_in_progress(&resource, Work::Create, &made.reply)
            .await?;
    if !is_busy {
        let made = stage.complete(made).await?;
        stage.remove(&made.resource).await?;
        return Err(Stop::because(TOO_QUICK));
    }
    let delete = stage.delete(&resource);
    let reply = stage.send(&delete).await?;
    if !reply.is_success() {
        // The creation goes on; only afterwards can it be deleted.
        let still = stage
            .is_in_progress(&resource, Work::Create, &made.reply)
            .await?;
        if still {
            for_the_time_being(stage, &reply, (ids.concurrency, ids.code));
        }
        stage.complete(made).await?;
        return stage.remove(&resource).await.map(drop);
    }
    let expected = "acceptance, or 422, of a deletion while the creation is in progress";
    stage.kept(&reply, ids.concurrency, expected);
    let told = match reply.status {
        202 => told_later(stage, &resource, &reply).await?,
        _ => told_at_once(stage, &made).await?,
    };
    // What goes on unseen shows when the creation would have been done.
    let took = stage.learned.creation(&resource).get().copied();
    let done = took.unwrap_or_default().saturating_add(MARGIN).min(LONGEST);
    stage.pause(done.saturating_sub(begun.elapsed())).await;
    let id = match reply.status {
        202 => ids.is_async,
        _ => ids.is_sync,
    };
    if is_left(stage, &resource, &reply, ids.halts).await? {
        stage.unclear(id, &format!("see {}, which is broken", ids.halts));
    } else if told.is_right {
        stage.kept(&told.by, id, told.expected);
    } else {
        stage.tell(&told.by, id, Sign::Deviates, told.expected, told.otherwise);
    }
    Ok(())
}

/// What a poll told after a creation had been halted.
struct Told {
    by: Reply,
    is_right: bool,
    expected: &'static str,
    /// What was seen where it is not right.
    otherwise: &'static str,
}

/// Follows a deletion. Its end is not that of the creation. One that has failed
/// shows nothing; what is still there is deleted again.
async fn told_later(stage: &Stage, resource: &Resource, reply: &Reply) -> Result<Told, Stop> {
    let end = stage.settle(resource, Work::Delete, reply).await?;
    if end == End::Failed {
        let again = stage.send(&stage.delete(resource)).await?;
        if again.status == 202 {
            stage.settle(resource, Work::Delete, &again).await?;
        }
        return Err(Stop::because(format!(
            "the operation of {} failed: a deletion that succeeds would show it",
            reply.asked
        )));
    }
    Ok(Told {
        is_right: end != End::Succeeded || !is_there(stage, resource).await?,
        by: reply.clone(),
        expected: "the state of the deletion from last operation",
        otherwise: "it succeeded, and the resource could be fetched",
    })
}

/// Polls the creation that a deletion has ended at once, for a while if need be.
async fn told_at_once(stage: &Stage, made: &Made) -> Result<Told, Stop> {
    let operation = Stage::operation(&made.reply);
    let poll = stage.poll(&made.resource, Work::Create, operation.as_deref());
    let mut pause = std::time::Duration::from_millis(20);
    let mut polled = stage.send(&poll).await?;
    for _ in 0..5 {
        if polled.member("state").and_then(Value::as_str) != Some("in progress") {
            break;
        }
        stage.pause(pause).await;
        pause *= 2;
        polled = stage.send(&poll).await?;
    }
    let state = polled.member("state").and_then(Value::as_str);
    Ok(Told {
        is_right: state == Some("failed") || matches!(polled.status, 404 | 410),
        by: polled,
        expected: "the creation told as failed after its deletion",
        otherwise: "it was told as something else",
    })
}

/// Whether anything is left of a creation that was halted by a deletion that was
/// answered `reply`.
async fn is_left(
    stage: &Stage,
    resource: &Resource,
    reply: &Reply,
    halts: &'static str,
) -> Result<bool, Stop> {
    let expected = "nothing left of a creation that was halted";
    if is_there(stage, resource).await? {
        let actual = "it can still be fetched";
        stage.tell(reply, halts, Sign::Broken, expected, actual);
        let again = stage.send(&stage.delete(resource)).await?;
        if again.status == 202 {
            stage.settle(resource, Work::Delete, &again).await?;
        }
        return Ok(true);
    }
    if !stage.learned.tells_gone(resource) {
        return Ok(false);
    }
    let again = stage.send(&stage.delete(resource)).await?;
    match again.status {
        410 => stage.kept(&again, halts, expected),
        200..=299 => stage.expect(&again, halts, false, expected),
        // It may not be possible at the moment.
        _ => stage.unclear(halts, &refused(&again)),
    }
    if again.status == 202 {
        stage.settle(resource, Work::Delete, &again).await?;
    }
    Ok(again.is_success())
}

async fn is_there(stage: &Stage, resource: &Resource) -> Result<bool, Stop> {
    if !stage.is_fetchable(resource) {
        return Ok(false);
    }
    let reply = stage.send(&stage.fetch(resource)).await?;
    Ok(reply.status == 200)
}
