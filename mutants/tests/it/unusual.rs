//! Brokers that are unusual, but right, are accused of nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use fixtures::{ApiVersion, Registry};
use mutants::unusual;
use serving::Listen;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many are tried side by side. They wait most of the time.
const AT_ONCE: usize = 4;

/// Set `UNUSUAL` to a part of a name to try only those.
#[tokio::test(flavor = "multi_thread")]
async fn no_broker_that_is_right_is_accused_of_anything() {
    let wanted = std::env::var("UNUSUAL").unwrap_or_default();
    let echo = Arc::new(mock_echo::start(Listen::locally(0)).await.unwrap());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut trials = JoinSet::new();
    for unusual in unusual::all().filter(|unusual| unusual.name.contains(&wanted)) {
        let (echo, places) = (echo.clone(), places.clone());
        trials.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let tried = unusual.tried(&echo).await.unwrap();
            let complaints = tried.complaints(unusual);
            complaints
                .into_iter()
                .map(|complaint| format!("{}: {complaint}", unusual.name))
                .collect::<Vec<_>>()
        });
    }
    let mut told: Vec<String> = trials.join_all().await.into_iter().flatten().collect();
    told.sort();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn no_two_unusual_brokers_have_the_same_name() {
    let mut names = BTreeSet::new();
    let twice = unusual::all().find(|unusual| !names.insert(unusual.name));
    assert_eq!(twice.map(|unusual| unusual.name), None);
}

#[test]
fn every_freedom_that_is_judged_is_used_by_a_broker_that_passes() {
    let registry = Registry::embedded().unwrap();
    let used: BTreeSet<&str> = unusual::all()
        .flat_map(|unusual| unusual.uses)
        .copied()
        .collect();
    let unused: Vec<&str> = registry
        .requirements()
        .iter()
        .filter(|requirement| requirement.exempt.is_none())
        .filter(|requirement| {
            let level = requirement.level_in(ApiVersion::NEWEST);
            level.is_some_and(|level| level.is_may())
        })
        .map(|requirement| requirement.id.as_str())
        .filter(|id| !used.contains(id))
        .collect();
    assert!(unused.is_empty(), "without one:\n{}", unused.join("\n"));
}
