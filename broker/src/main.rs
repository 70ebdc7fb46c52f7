//! The binary `broker`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use broker::{CatalogSource, Config, Credentials, EchoUrl, StorePlace};
use clap::Parser;
use clap::builder::FalseyValueParser;
use mimalloc::MiMalloc;
use serving::{Listen, ListenArgs, RequestLog};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A service broker for the echo service, by the Service Broker API 2.3 to 2.17.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    listen: ListenArgs,

    /// Where the broker calls the echo service
    #[arg(
        long,
        value_name = "URL",
        env = "BROKER_ECHO_URL",
        default_value = "http://127.0.0.1:8090"
    )]
    echo_url: EchoUrl,

    /// Where users reach the echo service, for dashboards and credentials;
    /// the same by default
    #[arg(long, value_name = "URL", env = "BROKER_ECHO_PUBLIC_URL")]
    echo_public_url: Option<EchoUrl>,

    /// How long to wait for an answer of the echo service, such as 5s or 500ms
    #[arg(long, value_name = "DURATION", env = "BROKER_ECHO_TIMEOUT", default_value = "5s", value_parser = serving::duration)]
    echo_timeout: Duration,

    /// What to offer: documented, showcase (every feature), scenarios (plans
    /// that misbehave on purpose), or a file of yours
    #[arg(long, value_name = "CATALOG", env = "BROKER_CATALOG", default_value = "documented", value_parser = |text: &str| Ok::<_, String>(CatalogSource::from(text)))]
    catalog: CatalogSource,

    /// Where to keep what the broker has to know: a file, or memory
    #[arg(
        long,
        value_name = "STORE",
        env = "BROKER_STORE",
        default_value = "broker.db"
    )]
    store: StorePlace,

    /// How long an asynchronous operation takes, such as 2s or 50ms
    #[arg(long, value_name = "DURATION", env = "BROKER_ASYNC_DELAY", default_value = "2s", value_parser = serving::duration)]
    async_delay: Duration,

    /// User name that platforms have to send
    #[arg(long, env = "BROKER_USERNAME", default_value = "user")]
    username: String,

    /// Password that platforms have to send
    #[arg(
        long,
        env = "BROKER_PASSWORD",
        default_value = "pass",
        hide_env_values = true
    )]
    password: String,

    /// Serve other machines with the documented credentials, which everybody
    /// knows
    #[arg(long, env = "BROKER_INSECURE_DEFAULT_CREDENTIALS", value_parser = FalseyValueParser::new())]
    insecure_default_credentials: bool,
}

impl Args {
    /// Where to listen and with which settings, or why not, in one line.
    fn settings(self) -> Result<(Listen, Config), String> {
        let listen = self.listen.or_default_port(broker::DEFAULT_PORT);
        let credentials =
            Credentials::new(&self.username, &self.password).map_err(|error| error.to_string())?;
        if listen.is_public() && credentials.are_documented() && !self.insecure_default_credentials
        {
            return Err(format!(
                "{} is open to other machines and the credentials are the documented ones; \
                 add --username and --password, or --insecure-default-credentials",
                listen.address
            ));
        }
        let config = Config {
            echo_public_url: self.echo_public_url,
            echo_timeout: self.echo_timeout,
            store: self.store,
            catalog: self.catalog,
            async_delay: self.async_delay,
            credentials,
            ..Config::new(self.echo_url)
        };
        Ok((listen, config))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let grace = args.listen.grace;
    let (listen, config) = match args.settings() {
        Ok(settings) => settings,
        Err(why) => {
            // There is nobody left to tell if this fails.
            let _ = writeln!(io::stderr(), "broker: {why}");
            return ExitCode::from(2);
        }
    };
    let rocket = async {
        let rocket = broker::rocket(listen.clone(), &config).await?;
        Ok(rocket.attach(RequestLog))
    };
    serving::serve("broker", &listen, rocket, grace).await
}
