//! The command line: the only place that prints.

mod args;
mod check;
mod console;
mod login;
mod pair;
mod replay;
mod report;
mod requirements;

use std::process::{ExitCode, Termination as _};

use conformance::{Exit, Interrupt};
use fixtures::Registry;
use serving::Interrupts;

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
    let done = match args.command {
        None => Ok(replay::reference_pair().await),
        Some(Command::Check(args)) => match check::Plan::new(*args) {
            Ok(plan) => Ok(plan.run().await),
            Err(why) => Err(why),
        },
        Some(Command::Cleanup(args)) => check::cleanup(args).await,
        Some(Command::Requirements { format }) => listed(|registry| {
            console::print(requirements::list(registry, format));
            Ok(())
        }),
        Some(Command::Explain { id }) => listed(|registry| explained(registry, &id)),
        Some(Command::Replay(args)) => match replay::Plan::new(args) {
            Ok(plan) => Ok(plan.run().await),
            Err(why) => Err(why),
        },
        Some(Command::Up { catalog, store }) => return pair::up(&catalog, store).await,
    };
    match done {
        Ok(exit) => exit.report(),
        Err(why) => {
            console::complain(&why);
            Exit::Usage.report()
        }
    }
}

fn listed(print: impl FnOnce(&Registry) -> Result<(), String>) -> Result<Exit, String> {
    let registry = Registry::embedded().map_err(|error| error.to_string())?;
    print(registry).map(|()| Exit::Kept)
}

fn explained(registry: &Registry, id: &str) -> Result<(), String> {
    let Some(requirement) = registry.get(id) else {
        let similar = match requirements::similar(registry, id).join(", ") {
            none if none.is_empty() => String::new(),
            some => format!("; similar are {some}"),
        };
        return Err(format!(
            "there is no requirement {id:?}{similar}; `conformance requirements` lists them"
        ));
    };
    console::print(requirements::explain(requirement, console::width()));
    Ok(())
}

/// Resolves at the second Ctrl-C. The first one asks to clean up.
pub(crate) async fn interrupted_twice(interrupt: &Interrupt) {
    let mut interrupts = Interrupts::listen();
    interrupts.next().await;
    interrupt.raise();
    console::complain("cleaning up; Ctrl-C again ends it at once and may leave something behind");
    interrupts.next().await;
}
