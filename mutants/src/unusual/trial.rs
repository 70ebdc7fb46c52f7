//! The trial of an unusual broker: is it accused of anything?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker::{CatalogSource, Config};
use conformance::{Auth, CheckError, CheckRun, Options, Token, Verdict, judge};
use serving::testing::{Door, Keeper, Received, Reply, Sent};
use serving::{Listen, Running, StartError};

use super::{Login, Unusual};
use crate::message::Answer;
use crate::mutant::AtTheDoor;

/// What has come of a trial.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Whether the run has shown the broker to be unusual.
    pub is_unusual: bool,
    /// What was found out about it.
    pub run: CheckRun,
}

/// Why there is no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no broker.
    #[error("cannot start the broker: {0}")]
    Start(#[from] StartError),
    /// It has no door to stand in.
    #[error("cannot open a door: {0}")]
    Door(#[from] std::io::Error),
    /// It cannot be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A setting of the trial is wrong.
    #[error("{0}")]
    Setting(String),
}

/// The token of brokers that take one.
pub(super) const TOKEN: &str = "conformance-trial-token";

impl Unusual {
    /// Judges it by everything. It manages the echo service at `echo`.
    pub async fn tried(&self, echo: &Running) -> Result<Tried, TrialError> {
        let echo_url = echo.url().parse();
        let echo_url = echo_url.map_err(|error| TrialError::Setting(format!("{error}")))?;
        let config = Config {
            catalog: CatalogSource::Text((self.catalog)().into_owned()),
            async_delay: self.takes,
            ..Config::new(echo_url)
        };
        let broker = broker::start(Listen::locally(0), &config).await?;
        let keeper = Arc::new(Framed {
            keeper: AtTheDoor::doing(self.before, self.after),
            framing: self.framing,
            framed: AtomicUsize::new(0),
        });
        let door = Door::open(&broker.url(), keeper.clone()).await?;
        let url = format!("{}{}", door.url, self.path);
        let url = match self.login {
            Login::Basic => url.replace("http://", "http://user:pass@"),
            Login::Token | Login::None => url,
        };
        let version = format!("2.{}", self.minor);
        let options = Options {
            api_version: version.parse().map_err(TrialError::Setting)?,
            auth: match self.login {
                Login::Token => Some(Auth::Token(
                    Token::parse(TOKEN).map_err(|error| TrialError::Setting(error.to_string()))?,
                )),
                Login::Basic | Login::None => None,
            },
            plan: self.plan.map(str::to_owned),
            plans: self.plans,
            ..Options::default()
        };
        let run = judge(&url, options).await?;
        let changed = keeper.keeper.fired() + keeper.framed.load(Ordering::Relaxed);
        Ok(Tried {
            is_unusual: self.shows.map_or(changed > 0, |shows| shows(&run)),
            run,
        })
    }
}

impl Tried {
    /// What is wrong with the check of `unusual`, in words.
    pub fn complaints(&self, unusual: &Unusual) -> Vec<String> {
        let mut complaints = Vec::new();
        if let Some(cut_short) = &self.run.cut_short {
            complaints.push(format!("it was not judged: {}", cut_short.words()));
        }
        if !self.is_unusual {
            complaints.push("it is not unusual at all".to_owned());
        }
        let expected: BTreeSet<&str> = unusual.warns.iter().map(|warned| warned.id).collect();
        let mut warned = BTreeSet::new();
        for judged in &self.run.results {
            let id = judged.requirement.id.as_str();
            let is_expected = judged.verdict == Verdict::Warn && expected.contains(id);
            match judged.verdict {
                Verdict::Warn if is_expected => _ = warned.insert(id),
                Verdict::Warn | Verdict::Fail => {
                    let (verdict, reason) = (judged.verdict, &judged.reason);
                    let shown = judged.evidence.first();
                    let shown = shown.and_then(|shown| self.run.exchanges.get(shown.exchange));
                    let shown = shown.map_or_else(String::new, |shown| shown.request.to_string());
                    complaints.push(format!("{verdict} {id}: {reason} [{shown}]"));
                }
                Verdict::Pass | Verdict::Skip => {}
            }
            if unusual.uses.contains(&id) && judged.verdict != Verdict::Pass {
                complaints.push(format!("{id} does not pass: {}", judged.reason));
            }
        }
        for id in expected.difference(&warned) {
            complaints.push(format!("{id} does not warn"));
        }
        for leftover in &self.run.leftovers {
            complaints.push(format!("left over: {leftover:?}"));
        }
        complaints
    }
}

/// A keeper whose answers are put into bytes in a way of their own.
struct Framed {
    keeper: AtTheDoor,
    framing: Option<fn(&Answer) -> Vec<u8>>,
    framed: AtomicUsize,
}

impl Framed {
    fn put(&self, reply: Reply) -> Reply {
        match (reply, self.framing) {
            (Reply::Answer(received), Some(framing)) => {
                self.framed.fetch_add(1, Ordering::Relaxed);
                Reply::Bytes(framing(&Answer::from(received)))
            }
            (reply, _) => reply,
        }
    }
}

impl Keeper for Framed {
    fn enter(&self, sent: &mut Sent) -> Option<Reply> {
        self.keeper.enter(sent).map(|reply| self.put(reply))
    }

    fn leave(&self, sent: &Sent, received: Received) -> Reply {
        self.put(self.keeper.leave(sent, received))
    }
}
