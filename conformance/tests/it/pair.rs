//! `conformance` without arguments, and `conformance up`.

use std::net::{TcpListener, TcpStream};

use fixtures::Registry;
use insta::assert_snapshot;
use serving::testing::{Process, send};

use crate::screens::screen;

const AUTH: (&str, &str) = ("Authorization", "Basic dXNlcjpwYXNz");

#[test]
fn without_arguments_a_pair_of_its_own_is_replayed_and_another_one_checked() {
    // Neither a platform's port, nor credentials for other targets, nor a
    // proxy for the way out matter.
    let env = [
        ("PORT", "1"),
        ("CONFORMANCE_AUTH", "other:credentials"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
    ];
    let shown = screen(&[], &env);
    let (replayed, checked) = shown.split_once("\n\nOpen Service").unwrap();
    assert_snapshot!(replayed, @"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      ✔ Catalog
      ✔ Provision
      ✔ Bind
      ✔ Unbind
      ✔ Deprovision
    The documented echo service (echo-service) at http://127.0.0.1:PORT
      ✔ Provision
      ✔ Bind
      ✔ Echo
      ✔ Dashboard
      ✔ Unbind
      ✔ Deprovision
      ✔ Provision an id that is taken
      ✔ Deprovision what is not there
      ✔ Bind an app that is bound
      ✔ Unbind an app that is not bound
      ✔ Echo plain text
      ✔ Echo on an instance that is not there
      ✔ Echo to an app that is not bound
      ✔ Dashboard of an instance that is not there
    19 examples: 19 passed
    ");
    for requirement in Registry::embedded().unwrap().requirements() {
        let is_listed = checked.contains(&format!(" {} ", requirement.id));
        assert!(is_listed, "{}", requirement.id);
    }
    let counts: Vec<&str> = checked
        .lines()
        .filter(|line| line.contains(" passed, "))
        .collect();
    let is_clean = |line: &&&str| !line.contains("failed") || line.contains(" 0 failed");
    assert_eq!(
        counts.iter().filter(is_clean).count(),
        counts.len(),
        "{counts:?}"
    );
    assert!(checked.contains("0 failed, 0 warned") && checked.ends_with("exit code 0"));
}

/// One test, because there is one pair of documented ports.
#[test]
fn up_runs_the_pair_on_the_documented_ports_or_says_that_one_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:8090");
    assert_snapshot!(screen(&["up"], &[]), @"
    conformance: cannot listen on 127.0.0.1:8090: the port is taken; it is one of the documented ones, which `up` needs
    exit code 1
    ");
    drop(taken);

    if TcpListener::bind("127.0.0.1:8080").is_err() || TcpListener::bind("127.0.0.1:8090").is_err()
    {
        // Somebody else serves there, so there is no more to see than above.
        return;
    }
    let up = Process::start(env!("CARGO_BIN_EXE_conformance"), &["up"], &[("PORT", "1")]).unwrap();
    assert_eq!(up.ready, "mock-echo listens on http://127.0.0.1:8090");
    let broker = "http://127.0.0.1:8080";
    let headers = [AUTH, ("X-Broker-API-Version", "2.3")];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = runtime.block_on(async {
        // The broker is ready when the second line is printed.
        while TcpStream::connect("127.0.0.1:8080").is_err() {
            tokio::task::yield_now().await;
        }
        send(broker, "GET /v2/catalog", &headers).await.unwrap()
    });
    assert_eq!(
        catalog.json()["services"][0]["dashboard_client"]["redirect_uri"],
        "http://127.0.0.1:8090/echo/dashboard"
    );
    let idle = TcpStream::connect("127.0.0.1:8080").unwrap();
    let (code, log) = up.end_by("INT").unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("method=GET path=/v2/catalog status=200"),
        "{log}"
    );
    drop(idle);
}
