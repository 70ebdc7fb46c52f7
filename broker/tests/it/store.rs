//! What holds for every store.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use broker::ask::{Bind, Provision};
use broker::backend::Backend;
use broker::decide::{Decision, Next, Stored, Verb, Work};
use broker::instance::{Binding, Instance, Phase};
use broker::operation::{Kind, Operation, State};
use broker::reply::Reply;
use broker::store::{Durability, Key, Memory, OpenError, Sqlite, Store};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serving::Id;

fn open(path: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(path, Sqlite::LARGEST_GROUP, Box::new(|_| {}))
}

fn key(instance: &str, binding: Option<&str>) -> Key {
    Key {
        instance: Id::new(instance).unwrap(),
        binding: binding.map(|id| Id::new(id).unwrap()),
    }
}

fn operation(in_progress: bool) -> Operation {
    Operation {
        id: "op".to_owned(),
        kind: Kind::Create,
        is_async: false,
        state: match in_progress {
            true => State::Working,
            false => State::Succeeded,
        },
        failures: 0,
        earlier: Vec::new(),
    }
}

fn instance(plan: &str, in_progress: bool) -> Instance {
    Instance {
        asked: Provision {
            service_id: "s".to_owned(),
            plan_id: plan.to_owned(),
            organization_guid: "o".to_owned(),
            space_guid: "s".to_owned(),
            parameters: Default::default(),
            maintenance_version: None,
        },
        backend: Backend::Echo,
        dashboard_url: "http://d".to_owned(),
        metadata: None,
        phase: Phase::Ready,
        operation: operation(in_progress),
        update: None,
    }
}

fn binding(in_progress: bool) -> Binding {
    Binding {
        asked: Bind {
            service_id: "s".to_owned(),
            plan_id: "p".to_owned(),
            app_guid: None,
            bind_resource: Default::default(),
            parameters: Default::default(),
        },
        predecessor: None,
        asked_at: 1,
        phase: Phase::Ready,
        operation: operation(in_progress),
    }
}

/// That this is left.
fn left(stored: Stored) -> Decision {
    Decision {
        instance: stored.instance,
        binding: stored.binding,
        drop_bindings: false,
        next: Next::Reply(Reply::Updated(None)),
    }
}

/// What a step is given of `key`.
async fn given(store: &dyn Store, key: Key) -> Stored {
    let (tell, told) = std::sync::mpsc::channel();
    let decide = Box::new(move |stored: Stored| {
        tell.send(stored.clone()).unwrap();
        left(stored)
    });
    let step = store.step(key, Durability::Recoverable, decide);
    step.await.unwrap();
    told.recv().unwrap()
}

/// Stores what `change` leaves of what was stored.
async fn step(store: &dyn Store, key: Key, mut change: impl FnMut(&mut Stored) + Send + 'static) {
    let decide = Box::new(move |mut stored: Stored| {
        change(&mut stored);
        left(stored)
    });
    let next = store.step(key, Durability::Durable, decide).await.unwrap();
    assert_eq!(next, Next::Reply(Reply::Updated(None)));
}

async fn put_instance(store: &dyn Store, id: &str, instance: Option<Instance>) {
    step(store, key(id, None), move |stored| {
        stored.instance = instance.clone()
    })
    .await;
}

async fn put_binding(store: &dyn Store, of: &str, id: &str, binding: Option<Binding>) {
    step(store, key(of, Some(id)), move |stored| {
        stored.binding = binding.clone()
    })
    .await;
}

async fn look(store: &dyn Store, instance: &str, binding: Option<&str>) -> Stored {
    store.look(key(instance, binding)).await.unwrap()
}

