use std::time::{Duration, UNIX_EPOCH};

use fixtures::{ApiVersion, Level, Line, Observability, Requirement, RequirementId};
use insta::assert_snapshot;
use proptest::prelude::*;
use quick_junit::{Report, TestCaseStatus};
use regex::Regex;
use serde_json::{Value, json};

use super::markdown::{code, fence};
use super::{Detail, html, junit, markdown, terminal};
use crate::check::{CheckRun, CutShort, Evidence, Judged, Verdict};
use crate::exchange::{Answer, Exchange, Failure, Request, Role};
use crate::exit::Exit;
use crate::printable::is_hidden;
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
    assert_snapshot!(json(&run_saying(NASTY)), @r#"
    {
      "version": 1,
      "target": "http://127.0.0.1:8080",
      "api_version": "2.17",
      "seed": 42,
      "started_at": "2026-01-01T00:00:00.250Z",
      "duration_ms": 3250,
      "requests": 3,
      "cut_short": null,
      "summary": {
        "must": {
          "pass": 1,
          "fail": 1,
          "warn": 0,
          "skip": 1
        },
        "should": {
          "pass": 0,
          "warn": 1,
          "skip": 1
        },
        "may": {
          "pass": 1,
          "skip": 0
        }
      },
      "leftovers": [
        {
          "id": "6e1f-instance",
          "request": "DELETE /v2/service_instances/6e1f-instance",
          "instead": "was answered 500"
        }
      ],
      "results": [
        {
          "id": "catalog.get-returns-200",
          "level": "MUST",
          "section": "Catalog Management / Response",
          "since": "2.11",
          "verdict": "pass",
          "reason": "",
          "statement": "A request for the catalog is answered 200 OK.",
          "evidence": [
            {
              "expected": "status 200",
              "actual": "status 200",
              "request": {
                "method": "GET",
                "url": "http://127.0.0.1:8080/v2/catalog",
                "headers": {
                  "X-Broker-API-Version": "2.17",
                  "Authorization": "Basic $CONFORMANCE_AUTH",
                  "Accept": "application/json",
                  "User-Agent": "conformance/VERSION"
                },
                "body": null
              },
              "response": {
                "status": 200,
                "headers": {
                  "content-type": "application/json",
                  "x-a": "1, 2"
                },
                "body": "{}"
              },
              "curl": "curl -i --path-as-is --globoff -X GET -H 'X-Broker-API-Version: 2.17' \\\n  -u \"$CONFORMANCE_AUTH\" -H 'Accept: application/json' \\\n  'http://127.0.0.1:8080/v2/catalog'"
            }
          ]
        },
        {
          "id": "provision.body-is-object",
          "level": "MUST",
          "section": "Provisioning / Response",
          "since": "2.11",
          "verdict": "fail",
          "reason": "the answer to a provision request is no JSON object",
          "statement": "The answer to a provision request has a body that is one JSON object, whatever its status is.",
          "evidence": [
            {
              "expected": "a JSON object",
              "actual": "the text \u001b[31mred\u001b[0m\u0007 ``` | <script>alert(1)</script> ]]> &amp; @you\u202e",
              "request": {
                "method": "PUT",
                "url": "http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true",
                "headers": {
                  "X-Broker-API-Version": "2.17",
                  "Authorization": "Basic $CONFORMANCE_AUTH",
                  "Accept": "application/json",
                  "User-Agent": "conformance/VERSION"
                },
                "body": "{\"service_id\":\"s\",\"plan_id\":\"p\"}"
              },
              "response": {
                "status": 200,
                "headers": {
                  "content-type": "application/json",
                  "x-a": "1, 2"
                },
                "body": "\u001b[31mred\u001b[0m\u0007 ``` | <script>alert(1)</script> ]]> &amp; @you\u202e"
              },
              "curl": "curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \\\n  -u \"$CONFORMANCE_AUTH\" -H 'Accept: application/json' \\\n  -H 'Content-Type:' --data-raw '{\"service_id\":\"s\",\"plan_id\":\"p\"}' \\\n  'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'"
            },
            {
              "expected": "an answer",
              "actual": "no answer\nwithin ten seconds",
              "request": {
                "method": "PUT",
                "url": "http://127.0.0.1:8080/v2/service_instances/6e1f-other",
                "headers": {
                  "X-Broker-API-Version": "2.17",
                  "Authorization": "Basic $CONFORMANCE_AUTH",
                  "Accept": "application/json",
                  "User-Agent": "conformance/VERSION"
                },
                "body": "{}"
              },
              "response": null,
              "failure": "no complete answer within 10s",
              "curl": "curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \\\n  -u \"$CONFORMANCE_AUTH\" -H 'Accept: application/json' \\\n  -H 'Content-Type:' --data-raw '{}' \\\n  'http://127.0.0.1:8080/v2/service_instances/6e1f-other'"
            }
          ]
        },
        {
          "id": "provision.error-has-description",
          "level": "SHOULD",
          "section": "Provisioning / Response",
          "since": "2.11",
          "verdict": "warn",
          "reason": "the error \u001b[31mred\u001b[0m\u0007 ``` | <script>alert(1)</script> ]]> &amp; @you\u202e has no description",
          "statement": "An error comes with a description for its reader.",
          "evidence": [
            {
              "expected": "a member description",
              "actual": "none",
              "request": {
                "method": "PUT",
                "url": "http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true",
                "headers": {
                  "X-Broker-API-Version": "2.17",
                  "Authorization": "Basic $CONFORMANCE_AUTH",
                  "Accept": "application/json",
                  "User-Agent": "conformance/VERSION"
                },
                "body": "{\"service_id\":\"s\",\"plan_id\":\"p\"}"
              },
              "response": {
                "status": 200,
                "headers": {
                  "content-type": "application/json",
                  "x-a": "1, 2"
                },
                "body": "\u001b[31mred\u001b[0m\u0007 ``` | <script>alert(1)</script> ]]> &amp; @you\u202e"
              },
              "curl": "curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \\\n  -u \"$CONFORMANCE_AUTH\" -H 'Accept: application/json' \\\n  -H 'Content-Type:' --data-raw '{\"service_id\":\"s\",\"plan_id\":\"p\"}' \\\n  'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'"
            }
          ]
        },
        {
          "id": "provision.dashboard-url",
          "level": "MAY",
          "section": "Provisioning",
          "since": "2.11",
          "verdict": "pass",
          "reason": "",
          "statement": "A broker can tell the URL of a dashboard.",
          "evidence": []
        },
        {
          "id": "bind.unique-id",
          "level": "MUST NOT",
          "section": "Binding / Request",
          "since": "2.11",
          "verdict": "skip",
          "reason": "no plan of the catalog can be bound",
          "statement": "A binding id stands for no other binding of the broker.",
          "evidence": []
        },
        {
          "id": "bind.credentials",
          "level": "SHOULD",
          "section": "Binding / Response",
          "since": "2.11",
          "verdict": "skip",
          "reason": "no plan of the catalog can be bound",
          "statement": "A binding comes with credentials.",
          "evidence": []
        }
      ]
    }
    "#);
}

