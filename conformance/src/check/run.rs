//! The run of a check, from the first request to the last clean-up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use fixtures::{Registry, Requirement};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{self, JoinSet};

use super::book::states;
use super::call::Call;
use super::ledger::{Ledger, LedgerError};
use super::options::{Auth, Options, Plans};
use super::outcome::{CheckRun, CutShort, FAILED, LEFT_OUT};
use super::rules;
use super::scenarios::{self, EACH, FIRST, ONCE, Scenario};
use super::session::{Reply, Session, Stop};
use super::stage::{Learned, Stage, refused};
use super::subject::{Declared, Subject, behaviours, subjects};
use super::sweep::sweep;
use crate::client::{Client, ClientError};
use crate::interrupt::Interrupt;
use crate::run::Leftover;
use crate::target::{Target, TargetError};

/// What happens in the course of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckEvent {
    /// These plans are judged, by the names of offering and plan.
    Plans(Vec<String>),
    /// A scenario begins.
    Begun {
        /// What it plays.
        scenario: &'static str,
        /// The plan that it plays with.
        plan: String,
    },
    /// It has ended.
    Ended {
        /// What it played.
        scenario: &'static str,
        /// The plan that it played with.
        plan: String,
    },
    /// What was created is being removed.
    Sweeping,
}

/// Why there is no check.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The ledger cannot be kept.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The URL is not that of a target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// There is no client for it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The registry of requirements is damaged.
    #[error(transparent)]
    Registry(#[from] fixtures::Mistake),
    /// An id that is no requirement's.
    #[error("there is no requirement {0}; `conformance requirements` lists them")]
    UnknownRequirement(String),
}

/// Judges the broker at `url`, whose credentials may stand in it, as a test does:
/// with ten seconds for each answer.
pub async fn judge(url: &str, options: Options) -> Result<CheckRun, CheckError> {
    const TIMEOUT: Duration = Duration::from_secs(10);
    let (target, in_url) = Target::parse(url)?;
    let auth = options.auth.clone().or(in_url.map(Auth::Basic));
    let client = Client::new(target, TIMEOUT)?;
    let options = Options { auth, ..options };
    check(client, options, &Interrupt::new(), &mut |_| {}).await
}

/// Judges the target of `client` by every requirement that HTTP can show, and
/// tells `observe` what happens. Once `interrupt` is raised, it only cleans up.
pub async fn check(
    client: Client,
    options: Options,
    interrupt: &Interrupt,
    observe: &mut (dyn FnMut(&CheckEvent) + Send),
) -> Result<CheckRun, CheckError> {
    let registry = Registry::embedded()?;
    for id in options.only.iter().chain(&options.skip) {
        if registry.get(id).is_none() {
            return Err(CheckError::UnknownRequirement(id.clone()));
        }
    }
    let target = client.target().clone();
    let ledger = match &options.ledger {
        Some(path) => Ledger::create(path, target.to_string(), options.api_version)?,
        None => Ledger::in_memory(),
    };
    let (started_at, started) = (SystemTime::now(), Instant::now());
    let session = Arc::new(Session::new(client, options, ledger, interrupt.clone()));
    let (events, mut told) = mpsc::unbounded_channel();
    let playing = play(&session, &events);
    tokio::pin!(playing);
    let cut_short = loop {
        tokio::select! {
            biased;
            Some(event) = told.recv() => observe(&event),
            cut_short = &mut playing => break cut_short,
        }
    };
    while let Ok(event) = told.try_recv() {
        observe(&event);
    }
    let left = session.ledger().entries();
    let leftovers = sweep(&session, left, session.options.operation_timeout).await;
    session.ledger().close();
    let duration = started.elapsed();
    let results = {
        let options = &session.options;
        let wanted = |requirement: &Requirement| match &cut_short {
            // Whatever answered, it was no broker that could be judged.
            Some(CutShort::NoBaseline(why)) => Err(why.clone()),
            _ => wanted(options, requirement),
        };
        let record = session.record();
        record.book.verdicts(registry, options.api_version, wanted)
    };
    let exchanges = std::mem::take(&mut session.record().exchanges);
    Ok(CheckRun {
        target,
        api_version: session.version(),
        started_at,
        duration,
        results,
        leftovers,
        exchanges,
        cut_short,
    })
}

