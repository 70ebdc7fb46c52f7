//! What goes over the wire, and what of it is shown.

use std::fs;
use std::time::Duration;

use conformance::{Client, Credentials, Exit, Interrupt, Request, Run, Target, curl, replay};
use fixtures::Suite;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use crate::tampered::{Reply, Tampered};

/// A suite of one fixture.
fn suite(fixture: serde_json::Value) -> (TempDir, Suite) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("one.json"), fixture.to_string()).unwrap();
    let suite = Suite::from_dir(dir.path()).unwrap();
    (dir, suite)
}

async fn replay_one(target: &Tampered, fixture: serde_json::Value, credentials: &str) -> Run {
    let (_dir, suite) = suite(fixture);
    let (parsed, _) = Target::parse(&format!("{}/prefix/", target.url)).unwrap();
    let client = Client::new(parsed, Duration::from_secs(10)).unwrap();
    let credentials = Credentials::parse(credentials).unwrap();
    replay(
        &[suite],
        &client,
        Some(&credentials),
        &Interrupt::new(),
        &mut |_| {},
    )
    .await
}

#[tokio::test]
async fn a_path_is_sent_unchanged_and_a_variables_value_encoded() {
    let target = Tampered::broker(|_, _| Reply::Instead(200, "{}".to_owned())).await;
    let fixture = json!({
        "title": "odd paths",
        "source": {"document": "none", "heading": "none"},
        "variables": {"id": "a/b ü%2e.."},
        "steps": [{
            "request": {
                "method": "GET",
                "path": r#"/v2/../%2e%2E//{{x}}\|"/{id}"#,
                "query": {"a b": "{id}&="}
            },
            "expect": {"status": [200]}
        }]
    });
    let run = replay_one(&target, fixture, "user:pass").await;
    assert_eq!(Exit::of(&[run]), Exit::Kept);
    assert_eq!(
        target.lines(),
        [
            r#"GET /prefix/v2/../%2e%2E//{x}\|"/a%2Fb%20%C3%BC%252e..?a%20b=a%2Fb%20%C3%BC%252e..%26%3D"#
        ]
    );
}

#[tokio::test]
async fn a_captured_value_goes_into_the_next_request() {
    let target = Tampered::broker(|sent, _| match sent.method.as_str() {
        "GET" => Reply::Instead(200, json!({"a": [{"id": "x/y"}]}).to_string()),
        _ => Reply::Instead(200, json!({"got": "x/y"}).to_string()),
    })
    .await;
    let fixture = json!({
        "title": "capture",
        "source": {"document": "none", "heading": "none"},
        "steps": [
            {"request": {"method": "GET", "path": "/a"}, "capture": {"id": "/a/0/id"}},
            {
                "request": {"method": "PATCH", "path": "/b/{id}", "body": {"json": {"id": "{id}"}}},
                "expect": {"status": [200], "body": {"exact": {"got": "{id}"}}}
            }
        ]
    });
    let run = replay_one(&target, fixture, "user:pass").await;
    assert_eq!(Exit::of(&[run]), Exit::Kept);
    assert_eq!(target.lines()[1], "PATCH /prefix/b/x%2Fy");
    assert_eq!(target.sent()[1].body, r#"{"id":"x/y"}"#);
}

#[tokio::test]
async fn a_fresh_id_is_another_one_in_each_replay_and_the_same_within_one() {
    let target = Tampered::broker(|_, _| Reply::Instead(200, "{}".to_owned())).await;
    let fixture = json!({
        "title": "fresh",
        "source": {"document": "none", "heading": "none"},
        "variables": {"id": "i-{fresh}"},
        "steps": [
            {"request": {"method": "GET", "path": "/{id}"}, "expect": {"status": [200]}},
            {"request": {"method": "GET", "path": "/i-{fresh}"}, "expect": {"status": [200]}}
        ]
    });
    for _ in 0..2 {
        replay_one(&target, fixture.clone(), "user:pass").await;
    }
    let lines = target.lines();
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[2], lines[3]);
    assert_ne!(lines[0], lines[2]);
}

#[tokio::test]
async fn credentials_are_sent_and_recorded_nowhere() {
    let leak = json!({"you sent": "näme:p\"ss/wörd", "or": "bsOkbWU6cCJzcy93w7ZyZA=="});
    let target = Tampered::broker(move |_, _| Reply::Instead(200, leak.to_string())).await;
    let fixture = json!({
        "title": "secret",
        "source": {"document": "none", "heading": "none"},
        "steps": [{
            "request": {
                "method": "PUT",
                "path": "/{authorization}",
                "headers": {"Authorization": "Basic {authorization}"},
                "body": {"json": {"a": "{authorization}"}}
            },
            "expect": {"status": [200], "body": {"exact": {"a": "{authorization}"}}}
        }]
    });
    let run = replay_one(&target, fixture, "näme:p\"ss/wörd").await;
    let sent = &target.sent()[0];
    let header = sent
        .headers
        .iter()
        .find(|(name, _)| name == "authorization");
    assert!(header.unwrap().1.starts_with("Basic bsOkbWU6"));
    assert!(sent.body.contains("wörd"));

    let recorded = format!("{run:?}");
    for secret in ["wörd", "w%C3%B6rd", "bsOkbWU6"] {
        assert!(!recorded.contains(secret), "{secret} in {recorded}");
    }
    let example = &run.suites[0].examples[0];
    let again = curl(&run.target, &example.exchanges[0].request);
    assert!(again.contains(r#"-u "$CONFORMANCE_AUTH""#), "{again}");
}

/// What a POSIX shell makes of a command: the arguments of its last `curl`, and
/// what that reads.
fn played(command: &str) -> (Vec<String>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let fake = dir.path().join("curl");
    fs::write(&fake, "#!/bin/sh\nprintf '%s\\0' \"$@\" > \"$OUT/args\"\ncase \"$*\" in *@-*) cat > \"$OUT/stdin\";; esac\n").unwrap();
    let script = format!("chmod +x \"$OUT/curl\"; PATH=\"$OUT:$PATH\"\n{command}\n");
    let status = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("OUT", dir.path())
        .env("CONFORMANCE_AUTH", "user:pass")
        .status()
        .unwrap();
    assert!(status.success());
    let args = fs::read_to_string(dir.path().join("args")).unwrap();
    let args = args.split_terminator('\0').map(str::to_owned).collect();
    (args, fs::read(dir.path().join("stdin")).unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_shell_gives_curl_the_very_body_and_path(
        body in "[^\0]{0,20}",
        path in "/[!-~&&[^?#<>`@]]{0,12}",
        value in "[ -~]{0,8}",
    ) {
        let (target, _) = Target::parse("http://127.0.0.1:1/base").unwrap();
        let request = Request {
            method: "PUT".to_owned(),
            path: path.clone(),
            headers: vec![("X-Value".to_owned(), value.clone())],
            body: Some(body.clone()),
        };
        let (args, stdin) = played(&curl(&target, &request));
        prop_assert_eq!(args.last().unwrap(), &format!("http://127.0.0.1:1/base{path}"));
        let given = args.iter().position(|arg| arg == "--data-raw").map(|at| args[at + 1].as_str());
        match given {
            Some(given) => prop_assert_eq!(given, &body),
            None => prop_assert_eq!(stdin, body.into_bytes()),
        }
        let header = match value.as_str() {
            "" => "X-Value;".to_owned(),
            value => format!("X-Value: {value}"),
        };
        prop_assert!(args.contains(&header), "{:?}", args);
    }
}