#[test]
fn a_run_as_junit_xml() {
    assert_snapshot!(junit(&run_saying(NASTY)).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="conformance" tests="6" skipped="2" failures="1" errors="0" timestamp="2026-01-01T00:00:00.250+00:00" time="3.250">
        <testsuite name="catalog" tests="1" skipped="0" errors="0" failures="0">
            <testcase name="catalog.get-returns-200" classname="Catalog Management / Response"/>
        </testsuite>
        <testsuite name="provision" tests="3" skipped="0" errors="0" failures="1">
            <testcase name="provision.body-is-object" classname="Provisioning / Response">
                <failure message="the answer to a provision request is no JSON object" type="MUST">MUST: The answer to a provision request has a body that is one JSON object, whatever its status is.

    PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was answered 200
    expected: a JSON object
    actual:   the text �[31mred�[0m� ``` | &lt;script&gt;alert(1)&lt;/script&gt; ]]&gt; &amp;amp; @you�
    curl -i --path-as-is --globoff -X PUT -H &apos;X-Broker-API-Version: 2.17&apos; \
      -u &quot;$CONFORMANCE_AUTH&quot; -H &apos;Accept: application/json&apos; \
      -H &apos;Content-Type:&apos; --data-raw &apos;{&quot;service_id&quot;:&quot;s&quot;,&quot;plan_id&quot;:&quot;p&quot;}&apos; \
      &apos;http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true&apos;

    PUT /v2/service_instances/6e1f-other got no answer: no complete answer within 10s
    expected: an answer
    actual:   no answer
              within ten seconds
    curl -i --path-as-is --globoff -X PUT -H &apos;X-Broker-API-Version: 2.17&apos; \
      -u &quot;$CONFORMANCE_AUTH&quot; -H &apos;Accept: application/json&apos; \
      -H &apos;Content-Type:&apos; --data-raw &apos;{}&apos; \
      &apos;http://127.0.0.1:8080/v2/service_instances/6e1f-other&apos;
    </failure>
            </testcase>
            <testcase name="provision.error-has-description" classname="Provisioning / Response">
                <system-out>warning: the error �[31mred�[0m� ``` | &lt;script&gt;alert(1)&lt;/script&gt; ]]&gt; &amp;amp; @you� has no description
    SHOULD: An error comes with a description for its reader.

    PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was answered 200
    expected: a member description
    actual:   none
    curl -i --path-as-is --globoff -X PUT -H &apos;X-Broker-API-Version: 2.17&apos; \
      -u &quot;$CONFORMANCE_AUTH&quot; -H &apos;Accept: application/json&apos; \
      -H &apos;Content-Type:&apos; --data-raw &apos;{&quot;service_id&quot;:&quot;s&quot;,&quot;plan_id&quot;:&quot;p&quot;}&apos; \
      &apos;http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true&apos;
    </system-out>
            </testcase>
            <testcase name="provision.dashboard-url" classname="Provisioning"/>
        </testsuite>
        <testsuite name="bind" tests="2" skipped="2" errors="0" failures="0">
            <testcase name="bind.unique-id" classname="Binding / Request">
                <skipped message="no plan of the catalog can be bound"/>
            </testcase>
            <testcase name="bind.credentials" classname="Binding / Response">
                <skipped message="no plan of the catalog can be bound"/>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_run_as_markdown() {
    assert_snapshot!(markdown(&run_saying(NASTY)), @r#"
    ## ✘ 1 requirement is broken

    Open Service Broker API 2.17 at `http://127.0.0.1:8080`: 3 requests in 3s 250ms.

    | | passed | failed | warned | skipped |
    | :-- | --: | --: | --: | --: |
    | MUST | 1 | 1 | 0 | 1 |
    | SHOULD | 0 | 0 | 1 | 1 |
    | MAY | 1 | 0 | 0 | 0 |

    ### Failed

    #### ✘ `provision.body-is-object` (MUST)

    The answer to a provision request has a body that is one JSON object, whatever its status is.

    Section: Provisioning / Response

    Reason: `the answer to a provision request is no JSON object`

    `PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was answered 200`

    ````text
    expected: a JSON object
    actual:   the text �[31mred�[0m� ``` | <script>alert(1)</script> ]]> &amp; @you�
    ````

    repeat it, with USER:PASS in CONFORMANCE_AUTH:

    ```sh
    curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
      -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
      -H 'Content-Type:' --data-raw '{"service_id":"s","plan_id":"p"}' \
      'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'
    ```

    `PUT /v2/service_instances/6e1f-other got no answer: no complete answer within 10s`

    ```text
    expected: an answer
    actual:   no answer
              within ten seconds
    ```

    repeat it, with USER:PASS in CONFORMANCE_AUTH:

    ```sh
    curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
      -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
      -H 'Content-Type:' --data-raw '{}' \
      'http://127.0.0.1:8080/v2/service_instances/6e1f-other'
    ```

    ### Warned

    - `provision.error-has-description` (SHOULD): An error comes with a description for its reader. ````the error �[31mred�[0m� ``` | <script>alert(1)</script> ]]> &amp; @you� has no description````

    See it again:

    ```sh
    conformance check http://127.0.0.1:8080 --only provision.body-is-object
    ```

    ### Left behind

    - `6e1f-instance`: `DELETE /v2/service_instances/6e1f-instance` `was answered 500`

    <details>
    <summary>2 skipped</summary>

    - `no plan of the catalog can be bound` (2): `bind.unique-id`, `bind.credentials`

    </details>
    "#);
}

#[test]
fn a_run_as_html() {
    let style = include_str!("page.css");
    let page = html(&run_saying(NASTY)).replace(style, "STYLE");
    assert_snapshot!(page.replace("><", ">\n<"), @r##"
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>✘ 1 requirement is broken – Open Service Broker API 2.17 at http://127.0.0.1:8080</title>
    <style>STYLE</style>
    </head>
    <body>
    <h1>✘ 1 requirement is broken</h1>
    <p>Open Service Broker API 2.17 at http://127.0.0.1:8080: 3 requests in 3s 250ms.</p>
    <table>
    <tr>
    <th>
    </th>
    <th scope="col">passed</th>
    <th scope="col">failed</th>
    <th scope="col">warned</th>
    <th scope="col">skipped</th>
    </tr>
    <tr>
    <th scope="row">MUST</th>
    <td>1</td>
    <td>1</td>
    <td>0</td>
    <td>1</td>
    </tr>
    <tr>
    <th scope="row">SHOULD</th>
    <td>0</td>
    <td>0</td>
    <td>1</td>
    <td>1</td>
    </tr>
    <tr>
    <th scope="row">MAY</th>
    <td>1</td>
    <td>0</td>
    <td>0</td>
    <td>0</td>
    </tr>
    </table>
    <p>See it again:</p>
    <pre>conformance check http://127.0.0.1:8080 --only provision.body-is-object</pre>
    <h2>Left behind</h2>
    <ul>
    <li>
    <code>6e1f-instance</code>: <code>DELETE /v2/service_instances/6e1f-instance</code> was answered 500</li>
    </ul>
    <section>
    <h2>Provisioning <small>1 passed, 1 failed, 1 warned</small>
    </h2>
    <details id="provision.body-is-object" class="fail" open>
    <summary>
    <b>✘ failed</b> <code>provision.body-is-object</code> <small>MUST</small>
    </summary>
    <p>The answer to a provision request has a body that is one JSON object, whatever its status is.</p>
    <p class="quiet">Provisioning / Response</p>
    <div class="sight">
    <p>
    <code>PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true</code> was answered 200</p>
    <dl>
    <dt>expected</dt>
    <dd>a JSON object</dd>
    <dt>came</dt>
    <dd>the text �[31mred�[0m� ``` | &lt;script&gt;alert(1)&lt;/script&gt; ]]&gt; &amp;amp; @you�</dd>
    </dl>
    <details>
    <summary class="quiet">the body of the answer</summary>
    <pre>�[31mred�[0m� ``` | &lt;script&gt;alert(1)&lt;/script&gt; ]]&gt; &amp;amp; @you�</pre>
    </details>
    <p class="quiet">repeat it, with USER:PASS in CONFORMANCE_AUTH:</p>
    <pre>curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
      -u &quot;$CONFORMANCE_AUTH&quot; -H 'Accept: application/json' \
      -H 'Content-Type:' --data-raw '{&quot;service_id&quot;:&quot;s&quot;,&quot;plan_id&quot;:&quot;p&quot;}' \
      'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'</pre>
    </div>
    <div class="sight">
    <p>
    <code>PUT /v2/service_instances/6e1f-other</code> got no answer: no complete answer within 10s</p>
    <dl>
    <dt>expected</dt>
    <dd>an answer</dd>
    <dt>came</dt>
    <dd>no answer
    within ten seconds</dd>
    </dl>
    <p class="quiet">repeat it, with USER:PASS in CONFORMANCE_AUTH:</p>
    <pre>curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
      -u &quot;$CONFORMANCE_AUTH&quot; -H 'Accept: application/json' \
      -H 'Content-Type:' --data-raw '{}' \
      'http://127.0.0.1:8080/v2/service_instances/6e1f-other'</pre>
    </div>
    </details>
    <details id="provision.error-has-description" class="warn">
    <summary>
    <b>! warned</b> <code>provision.error-has-description</code> <small>SHOULD</small>
    </summary>
    <p>An error comes with a description for its reader.</p>
    <p class="quiet">Provisioning / Response</p>
    <div class="sight">
    <p>
    <code>PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true</code> was answered 200</p>
    <dl>
    <dt>expected</dt>
    <dd>a member description</dd>
    <dt>came</dt>
    <dd>none</dd>
    </dl>
    <details>
    <summary class="quiet">the body of the answer</summary>
    <pre>�[31mred�[0m� ``` | &lt;script&gt;alert(1)&lt;/script&gt; ]]&gt; &amp;amp; @you�</pre>
    </details>
    <p class="quiet">repeat it, with USER:PASS in CONFORMANCE_AUTH:</p>
    <pre>curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
      -u &quot;$CONFORMANCE_AUTH&quot; -H 'Accept: application/json' \
      -H 'Content-Type:' --data-raw '{&quot;service_id&quot;:&quot;s&quot;,&quot;plan_id&quot;:&quot;p&quot;}' \
      'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'</pre>
    </div>
    </details>
    <details id="provision.dashboard-url" class="pass">
    <summary>
    <b>✔ passed</b> <code>provision.dashboard-url</code> <small>MAY</small>
    </summary>
    <p>A broker can tell the URL of a dashboard.</p>
    <p class="quiet">Provisioning</p>
    </details>
    </section>
    <section>
    <h2>Catalog Management <small>1 passed</small>
    </h2>
    <details id="catalog.get-returns-200" class="pass">
    <summary>
    <b>✔ passed</b> <code>catalog.get-returns-200</code> <small>MUST</small>
    </summary>
    <p>A request for the catalog is answered 200 OK.</p>
    <p class="quiet">Catalog Management / Response</p>
    </details>
    </section>
    <section>
    <h2>Binding <small>2 skipped</small>
    </h2>
    <details id="bind.unique-id" class="skip">
    <summary>
    <b>– skipped</b> <code>bind.unique-id</code> <small>MUST NOT</small>
    </summary>
    <p>A binding id stands for no other binding of the broker.</p>
    <p class="quiet">Binding / Request</p>
    <p>no plan of the catalog can be bound</p>
    </details>
    <details id="bind.credentials" class="skip">
    <summary>
    <b>– skipped</b> <code>bind.credentials</code> <small>SHOULD</small>
    </summary>
    <p>A binding comes with credentials.</p>
    <p class="quiet">Binding / Response</p>
    <p>no plan of the catalog can be bound</p>
    </details>
    </section>
    </body>
    </html>
    "##);
}

#[test]
fn a_run_on_a_terminal() {
    assert_snapshot!(screen(&run_saying(NASTY), 80, Detail::Normal), @r#"
    Open Service Broker API 2.17 at http://127.0.0.1:8080
    ✔ Catalog Management: 1 passed
    ✘ Provisioning: 1 passed, 1 failed, 1 warned
      ✘ provision.body-is-object MUST
          The answer to a provision request has a body that is one JSON object,
          whatever its status is.
          section   Provisioning / Response
          PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was
          answered 200
            expected  a JSON object
            actual    the text �[31mred�[0m� ``` | <script>alert(1)</script> ]]>
                      &amp; @you�
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
              -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
              -H 'Content-Type:' --data-raw '{"service_id":"s","plan_id":"p"}' \
              'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'
          PUT /v2/service_instances/6e1f-other got no answer: no complete answer
          within 10s
            expected  an answer
            actual
              no answer
              within ten seconds
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
              -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
              -H 'Content-Type:' --data-raw '{}' \
              'http://127.0.0.1:8080/v2/service_instances/6e1f-other'
      ! provision.error-has-description SHOULD
          An error comes with a description for its reader.
          section   Provisioning / Response
          PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was
          answered 200
            expected  a member description
            actual    none
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
              -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
              -H 'Content-Type:' --data-raw '{"service_id":"s","plan_id":"p"}' \
              'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'
    – Binding: 2 skipped

    Skipped
      – no plan of the catalog can be bound (2): bind.unique-id, bind.credentials
      -v tells the reason for each

    MUST 1 passed, 1 failed, 0 warned, 1 skipped
    SHOULD 0 passed, 1 warned, 1 skipped
    MAY 1 passed, 0 skipped
    3 requests in 3s 250ms
      ! 6e1f-instance is left behind: DELETE /v2/service_instances/6e1f-instance was
          answered 500
    see it again, with USER:PASS in CONFORMANCE_AUTH:
      conformance check http://127.0.0.1:8080 --only provision.body-is-object
    "#);
}

#[test]
fn a_run_on_a_quiet_terminal() {
    assert_snapshot!(screen(&run_saying(NASTY), 80, Detail::Quiet), @"
      ✘ provision.body-is-object MUST
          The answer to a provision request has a body that is one JSON object,
          whatever its status is.
          section   Provisioning / Response
          PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was
          answered 200
            expected  a JSON object
            actual    the text �[31mred�[0m� ``` | <script>alert(1)</script> ]]>
                      &amp; @you�
          PUT /v2/service_instances/6e1f-other got no answer: no complete answer
          within 10s
            expected  an answer
            actual
              no answer
              within ten seconds

    MUST 1 passed, 1 failed, 0 warned, 1 skipped
    SHOULD 0 passed, 1 warned, 1 skipped
    MAY 1 passed, 0 skipped
    3 requests in 3s 250ms
      ! 6e1f-instance is left behind: DELETE /v2/service_instances/6e1f-instance was
          answered 500
    see it again, with USER:PASS in CONFORMANCE_AUTH:
      conformance check http://127.0.0.1:8080 --only provision.body-is-object
    ");
}

#[test]
fn a_run_on_a_verbose_terminal() {
    assert_snapshot!(screen(&run_saying("{}"), 80, Detail::Verbose), @r#"
    Open Service Broker API 2.17 at http://127.0.0.1:8080
    ✔ Catalog Management: 1 passed
      ✔ catalog.get-returns-200 MUST
    ✘ Provisioning: 1 passed, 1 failed, 1 warned
      ✘ provision.body-is-object MUST
          The answer to a provision request has a body that is one JSON object,
          whatever its status is.
          section   Provisioning / Response
          PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was
          answered 200
            expected  a JSON object
            actual    the text {}
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
              -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
              -H 'Content-Type:' --data-raw '{"service_id":"s","plan_id":"p"}' \
              'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'
          PUT /v2/service_instances/6e1f-other got no answer: no complete answer
          within 10s
            expected  an answer
            actual
              no answer
              within ten seconds
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
              -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
              -H 'Content-Type:' --data-raw '{}' \
              'http://127.0.0.1:8080/v2/service_instances/6e1f-other'
      ! provision.error-has-description SHOULD
          An error comes with a description for its reader.
          section   Provisioning / Response
          PUT /v2/service_instances/6e1f-instance?accepts_incomplete=true was
          answered 200
            expected  a member description
            actual    none
          repeat it, with USER:PASS in CONFORMANCE_AUTH:
            curl -i --path-as-is --globoff -X PUT -H 'X-Broker-API-Version: 2.17' \
              -u "$CONFORMANCE_AUTH" -H 'Accept: application/json' \
              -H 'Content-Type:' --data-raw '{"service_id":"s","plan_id":"p"}' \
              'http://127.0.0.1:8080/v2/service_instances/6e1f-instance?accepts_incomplete=true'
      ✔ provision.dashboard-url MAY
    – Binding: 2 skipped
      – bind.unique-id MUST NOT
          no plan of the catalog can be bound
      – bind.credentials SHOULD
          no plan of the catalog can be bound

    MUST 1 passed, 1 failed, 0 warned, 1 skipped
    SHOULD 0 passed, 1 warned, 1 skipped
    MAY 1 passed, 0 skipped
    3 requests in 3s 250ms
      ! 6e1f-instance is left behind: DELETE /v2/service_instances/6e1f-instance was
          answered 500
    see it again, with USER:PASS in CONFORMANCE_AUTH:
      conformance check http://127.0.0.1:8080 --only provision.body-is-object
    "#);
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
    assert_snapshot!(screen(&run, 80, Detail::Quiet), @"could not be judged: cannot reach http://127.0.0.1:8080: connection refused");
    assert_snapshot!(markdown(&run), @"
    ## – The broker could not be judged

    Open Service Broker API 2.17 at `http://127.0.0.1:8080`: 0 requests in 3s 250ms.

    Cut short: `cannot reach http://127.0.0.1:8080: connection refused`

    | | passed | failed | warned | skipped |
    | :-- | --: | --: | --: | --: |
    | MUST | 0 | 0 | 0 | 1 |
    | SHOULD | 0 | 0 | 0 | 1 |
    | MAY | 0 | 0 | 0 | 0 |

    <details>
    <summary>2 skipped</summary>

    - `no plan of the catalog can be bound` (2): `bind.unique-id`, `bind.credentials`

    </details>
    ");
    let report: Value = serde_json::from_str(&json(&run)).unwrap();
    assert_snapshot!(report["cut_short"], @r#""cannot reach http://127.0.0.1:8080: connection refused""#);
    assert!(schema().is_valid(&report));
    let xml = Report::deserialize_from_str(&junit(&run).unwrap()).unwrap();
    assert_eq!((xml.tests, xml.skipped, xml.errors), (3, 2, 1));
}

#[test]
fn the_json_tells_what_a_target_said_without_sending_it_to_a_terminal() {
    let said = "\u{1b}[0m \u{7f} \u{9b}31m \u{202e} \"\\\t\r\n";
    let text = json(&run_saying(said));
    assert!(!text.contains(|c| c != '\n' && is_hidden(c)));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report["results"][1]["evidence"][0]["response"]["body"],
        said
    );
}

#[test]
fn the_json_says_where_it_tells_the_beginning_of_a_body_only() {
    let long = "\u{e9}".repeat(40_000);
    let text = json(&run_saying(&format!("a{long}")));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(schema().is_valid(&report));
    let response = &report["results"][1]["evidence"][0]["response"];
    assert_eq!(response["body_bytes"], 80_001);
    assert_eq!(response["body"].as_str().unwrap().len(), 65_535);
    let whole = &report["results"][0]["evidence"][0]["response"];
    assert_eq!(whole.get("body_bytes"), None);
}

#[test]
fn the_message_of_an_assertion_does_nothing_to_a_terminal() {
    let mut run = run_saying(NASTY);
    run.results[1].reason = NASTY.to_owned();
    run.exchanges[1].request.body = Some("{\"\u{2028}\u{200f}\": 1}".to_owned());
    run.cut_short = Some(CutShort::NoInstance(NASTY.to_owned()));
    let text = run.to_string();
    assert!(text.contains("red") && !text.contains(|c| c != '\n' && is_hidden(c)));
}

#[test]
fn a_check_that_fails_by_its_own_fault_says_so_and_has_judged_nothing() {
    let mut run = run_saying(NASTY);
    run.results.clear();
    run.cut_short = Some(CutShort::Failed);
    assert_eq!(Exit::of_check(&run, false), Exit::NotJudged);
    let shown = screen(&run, 120, Detail::Quiet);
    assert!(
        shown.contains("cut short: the check itself failed"),
        "{shown}"
    );
}

#[test]
fn the_summary_is_one_line_where_there_is_room_for_it() {
    let shown = screen(&run_saying(NASTY), 120, Detail::Quiet);
    let summary = shown.lines().find(|line| line.starts_with("MUST")).unwrap();
    assert_snapshot!(summary, @"MUST 1 passed, 1 failed, 0 warned, 1 skipped · SHOULD 0 passed, 1 warned, 1 skipped · MAY 1 passed, 0 skipped");
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
        html(&run),
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
    assert!(html(&run).contains("a JSON object"));
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
        let report = Report::deserialize_from_str(&xml).unwrap();
        prop_assert_eq!((report.tests, report.failures, report.skipped), (6, 1, 2));
        let TestCaseStatus::NonSuccess { description: Some(shown), .. } =
            &report.test_suites[1].test_cases[0].status
        else {
            panic!("a failure without description: {xml}");
        };
        let (_, shown) = shown.split_once("the text ").unwrap();
        let (shown, _) = shown.split_once("curl -i").unwrap();
        let count = |text: &str| text.matches(['a', '<', '&', '\u{10ffff}']).count();
        prop_assert_eq!(count(shown), count(&text), "{}", shown);
    }

    #[test]
    fn a_page_has_no_other_markup_whatever_a_target_says(text in said()) {
        let tags = |page: &str| page.matches(['<', '>']).count();
        let page = html(&run_saying(&format!("a{text}")));
        prop_assert_eq!(tags(&page), tags(&html(&run_saying("a"))));
        prop_assert!(!page.contains(|c| !matches!(c, '\n' | '\t') && is_hidden(c)));
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
                is_command = line.starts_with("        curl")
                    || (is_command && line.starts_with("          "))
                    || line.starts_with("  conformance check");
                // The measure takes symbols for two columns wide.
                let plain = line.replace(['✔', '✘', '–'], ".");
                let fits = textwrap::core::display_width(&plain) <= width;
                let words = line.split_whitespace().count();
                // Labels stand before words.
                let is_one_word = words <= 1 || (words <= 2 && line.starts_with("        "));
                prop_assert!(fits || is_command || is_one_word, "{width}: {line:?}\n{shown}");
            }
        }
    }
}