/// Where the run went whose ledger is in the file at `path`.
pub fn interrupted_target(path: &Path) -> Result<String, LedgerError> {
    Ledger::read(path).map(|(target, _, _)| target)
}

/// Removes what the run has left behind whose ledger is in the file at `path`,
/// and the ledger when nothing is left. Gives what could not be removed.
pub async fn clean_up(
    client: Client,
    auth: Option<Auth>,
    headers: Vec<(String, String)>,
    path: &Path,
) -> Result<Vec<Leftover>, LedgerError> {
    let (_, api_version, entries) = Ledger::read(path)?;
    let options = Options {
        api_version,
        auth,
        headers,
        ..Options::default()
    };
    let ledger = Ledger::resume(path, entries)?;
    let session = Arc::new(Session::new(client, options, ledger, Interrupt::new()));
    let left = session.ledger().entries();
    let leftovers = sweep(&session, left, session.options.operation_timeout).await;
    session.ledger().close();
    Ok(leftovers)
}

fn wanted(options: &Options, requirement: &Requirement) -> Result<(), String> {
    let id = requirement.id.as_str();
    if options.skip.contains(id) {
        Err(format!("{LEFT_OUT} --skip"))
    } else if !options.only.is_empty() && !options.only.contains(id) {
        Err(format!("{LEFT_OUT} --only"))
    } else {
        Ok(())
    }
}

/// Sends everything. Gives why it ended early, if it did.
async fn play(
    session: &Arc<Session>,
    events: &mpsc::UnboundedSender<CheckEvent>,
) -> Option<CutShort> {
    let first = match baseline(session).await {
        Ok(first) => first,
        Err(cut_short) => return Some(cut_short),
    };
    let catalog = first.json.clone().unwrap_or(Value::Null);
    let mut all = subjects(&catalog);
    let options = &session.options;
    let is_chosen = options.service.is_some() || options.plan.is_some();
    all.retain(|subject| subject.is_of(options.service.as_deref(), options.plan.as_deref()));
    if is_chosen && all.is_empty() {
        let why = "the catalog has no offering and plan of the names that were given";
        return Some(CutShort::NoBaseline(why.to_owned()));
    }
    let chosen = match options.plans {
        Plans::Representatives => behaviours(all),
        Plans::Behaviours | Plans::All => all.into_iter().map(|plan| vec![plan]).collect(),
    };
    let names = chosen.iter().flat_map(|plans| plans.first());
    let names = names.map(Subject::name).collect();
    // Whoever listens may have gone away; that changes nothing.
    let _ = events.send(CheckEvent::Plans(names));
    let slots = Arc::new(Semaphore::new(options.jobs.max(1)));
    let only = &options.only;
    let asks_for_catalog = only.is_empty() || only.iter().any(|id| is_of_more_catalogs(id));
    let of_catalog = async {
        // Nobody closes the semaphore.
        let _slot = slots.acquire().await;
        match asks_for_catalog {
            true => scenarios::catalog(session, &first).await,
            false => Ok(()),
        }
    };
    let of_plans = async {
        if options.read_only {
            nothing_played(session, "the run only reads (--read-only)");
            return None;
        }
        match !only.is_empty() && only.iter().all(|id| is_of_catalog(id)) {
            true => None,
            false => of_plans(session, chosen, &slots, events).await,
        }
    };
    let (catalog, cut_short) = tokio::join!(of_catalog, of_plans);
    let last = match catalog {
        Ok(()) if asks_for_catalog => scenarios::ask(session, &Call::catalog()).await.map(Some),
        other => other.map(|()| None),
    };
    match last {
        Ok(Some(last)) => scenarios::still_there(session, &first, &last),
        Ok(None) => {}
        Err(Stop::Interrupted) => return Some(CutShort::Interrupted),
        Err(stop) => {
            for id in scenarios::CATALOG_JUDGES {
                session.record().book.unclear(id, stop.reason());
            }
        }
    }
    match session.is_interrupted() {
        true => Some(CutShort::Interrupted),
        false => cut_short,
    }
}

