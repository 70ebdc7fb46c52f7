//! What a user sees of `conformance`: whole screens.

use std::fs;

use fixtures::Registry;
use insta::assert_snapshot;
use regex::Regex;
use serde_json::{Value, json};
use serving::testing::{self, Process};

use crate::tampered::{Reply, Tampered};

/// What it prints (errors behind the rest) and its exit code, with the ports and
/// the fresh ids of this run replaced.
pub(crate) fn screen(args: &[&str], env: &[(&str, &str)]) -> String {
    let text = testing::screen(env!("CARGO_BIN_EXE_conformance"), args, env).unwrap();
    assert!(
        !text.contains('\u{1b}'),
        "no colour where there is no terminal: {text}"
    );
    let ports = Regex::new(r"127\.0\.0\.1:\d{5}").unwrap();
    let text = ports.replace_all(&text, "127.0.0.1:PORT");
    let ids = Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
    ids.replace_all(&text, "FRESH").into_owned()
}

/// A port on which nothing listens.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_help_names_what_there_is() {
    assert_snapshot!(screen(&["--help"], &[]), @"
    Checks service brokers by the Open Service Broker API, 2.11 to 2.17.

    `conformance check URL` judges any broker by every requirement of the specification. Without a
    command, it starts the reference broker and its echo service on free ports, replays every documented
    example against them and checks them.

    Usage: conformance [COMMAND]

    Commands:
      check         Judge a broker by every requirement of the specification
      replay        Replay documented examples against a broker
      cleanup       Remove what an interrupted check has left behind
      requirements  List every requirement, and how it is judged
      explain       Tell all that is known of a requirement
      up            Run the reference broker and its echo service, until Ctrl-C
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit codes: 0 no MUST is broken and every example matches, 1 a MUST is broken or an
    example does not match, 2 wrong usage or fixture, 3 something could not be judged
    and nothing was shown wrong, 130 interrupted
    exit code 0
    ");
    assert_snapshot!(screen(&["replay", "--help"], &[("CONFORMANCE_AUTH", "a:secret")]), @"
    Replay documented examples against a broker

    Each example is sent exactly as its document shows it, and the whole answer is compared. Those of
    the suite osb are played on plans of the target's own catalog and compared by their shape; of what
    it does not offer they are skipped. What the replay creates, it removes again.

    Usage: conformance replay [OPTIONS] <URL>

    Arguments:
      <URL>
              URL of the target, such as http://127.0.0.1:8080; credentials may stand in it

    Options:
          --suite <NAME>
              Suite to replay; may be repeated [default: echo-broker-2.3]

          --fixtures <DIR>
              Folder with fixtures of your own; may be repeated

          --auth <USER:PASS>
              Credentials; else those in the URL, in CONFORMANCE_AUTH, or the documented user:pass

          --timeout <DURATION>
              How long to wait for each answer
              
              [default: 10s]

      -h, --help
              Print help (see a summary with '-h')
    exit code 0
    ");
    assert_snapshot!(screen(&["up", "--help"], &[]), @"
    Run the reference broker and its echo service, until Ctrl-C

    The broker listens on http://127.0.0.1:8080 (user name `user`, password `pass`), the echo service on
    http://127.0.0.1:8090, as documented.

    Usage: conformance up [OPTIONS]

    Options:
          --catalog <CATALOG>
              What the broker offers: documented, showcase (every feature), scenarios (plans that
              misbehave on purpose), or a file of yours
              
              [default: documented]

          --store <STORE>
              Where the broker keeps its state: memory, or a file
              
              [default: memory]

      -h, --help
              Print help (see a summary with '-h')
    exit code 0
    ");
}

#[test]
fn wrong_usage_is_told_with_exit_code_2() {
    assert_snapshot!(screen(&["replay"], &[]), @"
    error: the following required arguments were not provided:
      <URL>

    Usage: conformance replay <URL>

    For more information, try '--help'.
    exit code 2
    ");
    for args in [
        &["http://u:secret@h"][..],
        &["replay", "http://h", "http://u:sec/ret@h"],
    ] {
        let told = screen(args, &[]);
        assert!(
            told.ends_with("exit code 2") && told.contains("http://…@h"),
            "{told}"
        );
        assert!(!told.contains("sec"), "{told}");
    }
    assert_snapshot!(screen(&["rerun"], &[]), @"
    error: unrecognized subcommand 'rerun'

      tip: a similar subcommand exists: 'requirements'

    Usage: conformance [COMMAND]

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "http://127.0.0.1:1", "--suite", "osb-9"], &[]), @r#"
    conformance: there is no suite "osb-9"; the suites are echo-broker-2.3, echo-service, osb
    exit code 2
    "#);
    assert_snapshot!(screen(&["replay", "http://127.0.0.1:1", "--timeout", "soon"], &[]), @"
    error: invalid value 'soon' for '--timeout <DURATION>': expected a duration such as 10s or 500ms

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "http://127.0.0.1:1", "--timeout", "0s"], &[]), @"
    error: invalid value '0s' for '--timeout <DURATION>': nothing answers within no time

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "http://127.0.0.1:1", "--auth", "secret"], &[]), @"
    conformance: --auth is no USER:PASS: there is no colon between user name and password
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "http://127.0.0.1:1"], &[("CONFORMANCE_AUTH", "secret")]), @"
    conformance: CONFORMANCE_AUTH is no USER:PASS: there is no colon between user name and password
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "ftp://user:secret@127.0.0.1"], &[]), @"
    conformance: the URL does not begin with http:// or https://
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "http://user:sec/ret@127.0.0.1"], &[]), @"
    conformance: the URL's host or port is malformed (special characters of credentials are to be percent-encoded)
    exit code 2
    ");
    assert_snapshot!(screen(&["replay", "http://127.0.0.1:1", "--fixtures", "no-such-folder"], &[]), @"
    conformance: cannot read no-such-folder: No such file or directory (os error 2)
    exit code 2
    ");
}