/// What every store does.
async fn suite(store: Arc<dyn Store>) {
    let s = store.as_ref();
    assert_eq!(look(s, "i", Some("b")).await, Stored::default());
    put_instance(s, "i", Some(instance("p", false))).await;
    put_binding(s, "i", "b", Some(binding(false))).await;
    let stored = look(s, "i", Some("b")).await;
    assert_eq!(stored.instance, Some(instance("p", false)));
    assert_eq!(stored.binding, Some(binding(false)));

    // Ids stay distinct, however alike they look.
    for id in [
        "I",
        "i ",
        "i'",
        "i\"; DROP TABLE instances; --",
        "\0",
        "é",
        "e\u{301}",
        "%",
    ] {
        assert_eq!(look(s, id, None).await.instance, None, "{id:?}");
        put_instance(s, id, Some(instance(id, false))).await;
        put_binding(s, id, id, Some(binding(false))).await;
        assert_eq!(
            look(s, id, None).await.instance,
            Some(instance(id, false)),
            "{id:?}"
        );
    }
    assert_eq!(
        look(s, "i", None).await.instance,
        Some(instance("p", false))
    );

    // What is in progress is found, and nothing else.
    assert_eq!(s.in_progress().await.unwrap(), []);
    put_instance(s, "busy", Some(instance("p", true))).await;
    put_binding(s, "i", "busy", Some(binding(true))).await;
    let mut found = s.in_progress().await.unwrap();
    found.sort_by_key(|key| key.binding.is_some());
    assert_eq!(found, [key("busy", None), key("i", Some("busy"))]);
    assert!(look(s, "i", None).await.bindings_in_progress);
    assert!(!look(s, "busy", None).await.bindings_in_progress);
    put_binding(s, "i", "busy", Some(binding(false))).await;
    assert!(!look(s, "i", None).await.bindings_in_progress);

    // A step sees what those before it have left, also where one was to be followed
    // by work, and another has come between.
    let begin = Box::new(|_: Stored| Decision {
        instance: Some(instance("p", false)),
        binding: Some(binding(true)),
        drop_bindings: false,
        next: Next::Work(Work {
            verb: Verb::Create,
            backend: Backend::Echo,
            operation: "op".to_owned(),
        }),
    });
    s.step(key("i", Some("work")), Durability::Durable, begin)
        .await
        .unwrap();
    put_instance(s, "i", Some(instance("other", false))).await;
    step(s, key("i", Some("work")), |stored| {
        assert_eq!(stored.instance, Some(instance("other", false)));
        assert_eq!(stored.binding.take(), Some(binding(true)));
    })
    .await;
    put_instance(s, "i", Some(instance("p", false))).await;

    // What is removed is gone; the bindings go with their instance if so decided.
    put_binding(s, "i", "b", None).await;
    assert_eq!(look(s, "i", Some("b")).await.binding, None);
    assert!(look(s, "i", Some("busy")).await.binding.is_some());
    let drop_all = Box::new(|_: Stored| Decision {
        instance: None,
        binding: None,
        drop_bindings: true,
        next: Next::Reply(Reply::Deleted),
    });
    s.step(key("i", None), Durability::Recoverable, drop_all)
        .await
        .unwrap();
    assert_eq!(look(s, "i", Some("busy")).await, Stored::default());
    assert!(look(s, "I", None).await.instance.is_some());

    // What is gone is forgotten in time, and nothing else.
    let gone = |in_progress| Instance {
        phase: Phase::Gone,
        ..instance("p", in_progress)
    };
    put_instance(s, "gone", Some(gone(false))).await;
    put_binding(
        s,
        "I",
        "gone",
        Some(Binding {
            phase: Phase::Gone,
            ..binding(false)
        }),
    )
    .await;
    let remembered = async || {
        let instance = look(s, "gone", None).await.instance.is_some();
        let binding = look(s, "I", Some("gone")).await.binding.is_some();
        [instance, binding]
    };
    while s.forget_gone(1_000_000_000).await.unwrap() {}
    assert_eq!(remembered().await, [true, true]);
    while s.forget_gone(u64::MAX).await.unwrap() {}
    assert_eq!(remembered().await, [false, false]);
    assert!(look(s, "I", Some("I")).await.binding.is_some());
    assert_eq!(s.ready().await, Ok(()));

    one_by_one(store).await;
}