/// The first answer of the catalog: without it, nothing is judged.
async fn baseline(session: &Session) -> Result<Reply, CutShort> {
    let reply = match scenarios::ask(session, &Call::catalog()).await {
        Ok(reply) => reply,
        Err(Stop::Interrupted) => return Err(CutShort::Interrupted),
        Err(Stop::Because(why)) => return Err(CutShort::NoBaseline(why)),
    };
    let is_catalog = reply.json.as_ref().is_some_and(Value::is_object);
    match reply.status {
        200 if is_catalog => {
            let expected = "200 to the request for the catalog";
            let finding = super::book::Finding::kept("catalog.status-200", expected);
            session.find(reply.at, finding);
            Ok(reply)
        }
        401 | 403 => Err(CutShort::NoBaseline(format!(
            "wrong credentials: {} was answered {}; give them in the URL \
             (http://USER:PASS@HOST), by --auth USER:PASS, by --token, or in {}",
            reply.asked,
            reply.status,
            crate::AUTH_VARIABLE
        ))),
        412 => Err(CutShort::NoBaseline(format!(
            "the target refuses version {}: {}; --api-version chooses another one",
            session.version(),
            refused(&reply)
        ))),
        // A broker that gives its catalog with another status is a broker.
        201..=299 if is_catalog => {
            let finding = super::book::Finding::judge(
                "catalog.status-200",
                false,
                super::book::Sign::Broken,
                "200 to the request for the catalog",
                format!("it was answered {}", reply.status),
            );
            session.find(reply.at, finding);
            Ok(reply)
        }
        _ => Err(CutShort::NoBaseline(format!(
            "{} with no catalog: is this a broker?",
            refused(&reply)
        ))),
    }
}

/// Plays every scenario with every plan, as many side by side as there are jobs.
/// Gives why, if not one plan could be provisioned, or a scenario has panicked.
async fn of_plans(
    session: &Arc<Session>,
    chosen: Vec<Vec<Subject>>,
    slots: &Arc<Semaphore>,
    events: &mpsc::UnboundedSender<CheckEvent>,
) -> Option<CutShort> {
    if chosen.is_empty() {
        nothing_played(session, "the catalog has no plan that could be judged");
        return None;
    }
    let why_not = Arc::new(Mutex::new(WhyNot::default()));
    let mut tasks = Tasks::default();
    for (index, plans) in chosen.into_iter().enumerate() {
        let mut plans = plans.into_iter();
        let Some(subject) = plans.next() else {
            continue;
        };
        let task = Task {
            session: session.clone(),
            subject: Arc::new(subject),
            learned: Arc::default(),
            slots: slots.clone(),
            events: events.clone(),
            why_not: why_not.clone(),
            scenario: &FIRST,
            is_first_plan: index == 0,
            others: plans.take(MOST_OTHERS).collect(),
        };
        tasks.begin(task.scenario, task.play());
    }
    while let Some(next) = tasks.next().await {
        match next {
            Ok(next) => {
                for task in next {
                    tasks.begin(task.scenario, task.play());
                }
            }
            Err(scenario) => {
                let mut why_not = why_not.lock().unwrap_or_else(PoisonError::into_inner);
                why_not.fail(scenario);
            }
        }
    }
    let why_not = why_not.lock().unwrap_or_else(PoisonError::into_inner);
    let mut record = session.record();
    for (id, why) in why_not.reasons() {
        record.book.unclear(id, why);
    }
    match (why_not.has_failed, why_not.has_instance) {
        (true, _) => Some(CutShort::Failed),
        (false, true) => None,
        (false, false) => why_not.no_instance.clone().map(CutShort::NoInstance),
    }
}

/// The scenarios that are being played, each of which gives what comes next.
#[derive(Default)]
struct Tasks {
    set: JoinSet<Vec<Task>>,
    scenarios: HashMap<task::Id, &'static Scenario>,
}

impl Tasks {
    fn begin(
        &mut self,
        scenario: &'static Scenario,
        playing: impl Future<Output = Vec<Task>> + Send + 'static,
    ) {
        let id = self.set.spawn(playing).id();
        self.scenarios.insert(id, scenario);
    }

    /// The tasks after one that has ended, or the scenario of one that has panicked,
    /// as long as there is one.
    async fn next(&mut self) -> Option<Result<Vec<Task>, &'static Scenario>> {
        let ended = self.set.join_next_with_id().await?;
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let scenario = self.scenarios.remove(&id)?;
        Some(match ended {
            Ok((_, next)) => Ok(next),
            Err(_) => Err(scenario),
        })
    }
}