#[test]
fn a_fixture_with_a_mistake_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mistakes = "{\n  \"title\": \"mine\",\n  \"source\": {\"document\": \"d\", \"heading\": \"h\"},\n  \"steps\": [{\n    \"request\": {\"method\": \"GET\", \"path\": \"/v2/{who}\"},\n    \"expect\": {\"status\": [200]}\n  }]\n}\n";
    fs::write(dir.path().join("mine.json"), mistakes).unwrap();
    let path = dir.path().to_str().unwrap();
    let told = screen(&["replay", "http://127.0.0.1:1", "--fixtures", path], &[]);
    assert_snapshot!(told.replace(path, "DIR"), @"
    conformance: DIR/mine.json:5:47: nothing before this defines who: no `variables` and no `capture` here or in `given`
    exit code 2
    ");
    fs::write(
        dir.path().join("mine.json"),
        mistakes.replace("steps", "stpes"),
    )
    .unwrap();
    let told = screen(&["replay", "http://127.0.0.1:1", "--fixtures", path], &[]);
    assert_snapshot!(told.replace(path, "DIR"), @"
    conformance: DIR/mine.json:4:9: unknown field `stpes`, expected one of `$schema`, `title`, `source`, `judges`, `plan`, `variables`, `given`, `baseline`, `steps`
    exit code 2
    ");
}

#[test]
fn an_unreachable_target_is_told_with_exit_code_3() {
    let url = format!("http://127.0.0.1:{}", free_port());
    assert_snapshot!(screen(&["replay", &url], &[]), @"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      – Catalog: could not be judged: cannot reach http://127.0.0.1:PORT:
          Connection refused (os error 111)
      – Provision: not reached
      – Bind: not reached
      – Unbind: not reached
      – Deprovision: not reached
    5 examples: 5 could not be judged
    exit code 3
    ");
}

/// The screen of a replay against a broker made wrong by `tamper`, at `USER:PASS`.
async fn replayed(target: Tampered, user_pass: &str) -> String {
    let url = target.url.replace("://", &format!("://{user_pass}@"));
    tokio::task::spawn_blocking(move || screen(&["replay", &url], &[]))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_with_exit_code_3_and_shown_nowhere() {
    let target = Tampered::broker(|_, _| Reply::True).await;
    assert_snapshot!(replayed(target, "user:secret").await, @"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      – Catalog: could not be judged: wrong credentials: GET /v2/catalog was
          answered 401; give them in the URL (http://USER:PASS@HOST), by --auth
          USER:PASS or in CONFORMANCE_AUTH
      – Provision: not reached
      – Bind: not reached
      – Unbind: not reached
      – Deprovision: not reached
    5 examples: 5 could not be judged
    exit code 3
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_replay_with_130_after_it_has_cleaned_up() {
    let target = Tampered::broker(|sent, _| match sent.path.ends_with("/myappid") {
        true => Reply::Silence,
        false => Reply::True,
    })
    .await;
    let args = ["replay", &target.url, "--timeout", "1s"];
    let replay = Process::start(env!("CARGO_BIN_EXE_conformance"), &args, &[]).unwrap();
    while !target.lines().iter().any(|line| line.ends_with("/myappid")) {
        tokio::task::yield_now().await;
    }
    let (code, told) = tokio::task::spawn_blocking(|| replay.end_by("INT"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(code, Some(130), "{told}");
    assert_snapshot!(told, @"conformance: cleaning up; Ctrl-C again ends it at once and may leave something behind");
    let lines = target.lines();
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("DELETE /v2/service_instances/mynewinstance?"),
        "{lines:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_is_no_broker() {
    let html = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>";
    let target = Tampered::broker(move |_, _| Reply::Bytes(html.into())).await;
    assert_snapshot!(replayed(target, "user:pass").await, @"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      – Catalog: could not be judged: GET /v2/catalog was answered 404 (text/html):
          is this a broker?
      – Provision: not reached
      – Bind: not reached
      – Unbind: not reached
      – Deprovision: not reached
    5 examples: 5 could not be judged
    exit code 3
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_difference_is_shown_with_the_commands_that_repeat_it() {
    let target = Tampered::broker(|sent, received| {
        let mut body = received.json();
        match (sent.method.as_str(), sent.path.as_str()) {
            ("GET", "/v2/catalog") => {
                let services = body["services"].as_array_mut().unwrap();
                services[0].as_object_mut().unwrap().remove("dashboard_client");
                services[1].as_object_mut().unwrap().remove("dashboard_client");
                services[1]["plans"][0]["free"] = json!(true);
                Reply::Instead(200, body.to_string())
            }
            ("PUT", path) if path.ends_with("myappid") => {
                Reply::Instead(500, json!({"description": "no more credentials"}).to_string())
            }
            ("DELETE", path) if !path.contains('?') => {
                let text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n\u{1b}[31mOK\u{7}";
                Reply::Bytes(text.into())
            }
            _ => Reply::True,
        }
    })
    .await;
    assert_snapshot!(replayed(target, "user:pass").await, @r#"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      ✘ Catalog
          GET /v2/catalog was answered 200
          /services/0/dashboard_client
            expected
              {
                "id": "client-id-1",
                "redirect_uri": "http://16.85.146.167:8090/echo/dashboard",
                "secret": "secret-1"
              }
            actual    (absent)
          /services/1/dashboard_client
            expected  null
            actual    (absent)
          /services/1/plans/0/free
            expected  (absent)
            actual    true
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X GET -u "$CONFORMANCE_AUTH" \
              -H 'X-Broker-Api-Version: 2.3' -H 'Accept: application/json' \
              'http://127.0.0.1:PORT/v2/catalog'
      ✔ Provision
      ✘ Bind
          PUT /v2/service_instances/mynewinstance/service_bindings/myappid was answered 500
          status
            expected  201
            actual    500
          body
            expected
              {
                "credentials": {
                  "uri": "http://16.98.113.38:8090/echo/mynewinstance/myappid"
                }
              }
            actual    {"description":"no more credentials"}
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -u "$CONFORMANCE_AUTH" \
              -H 'Accept: application/json' -H 'Content-Type:' \
              --data-raw '{"organization_guid":"HP","plan_id":"small_0001","service_id":"echo_service","space_guid":"IT"}' \
              'http://127.0.0.1:PORT/v2/service_instances/mynewinstance'
            curl -i --path-as-is --globoff -X PUT -u "$CONFORMANCE_AUTH" \
              -H 'Accept: application/json' -H 'Content-Type:' \
              --data-raw '{"app_guid":"otherappid","plan_id":"small_0001","service_id":"echo_service"}' \
              'http://127.0.0.1:PORT/v2/service_instances/mynewinstance/service_bindings/myappid'
      – Unbind: could not be judged: its setup "Bind" failed: PUT
          /v2/service_instances/mynewinstance/service_bindings/myappid was answered
          500
      ✘ Deprovision
          DELETE /v2/service_instances/mynewinstance was answered 200
          body
            expected  {}
            actual    �[31mOK�
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -u "$CONFORMANCE_AUTH" \
              -H 'Accept: application/json' -H 'Content-Type:' \
              --data-raw '{"organization_guid":"HP","plan_id":"small_0001","service_id":"echo_service","space_guid":"IT"}' \
              'http://127.0.0.1:PORT/v2/service_instances/mynewinstance'
            curl -i --path-as-is --globoff -X DELETE -u "$CONFORMANCE_AUTH" \
              -H 'Accept: application/json' \
              'http://127.0.0.1:PORT/v2/service_instances/mynewinstance'
    5 examples: 1 passed, 3 failed, 1 could not be judged
    exit code 1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_says_neither_floods_nor_commands_the_terminal() {
    let target = Tampered::broker(|sent, received| match sent.is("GET", "/v2/catalog") {
        true => {
            let mut body = received.json();
            body["\u{9b}2J\n"] = json!("\u{9b}31m".repeat(100));
            body["services"] = (0..10_000).collect();
            Reply::Instead(200, body.to_string())
        }
        false => Reply::True,
    })
    .await;
    let told = replayed(target, "user:pass").await;
    assert!(!told.contains('\u{9b}'));
    assert!(
        told.contains("more differences") && told.len() < 20_000,
        "{}",
        told.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_taken_and_a_leftover_are_told() {
    let target = Tampered::blocking(|sent| sent.path.contains('?')).await;
    let url = target.url.clone();
    let second = target.url.clone();
    let first = tokio::task::spawn_blocking(move || screen(&["replay", &url], &[]))
        .await
        .unwrap();
    assert_snapshot!(first, @"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      ✔ Catalog
      ✔ Provision
      ! mynewinstance is left behind: DELETE
          /v2/service_instances/mynewinstance?plan_id=small_0001&service_id=echo_service
          was answered 403 (application/json)
      – Bind: could not be judged: mynewinstance is still there: an earlier example
          created it, and it could not be removed
      – Unbind: could not be judged: mynewinstance is still there: an earlier
          example created it, and it could not be removed
      – Deprovision: could not be judged: mynewinstance is still there: an earlier
          example created it, and it could not be removed
    5 examples: 2 passed, 3 could not be judged, 1 left behind
    exit code 3
    ");
    let second = tokio::task::spawn_blocking(move || screen(&["replay", &second], &[]))
        .await
        .unwrap();
    assert_snapshot!(second, @"
    The documented broker, API 2.3 (echo-broker-2.3) at http://127.0.0.1:PORT
      ✔ Catalog
      – Provision: could not be judged: mynewinstance is taken on the target (PUT
          /v2/service_instances/mynewinstance was answered 200, with a fresh id
          201); delete it or replay against a target where it is free
      ! FRESH is left behind: DELETE
          /v2/service_instances/FRESH?plan_id=small_0001&service_id=echo_service
          was answered 403 (application/json)
      – Bind: not reached
      – Unbind: not reached
      – Deprovision: not reached
    5 examples: 1 passed, 4 could not be judged, 1 left behind
    exit code 3
    ");
}

#[test]
fn the_requirements_are_listed_in_each_form() {
    let registry = Registry::embedded().unwrap();
    let ids: Vec<&str> = registry
        .requirements()
        .iter()
        .map(|r| r.id.as_str())
        .collect();
    let listed = |format: &str| screen(&["requirements", "--format", format], &[]);
    let without_code = |text: String| text.replace("exit code 0", "");
    let table = without_code(listed("table"));
    let in_table = table.lines().filter_map(|line| line.split(' ').next());
    assert_eq!(
        in_table.filter(|id| !id.is_empty()).collect::<Vec<_>>(),
        ids
    );
    let json: Value = serde_json::from_str(&without_code(listed("json"))).unwrap();
    let in_json = json.as_array().unwrap().iter();
    assert_eq!(
        in_json
            .map(|r| r["id"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ids
    );
    let markdown = listed("markdown");
    assert!(
        ids.iter()
            .all(|id| markdown.contains(&format!("\n| {id} |")))
    );
}

#[test]
fn a_requirement_is_explained() {
    assert_snapshot!(screen(&["explain", "catalog.names-case-sensitive"], &[]), @"
    catalog.names-case-sensitive MUST, since 2.14
    Offering and plan names are compared with regard to case.

    section     Catalog Management / Response / Body
    stands in   line 413 of the specification of 2.17
    applies     always
    shows by    Rule for the comparison itself: when checking uniqueness, names that
                differ only in upper and lower case are different names and must not
                be reported as duplicates.
    judged by   not judged: it binds whoever compares names; offering.name-unique
                and plan.name-unique compare with regard to case
    exit code 0
    ");
    assert_snapshot!(screen(&["explain", "status-409"], &[]), @r#"
    conformance: there is no requirement "status-409"; similar are provision.status-409-existing, provision.status-409-in-progress, bind.status-409-existing, bind.status-409-in-progress; `conformance requirements` lists them
    exit code 2
    "#);
}
