//! A run as data, in the form that `report.schema.json` describes.

use fixtures::{ApiVersion, Level};
use serde::{Serialize, Serializer};

use super::{Kind, kinds, milliseconds, timestamp};
use crate::check::{CheckRun, CutShort, Evidence, Judged};
use crate::curl::curl;
use crate::exchange::{Answer, Exchange};
use crate::printable::is_hidden;

/// The number of the form. Readers rely on it: what they know stays as it is as
/// long as the number does.
const VERSION: u8 = 1;

/// How much is told of what a target answers, in bytes. A catalog may be evidence
/// for every requirement that there is of it.
const LONGEST_BODY: usize = 64 * 1024;

/// The whole run as JSON. `seed` is what the run's choices were made from.
pub fn json(run: &CheckRun, seed: u64) -> String {
    let report = Report {
        version: VERSION,
        target: run.target.to_string(),
        api_version: run.api_version,
        seed,
        started_at: timestamp(run),
        duration_ms: milliseconds(run),
        requests: run.exchanges.len(),
        cut_short: run.cut_short.as_ref().map(CutShort::words),
        summary: Summary::of(run),
        leftovers: run.leftovers.iter().map(Leftover::of).collect(),
        results: run.results.iter().map(|it| Entry::of(run, it)).collect(),
    };
    // Strings and numbers can always be written.
    let text = serde_json::to_string_pretty(&report).unwrap_or_default();
    let mut escaped = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Outside of strings there is none of these but the ends of lines.
        match c != '\n' && is_hidden(c) {
            true => escaped += &format!("\\u{:04x}", u32::from(c)),
            false => escaped.push(c),
        }
    }
    escaped.push('\n');
    escaped
}

#[derive(Serialize)]
struct Report<'a> {
    version: u8,
    target: String,
    api_version: ApiVersion,
    seed: u64,
    started_at: String,
    duration_ms: u64,
    requests: usize,
    cut_short: Option<&'a str>,
    summary: Summary,
    leftovers: Vec<Leftover<'a>>,
    results: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Summary {
    must: Musts,
    should: Shoulds,
    may: Mays,
}

#[derive(Serialize)]
struct Musts {
    pass: usize,
    fail: usize,
    warn: usize,
    skip: usize,
}

#[derive(Serialize)]
struct Shoulds {
    pass: usize,
    warn: usize,
    skip: usize,
}

#[derive(Serialize)]
struct Mays {
    pass: usize,
    skip: usize,
}

impl Summary {
    fn of(run: &CheckRun) -> Self {
        let [must, should, may] = kinds(run).map(|Kind { tally, .. }| tally);
        Self {
            must: Musts {
                pass: must.pass,
                fail: must.fail,
                warn: must.warn,
                skip: must.skip,
            },
            should: Shoulds {
                pass: should.pass,
                warn: should.warn,
                skip: should.skip,
            },
            may: Mays {
                pass: may.pass,
                skip: may.skip,
            },
        }
    }
}

#[derive(Serialize)]
struct Leftover<'a> {
    id: &'a str,
    request: &'a str,
    instead: &'a str,
}

impl<'a> Leftover<'a> {
    fn of(leftover: &'a crate::Leftover) -> Self {
        Self {
            id: &leftover.id,
            request: &leftover.request,
            instead: &leftover.instead,
        }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    level: Level,
    section: &'a str,
    since: ApiVersion,
    verdict: String,
    reason: &'a str,
    statement: &'a str,
    evidence: Vec<Shown<'a>>,
}

impl<'a> Entry<'a> {
    fn of(run: &'a CheckRun, judged: &'a Judged) -> Self {
        let requirement = &judged.requirement;
        let evidence = judged.evidence.iter();
        Self {
            id: requirement.id.as_str(),
            level: judged.level,
            section: &requirement.section,
            since: requirement.since,
            verdict: judged.verdict.to_string(),
            reason: &judged.reason,
            statement: &requirement.statement,
            evidence: evidence.map(|evidence| Shown::of(run, evidence)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    expected: &'a str,
    actual: &'a str,
    request: Option<Request<'a>>,
    response: Option<Response>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    curl: Option<String>,
}

impl<'a> Shown<'a> {
    fn of(run: &'a CheckRun, evidence: &'a Evidence) -> Self {
        let exchange = run.exchanges.get(evidence.exchange);
        let result = exchange.map(|exchange| exchange.result.as_ref());
        Self {
            expected: &evidence.expected,
            actual: &evidence.actual,
            request: exchange.map(|exchange| Request::of(run, exchange)),
            response: result.and_then(Result::ok).map(Response::of),
            failure: result.and_then(Result::err).map(ToString::to_string),
            curl: exchange.map(|exchange| curl(&run.target, &exchange.request)),
        }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    url: String,
    headers: Headers,
    body: Option<&'a str>,
}

impl<'a> Request<'a> {
    fn of(run: &CheckRun, exchange: &'a Exchange) -> Self {
        let request = &exchange.request;
        Self {
            method: &request.method,
            url: run.target.url(&request.path),
            headers: Headers::of(&request.sent_headers()),
            body: request.body.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Response {
    status: u16,
    headers: Headers,
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<usize>,
}

impl Response {
    fn of(answer: &Answer) -> Self {
        let mut body = (!answer.body.is_empty()).then(|| answer.text());
        let long = body.as_mut().filter(|body| body.len() > LONGEST_BODY);
        let is_cut = long.is_some();
        if let Some(body) = long {
            let mut ends = (0..=LONGEST_BODY).rev();
            let end = ends.find(|end| body.is_char_boundary(*end));
            body.truncate(end.unwrap_or_default());
        }
        Self {
            status: answer.status,
            headers: Headers::of(&answer.headers),
            body,
            body_bytes: is_cut.then_some(answer.body.len()),
        }
    }
}

/// Header fields by their names, in order; the values of those with the same
/// name are joined, as HTTP allows.
struct Headers(Vec<(String, String)>);

impl Headers {
    fn of(fields: &[(String, String)]) -> Self {
        let mut joined: Vec<(String, String)> = Vec::new();
        for (name, value) in fields {
            let same = |(other, _): &&mut (String, String)| other.eq_ignore_ascii_case(name);
            match joined.iter_mut().find(same) {
                Some((_, values)) => {
                    values.push_str(", ");
                    values.push_str(value);
                }
                None => joined.push((name.clone(), value.clone())),
            }
        }
        Self(joined)
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
