//! Plays the examples of a suite, each on a plan that shows it where it needs one.

use fixtures::{Example, Need, Suite};
use tokio::sync::OnceCell;

use super::Player;
use super::plan::{self, Chosen};
use crate::client::Client;
use crate::interrupt::Interrupt;
use crate::run::{ExampleRun, Leftover, Outcome, Reason, Skip};
use crate::target::Credentials;

/// A suite that is being played.
pub(super) struct Playing<'a> {
    pub(super) client: &'a Client,
    pub(super) interrupt: &'a Interrupt,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) suite: &'a Suite,
    /// The target's plans, once an example has needed them.
    pub(super) plans: OnceCell<Result<Vec<Chosen>, Reason>>,
}

/// What came of an example, and what it could not remove.
pub(super) type Played = (ExampleRun, Vec<Leftover>);

impl ExampleRun {
    pub(super) fn of(example: &Example, plan: Option<&Chosen>, outcome: Outcome) -> Self {
        Self {
            name: example.name().to_string(),
            title: example.fixture().title.clone(),
            plan: plan.map(Chosen::name),
            outcome,
            exchanges: Vec::new(),
        }
    }
}

impl Playing<'_> {
    /// Plays an example; `earlier` is what those before it could not remove.
    pub(super) async fn play(&self, example: &Example, earlier: &[Leftover]) -> Played {
        let Some(needs) = self.suite.needs(example.fixture()) else {
            return self.play_on(None, example, earlier).await;
        };
        let not_judged = |reason| {
            let outcome = Outcome::NotJudged(reason);
            (ExampleRun::of(example, None, outcome), Vec::new())
        };
        if self.interrupt.is_raised() {
            return not_judged(Reason::Interrupted);
        }
        let ask = || plan::ask(self.client, self.suite, self.credentials);
        match self.plans.get_or_init(ask).await {
            Ok(plans) => self.play_somewhere(plans, needs, example, earlier).await,
            Err(reason) => not_judged(reason.clone()),
        }
    }

    /// Plays it on one plan after the other until one shows it. Where none does,
    /// a plan that needs no such answer counts more than one that refuses.
    async fn play_somewhere(
        &self,
        plans: &[Chosen],
        needs: Vec<Need>,
        example: &Example,
        earlier: &[Leftover],
    ) -> Played {
        let mut leftovers = Vec::new();
        let (mut skipped, mut refused) = (None, None);
        for plan in plan::candidates(plans, &needs) {
            let (run, left) = self.play_on(Some(plan), example, earlier).await;
            leftovers.extend(left);
            match &run.outcome {
                Outcome::Skipped(_) => skipped.get_or_insert(run),
                Outcome::NotJudged(Reason::Refused { .. }) => refused.get_or_insert(run),
                _ => return (run, leftovers),
            };
        }
        let run = skipped.or(refused);
        let no_plan = || ExampleRun::of(example, None, Outcome::Skipped(Skip::NoPlan(needs)));
        (run.unwrap_or_else(no_plan), leftovers)
    }

    /// Plays it once, and cleans up.
    async fn play_on(
        &self,
        plan: Option<&Chosen>,
        example: &Example,
        earlier: &[Leftover],
    ) -> Played {
        let setup = self.suite.setup(example.fixture());
        let mut player = Player::new(self, plan, earlier);
        let outcome = player.play(example, &setup).await;
        let mut run = ExampleRun::of(example, plan, outcome);
        let leftovers = player.clean_up().await;
        run.exchanges = player.exchanges;
        (run, leftovers)
    }
}
