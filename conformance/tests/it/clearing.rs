//! What a check leaves behind on a target, in the ways in which a target makes that
//! hard.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::CatalogSource;
use conformance::{
    Auth, Client, Credentials, Interrupt, Options, Request, Role, Target, Verdict, check, clean_up,
    judge,
};

use crate::tampered::{Reply, Tampered};

/// The offering of the showcase, and two plans of it between which an instance can be
/// moved.
const OFFERING: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000001";
const SMALL: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000101";
const LARGE: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000102";

fn auth() -> Auth {
    Auth::Basic(Credentials::parse("user:pass").unwrap())
}

fn options() -> Options {
    Options {
        auth: Some(auth()),
        service: Some("show-sync".to_owned()),
        ..Options::default()
    }
}

fn client(url: &str, timeout: Duration) -> Client {
    let (target, _) = Target::parse(url).unwrap();
    Client::new(target, timeout).unwrap()
}

/// The status of a request to the showcase.
async fn asked(client: &Client, method: &str, path: &str, body: Option<&str>) -> u16 {
    let headers = [
        ("Authorization", "Basic dXNlcjpwYXNz"),
        ("X-Broker-API-Version", "2.17"),
        ("Content-Type", "application/json"),
    ];
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: body.map(str::to_owned),
    };
    client.send(&request).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_update_has_moved_to_another_plan_is_removed_by_its_ledger() {
    let target = Tampered::of_catalog(CatalogSource::Showcase, |_, _| Reply::True).await;
    let url = target.broker.url();
    let client = client(&url, Duration::from_secs(10));
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("ledger.jsonl");
    let mut lines = vec![format!(
        r#"{{"run":{{"target":"{url}","api_version":"2.17"}}}}"#
    )];
    for (id, plan) in [("moved", LARGE), ("as-it-was", SMALL)] {
        let body = format!(
            r#"{{"service_id":"{OFFERING}","plan_id":"{plan}","organization_guid":"o","space_guid":"s"}}"#
        );
        let path = format!("/v2/service_instances/{id}");
        assert_eq!(asked(&client, "PUT", &path, Some(&body)).await, 201);
        let entry = format!(r#""instance":"{id}","service_id":"{OFFERING}","plan_id":"{SMALL}""#);
        lines.push(format!(r#"{{"creates":{{{entry}}}}}"#));
        if plan != SMALL {
            let later = format!(r#""later_plan_ids":["{plan}"]"#);
            lines.push(format!(r#"{{"creates":{{{entry},{later}}}}}"#));
        }
    }
    fs::write(&ledger, format!("{}\n", lines.join("\n"))).unwrap();

    let left = clean_up(client, Some(auth()), Vec::new(), &ledger).await;
    assert_eq!(left.unwrap(), []);
    assert!(!ledger.exists());
    let client = self::client(&url, Duration::from_secs(10));
    for id in ["moved", "as-it-was"] {
        let path = format!("/v2/service_instances/{id}");
        assert_eq!(asked(&client, "GET", &path, None).await, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_scenario_was_stopped_with_is_removed_before_the_run_ends() {
    // The first instance is bound and no other, so that whatever binds is stopped.
    let first = Mutex::new(None);
    let target = Tampered::of_catalog(CatalogSource::Showcase, move |sent, received| {
        let instance = sent.path.split('/').nth(3).unwrap_or_default();
        let is_bound = sent.method == "PUT" && received.status == 201;
        if !is_bound || !sent.path.contains("/service_bindings/") {
            return Reply::True;
        }
        let mut first = first.lock().unwrap();
        match *first.get_or_insert_with(|| instance.to_owned()) == instance {
            true => Reply::True,
            false => Reply::Instead(403, r#"{"description": "no more"}"#.to_owned()),
        }
    })
    .await;
    let run = judge(&target.url, options()).await.unwrap();
    assert_eq!(run.leftovers, []);
    let roles: Vec<Role> = run.exchanges.iter().map(|exchange| exchange.role).collect();
    let first = roles.iter().position(|role| *role == Role::CleanUp);
    let last = roles.iter().rposition(|role| *role == Role::Judged);
    assert!(first < last, "{first:?}, {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_after_the_target_was_given_up_is_removed_as_well() {
    // The first deletion of each instance comes too early.
    let early = Arc::new(Mutex::new(BTreeMap::new()));
    let deletions = early.clone();
    let target = Tampered::of_catalog(CatalogSource::Showcase, move |sent, received| {
        let path = sent.path.split('?').next().unwrap_or_default();
        let mut deletions = deletions.lock().unwrap();
        match (sent.method.as_str(), deletions.get_mut(path)) {
            ("PUT", None) if received.status == 201 => {
                deletions.insert(path.to_owned(), 0);
                Reply::Silence
            }
            ("DELETE", Some(count)) => {
                *count += 1;
                Reply::Instead(410, "{}".to_owned())
            }
            _ => Reply::True,
        }
    })
    .await;
    let client = client(&target.url, Duration::from_millis(300));
    let run = check(client, options(), &Interrupt::new(), &mut |_| {})
        .await
        .unwrap();
    assert_eq!(run.with(Verdict::Fail).count(), 0);
    assert_eq!(run.leftovers, []);
    let deletions: Vec<usize> = early.lock().unwrap().values().copied().collect();
    assert!(!deletions.is_empty());
    assert!(deletions.iter().all(|count| *count == 2), "{deletions:?}");
}
