//! The command line: the only place that prints.

mod args;
mod console;
mod pair;
mod replay;
mod report;

use std::process::{ExitCode, Termination as _};

use conformance::Exit;

pub(crate) use args::Args;
use args::Command;

/// Does what the arguments say.
pub(crate) async fn run(args: Args) -> ExitCode {
    match args.command {
        None => replay::reference_pair().await.report(),
        Some(Command::Replay(args)) => match replay::Plan::new(args) {
            Ok(plan) => plan.run().await.report(),
            Err(why) => {
                console::complain(&why);
                Exit::Usage.report()
            }
        },
        Some(Command::Up { catalog, store }) => pair::up(&catalog, &store).await,
    }
}
