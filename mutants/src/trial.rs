//! The trial of a mutant: is it found out, and of what else is it accused?

use std::sync::Arc;
use std::time::Duration;

use broker::{CatalogSource, Config};
use conformance::{CheckError, CheckRun, Options, Plans, Verdict, judge};
use serving::testing::Door;
use serving::{Listen, Running, StartError};

use crate::mutant::{AtTheDoor, Mutant};

/// How long the true broker's asynchronous operations take: long enough to be
/// observed by a machine that is busy.
const DELAY: Duration = Duration::from_millis(800);

/// How long an operation is polled: some mutants' never end.
const LONGEST_OPERATION: Duration = Duration::from_secs(5);

/// The true broker, with the showcase, and its echo service.
pub struct TrueBroker {
    broker: Running,
    /// It runs as long as the broker does.
    _echo: Running,
}

/// The offering on which a mutant is tried that any of them shows.
const USUAL: &str = "show-sync";

/// What is judged in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The requirement that the mutant breaks, on the offering that shows it.
    Named,
    /// Every requirement, on the offering that shows it.
    Offering,
    /// Every requirement, on every behaviour of the showcase.
    Everything,
}

/// What has come of a trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How many messages the mutant has changed: without any, it shows nothing.
    pub fired: usize,
    /// What was found out about it.
    pub run: CheckRun,
}

/// What a trial has shown of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The check that it names has found it out.
    Killed,
    /// It was not: the check's verdict and reason.
    Survived(String),
    /// It has changed nothing, so nothing could be found out.
    Unviable,
}

/// Why there is no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The mutant has no door to stand in.
    #[error("cannot open a door: {0}")]
    Door(#[from] std::io::Error),
    /// It cannot be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl TrueBroker {
    /// Starts both on free ports.
    pub async fn start() -> Result<TrueBroker, StartError> {
        let echo = mock_echo::start(Listen::locally(0)).await?;
        let echo_url = echo.url().parse();
        let echo_url = echo_url.map_err(|error| StartError::Other(format!("{error}")))?;
        let config = Config {
            catalog: CatalogSource::Showcase,
            async_delay: DELAY,
            ..Config::new(echo_url)
        };
        let broker = broker::start(Listen::locally(0), &config).await?;
        Ok(TrueBroker {
            broker,
            _echo: echo,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.broker.url()
    }

    /// Tries a mutant of it.
    pub async fn tries(&self, mutant: &Mutant, scope: Scope) -> Result<Trial, TrialError> {
        let keeper = Arc::new(AtTheDoor::new(*mutant));
        let door = Door::open(&self.url(), keeper.clone()).await?;
        let url = match mutant.is_open {
            true => door.url.clone(),
            false => door.url.replace("http://", "http://user:pass@"),
        };
        let run = judge(&url, options(mutant, scope)).await?;
        Ok(Trial {
            fired: keeper.fired(),
            run,
        })
    }
}

fn options(mutant: &Mutant, scope: Scope) -> Options {
    let options = Options::default();
    let options = Options {
        prompt: mutant.prompt.unwrap_or(options.prompt),
        operation_timeout: LONGEST_OPERATION,
        expect: mutant.expects.into_iter().collect(),
        ..options
    };
    let on = |shown_by: &str| {
        let (service, plan) = shown_by.split_once('/').unwrap_or((shown_by, ""));
        let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Options {
            service: name(service),
            plan: name(plan),
            ..options.clone()
        }
    };
    match scope {
        Scope::Named => Options {
            only: [mutant.breaks.to_owned()].into(),
            ..on(mutant.offering.unwrap_or_default())
        },
        Scope::Offering => on(mutant.offering.unwrap_or(USUAL)),
        Scope::Everything => Options {
            plans: Plans::Behaviours,
            ..options
        },
    }
}

impl Trial {
    /// What it has shown of `mutant`.
    pub fn fate(&self, mutant: &Mutant) -> Fate {
        let judged = self
            .run
            .results
            .iter()
            .find(|judged| judged.requirement.id.as_str() == mutant.breaks);
        let Some(judged) = judged else {
            return Fate::Survived("there is no such requirement".to_owned());
        };
        let wanted = match judged.level.is_must() && !mutant.is_capped {
            true => Verdict::Fail,
            false => Verdict::Warn,
        };
        match (self.fired, judged.verdict == wanted) {
            (0, _) => Fate::Unviable,
            (_, true) => Fate::Killed,
            (_, false) => Fate::Survived(format!("{}: {}", judged.verdict, judged.reason)),
        }
    }

    /// The other requirements that it is accused of breaking.
    pub fn collateral(&self, mutant: &Mutant) -> Vec<String> {
        let accused = self.run.results.iter().filter(|judged| {
            matches!(judged.verdict, Verdict::Fail | Verdict::Warn)
                && judged.requirement.id.as_str() != mutant.breaks
        });
        accused
            .map(|judged| judged.requirement.id.to_string())
            .collect()
    }
}
