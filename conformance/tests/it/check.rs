//! `check`: the engine against the reference broker, and the command line.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use broker::{CatalogSource, Config};
use conformance::{
    Auth, CheckEvent, CheckRun, Client, Credentials, CutShort, Interrupt, Options, Plans, Target,
    Verdict, check, judge,
};
use fixtures::{ApiVersion, Registry};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use serving::testing::send;
use serving::{Listen, Running};

use crate::tampered::{Reply, Tampered};

/// A broker with the showcase and its echo service.
struct Showcase {
    broker: Running,
    echo: Running,
}

impl Showcase {
    /// Its asynchronous operations take a moment, so that they can be observed.
    async fn start() -> Showcase {
        let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
        let config = Config {
            catalog: CatalogSource::Showcase,
            async_delay: Duration::from_millis(300),
            ..Config::new(echo.url().parse().unwrap())
        };
        let broker = broker::start(Listen::locally(0), &config).await.unwrap();
        Showcase { broker, echo }
    }

    /// Whether the echo service holds none of the instances that were provisioned
    /// in the run.
    async fn is_empty_of(&self, provisioned: impl Iterator<Item = String>) -> bool {
        for path in provisioned {
            let id = path.rsplit('/').next().unwrap();
            for service in ["echo", "invert"] {
                let page = format!("GET /{service}/dashboard/{id}");
                if send(&self.echo.url(), &page, &[]).await.unwrap().status != 404 {
                    return false;
                }
            }
        }
        true
    }
}

/// The paths of the instances that a run has provisioned, or tried to.
fn provisioned(run: &CheckRun) -> impl Iterator<Item = String> {
    let requests = run.exchanges.iter().map(|exchange| &exchange.request);
    let creations = requests.filter(|request| request.method == "PUT");
    let paths = creations.map(|request| request.path.split('?').next().unwrap().to_owned());
    paths.filter(|path| !path.contains("/service_bindings/"))
}

fn options() -> Options {
    Options {
        auth: Some(Auth::Basic(Credentials::parse("user:pass").unwrap())),
        ..Options::default()
    }
}

/// The requirements with this verdict, with what is said of each.
fn told(run: &CheckRun, verdict: Verdict) -> Vec<String> {
    let told =
        |judged: &conformance::Judged| format!("{}: {}", judged.requirement.id, judged.reason);
    run.with(verdict).map(told).collect()
}