/// Whether the catalog alone shows how a requirement is kept.
fn is_of_catalog(id: &str) -> bool {
    let is_played = scenarios::all().any(|scenario| scenario.judges.contains(&id));
    !is_played && (rules::of_catalog().contains(&id) || scenarios::CATALOG_JUDGES.contains(&id))
}

/// Whether the catalog, asked for again and in other ways, can show how a
/// requirement is kept.
fn is_of_more_catalogs(id: &str) -> bool {
    scenarios::CATALOG_JUDGES.contains(&id)
        || rules::of_catalog().contains(&id)
        || is_of_any_answer(id)
}

/// Whether an answer to any request can show how a requirement is kept.
fn is_of_any_answer(id: &str) -> bool {
    rules::of_any_answer().any(|other| other == id) || super::session::JUDGES.contains(&id)
}

/// What a plan's catalog entry and its first instance tell of it.
#[derive(PartialEq)]
struct Behaviour {
    declared: Declared,
    learned: [Option<bool>; 5],
}

/// Why requirements could not be judged with one plan or another. A plan that a
/// scenario does not fit says less than one that it has failed with.
#[derive(Default)]
struct WhyNot {
    stopped: BTreeMap<&'static str, String>,
    unfit: BTreeMap<&'static str, String>,
    /// The scenarios that a plan was fit for.
    fit: BTreeSet<&'static str>,
    /// What the catalog and the first instance of a plan tell of its behaviour.
    behaviours: Vec<Behaviour>,
    /// Whether an instance of any plan was made, or why not.
    has_instance: bool,
    no_instance: Option<String>,
    /// Whether the check itself has failed.
    has_failed: bool,
}

impl WhyNot {
    /// Enters that a scenario has panicked. After the first one nothing is played.
    fn fail(&mut self, scenario: &'static Scenario) {
        self.has_failed = true;
        let all = scenarios::all().filter(|_| scenario.name == FIRST.name);
        let judges = all.chain([scenario]).flat_map(|scenario| scenario.judges);
        for id in judges {
            self.stopped.entry(id).or_insert_with(|| FAILED.to_owned());
        }
    }

    fn reasons(&self) -> impl Iterator<Item = (&'static str, String)> {
        let is_unfit = |id: &str| {
            let mut judging = scenarios::all().filter(|s| s.judges.contains(&id));
            judging.all(|scenario| !self.fit.contains(scenario.name))
        };
        let unfit = self.unfit.iter().filter(move |(id, _)| is_unfit(id));
        self.stopped
            .iter()
            .chain(unfit)
            .map(|(id, why)| (*id, why.clone()))
    }
}

/// Enters why no scenario was played.
fn nothing_played(session: &Session, why: &str) {
    let mut record = session.record();
    for id in scenarios::all().flat_map(|scenario| scenario.judges) {
        record.book.unclear(id, why);
    }
}

/// A scenario to be played with a plan.
struct Task {
    session: Arc<Session>,
    subject: Arc<Subject>,
    learned: Arc<Learned>,
    slots: Arc<Semaphore>,
    events: mpsc::UnboundedSender<CheckEvent>,
    why_not: Arc<Mutex<WhyNot>>,
    scenario: &'static Scenario,
    is_first_plan: bool,
    /// Plans that may stand for this one, if its first instance fails.
    others: Vec<Subject>,
}

/// How many plans of a behaviour are tried after the first, where that fails.
const MOST_OTHERS: usize = 2;

