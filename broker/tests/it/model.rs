//! A broker without I/O: the pure decisions, what they store, and an echo service
//! that may act and hide it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker::ask::Provision;
use broker::backend::Backend;
use broker::catalog::Catalog;
use broker::decide::{
    Circumstances, Decision, Next, Request, Stored, Verb, Work, begin, decide, recover, resume,
    waiting_operation,
};
use broker::instance::{Binding, Instance, Phase};
use broker::operation::{Kind, Operation};
use broker::reply::Reply;
use broker::{ApiVersion, EchoError, Effect};
use serde_json::json;
use serving::Id;

/// How a call of the echo service goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Luck {
    /// It acts and says so.
    Healthy,
    /// The call does not arrive.
    Unreachable,
    /// The call does not arrive, but the broker cannot know.
    LostCall,
    /// It acts, and the answer does not arrive.
    LostAnswer,
    /// The broker is killed before the call.
    KilledBefore,
    /// The broker is killed after the call.
    KilledAfter,
}

/// What an echo service holds, by service and ids.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    pub(crate) instances: BTreeSet<(&'static str, Id)>,
    pub(crate) bindings: BTreeSet<(&'static str, Id, Id)>,
}

impl Echo {
    fn act(&mut self, on: On, work: &Work) -> Effect {
        let service = match work.backend {
            Backend::Echo => "echo",
            Backend::Invert => "invert",
        };
        let instance = (service, on.instance());
        let binding = on.binding().map(|id| (service, on.instance(), id));
        let changed = match (work.verb, binding) {
            (Verb::Nothing, _) => true,
            (Verb::Create, None) => self.instances.insert(instance),
            (Verb::Delete, None) => {
                self.bindings
                    .retain(|(of, id, _)| (*of, id) != (instance.0, &instance.1));
                self.instances.remove(&instance)
            }
            (Verb::Create, Some(_)) if !self.instances.contains(&instance) => {
                return Effect::NoInstance;
            }
            (Verb::Create, Some(binding)) => self.bindings.insert(binding),
            (Verb::Delete, Some(binding)) => self.bindings.remove(&binding),
        };
        if changed {
            Effect::Done
        } else {
            Effect::AlreadySo
        }
    }
}

/// A catalog of two offerings, whose plans are synchronous, asynchronous, and
/// either.
pub(crate) fn catalog() -> String {
    let plan = |id: &str, pace: &str| {
        json!({"id": id, "name": id, "description": "d", "plan_updateable": true, "binding_rotatable": true, "broker": {
            "provision": pace, "update": pace, "deprovision": pace, "bind": pace, "unbind": pace
        }})
    };
    let service = |id: &str, backend: &str| {
        json!({
            "id": id, "name": id, "description": "d", "bindable": true,
            "instances_retrievable": true, "bindings_retrievable": true, "broker": {"backend": backend},
            "plans": [
                plan(&format!("{id}-sync"), "sync"),
                plan(&format!("{id}-async"), "async"),
                plan(&format!("{id}-either"), "either"),
            ]
        })
    };
    let services = json!({"services": [service("echo", "echo"), service("invert", "invert")]});
    services.to_string()
}

/// What a request is about: one of two instances, or one of its two bindings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct On {
    pub(crate) instance: usize,
    pub(crate) binding: Option<usize>,
}

pub(crate) const ALL: [On; 6] = [
    on(0, None),
    on(0, Some(0)),
    on(0, Some(1)),
    on(1, None),
    on(1, Some(0)),
    on(1, Some(1)),
];

pub(crate) const fn on(instance: usize, binding: Option<usize>) -> On {
    On { instance, binding }
}

impl On {
    pub(crate) fn instance(self) -> Id {
        id(["i0", "i1"][self.instance])
    }

    pub(crate) fn binding(self) -> Option<Id> {
        self.binding.map(|index| id(BINDINGS[index]))
    }
}

pub(crate) const BINDINGS: [&str; 2] = ["b0", "b1"];

