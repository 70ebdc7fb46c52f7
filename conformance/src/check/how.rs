//! How each requirement is judged.

use std::fmt;
use std::sync::LazyLock;

use fixtures::{Requirement, RequirementId, Suite, suites};

use super::book::generic_ids;
use super::rules;
use super::scenarios::{self, CATALOG_JUDGES};

/// A way in which a requirement is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By every exchange of a run, whatever it was sent for.
    Invariant,
    /// By a scenario that is played for it: what it plays.
    Scenario(&'static str),
    /// By what the entries come to that state it for each operation.
    Others,
    /// By an example that `conformance replay` sends: its suite and its title.
    Fixture(String, String),
    /// Not at all, for this reason.
    Exempt(String),
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Invariant => f.write_str("every exchange"),
            How::Scenario(name) => f.write_str(name),
            How::Others => f.write_str("the entries that state it for each operation"),
            How::Fixture(suite, title) => write!(f, "the example \"{title}\" of {suite}"),
            How::Exempt(why) => write!(f, "not judged: {why}"),
        }
    }
}

/// Every way in which a requirement is judged.
pub fn how(requirement: &Requirement) -> Vec<How> {
    let id = requirement.id.as_str();
    let mut ways = Vec::new();
    ways.extend(requirement.exempt.clone().map(How::Exempt));
    if rules::judged()
        .chain(super::session::JUDGES.iter().copied())
        .any(|other| other == id)
    {
        ways.push(How::Invariant);
    }
    if CATALOG_JUDGES.contains(&id) {
        ways.push(How::Scenario("how the catalog is asked for"));
    }
    let scenarios = scenarios::all().filter(|scenario| scenario.judges.contains(&id));
    ways.extend(scenarios.map(|scenario| How::Scenario(scenario.name)));
    if generic_ids().any(|other| other == id) {
        ways.push(How::Others);
    }
    let examples = EXAMPLES
        .iter()
        .filter(|(judged, _)| *judged == requirement.id);
    ways.extend(examples.map(|(_, way)| way.clone()));
    ways
}

/// Each requirement that an example exercises, and that example.
static EXAMPLES: LazyLock<Vec<(RequirementId, How)>> = LazyLock::new(|| {
    let mut found = Vec::new();
    for suite in suites()
        .into_iter()
        .filter_map(|name| Suite::named(name).ok())
    {
        for example in suite.examples() {
            let fixture = example.fixture();
            let way = How::Fixture(suite.name().to_owned(), fixture.title.clone());
            found.extend(fixture.judges.iter().map(|id| (id.clone(), way.clone())));
        }
    }
    found
});

#[cfg(test)]
mod tests {
    use fixtures::Registry;

    use super::*;

    #[test]
    fn every_requirement_is_judged_or_exempt_and_never_both() {
        let registry = Registry::embedded().unwrap();
        let wrong: Vec<&str> = registry
            .requirements()
            .iter()
            .filter(|requirement| {
                let is_judged = how(requirement)
                    .iter()
                    .any(|way| !matches!(way, How::Exempt(_) | How::Fixture(..)));
                is_judged == requirement.exempt.is_some()
            })
            .map(|requirement| requirement.id.as_str())
            .collect();
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn no_check_names_a_requirement_that_does_not_exist() {
        let registry = Registry::embedded().unwrap();
        let of_scenarios = scenarios::all().flat_map(|scenario| scenario.judges.iter().copied());
        let wrong: Vec<&str> = rules::judged()
            .chain(of_scenarios)
            .chain(CATALOG_JUDGES.iter().copied())
            .chain(generic_ids())
            .chain(EXAMPLES.iter().map(|(id, _)| id.as_str()))
            .filter(|id| registry.get(id).is_none())
            .collect();
        assert_eq!(wrong, [""; 0]);
    }
}
