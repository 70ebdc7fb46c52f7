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

/// Tells what is wrong with the arguments, or what help was asked for. clap
/// repeats an argument that it does not know, which may be a URL with
/// credentials.
pub(crate) fn misunderstood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        console::print(error.render().ansi());
        return ExitCode::SUCCESS;
    }
    console::complain_as_is(&without_userinfo(&error.render().to_string()));
    Exit::Usage.report()
}

/// A text in which what stands before the @ of a URL is left out.
fn without_userinfo(text: &str) -> String {
    let hide = |word: &str| match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}…{}", &word[..scheme + 3], &word[at..])
        }
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace)
        .map(hide)
        .collect()
}

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