/// An instance and its bindings, as they are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) instance: Option<Instance>,
    pub(crate) bindings: [Option<Binding>; 2],
}

impl Entry {
    pub(crate) fn operation(&self, binding: Option<usize>) -> Option<&Operation> {
        match binding {
            None => self.instance.as_ref().map(|i| &i.operation),
            Some(index) => self.bindings[index].as_ref().map(|b| &b.operation),
        }
    }

    pub(crate) fn phase(&self, binding: Option<usize>) -> Option<Phase> {
        match binding {
            None => self.instance.as_ref().map(|i| i.phase),
            Some(index) => self.bindings[index].as_ref().map(|b| b.phase),
        }
    }

    fn bindings_in_progress(&self) -> bool {
        let mut bindings = self.bindings.iter().flatten();
        bindings.any(|b| b.operation.is_in_progress())
    }
}

/// A broker without I/O, and the echo service that it calls.
#[derive(Clone)]
pub(crate) struct Model {
    catalog: Arc<Catalog>,
    pub(crate) world: [Entry; 2],
    pub(crate) echo: Echo,
    operations: u32,
    now: u64,
    pub(crate) async_delay: Duration,
}

/// A request, what it is about, and what it says about itself. What is stored of
/// the predecessor of a rotation is looked up when it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) request: Request,
    pub(crate) on: On,
    pub(crate) sender: Sender,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) version: ApiVersion,
    pub(crate) accepts_incomplete: bool,
}

/// For what happens without a request.
pub(crate) const NOBODY: Sender = Sender {
    version: ApiVersion::V2_3,
    accepts_incomplete: false,
};

/// How a request has gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Reply(Reply),
    /// The broker was killed before it could answer.
    Nothing,
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

impl Model {
    pub(crate) fn new() -> Model {
        Model {
            catalog: Arc::new(Catalog::read(&catalog(), "http://echo").unwrap()),
            world: Default::default(),
            echo: Echo::default(),
            operations: 0,
            now: 0,
            async_delay: Duration::from_millis(10),
        }
    }

    pub(crate) fn stored(&self, on: On) -> Stored {
        let entry = &self.world[on.instance];
        Stored {
            instance: entry.instance.clone(),
            binding: on.binding.and_then(|index| entry.bindings[index].clone()),
            bindings_in_progress: entry.bindings_in_progress(),
        }
    }