/// Steps on one key that are asked for at once come one after the other.
async fn one_by_one(store: Arc<dyn Store>) {
    let count = |stored: &mut Stored| {
        let before = stored
            .instance
            .as_ref()
            .map_or(0, |i| i.asked.plan_id.parse().unwrap());
        stored.instance = Some(instance(&(before + 1).to_string(), false));
    };
    let steps: Vec<_> = (0..100)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { step(store.as_ref(), key("n", None), count).await })
        })
        .collect();
    for step in steps {
        step.await.unwrap();
    }
    let counted = look(store.as_ref(), "n", None).await.instance.unwrap();
    assert_eq!(counted.asked.plan_id, "100");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_in_memory_does_what_every_store_does() {
    suite(Arc::new(Memory::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_in_a_file_does_what_every_store_does() {
    let dir = tempfile::tempdir().unwrap();
    suite(Arc::new(open(&dir.path().join("a.db")).unwrap())).await;
}

#[tokio::test]
async fn what_is_in_the_file_outlasts_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).unwrap();
    put_instance(&store, "i", Some(instance("p", true))).await;
    put_binding(&store, "i", "b", Some(binding(false))).await;
    drop(store);
    let store = open(&path).unwrap();
    let stored = look(&store, "i", Some("b")).await;
    assert_eq!(stored.instance, Some(instance("p", true)));
    assert_eq!(stored.binding, Some(binding(false)));
    assert_eq!(store.in_progress().await.unwrap(), [key("i", None)]);
}

#[tokio::test]
async fn what_a_broker_stored_that_knew_less_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).unwrap();
    put_instance(&store, "i", Some(instance("p", false))).await;
    put_binding(&store, "i", "b", Some(binding(false))).await;
    drop(store);
    let earlier = "
        UPDATE instances SET body = json_remove(body, '$.operation.failures', '$.operation.earlier');
        UPDATE instances SET body = json_insert(body, '$.halted', 'op-0');
        UPDATE bindings SET body = json_remove(body, '$.operation.failures', '$.predecessor');
    ";
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(earlier).unwrap();
    drop(connection);
    let stored = look(&open(&path).unwrap(), "i", Some("b")).await;
    assert_eq!(stored.instance, Some(instance("p", false)));
    assert_eq!(stored.binding, Some(binding(false)));
}

#[tokio::test]
async fn a_file_is_for_one_broker_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).unwrap();
    for _ in 0..2 {
        assert!(matches!(open(&path), Err(OpenError::InUse(_))));
    }
    put_instance(&store, "i", Some(instance("p", false))).await;
}

/// Every file in a folder, with what is in it.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read(entry.path()).unwrap())
    };
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(entry).collect();
    files.sort();
    files
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_was() {
    let sqlite = |dir: &Path, sql: &str| {
        let connection = rusqlite::Connection::open(dir.join("a.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    type Make<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Make<'_>); 5] = [
        ("no database", &|dir| {
            fs::write(dir.join("a.db"), b"these are my notes, not a database").unwrap()
        }),
        ("another's database", &|dir| {
            sqlite(dir, "CREATE TABLE mine (a)")
        }),
        ("a newer broker's", &|dir| {
            sqlite(
                dir,
                "PRAGMA application_id = 0x4543484F; PRAGMA user_version = 99; CREATE TABLE instances (a)",
            );
        }),
        ("a damaged one", &|dir| {
            drop(open(&dir.join("a.db")).unwrap());
            let mut bytes = fs::read(dir.join("a.db")).unwrap();
            bytes[100..400].fill(0xab);
            fs::write(dir.join("a.db"), bytes).unwrap();
        }),
        ("one that is damaged deep inside", &|dir| {
            let path = dir.join("a.db");
            drop(open(&path).unwrap());
            sqlite(
                dir,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
                 INSERT INTO instances SELECT 'i' || i, 0, NULL, hex(zeroblob(200)) FROM n",
            );
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2 / 4096 * 4096;
            bytes[middle..middle + 64].fill(0xab);
            fs::write(path, bytes).unwrap();
        }),
    ];
    for (name, make) in cases {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let before = contents(dir.path());
        let path = dir.path().join("a.db");
        match (name, open(&path).err().unwrap()) {
            ("a newer broker's", OpenError::Newer { found: 99, .. }) => {}
            ("a newer broker's", other) => panic!("{other}"),
            (_, OpenError::Damaged { .. }) => {}
            (_, other) => panic!("{name}: {other}"),
        }
        assert!(contents(dir.path()) == before, "{name}");
    }
}

/// A step waits for its commit only if it has to; what need not be durable is
/// there for the next step all the same.
#[tokio::test]
async fn a_step_that_can_be_recovered_is_seen_by_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).unwrap();
    let decide = Box::new(|_: Stored| Decision {
        instance: Some(instance("p", false)),
        binding: None,
        drop_bindings: false,
        next: Next::Reply(Reply::Updated(None)),
    });
    store
        .step(key("i", None), Durability::Recoverable, decide)
        .await
        .unwrap();
    assert!(look(&store, "i", None).await.instance.is_some());
    // An orderly end commits it.
    drop(store);
    assert!(
        look(&open(&path).unwrap(), "i", None)
            .await
            .instance
            .is_some()
    );
}

