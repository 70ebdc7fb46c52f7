//! Findings, and what they come to for each requirement.

use std::collections::BTreeMap;

use fixtures::{ApiVersion, Registry, Requirement};

use super::outcome::{Evidence, INVISIBLE, Judged, UNSEEN, Verdict};

/// What an exchange says about a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It is kept.
    Kept,
    /// It is not kept, but a fair reading calls that no violation.
    Deviates,
    /// It is not kept.
    Broken,
}

/// What has been seen of a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) sign: Sign,
    pub(crate) expected: String,
    pub(crate) actual: String,
}

impl Finding {
    pub(crate) fn kept(id: &'static str, expected: impl Into<String>) -> Finding {
        let expected = expected.into();
        Finding {
            id,
            sign: Sign::Kept,
            actual: "as expected".to_owned(),
            expected,
        }
    }

    /// `sign` where `holds` does not.
    pub(crate) fn judge(
        id: &'static str,
        holds: bool,
        sign: Sign,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Finding {
        match holds {
            true => Finding::kept(id, expected),
            false => Finding {
                id,
                sign,
                expected: expected.into(),
                actual: actual.into(),
            },
        }
    }
}

/// Everything that a run has found.
#[derive(Debug, Default)]
pub(crate) struct Book {
    findings: BTreeMap<&'static str, Vec<(Sign, Evidence)>>,
    /// Why something could not be told; the first reason counts.
    unclear: BTreeMap<&'static str, String>,
}

/// How many different sights of one fault are kept as evidence.
const MOST_EVIDENCE: usize = 10;

/// A rule that other entries state for each operation: it is broken itself only
/// where the same one of them is broken for every operation.
struct Generic {
    id: &'static str,
    /// How the ids of those entries end.
    suffixes: &'static [&'static str],
}

const GENERIC: [Generic; 5] = [
    Generic {
        id: "errors.specified-status",
        suffixes: &[
            ".status-200-deleted",
            ".status-200-applied",
            ".status-201-created",
            ".status-400-malformed",
            ".status-400-missing-service-id",
            ".status-400-missing-plan-id",
            ".status-404-unknown",
            ".status-409-existing",
            ".status-410-unknown",
            ".maintenance-info-conflict-422",
            ".requires-app-422",
        ],
    },
    Generic {
        id: "errors.specified-codes",
        suffixes: &[
            ".async-required-code",
            ".concurrency-code",
            ".rejection-code",
            ".requires-app-code",
            ".maintenance-info-conflict-code",
        ],
    },
    Generic {
        id: "async.required-422",
        suffixes: &[".async-required-422"],
    },
    Generic {
        id: "async.required-code",
        suffixes: &[".async-required-code"],
    },
    Generic {
        id: "async.status-202",
        suffixes: &[".status-202-in-progress"],
    },
];

/// The ids of the rules that are judged by what other entries come to.
pub(crate) fn generic_ids() -> impl Iterator<Item = &'static str> {
    GENERIC.iter().map(|generic| generic.id)
}

/// Whether the entry `id` states the rule `generic` for an operation.
pub(crate) fn states(generic: &str, id: &str) -> bool {
    let mut generics = GENERIC.iter().filter(|other| other.id == generic);
    generics.any(|generic| generic.suffixes.iter().any(|suffix| id.ends_with(suffix)))
}

impl Book {
    /// Enters what the exchange at this position says.
    pub(crate) fn enter(&mut self, exchange: usize, finding: Finding) {
        let Finding {
            id,
            sign,
            expected,
            actual,
        } = finding;
        let known = self.findings.entry(id).or_default();
        let is_known = known.iter().any(|(other, evidence)| {
            (*other, &evidence.expected, &evidence.actual) == (sign, &expected, &actual)
        });
        let most = if sign == Sign::Kept { 1 } else { MOST_EVIDENCE };
        if !is_known && known.iter().filter(|(other, _)| *other == sign).count() < most {
            let evidence = Evidence {
                exchange,
                expected,
                actual,
            };
            known.push((sign, evidence));
        }
    }

    /// Enters why a requirement could not be judged here.
    pub(crate) fn unclear(&mut self, id: &'static str, why: impl Into<String>) {
        self.unclear.entry(id).or_insert_with(|| why.into());
    }

    /// Whether something has been seen not to be kept, which others may follow
    /// from.
    pub(crate) fn deviates(&self, id: &str) -> bool {
        let found = self.findings.get(id);
        found.is_some_and(|found| found.iter().any(|(sign, _)| *sign != Sign::Kept))
    }

