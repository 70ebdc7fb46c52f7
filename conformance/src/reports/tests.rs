use std::time::{Duration, UNIX_EPOCH};

use fixtures::{ApiVersion, Level, Line, Observability, Requirement, RequirementId};
use insta::assert_snapshot;
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

use super::markdown::{code, fence};
use super::{Detail, junit, markdown, terminal};
use crate::check::{CheckRun, CutShort, Evidence, Judged, Verdict};
use crate::exchange::{Answer, Exchange, Failure, Request, Role};
use crate::run::Leftover;
use crate::secrets::recorded_basic;
use crate::target::Target;

/// What a target that means no good may say.
const NASTY: &str =
    "\u{1b}[31mred\u{1b}[0m\u{7} ``` | <script>alert(1)</script> ]]> &amp; @you\u{202e}";

fn requirement(id: &str, level: Level, section: &str, statement: &str) -> Requirement {
    Requirement {
        id: RequirementId::try_from(id.to_owned()).unwrap(),
        level,
        section: section.to_owned(),
        line: Line::Specification(1),
        since: ApiVersion::OLDEST,
        changed: Vec::new(),
        statement: statement.to_owned(),
        when: "always".to_owned(),
        observe: "by looking".to_owned(),
        observability: Observability::BlackBox,
        exempt: None,
    }
}

fn judged(
    (id, level, section): (&str, Level, &str),
    statement: &str,
    (verdict, reason): (Verdict, &str),
    evidence: Vec<Evidence>,
) -> Judged {
    Judged {
        requirement: requirement(id, level, section, statement),
        level,
        verdict,
        reason: reason.to_owned(),
        evidence,
    }
}

fn sight(exchange: usize, expected: &str, actual: &str) -> Evidence {
    Evidence {
        exchange,
        expected: expected.to_owned(),
        actual: actual.to_owned(),
    }
}

fn exchange(
    method: &str,
    path: &str,
    body: Option<&str>,
    result: Result<Answer, Failure>,
) -> Exchange {
    Exchange {
        role: Role::Judged,
        request: Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![
                ("X-Broker-API-Version".to_owned(), "2.17".to_owned()),
                ("Authorization".to_owned(), recorded_basic()),
            ],
            body: body.map(str::to_owned),
        },
        result,
    }
}

fn answer(status: u16, body: &str) -> Result<Answer, Failure> {
    let headers = [
        ("content-type", "application/json"),
        ("x-a", "1"),
        ("X-A", "2"),
    ];
    Ok(Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: body.as_bytes().to_vec(),
    })
}

