//! A run for CI servers, in the XML of JUnit.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::text::printable;
use super::{Sight, answered, command, compared, grouped, request, sights, timestamp};
use crate::check::{CheckRun, CutShort, Judged, Verdict};

/// One test suite for each area of the ids, one test case for each requirement.
/// A warning is a success that says so in its output. A run that was cut short
/// has a suite more, with the error that says so.
pub fn junit(run: &CheckRun) -> Result<String, SerializeError> {
    let mut report = Report::new("conformance");
    report.timestamp = timestamp(run).parse().ok();
    report.set_time(run.duration);
    for (area, judged) in grouped(&run.results, |judged| judged.requirement.area()) {
        let mut suite = TestSuite::new(area);
        suite.add_test_cases(judged.into_iter().map(|judged| case(run, judged)));
        report.add_test_suite(suite);
    }
    if let Some(cut_short) = &run.cut_short {
        let mut suite = TestSuite::new("run");
        suite.add_test_case(incomplete(cut_short));
        report.add_test_suite(suite);
    }
    report.to_string()
}

/// The run itself, which is no success where it did not come to its end.
fn incomplete(cut_short: &CutShort) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(xml(&printable(cut_short.words())));
    TestCase::new("run.is-complete", status)
}

fn case(run: &CheckRun, judged: &Judged) -> TestCase {
    let requirement = &judged.requirement;
    let reason = xml(&printable(&judged.reason));
    let mut status = match judged.verdict {
        Verdict::Pass | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Skip => TestCaseStatus::skipped(),
    };
    let mut output = None;
    match judged.verdict {
        Verdict::Pass => {}
        Verdict::Warn => {
            output = Some(format!("warning: {reason}\n{}", shown(run, judged)));
        }
        Verdict::Fail => {
            status.set_message(reason);
            status.set_type(judged.level.to_string());
            status.set_description(shown(run, judged));
        }
        Verdict::Skip => {
            status.set_message(reason);
        }
    }
    let mut case = TestCase::new(requirement.id.as_str(), status);
    case.set_classname(xml(&requirement.section));
    if let Some(output) = output {
        case.set_system_out(output);
    }
    case
}

/// The statement, and what shows that it is not kept.
fn shown(run: &CheckRun, judged: &Judged) -> String {
    let mut text = format!("{}: {}\n", judged.level, judged.requirement.statement);
    let (sights, more) = sights(run, judged);
    // Writing to a string cannot fail.
    for Sight { exchange, evidence } in sights {
        text.push('\n');
        if let Some(exchange) = exchange {
            let _ = writeln!(text, "{} {}", request(exchange), answered(exchange));
        }
        for evidence in evidence {
            let _ = writeln!(text, "{}", compared(evidence));
        }
        if let Some(exchange) = exchange {
            let _ = writeln!(text, "{}", command(run, exchange));
        }
    }
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more");
    }
    xml(&text)
}

/// A text in characters that XML can hold, none of which the writer would drop.
fn xml(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => c,
            '\t' => ' ',
            '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}
