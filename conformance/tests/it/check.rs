//! `check` against the reference broker and others.

use std::time::Duration;

use broker::{CatalogSource, Config};
use conformance::{
    Auth, CheckRun, Client, Credentials, Interrupt, Options, Target, Verdict, check,
};
use serving::{Listen, Running};

/// The reference broker with the showcase, whose asynchronous operations take
/// a moment.
async fn showcase() -> Running {
    let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
    let config = Config {
        catalog: CatalogSource::Showcase,
        async_delay: Duration::from_millis(300),
        ..Config::new(echo.url().parse().unwrap())
    };
    broker::start(Listen::locally(0), &config).await.unwrap()
}

fn options() -> Options {
    Options {
        auth: Some(Auth::Basic(Credentials::parse("user:pass").unwrap())),
        ..Options::default()
    }
}

async fn judge(url: &str, options: Options) -> CheckRun {
    let (target, _) = Target::parse(url).unwrap();
    let client = Client::new(target, Duration::from_secs(10)).unwrap();
    check(client, options, &Interrupt::new(), &mut |_| {})
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_broker_keeps_every_requirement_that_its_showcase_can_show() {
    let broker = showcase().await;
    let run = judge(&broker.url(), options()).await;
    for judged in &run.results {
        if judged.verdict != Verdict::Pass {
            println!(
                "{} {} {}: {}",
                judged.verdict, judged.level, judged.requirement.id, judged.reason
            );
        }
    }
    println!(
        "{:?} {} requests {:?}",
        run.cut_short,
        run.exchanges.len(),
        run.duration
    );
    println!("leftovers {:?}", run.leftovers);
    assert_eq!(run.with(Verdict::Fail).count(), 0);
}