impl Task {
    /// Plays it, and gives what is to be played next.
    async fn play(self) -> Vec<Task> {
        let stage = Stage::new(
            self.session.clone(),
            self.subject.clone(),
            self.learned.clone(),
            self.slots.clone(),
        );
        if let Err(why) = (self.scenario.needs)(&stage) {
            self.note(|why_not| &mut why_not.unfit, why);
            return Vec::new();
        }
        self.why_not().fit.insert(self.scenario.name);
        stage.enter().await;
        let (scenario, plan) = (self.scenario.name, self.subject.name());
        let begun = CheckEvent::Begun {
            scenario,
            plan: plan.clone(),
        };
        // Whoever listens may have gone away; that changes nothing.
        let _ = self.events.send(begun);
        let played = (self.scenario.play)(&stage).await;
        if let Err(Stop::Because(_)) = &played {
            stage.tidy().await;
        }
        stage.leave();
        let _ = self.events.send(CheckEvent::Ended { scenario, plan });
        let stopped = played.err();
        if let Some(stop) = &stopped {
            self.note(|why_not| &mut why_not.stopped, &stop.reason());
        }
        match (self.scenario.name == FIRST.name, stopped) {
            (true, None) => {
                self.why_not().has_instance = true;
                match self.is_known() {
                    true => Vec::new(),
                    false => self.next(),
                }
            }
            (true, Some(stop)) => {
                let why = match stop {
                    Stop::Interrupted => stop.reason(),
                    Stop::Because(why) => format!("{plan}: {why}", plan = self.subject.name()),
                };
                for task in self.next() {
                    task.note(|why_not| &mut why_not.stopped, &why);
                }
                let mut why_not = self.why_not();
                why_not.has_instance |= self.learned.provisions_async.get().is_some();
                why_not.no_instance.get_or_insert(why);
                drop(why_not);
                self.another().into_iter().collect()
            }
            (false, _) => Vec::new(),
        }
    }

    /// Whether another plan of the same behaviour stands for this one.
    fn is_known(&self) -> bool {
        if self.session.options.plans != Plans::Behaviours {
            return false;
        }
        let behaviour = Behaviour {
            declared: self.subject.declared(),
            learned: self.learned.modes(),
        };
        let mut why_not = self.why_not();
        let is_known = why_not.behaviours.contains(&behaviour);
        why_not.behaviours.push(behaviour);
        is_known
    }

    /// What is played with the plan after its first instance.
    fn next(&self) -> Vec<Task> {
        let once = ONCE.iter().filter(|_| self.is_first_plan);
        let all = once.chain(EACH);
        let wanted = all.filter(|scenario| {
            let only: &BTreeSet<String> = &self.session.options.only;
            let is_wanted = |id: &str| only.iter().any(|only| only == id || states(only, id));
            only.is_empty()
                || only.iter().any(|id| is_of_any_answer(id))
                || scenario.judges.iter().any(|id| is_wanted(id))
        });
        wanted
            .map(|scenario| Task {
                session: self.session.clone(),
                subject: self.subject.clone(),
                learned: self.learned.clone(),
                slots: self.slots.clone(),
                events: self.events.clone(),
                why_not: self.why_not.clone(),
                scenario,
                is_first_plan: self.is_first_plan,
                others: Vec::new(),
            })
            .collect()
    }

    /// The first scenario with another plan of the same behaviour.
    fn another(mut self) -> Option<Task> {
        if self.others.is_empty() || self.session.is_interrupted() {
            return None;
        }
        let subject = self.others.remove(0);
        Some(Task {
            subject: Arc::new(subject),
            learned: Arc::default(),
            ..self
        })
    }

    fn why_not(&self) -> MutexGuard<'_, WhyNot> {
        self.why_not.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, which: fn(&mut WhyNot) -> &mut BTreeMap<&'static str, String>, why: &str) {
        let mut why_not = self.why_not();
        for id in self.scenario.judges {
            which(&mut why_not)
                .entry(id)
                .or_insert_with(|| why.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scenario_that_panics_is_known_and_judges_nothing() {
        let mut tasks = Tasks::default();
        tasks.begin(&FIRST, async { panic!() });
        let failed = tasks.next().await.unwrap().err().unwrap();
        assert_eq!(failed.name, FIRST.name);
        assert!(tasks.next().await.is_none());

        let mut why_not = WhyNot::default();
        why_not.fail(&EACH[0]);
        let stopped: Vec<&str> = why_not.stopped.keys().copied().collect();
        let judges: BTreeSet<&str> = EACH[0].judges.iter().copied().collect();
        assert_eq!(stopped, Vec::from_iter(judges));
        why_not.fail(failed);
        let mut all = scenarios::all().flat_map(|scenario| scenario.judges);
        assert!(all.all(|id| why_not.stopped.contains_key(id)));
        assert!(why_not.has_failed);
    }
}
