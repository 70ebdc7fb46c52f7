//! How fast a check is.
//!
//! `cargo bench -p conformance` judges two targets. One takes its time, and it is
//! known how much, so that its answer times are the yardstick: no check can be
//! faster than the longest chain of requests that need each other's answers, or
//! than all answers divided by the jobs. The other is the reference pair, with
//! every feature and asynchronous operations of 100 ms.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use broker::{CatalogSource, Config};
use conformance::{
    Auth, CheckEvent, CheckRun, Client, Interrupt, Options, Plans, Target, Verdict, check,
};
use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, Response};
use serving::{Listen, Running};

/// How long the slow target takes to answer, beside its work.
const ANSWER: Duration = Duration::from_millis(10);

/// How often each check is run; the median counts.
const ROUNDS: usize = 5;

/// How many scenarios run side by side.
const JOBS: usize = 4;

#[tokio::main]
async fn main() {
    slow_target().await;
    reference_pair().await;
}

/// Makes each answer late, and adds up how long they took.
#[derive(Clone, Default)]
struct Late(Arc<AtomicU64>);

impl Late {
    fn total(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

#[rocket::async_trait]
impl Fairing for Late {
    fn info(&self) -> Info {
        Info {
            name: "late answers",
            kind: Kind::Request | Kind::Response,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(Instant::now);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, _: &mut Response<'r>) {
        tokio::time::sleep(ANSWER).await;
        let took = request.local_cache(Instant::now).elapsed();
        let micros = u64::try_from(took.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// The reference broker with the showcase, and its echo service.
async fn pair(late: Option<Late>) -> (Running, Running) {
    let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
    let config = Config {
        catalog: CatalogSource::Showcase,
        async_delay: Duration::from_millis(100),
        ..Config::new(echo.url().parse().unwrap())
    };
    let mut rocket = broker::rocket(Listen::locally(0), &config).await.unwrap();
    if let Some(late) = late {
        rocket = rocket.attach(late);
    }
    (serving::start(rocket).await.unwrap(), echo)
}

async fn judged(
    broker: &Running,
    options: Options,
    observe: &mut (dyn FnMut(&CheckEvent) + Send),
) -> CheckRun {
    let url = broker.url().replace("http://", "http://user:pass@");
    let (target, credentials) = Target::parse(&url).unwrap();
    let client = Client::new(target, Duration::from_secs(10)).unwrap();
    let options = Options {
        auth: credentials.map(Auth::Basic),
        ..options
    };
    let interrupt = Interrupt::new();
    check(client, options, &interrupt, observe).await.unwrap()
}

/// The synchronous offering of the showcase, whose every answer is late.
async fn slow_target() {
    let late = Late::default();
    let (broker, _echo) = pair(Some(late.clone())).await;
    let options = |jobs| Options {
        jobs,
        service: Some("show-sync".to_owned()),
        ..Options::default()
    };
    let chain = longest_chain(&broker, &late, options(1)).await;
    println!("a target that answers after {ANSWER:?}, {JOBS} jobs, median of {ROUNDS} runs");
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let before = late.total();
        let run = judged(&broker, options(JOBS), &mut |_| {}).await;
        let answers = late.total() - before;
        let least = chain.max(answers / u32::try_from(JOBS).unwrap());
        let ratio = run.duration.as_secs_f64() / least.as_secs_f64();
        println!(
            "  {} requests in {:.2?}: answer times {answers:.2?}, longest chain {chain:.2?}, ratio {ratio:.2}",
            run.exchanges.len(),
            run.duration,
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("  ratio {:.2} (to reach: at most 1.15)", ratios[ROUNDS / 2]);
}

/// The longest chain of answers that need each other: the catalog, the first
/// instance of a plan, and the longest of the scenarios that build on it. With one
/// job, whatever is answered while a scenario plays is answered to that one.
async fn longest_chain(broker: &Running, late: &Late, options: Options) -> Duration {
    let begin = late.total();
    let mut begun = BTreeMap::new();
    // For each plan how long its first scenario took, and the longest of the others.
    let mut plans: BTreeMap<String, (Duration, Duration)> = BTreeMap::new();
    let (mut first, mut last) = (None, begin);
    judged(broker, options, &mut |event| match event {
        CheckEvent::Begun { scenario, plan } => {
            first.get_or_insert(late.total());
            begun.insert((*scenario, plan.clone()), late.total());
        }
        CheckEvent::Ended { scenario, plan } => {
            last = late.total();
            let took = last - begun[&(*scenario, plan.clone())];
            plans
                .entry(plan.clone())
                .and_modify(|(_, longest)| *longest = took.max(*longest))
                .or_insert((took, Duration::ZERO));
        }
        CheckEvent::Plans(_) | CheckEvent::Sweeping => {}
    })
    .await;
    let around = (first.unwrap() - begin) + (late.total() - last);
    let chains = plans.values().map(|(life, longest)| *life + *longest);
    around + chains.max().unwrap()
}

async fn reference_pair() {
    let (broker, _echo) = pair(None).await;
    println!("the reference pair with every feature, {JOBS} jobs, median of {ROUNDS} runs");
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        let options = Options {
            plans: Plans::Behaviours,
            jobs: JOBS,
            ..Options::default()
        };
        runs.push(judged(&broker, options, &mut |_| {}).await);
    }
    runs.sort_by_key(|run| run.duration);
    let run = &runs[ROUNDS / 2];
    let seconds = run.duration.as_secs_f64();
    let judged = run
        .results
        .iter()
        .filter(|judged| judged.verdict != Verdict::Skip);
    println!(
        "  {:.2?}: {:.0} requirements judged and {:.0} requests a second",
        run.duration,
        judged.count() as f64 / seconds,
        run.exchanges.len() as f64 / seconds,
    );
}