    /// The verdict on each requirement of `version`, in order. Those that
    /// `is_wanted` refuses are skipped.
    pub(crate) fn verdicts(
        &self,
        registry: &Registry,
        version: ApiVersion,
        is_wanted: impl Fn(&Requirement) -> Result<(), String>,
    ) -> Vec<Judged> {
        let of_version = registry
            .requirements()
            .iter()
            .filter_map(|requirement| Some((requirement, requirement.level_in(version)?)));
        let mut judged: Vec<Judged> = of_version
            .map(|(requirement, level)| {
                let mut judged = Judged {
                    requirement: requirement.clone(),
                    level,
                    verdict: Verdict::Skip,
                    reason: String::new(),
                    evidence: Vec::new(),
                };
                self.judge(&mut judged);
                judged
            })
            .collect();
        for generic in &GENERIC {
            follow(&mut judged, generic);
        }
        for one in &mut judged {
            if let Err(why) = is_wanted(&one.requirement) {
                one.verdict = Verdict::Skip;
                one.reason = why;
                one.evidence = Vec::new();
            }
        }
        judged
    }

    fn judge(&self, judged: &mut Judged) {
        let id = judged.requirement.id.as_str();
        if let Some(why) = &judged.requirement.exempt {
            judged.reason = format!("{INVISIBLE}: {why}");
            return;
        }
        let found = self.findings.get(id).map_or(&[][..], Vec::as_slice);
        let worst = [Sign::Broken, Sign::Deviates, Sign::Kept];
        let worst = worst
            .into_iter()
            .find(|sign| found.iter().any(|(other, _)| other == sign));
        judged.verdict = match worst {
            Some(Sign::Kept) => Verdict::Pass,
            // A freedom cannot be broken.
            Some(_) if judged.level.is_may() => Verdict::Pass,
            Some(Sign::Broken) if judged.level.is_must() => Verdict::Fail,
            Some(_) => Verdict::Warn,
            None => Verdict::Skip,
        };
        judged.evidence = found
            .iter()
            .filter(|(sign, _)| Some(*sign) == worst)
            .map(|(_, evidence)| evidence.clone())
            .collect();
        judged.reason = match (judged.verdict, judged.evidence.first()) {
            (Verdict::Pass, _) => String::new(),
            (Verdict::Fail | Verdict::Warn, Some(evidence)) => {
                format!("expected {}; {}", evidence.expected, evidence.actual)
            }
            _ => self.unclear.get(id).cloned().unwrap_or_else(|| {
                let when = judged.requirement.when.as_str();
                match when {
                    "always" => UNSEEN.to_owned(),
                    when => format!("{UNSEEN}; it applies when {when}"),
                }
            }),
        };
    }
}

/// Gives a generic rule the verdict that follows from the entries which state
/// it for each operation.
fn follow(judged: &mut [Judged], generic: &Generic) {
    let Some(at) = judged
        .iter()
        .position(|j| j.requirement.id.as_str() == generic.id)
    else {
        return;
    };
    if judged[at].verdict != Verdict::Skip {
        return;
    }
    let of = |suffix: &str| -> Vec<Judged> {
        let all = judged.iter().filter(|judged| {
            let id = judged.requirement.id.as_str();
            id != generic.id && id.ends_with(suffix)
        });
        all.cloned().collect()
    };
    let is = |verdict| move |judged: &&Judged| judged.verdict == verdict;
    let families: Vec<Vec<Judged>> = generic.suffixes.iter().map(|suffix| of(suffix)).collect();
    let all = || families.iter().flatten();
    let names: Vec<&str> = all()
        .filter(is(Verdict::Fail))
        .map(|judged| judged.requirement.id.as_str())
        .collect();
    // The same thing is wrong wherever it was seen, and in several places.
    let is_general = |family: &&Vec<Judged>| {
        let failed = family.iter().filter(is(Verdict::Fail)).count();
        failed > 2 && !family.iter().any(|judged| judged.verdict == Verdict::Pass)
    };
    let general: Vec<&Judged> = families.iter().filter(is_general).flatten().collect();
    let one = &mut judged[at];
    if !general.is_empty() {
        one.verdict = match one.level.is_must() {
            true => Verdict::Fail,
            false => Verdict::Warn,
        };
        one.reason = format!("it is broken for every operation: {}", names.join(", "));
        let failed = general
            .iter()
            .filter(|judged| judged.verdict == Verdict::Fail);
        one.evidence = failed.flat_map(|judged| judged.evidence.clone()).collect();
    } else if !names.is_empty() {
        one.reason = format!("see {}", names.join(", "));
    } else if let Some(kept) = all().find(is(Verdict::Pass)) {
        one.verdict = Verdict::Pass;
        one.reason = String::new();
        one.evidence = kept.evidence.clone();
    }
}
