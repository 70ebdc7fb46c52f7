//! Each mutant is found out by the check that it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use fixtures::{ApiVersion, Registry};
use mutants::mutant::Mutant;
use mutants::trial::{Fate, Scope, TrueBroker};
use mutants::wrong;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many are tried side by side. They wait most of the time.
const AT_ONCE: usize = 32;

/// What has become of each of these mutants that was not killed. Those are tried
/// once more, one at a time: on a busy machine, what has to be seen while an
/// operation is in progress may be missed.
async fn not_killed(mutants: impl Iterator<Item = Mutant>) -> Vec<String> {
    let broker = Arc::new(TrueBroker::start().await.unwrap());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut trials = JoinSet::new();
    for mutant in mutants {
        let (broker, places) = (broker.clone(), places.clone());
        trials.spawn(async move {
            let _place = places.acquire().await.unwrap();
            (mutant, what_is_left(&broker, &mutant).await)
        });
    }
    let mut told = Vec::new();
    for (mutant, left) in trials.join_all().await {
        if left.is_some() {
            told.extend(what_is_left(&broker, &mutant).await);
        }
    }
    told.sort();
    told
}

/// Tries a mutant. Gives what has become of it, if it was not killed.
async fn what_is_left(broker: &TrueBroker, mutant: &Mutant) -> Option<String> {
    let trial = broker.tries(mutant, Scope::Named).await.unwrap();
    let Mutant { name, breaks, .. } = mutant;
    match trial.fate(mutant) {
        Fate::Killed => None,
        Fate::Survived(why) => Some(format!("{name} survived {breaks}: {why}")),
        Fate::Unviable => Some(format!("{name} has changed nothing")),
    }
}

/// Set `MUTANT` to a part of a name or of a requirement's id to try only those.
#[tokio::test(flavor = "multi_thread")]
async fn every_mutant_is_found_out_by_the_check_that_it_names() {
    let wanted = std::env::var("MUTANT").unwrap_or_default();
    let is_wanted =
        |mutant: &&Mutant| mutant.name.contains(&wanted) || mutant.breaks.contains(&wanted);
    let told = not_killed(wrong::all().filter(is_wanted).copied()).await;
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn no_two_mutants_have_the_same_name() {
    let mut names = BTreeSet::new();
    let twice = wrong::all().find(|mutant| !names.insert(mutant.name));
    assert_eq!(twice.map(|mutant| mutant.name), None);
}

/// What no mutant can show on this machine, and why.
const WITHOUT_A_MUTANT: [(&str, &str); 2] = [
    (
        "auth.tls-recommended",
        "on this machine a broker without TLS is no sign of how it is run elsewhere",
    ),
    (
        "update.status-422-instance-state",
        "only its author knows which state of an instance rules out which change, so it is always skipped",
    ),
];

#[test]
fn every_requirement_that_can_be_broken_and_is_judged_has_a_mutant() {
    let registry = Registry::embedded().unwrap();
    let broken: BTreeSet<&str> = wrong::all().map(|mutant| mutant.breaks).collect();
    let missing: Vec<&str> = registry
        .requirements()
        .iter()
        .filter(|requirement| requirement.exempt.is_none())
        .filter(|requirement| {
            let level = requirement.level_in(ApiVersion::NEWEST);
            level.is_some_and(|level| !level.is_may())
        })
        .map(|requirement| requirement.id.as_str())
        .filter(|id| !broken.contains(id))
        .collect();
    assert_eq!(missing, WITHOUT_A_MUTANT.map(|(id, _)| id));
}

#[test]
fn the_kill_matrix_has_every_mutant_and_no_other() {
    for requirement in Registry::embedded().unwrap().requirements() {
        let id = requirement.id.as_str();
        let of_id = wrong::all().filter(|mutant| mutant.breaks == id);
        let names: BTreeSet<&str> = of_id.map(|mutant| mutant.name).collect();
        let in_matrix: BTreeSet<&str> = conformance::mutants(id).into_iter().collect();
        assert_eq!(in_matrix, names, "{id}: cargo run --release -p mutants");
    }
}

#[test]
fn no_mutant_breaks_what_is_no_requirement() {
    let registry = Registry::embedded().unwrap();
    let unknown = wrong::all().find(|mutant| registry.get(mutant.breaks).is_none());
    assert_eq!(unknown.map(|mutant| mutant.name), None);
}