/// What may come to a store.
#[derive(Clone, Debug)]
enum Act {
    /// The instance is stored with a plan.
    Instance(u8),
    /// It is deleted with all its bindings, and remembered as gone or not.
    Delete { remembered: bool },
    /// The binding is stored in this phase, as worked on or not, or deleted.
    Binding(usize, Option<(Phase, bool)>),
    /// The broker is started again.
    Restart,
    /// What is gone is forgotten.
    Forget,
}

fn act() -> impl Strategy<Value = Act> {
    let phase = prop_oneof![Just(Phase::Ready), Just(Phase::Gone)];
    prop_oneof![
        3 => any::<u8>().prop_map(Act::Instance),
        1 => any::<bool>().prop_map(|remembered| Act::Delete { remembered }),
        8 => (0..BINDINGS.len(), option::of((phase, any::<bool>())))
            .prop_map(|(binding, left)| Act::Binding(binding, left)),
        1 => Just(Act::Restart),
        1 => Just(Act::Forget),
    ]
}

const INSTANCES: [&str; 2] = ["i", "j"];
const BINDINGS: [&str; 3] = ["a", "b", "c"];

/// Carries out an act on a store; one that would leave a binding without an instance
/// comes to nothing, as it does in the broker.
async fn carry_out(store: &dyn Store, on: &str, act: &Act) {
    let (key, decide): (Key, broker::store::Decide) = match act.clone() {
        Act::Instance(plan) => {
            let instance = Some(instance(&plan.to_string(), plan % 2 == 0));
            let decide = move |stored| left(Stored { instance, ..stored });
            (key(on, None), Box::new(decide))
        }
        Act::Delete { remembered } => {
            let gone = Instance {
                phase: Phase::Gone,
                ..instance("p", false)
            };
            let instance = remembered.then_some(gone);
            let decide = move |stored| Decision {
                drop_bindings: true,
                ..left(Stored { instance, ..stored })
            };
            (key(on, None), Box::new(decide))
        }
        Act::Binding(id, leaves) => {
            let decide = move |stored: Stored| {
                let is_ready = |i: &Instance| i.phase == Phase::Ready;
                let binding = leaves.map(|(phase, in_progress)| Binding {
                    phase,
                    ..binding(in_progress)
                });
                left(Stored {
                    binding: binding.filter(|_| stored.instance.as_ref().is_some_and(is_ready)),
                    ..stored
                })
            };
            (key(on, Some(BINDINGS[id])), Box::new(decide))
        }
        Act::Restart => return,
        Act::Forget => return assert_eq!(store.forget_gone(u64::MAX).await, Ok(false)),
    };
    let step = store.step(key, Durability::Recoverable, decide);
    step.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_is_in_the_file_is_read_as_it_was(numbers in vec(any::<f64>(), 1..100)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.db");
            let mut kept = instance("p", false);
            kept.asked.parameters.insert("x".to_owned(), numbers.into());
            let store = open(&path).unwrap();
            put_instance(&store, "i", Some(kept.clone())).await;
            drop(store);
            let found = look(&open(&path).unwrap(), "i", None).await.instance;
            prop_assert_eq!(found, Some(kept));
            Ok(())
        })?;
    }

    #[test]
    fn a_store_in_a_file_tells_what_one_in_memory_tells(
        acts in vec((0..INSTANCES.len(), act()), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.db");
            let mut file = open(&path).unwrap();
            let memory = Memory::default();
            for (on, act) in acts {
                if matches!(act, Act::Restart) {
                    drop(file);
                    file = open(&path).unwrap();
                }
                for store in [&file as &dyn Store, &memory] {
                    carry_out(store, INSTANCES[on], &act).await;
                }
                for (on, binding) in INSTANCES.iter().flat_map(|on| {
                    BINDINGS.iter().map(move |b| (*on, Some(*b))).chain([(*on, None)])
                }) {
                    let told = given(&file, key(on, binding)).await;
                    let mut right = given(&memory, key(on, binding)).await;
                    // It is told only of an instance as a whole.
                    right.bindings_in_progress &= binding.is_none();
                    prop_assert_eq!(told, right);
                }
            }
            Ok(())
        })?;
    }
}
