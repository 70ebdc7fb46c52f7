//! The command line.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Args::try_parse() {
        Ok(args) => cli::run(args).await,
        Err(error) => cli::misunderstood(&error),
    }
}