    /// One step of the store. At most one operation is in progress on anything
    /// before and after it, and none on bindings of what comes or goes.
    pub(crate) fn step(
        &mut self,
        on: On,
        sender: Sender,
        pure: impl FnOnce(&Circumstances<'_>, Stored) -> Decision,
    ) -> Next {
        self.operations += 1;
        self.now += 1;
        let (instance, binding) = (on.instance(), on.binding());
        let fresh = format!("op{}", self.operations);
        let at = Circumstances {
            instance: &instance,
            binding: binding.as_ref(),
            version: sender.version,
            accepts_incomplete: sender.accepts_incomplete,
            catalog: &self.catalog,
            echo_public_url: "http://echo",
            fresh_operation: &fresh,
            now: self.now,
            async_delay: self.async_delay,
        };
        let decision = pure(&at, self.stored(on));
        let entry = &mut self.world[on.instance];
        let before = entry.clone();
        entry.instance = decision.instance;
        if decision.drop_bindings {
            assert!(!before.bindings_in_progress(), "{before:?}");
            entry.bindings = [None, None];
        }
        if let Some(index) = on.binding {
            entry.bindings[index] = decision.binding;
        }
        if let (Some(before), Some(after)) =
            (before.operation(on.binding), entry.operation(on.binding))
        {
            let halts =
                before.kind == Kind::Create && before.is_waiting() && after.kind == Kind::Delete;
            let may_follow = halts || !before.is_in_progress() || before.id == after.id;
            // What a failed creation may have left is deleted on the way to the next.
            let clears = before.kind == Kind::Delete && !before.is_async;
            assert!(may_follow || clears, "{before:?} {after:?}");
        }
        if let Some(operation) = entry.operation(None) {
            let excludes = operation.is_in_progress() && operation.kind != Kind::Update;
            assert!(!(excludes && entry.bindings_in_progress()), "{entry:?}");
        }
        decision.next
    }

    /// The first step of a request.
    pub(crate) fn ask(&mut self, sent: &Sent) -> Next {
        let mut request = sent.request.clone();
        if let Request::Rotate {
            rotation,
            predecessor,
        } = &mut request
        {
            let mut ids = BINDINGS.iter();
            let index = ids.position(|id| *id == rotation.predecessor).unwrap();
            *predecessor = self.world[sent.on.instance].bindings[index].clone();
        }
        self.step(sent.on, sent.sender, |at, stored| {
            decide(at, stored, &request)
        })
    }

    pub(crate) fn send(&mut self, sent: &Sent, luck: Luck) -> Told {
        let next = self.ask(sent);
        self.finish(sent, next, luck)
    }

    /// The other steps of a request, up to its reply.
    pub(crate) fn finish(&mut self, sent: &Sent, next: Next, luck: Luck) -> Told {
        let asked = match &sent.request {
            Request::Provision(asked) => Some(asked),
            _ => None,
        };
        self.go_on(next, sent.on, sent.sender, asked, luck)
    }

    fn go_on(
        &mut self,
        mut next: Next,
        on: On,
        sender: Sender,
        asked: Option<&Provision>,
        luck: Luck,
    ) -> Told {
        loop {
            let work = match next {
                Next::Reply(reply) | Next::Accepted(reply) => return Told::Reply(reply),
                Next::Work(work) => work,
            };
            let done = match luck {
                Luck::Healthy => Ok(self.echo.act(on, &work)),
                Luck::Unreachable => Err(EchoError::Unreachable),
                Luck::LostCall => Err(EchoError::TimedOut),
                Luck::LostAnswer => {
                    self.echo.act(on, &work);
                    Err(EchoError::TimedOut)
                }
                Luck::KilledBefore => {
                    self.restart();
                    return Told::Nothing;
                }
                Luck::KilledAfter => {
                    self.echo.act(on, &work);
                    self.restart();
                    return Told::Nothing;
                }
            };
            next = self.step(on, sender, |at, stored| {
                resume(at, stored, &work, done, asked)
            });
        }
    }

    /// What a broker does when it starts: everything under way is taken up.
    fn restart(&mut self) {
        for on in ALL {
            if waiting_operation(&self.stored(on), on.binding.is_some()).is_none() {
                let next = self.step(on, NOBODY, recover);
                self.go_on(next, on, NOBODY, None, Luck::Healthy);
            }
        }
    }

    /// The time of everything that waits comes.
    pub(crate) fn settle(&mut self, luck: Luck) {
        for on in ALL {
            if let Some((operation, _)) = waiting_operation(&self.stored(on), on.binding.is_some())
            {
                let next = self.step(on, NOBODY, |at, stored| begin(at, stored, &operation));
                self.go_on(next, on, NOBODY, None, luck);
            }
        }
    }

    /// What a platform may believe to exist: the instances with their plans and
    /// parameters, and their bindings.
    pub(crate) fn visible(&self) -> Vec<(Option<Provision>, Vec<usize>)> {
        let of = |entry: &Entry| {
            let instance = entry.instance.as_ref();
            let instance = instance.filter(|i| i.phase == Phase::Ready);
            let is_ready = |index: &usize| {
                instance.is_some() && entry.phase(Some(*index)) == Some(Phase::Ready)
            };
            let bindings = [0, 1].into_iter().filter(is_ready).collect();
            (instance.map(|i| i.asked.clone()), bindings)
        };
        self.world.iter().map(of).collect()
    }

    pub(crate) fn operations_in_progress(&self) -> usize {
        let operation = |on: On| self.world[on.instance].operation(on.binding);
        let operations = ALL.into_iter().filter_map(operation);
        operations.filter(|o| o.is_in_progress()).count()
    }
}
