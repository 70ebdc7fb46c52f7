//! The reference broker and its echo service, in this process.

use std::process::ExitCode;
use std::time::Duration;

use broker::{CatalogSource, Config, DEFAULT_PORT, EchoUrl, StorePlace};
use serving::{GRACE, Interrupts, Listen, RequestLog, Running, StartError};

use super::console;

/// How long the showcase's asynchronous operations take: long enough to be
/// observed, and no longer.
const SHORT_DELAY: Duration = Duration::from_millis(100);

/// Both servers, listening.
pub(crate) struct Pair {
    pub(crate) broker: Running,
    pub(crate) echo: Running,
}

impl Pair {
    /// Both on free ports, silently.
    pub(crate) async fn on_free_ports() -> Result<Pair, StartError> {
        let echo = mock_echo::start(Listen::locally(0)).await?;
        let config = Config::new(echo_url(&echo)?);
        let broker = broker::start(Listen::locally(0), &config).await?;
        Ok(Pair { broker, echo })
    }

    /// Both on free ports, silently, with every feature of the specification.
    pub(crate) async fn of_showcase() -> Result<Pair, StartError> {
        let echo = mock_echo::start(Listen::locally(0)).await?;
        let config = Config {
            catalog: CatalogSource::Showcase,
            async_delay: SHORT_DELAY,
            ..Config::new(echo_url(&echo)?)
        };
        let broker = broker::start(Listen::locally(0), &config).await?;
        Ok(Pair { broker, echo })
    }

    /// Both on the documented ports, with a log of their requests.
    async fn on_documented_ports(catalog: &str, store: StorePlace) -> Result<Pair, StartError> {
        let listen = Listen::locally(mock_echo::DEFAULT_PORT);
        let echo = serving::start(mock_echo::rocket(listen).attach(RequestLog)).await?;
        let config = Config {
            catalog: CatalogSource::from(catalog),
            store,
            ..Config::new(echo_url(&echo)?)
        };
        let rocket = broker::rocket(Listen::locally(DEFAULT_PORT), &config).await?;
        let broker = serving::start(rocket.attach(RequestLog)).await?;
        Ok(Pair { broker, echo })
    }

    pub(crate) async fn stop(self) {
        tokio::join!(self.broker.stop(GRACE), self.echo.stop(GRACE));
    }
}

fn echo_url(echo: &Running) -> Result<EchoUrl, StartError> {
    let url = echo.url().parse::<EchoUrl>();
    url.map_err(|error| StartError::Other(error.to_string()))
}

/// `conformance up`
pub(crate) async fn up(catalog: &str, store: StorePlace) -> ExitCode {
    let mut interrupts = Interrupts::listen();
    let pair = match Pair::on_documented_ports(catalog, store).await {
        Ok(pair) => pair,
        Err(error @ StartError::Bind { .. }) => {
            console::complain(format_args!(
                "{error}; it is one of the documented ones, which `up` needs"
            ));
            return ExitCode::FAILURE;
        }
        Err(error) => {
            console::complain(error);
            return ExitCode::FAILURE;
        }
    };
    console::print(format_args!(
        "mock-echo listens on {}\nbroker listens on {} (user name user, password pass)\nCtrl-C stops both.\n",
        pair.echo.url(),
        pair.broker.url(),
    ));
    interrupts.next().await;
    tokio::select! {
        () = pair.stop() => {}
        // A second Ctrl-C ends both at once.
        () = interrupts.next() => {}
    }
    ExitCode::SUCCESS
}