/// A run with one of everything, in which the target says `text`.
fn run_saying(text: &str) -> CheckRun {
    let (target, _) = Target::parse("http://127.0.0.1:8080").unwrap();
    let unbindable = "no plan of the catalog can be bound";
    CheckRun {
        target,
        api_version: ApiVersion::NEWEST,
        started_at: UNIX_EPOCH + Duration::from_millis(1_767_225_600_250),
        duration: Duration::from_millis(3250),
        results: vec![
            judged(
                (
                    "catalog.get-returns-200",
                    Level::Must,
                    "Catalog Management / Response",
                ),
                "A request for the catalog is answered 200 OK.",
                (Verdict::Pass, ""),
                vec![sight(0, "status 200", "status 200")],
            ),
            judged(
                (
                    "provision.body-is-object",
                    Level::Must,
                    "Provisioning / Response",
                ),
                "The answer to a provision request has a body that is one JSON object, \
                 whatever its status is.",
                (
                    Verdict::Fail,
                    "the answer to a provision request is no JSON object",
                ),
                vec![
                    sight(1, "a JSON object", &format!("the text {text}")),
                    sight(2, "an answer", "no answer\nwithin ten seconds"),
                ],
            ),
            judged(
                (
                    "provision.error-has-description",
                    Level::Should,
                    "Provisioning / Response",
                ),
                "An error comes with a description for its reader.",
                (
                    Verdict::Warn,
                    &format!("the error {text} has no description"),
                ),
                vec![sight(1, "a member description", "none")],
            ),
            judged(
                ("provision.dashboard-url", Level::May, "Provisioning"),
                "A broker can tell the URL of a dashboard.",
                (Verdict::Pass, ""),
                vec![],
            ),
            judged(
                ("bind.unique-id", Level::MustNot, "Binding / Request"),
                "A binding id stands for no other binding of the broker.",
                (Verdict::Skip, unbindable),
                vec![],
            ),
            judged(
                ("bind.credentials", Level::Should, "Binding / Response"),
                "A binding comes with credentials.",
                (Verdict::Skip, unbindable),
                vec![],
            ),
        ],
        leftovers: vec![Leftover {
            id: "6e1f-instance".to_owned(),
            request: "DELETE /v2/service_instances/6e1f-instance".to_owned(),
            instead: "was answered 500".to_owned(),
        }],
        exchanges: vec![
            exchange("GET", "/v2/catalog", None, answer(200, "{}")),
            exchange(
                "PUT",
                "/v2/service_instances/6e1f-instance?accepts_incomplete=true",
                Some(r#"{"service_id":"s","plan_id":"p"}"#),
                answer(200, text),
            ),
            exchange(
                "PUT",
                "/v2/service_instances/6e1f-other",
                Some("{}"),
                Err(Failure::TimedOut(Duration::from_secs(10))),
            ),
        ],
        cut_short: None,
    }
}

fn json(run: &CheckRun) -> String {
    super::json(run, 42).replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// What a terminal without colours shows.
fn screen(run: &CheckRun, width: usize, detail: Detail) -> String {
    let colours = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let text = terminal(run, width, detail);
    colours.replace_all(&text, "").into_owned()
}

#[test]
fn a_run_as_json() {
    assert_snapshot!(json(&run_saying(NASTY)), @"");
}

#[test]
fn a_run_as_junit_xml() {
    assert_snapshot!(junit(&run_saying(NASTY)).unwrap(), @"");
}

#[test]
fn a_run_as_markdown() {
    assert_snapshot!(markdown(&run_saying(NASTY)), @"");
}

#[test]
fn a_run_on_a_terminal() {
    assert_snapshot!(screen(&run_saying(NASTY), 80, Detail::Normal), @"");
}

#[test]
fn a_run_on_a_quiet_terminal() {
    assert_snapshot!(screen(&run_saying(NASTY), 80, Detail::Quiet), @"");
}

#[test]
fn a_run_on_a_verbose_terminal() {
    assert_snapshot!(screen(&run_saying("{}"), 80, Detail::Verbose), @"");
}

#[test]
fn a_run_that_found_no_broker_says_so_everywhere() {
    let mut run = run_saying(NASTY);
    run.results.retain(|judged| judged.verdict == Verdict::Skip);
    run.leftovers.clear();
    run.exchanges.clear();
    run.cut_short = Some(CutShort::NoBaseline(
        "cannot reach http://127.0.0.1:8080: connection refused".to_owned(),
    ));
    assert_snapshot!(screen(&run, 80, Detail::Quiet), @"");
    assert_snapshot!(markdown(&run), @"");
    let report: Value = serde_json::from_str(&json(&run)).unwrap();
    assert_snapshot!(report["cut_short"], @"");
    assert!(schema().is_valid(&report));
}

#[test]
fn only_a_few_sights_of_a_failure_are_shown_and_the_rest_is_counted() {
    let mut run = run_saying(NASTY);
    run.results.truncate(2);
    let same = (0..5).map(|index| sight(1, "a JSON object", &format!("sight {index}")));
    run.results[1].evidence = same.collect();
    let shown = screen(&run, 80, Detail::Normal);
    assert!(shown.contains("sight 2") && !shown.contains("sight 3"));
    assert!(shown.contains("      and 2 more\n"));
    assert_eq!(shown.matches("curl -i").count(), 1, "{shown}");
}

#[test]
fn a_command_without_end_is_not_shown_in_half() {
    let mut run = run_saying(NASTY);
    run.exchanges[1].request.body = Some("x".repeat(100_000));
    for report in [
        terminal(&run, 80, Detail::Normal),
        markdown(&run),
        junit(&run).unwrap(),
    ] {
        assert!(report.len() < 20_000);
        assert!(report.contains("# too long to be shown: a command of 100"));
    }
    assert!(json(&run).len() > 200_000);
}

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../../report.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_json_fits_its_schema() {
    let report: Value = serde_json::from_str(&json(&run_saying(NASTY))).unwrap();
    let mistakes: Vec<String> = schema()
        .iter_errors(&report)
        .map(|mistake| format!("{}: {mistake}", mistake.instance_path()))
        .collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

/// Every member and item of a value, by its pointer.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut inner = |name: &str, value: &Value| {
        let at = format!("{at}/{name}");
        pointers(value, &at, found);
        found.push(at);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, it)| inner(name, it)),
        Value::Array(items) => (0..)
            .zip(items)
            .for_each(|(index, it): (usize, _)| inner(&index.to_string(), it)),
        _ => {}
    }
}

#[test]
fn the_schema_refuses_each_member_of_a_wrong_type_and_a_missing_and_an_unknown_one() {
    let schema = schema();
    let report: Value = serde_json::from_str(&json(&run_saying(NASTY))).unwrap();
    let mut found = Vec::new();
    pointers(&report, "", &mut found);
    assert!(found.len() > 100);
    for pointer in found {
        let mut wrong = report.clone();
        // No member may be true or false.
        *wrong.pointer_mut(&pointer).unwrap() = json!(true);
        assert!(!schema.is_valid(&wrong), "{pointer} is true");

        let mut missing = report.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        if let Some(members) = missing.pointer_mut(parent).unwrap().as_object_mut() {
            let is_optional = parent.ends_with("/headers") || name == "failure";
            members.remove(name);
            assert_eq!(schema.is_valid(&missing), is_optional, "no {pointer}");
            members_of(&mut missing, parent).insert("other".to_owned(), json!(1));
            assert!(!schema.is_valid(&missing), "{parent}/other");
        }
    }
}