const NOTHING: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_broker_keeps_every_requirement_and_is_left_empty() {
    let showcase = Showcase::start().await;
    let url = showcase.broker.url();
    let run = judge(
        &url,
        Options {
            plans: Plans::Behaviours,
            ..options()
        },
    )
    .await
    .unwrap();
    assert_eq!(told(&run, Verdict::Fail), NOTHING);
    assert_eq!(told(&run, Verdict::Warn), NOTHING);
    assert_eq!(run.cut_short, None);
    assert_eq!(run.leftovers, []);
    assert!(showcase.is_empty_of(provisioned(&run)).await);
    // What the showcase cannot show, and no more, is skipped.
    let skipped: Vec<&str> = run
        .with(Verdict::Skip)
        .filter(|judged| judged.requirement.exempt.is_none())
        .map(|judged| judged.requirement.id.as_str())
        .collect();
    insta::assert_snapshot!(skipped.join("\n"), @"
    auth.unsecured-allowed
    auth.tls-recommended
    auth.other-mechanism
    errors.5xx-no-side-effects
    catalog.services-may-be-empty
    binding-last-operation.single-without-identifier
    fetch-instance.concurrency-error-code
    update.status-422-instance-state
    update.no-change-on-5xx
    unbind.concurrency-code
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_later_versions_added_is_neither_demanded_nor_used() {
    let showcase = Showcase::start().await;
    for minor in [11, 13, 15] {
        let api_version = ApiVersion::minor(minor).unwrap();
        let run = judge(
            &showcase.broker.url(),
            Options {
                api_version,
                ..options()
            },
        )
        .await
        .unwrap();
        assert_eq!(told(&run, Verdict::Fail), NOTHING, "{api_version}");
        assert_eq!(told(&run, Verdict::Warn), NOTHING, "{api_version}");
        let registry = Registry::embedded().unwrap();
        let of_version = registry.requirements().iter();
        let of_version = of_version.filter(|r| r.level_in(api_version).is_some());
        assert_eq!(run.results.len(), of_version.count());
        let knows_fetches = run.exchanges.iter().any(|exchange| {
            let path = exchange.request.path.split('?').next().unwrap();
            exchange.request.method == "GET" && path.split('/').count() == 4
        });
        assert_eq!(knows_fetches, minor >= 14, "{api_version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_asked_for_is_judged_and_the_rest_says_so() {
    let showcase = Showcase::start().await;
    let only = "provision.status-409-existing".to_owned();
    let options = Options {
        only: [only.clone()].into(),
        service: Some("show-sync".to_owned()),
        ..options()
    };
    let run = judge(&showcase.broker.url(), options).await.unwrap();
    let passed: Vec<_> = run.with(Verdict::Pass).collect();
    assert_eq!(passed.len(), 1);
    assert_eq!(passed[0].requirement.id.as_str(), only);
    assert!(run.exchanges.len() < 200, "{}", run.exchanges.len());
    let left_out = run
        .results
        .iter()
        .filter(|j| j.reason == "left out by --only");
    assert_eq!(left_out.count(), run.results.len() - 1);
    let asked_for = |path: &str| {
        run.exchanges
            .iter()
            .filter(|e| e.request.path == path)
            .count()
    };
    assert_eq!(asked_for("/v2/catalog"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_only_reads_sends_nothing_but_get() {
    let showcase = Showcase::start().await;
    let options = Options {
        read_only: true,
        ..options()
    };
    let run = judge(&showcase.broker.url(), options).await.unwrap();
    let methods: Vec<&str> = run
        .exchanges
        .iter()
        .map(|e| e.request.method.as_str())
        .collect();
    assert!(methods.iter().all(|method| *method == "GET"), "{methods:?}");
    assert_eq!(told(&run, Verdict::Fail), NOTHING);
    assert!(run.with(Verdict::Pass).count() > 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_requests_is_bounded_and_what_was_created_is_removed_all_the_same() {
    let showcase = Showcase::start().await;
    let options = Options {
        max_requests: 150,
        ..options()
    };
    let run = judge(&showcase.broker.url(), options).await.unwrap();
    assert_eq!(told(&run, Verdict::Fail), NOTHING);
    assert_eq!(run.leftovers, []);
    assert!(showcase.is_empty_of(provisioned(&run)).await);
    let judged = run
        .exchanges
        .iter()
        .filter(|e| e.role == conformance::Role::Judged);
    assert_eq!(judged.count(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_removes_what_it_has_created() {
    let showcase = Showcase::start().await;
    let (target, _) = Target::parse(&showcase.broker.url()).unwrap();
    let client = Client::new(target, Duration::from_secs(10)).unwrap();
    let interrupt = Interrupt::new();
    let mut ended = 0;
    let run = check(client, options(), &interrupt, &mut |event| {
        if matches!(event, CheckEvent::Ended { .. }) {
            ended += 1;
            if ended == 8 {
                interrupt.raise();
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(run.cut_short, Some(CutShort::Interrupted));
    assert_eq!(told(&run, Verdict::Fail), NOTHING);
    assert_eq!(run.leftovers, []);
    assert!(showcase.is_empty_of(provisioned(&run)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_no_broker_is_not_judged() {
    let silent = Tampered::broker(|_, _| Reply::Silence).await;
    let (target, _) = Target::parse(&silent.url).unwrap();
    let client = Client::new(target, Duration::from_millis(200)).unwrap();
    let run = check(client, options(), &Interrupt::new(), &mut |_| {})
        .await
        .unwrap();
    assert!(matches!(run.cut_short, Some(CutShort::NoBaseline(_))));
    assert_eq!(run.with(Verdict::Pass).count(), 0);

    for answer in [
        Reply::Instead(200, "<h1>Welcome</h1>".to_owned()),
        Reply::Instead(404, "{}".to_owned()),
        Reply::Instead(200, "[]".to_owned()),
    ] {
        let Reply::Instead(status, body) = answer else {
            continue;
        };
        let web = Tampered::broker(move |_, _| Reply::Instead(status, body.clone())).await;
        let run = judge(&web.url, options()).await.unwrap();
        assert!(matches!(run.cut_short, Some(CutShort::NoBaseline(_))));
        assert_eq!(run.with(Verdict::Pass).count(), 0);
        assert_eq!(run.with(Verdict::Fail).count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_answers_nothing_usable_but_its_catalog_ends_the_run_and_is_called_wrong_in_nothing()
 {
    type Made = fn() -> Reply;
    let cases: [(&str, Made); 6] = [
        ("silence", || Reply::Silence),
        ("garbage", || Reply::Bytes(b"\0\xff\r\n\r\n".to_vec())),
        ("an endless head", || {
            Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".to_vec())
        }),
        ("an endless body", || {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            Reply::Endless(head.to_vec(), b"4\r\nmore\r\n".to_vec())
        }),
        ("a short body that becomes a long one", || {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(&vec![b' '; 1 << 21]).unwrap();
            Reply::Bytes(in_gzip(&gzip.finish().unwrap()))
        }),
        ("no gzip where one is announced", || {
            Reply::Bytes(in_gzip(b"{}"))
        }),
    ];
    for (name, made) in cases {
        let target = Tampered::broker(move |sent, _| match sent.path.as_str() {
            "/v2/catalog" => Reply::True,
            _ => made(),
        })
        .await;
        let (parsed, _) = Target::parse(&target.url).unwrap();
        let client = Client::new(parsed, Duration::from_millis(200)).unwrap();
        let run = check(client, options(), &Interrupt::new(), &mut |_| {})
            .await
            .unwrap();
        assert_eq!(told(&run, Verdict::Fail), NOTHING, "{name}");
        let is_cut_short = matches!(run.cut_short, Some(CutShort::NoInstance(_)));
        assert!(is_cut_short, "{name}: {:?}", run.cut_short);
        assert!(run.exchanges.len() < 100, "{name}: {}", run.exchanges.len());
    }
}

/// An answer that says of its body that it is a gzip.
fn in_gzip(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The output and exit code of the binary in a folder of its own.
fn run_in(dir: &std::path::Path, args: &[&str]) -> (String, Option<i32>) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(args)
        .env_clear()
        .current_dir(dir)
        .output()
        .unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (text, output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_is_written_and_names_every_requirement() {
    let showcase = Showcase::start().await;
    let dir = tempfile::tempdir().unwrap();
    let url = showcase.broker.url();
    let args = [
        "check",
        &url,
        "--auth",
        "user:pass",
        "--service",
        "show-sync",
        "--plan",
        "small",
        "-q",
        "--report",
        "json=r.json",
        "--report",
        "junit=r.xml",
        "--report",
        "markdown=r.md",
        "--report",
        "html=r.html",
    ];
    let (text, code) = run_in(dir.path(), &args);
    assert_eq!(code, Some(0), "{text}");
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("r.json")).unwrap();
    let schema = fs::read_to_string("report.schema.json").unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert!(jsonschema::is_valid(&schema, &report));
    assert_eq!(report["results"].as_array().unwrap().len(), 401);
    assert_eq!(report["leftovers"], Value::Array(Vec::new()));
    let (junit, markdown, html) = (read("r.xml"), read("r.md"), read("r.html"));
    for requirement in Registry::embedded().unwrap().requirements() {
        for report in [&junit, &html] {
            assert!(
                report.contains(requirement.id.as_str()),
                "{}",
                requirement.id
            );
        }
    }
    assert!(markdown.contains("No requirement is broken"));
    // Nothing else is left in the working directory.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    for text in [text, read("r.json"), junit, markdown, html] {
        assert!(!text.contains("user:pass") && !text.contains("dXNlcjpwYXNz"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_has_left_behind_is_removed_by_its_ledger() {
    let showcase = Showcase::start().await;
    let dir = tempfile::tempdir().unwrap();
    let url = showcase.broker.url();
    let ledger = dir.path().join("ledger.jsonl");
    let ledger_arg = ledger.to_str().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["check", &url, "--auth", "user:pass", "--ledger", ledger_arg])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // It is killed when it has created something.
    let created = || {
        let text = fs::read_to_string(&ledger).unwrap_or_default();
        text.lines().filter(|line| line.contains("creates")).count()
    };
    while created() < 10 {
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = fs::read_to_string(&ledger).unwrap();
    assert!(!text.contains("pass"));
    // Another run does not write over it.
    let (told, code) = run_in(dir.path(), &["check", &url, "--ledger", ledger_arg]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("conformance cleanup"), "{told}");

    let (told, code) = run_in(dir.path(), &["cleanup", ledger_arg, "--auth", "user:pass"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(!ledger.exists());
    let ids = text
        .lines()
        .filter(|line| line.contains("creates"))
        .filter_map(|line| {
            let entry: Value = serde_json::from_str(line).ok()?;
            Some(entry["creates"]["instance"].as_str()?.to_owned())
        });
    assert!(showcase.is_empty_of(ids).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_cleans_up_and_ends_with_130() {
    let showcase = Showcase::start().await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("ledger.jsonl");
    let url = showcase.broker.url();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["check", &url, "--auth", "user:pass", "-q", "--ledger"])
        .arg(&ledger)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let created = || {
        fs::read_to_string(&ledger)
            .unwrap_or_default()
            .contains("creates")
    };
    while !created() {
        tokio::task::yield_now().await;
    }
    let kill = format!("kill -INT {}", child.id());
    std::process::Command::new("sh")
        .args(["-c", &kill])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!ledger.exists());
}
