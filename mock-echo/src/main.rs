//! The binary `mock-echo`.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use serving::{ListenArgs, RequestLog};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The echo service that the documented broker manages: it sends messages
/// back (/echo/...) or inverts them (/invert/...).
///
/// It keeps everything in memory and asks for no credentials.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    listen: ListenArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse().listen;
    let grace = args.grace;
    let listen = args.or_default_port(mock_echo::DEFAULT_PORT);
    let rocket = mock_echo::rocket(listen.clone()).attach(RequestLog);
    serving::serve("mock-echo", &listen, async { Ok(rocket) }, grace).await
}