fn members_of<'a>(value: &'a mut Value, at: &str) -> &'a mut serde_json::Map<String, Value> {
    value.pointer_mut(at).unwrap().as_object_mut().unwrap()
}

#[test]
fn an_instant_that_rfc_3339_cannot_tell_is_no_panic() {
    let mut run = run_saying(NASTY);
    run.started_at = UNIX_EPOCH - Duration::from_secs(1);
    assert!(json(&run).contains("\"1970-01-01T00:00:00.000Z\""));
    run.started_at = UNIX_EPOCH + Duration::from_secs(300_000_000_000);
    assert!(json(&run).contains("\"9999-12-31T23:59:59.000Z\""));
    assert!(junit(&run).unwrap().contains("9999-12-31T23:59:59.000"));
}

#[test]
fn evidence_of_an_exchange_that_was_not_recorded_is_shown_without_it() {
    let mut run = run_saying(NASTY);
    run.exchanges.truncate(1);
    let report: Value = serde_json::from_str(&json(&run)).unwrap();
    assert!(schema().is_valid(&report));
    assert!(screen(&run, 80, Detail::Normal).contains("a JSON object"));
    assert!(markdown(&run).contains("a JSON object"));
    assert!(junit(&run).unwrap().contains("a JSON object"));
}

/// Text of a target: now and then any character, mostly one that means something
/// somewhere.
fn said() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        3 => proptest::sample::select("`|<>&]\\*_[()#!@~$\"'-+=: \t\n\r\u{0}\u{1b}\u{85}a".chars().collect::<Vec<_>>()),
        1 => any::<char>(),
        1 => proptest::sample::select(vec!['\u{fffe}', '\u{ffff}', '\u{fffd}', '\u{10ffff}']),
    ];
    proptest::collection::vec(c, 0..40).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn the_xml_is_valid_and_keeps_the_words_whatever_a_target_says(text in said()) {
        let xml = junit(&run_saying(&text)).unwrap();
        let allowed = |c| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        prop_assert!(xml.chars().all(allowed), "{xml:?}");
        let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
        prop_assert_eq!((report.tests, report.failures, report.skipped), (6, 1, 2));
        let sound: String = text.chars().filter(|c| c.is_ascii_alphabetic()).collect();
        let failure = format!("{:?}", report.test_suites[1].test_cases[0].status);
        let said = failure.split("the text ").nth(1).unwrap();
        let said = said.split("PUT").next().unwrap();
        let count = |text: &str| text.chars().filter(|c| *c == 'a').count();
        prop_assert!(count(said) >= count(&sound), "{said}");
    }

    #[test]
    fn code_ends_where_its_text_does_whatever_a_target_says(text in said()) {
        let runs = |text: &str| -> Vec<usize> {
            text.split(|c| c != '`').map(str::len).filter(|length| *length > 0).collect()
        };
        let block = fence("text", &text);
        let (first, rest) = block.split_once('\n').unwrap();
        let (_, last) = rest.rsplit_once('\n').unwrap();
        let ticks = first.strip_suffix("text").unwrap().len();
        prop_assert_eq!((ticks >= 3, last.len()), (true, ticks));
        prop_assert!(runs(&text).iter().all(|run| *run < ticks));

        let span = code(&text);
        prop_assert!(!span.contains(['\n', '\r', '\t']));
        if span != "(empty)" {
            let runs = runs(&span);
            let (outer, inner) = (runs[0], &runs[1..runs.len() - 1]);
            prop_assert_eq!(runs.last(), Some(&outer));
            prop_assert!(inner.iter().all(|run| *run < outer));
        }
    }

    #[test]
    fn a_terminal_is_told_nothing_but_colours_and_lines_keep_to_its_width(
        text in said(),
        width in 40_usize..120,
    ) {
        for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
            let shown = screen(&run_saying(&text), width, detail);
            prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            let mut is_command = false;
            for line in shown.lines() {
                is_command = line.starts_with("        curl") || (is_command && line.starts_with("          "));
                let fits = textwrap::core::display_width(line) <= width;
                let words = line.split_whitespace().count();
                // Labels stand before words.
                let is_one_word = words <= 1 || (words <= 2 && line.starts_with("        "));
                prop_assert!(fits || is_command || is_one_word, "{width}: {line:?}\n{shown}");
            }
        }
    }
}
