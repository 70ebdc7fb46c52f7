//! `conformance check` and `conformance cleanup`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conformance::reports::{self, Detail};
use conformance::{
    Auth, CheckEvent, CheckRun, Client, Exit, Interrupt, Options, Parameters, Plans, Target, Trust,
    check, clean_up, interrupted_target,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::args::{self, Format};
use super::console;
use super::interrupted_twice;
use super::login;

/// What is to be checked, and how it is told.
pub(crate) struct Plan {
    client: Client,
    options: Options,
    reports: Vec<(Format, PathBuf)>,
    detail: Detail,
    is_strict: bool,
}

impl Plan {
    /// Reads the arguments; an error says in words what is wrong with them.
    pub(crate) fn new(args: args::Check) -> Result<Plan, String> {
        let (target, auth) = login::target_or_token(
            &args.url,
            args.login.auth.as_deref(),
            args.login.token.as_deref(),
        )?;
        let client = client(target, args.timeout, &args.login)?;
        for (_, path) in &args.reports {
            writable(path)?;
        }
        let parameters = match &args.parameters {
            Some(path) => parameters(path)?,
            None => Parameters::default(),
        };
        let ledger = match args.read_only {
            true => None,
            false => Some(args.ledger.unwrap_or_else(free_ledger)),
        };
        Ok(Plan {
            client,
            options: Options {
                api_version: args.api_version,
                auth,
                headers: args.login.headers,
                only: args.only.into_iter().collect(),
                skip: args.skip.into_iter().collect(),
                service: args.service,
                plan: args.plan,
                plans: match args.all_plans {
                    true => Plans::All,
                    false => Plans::Representatives,
                },
                parameters,
                expect: args
                    .expect
                    .into_iter()
                    .map(Into::into)
                    .collect::<BTreeSet<_>>(),
                jobs: args.jobs,
                operation_timeout: args.operation_timeout,
                max_requests: args.max_requests,
                read_only: args.read_only,
                ledger,
                ..Options::default()
            },
            reports: args.reports,
            detail: match (args.quiet, args.verbose) {
                (true, _) => Detail::Quiet,
                (_, true) => Detail::Verbose,
                _ => Detail::Normal,
            },
            is_strict: args.strict,
        })
    }

    /// Checks and reports.
    pub(crate) async fn run(self) -> Exit {
        let interrupt = Interrupt::new();
        tokio::select! {
            exit = self.check(&interrupt) => exit,
            () = interrupted_twice(&interrupt) => Exit::Interrupted,
        }
    }

    async fn check(self, interrupt: &Interrupt) -> Exit {
        let ledger = self.options.ledger.clone();
        let run = match watched(self.client, self.options, interrupt).await {
            Ok(run) => run,
            Err(why) => {
                console::complain(why);
                return Exit::Usage;
            }
        };
        console::print(reports::terminal(&run, console::width(), self.detail));
        if let Some(ledger) = ledger.filter(|path| path.exists()) {
            let shown = ledger.display();
            console::complain(format_args!(
                "what is left stands in {shown}; `conformance cleanup {shown}` removes it"
            ));
        }
        let mut exit = Exit::of_check(&run, self.is_strict);
        for (format, path) in &self.reports {
            if let Err(why) = write_report(&run, *format, path) {
                console::complain(why);
                exit = exit.or_worse(Exit::Usage);
            }
        }
        exit
    }
}

/// Checks, and shows on a terminal how far it is.
pub(crate) async fn watched(
    client: Client,
    options: Options,
    interrupt: &Interrupt,
) -> Result<CheckRun, String> {
    // It draws on standard error, and only if that is a terminal.
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {pos} scenarios done; {wide_msg}");
    bar.set_style(style.map_err(|error| error.to_string())?);
    let mut observe = |event: &CheckEvent| match event {
        CheckEvent::Plans(plans) => bar.set_message(format!("{} plans to judge", plans.len())),
        CheckEvent::Begun { scenario, plan } => {
            let told = format!("{plan}: {scenario}");
            bar.set_message(reports::text::one_line(&told));
        }
        CheckEvent::Ended { .. } => bar.inc(1),
        CheckEvent::Sweeping => bar.set_message("removing what was created"),
    };
    let run = check(client, options, interrupt, &mut observe).await;
    bar.finish_and_clear();
    run.map_err(|error| error.to_string())
}

/// `conformance cleanup`: removes what an interrupted run has left behind.
pub(crate) async fn cleanup(args: args::Cleanup) -> Result<Exit, String> {
    let path = &args.ledger;
    let url = interrupted_target(path).map_err(|error| error.to_string())?;
    let (target, auth) = login::target_or_token(
        &url,
        args.login.auth.as_deref(),
        args.login.token.as_deref(),
    )?;
    let client = client(target, args.timeout, &args.login)?;
    let leftovers = removed(client, auth, path, args.login.headers).await?;
    for leftover in &leftovers {
        console::print(reports::text::left_behind(leftover, console::width()));
    }
    match leftovers.len() {
        0 => {
            console::print(format_args!("nothing is left of it at {url}\n"));
            Ok(Exit::Kept)
        }
        _ => Ok(Exit::NotJudged),
    }
}

async fn removed(
    client: Client,
    auth: Option<Auth>,
    path: &Path,
    headers: Vec<(String, String)>,
) -> Result<Vec<conformance::Leftover>, String> {
    let removed = clean_up(client, auth, headers, path).await;
    removed.map_err(|error| error.to_string())
}

fn client(target: Target, timeout: Duration, login: &args::Login) -> Result<Client, String> {
    let trust = match (&login.ca_cert, login.insecure) {
        (_, true) => Trust::Anybody,
        (Some(path), false) => Trust::Also(read(path)?),
        (None, false) => Trust::Machine,
    };
    Client::trusting(target, timeout, &trust).map_err(|error| match &login.ca_cert {
        Some(path) => format!("{error}; see {}", path.display()),
        None => error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// `{"provision": {…}, "update": {…}, "bind": {…}}`, each of them optional.
fn parameters(path: &Path) -> Result<Parameters, String> {
    let shown = path.display();
    let members: serde_json::Map<String, Value> = serde_json::from_slice(&read(path)?)
        .map_err(|error| {
            format!(r#"the parameters {shown} are no JSON such as {{"provision": {{"size": 1}}}}: {error}"#)
        })?;
    let mut parameters = Parameters::default();
    for (name, value) in members {
        if !value.is_object() {
            return Err(format!("the parameters {shown}: {name} is no object"));
        }
        *match name.as_str() {
            "provision" => &mut parameters.provision,
            "update" => &mut parameters.update,
            "bind" => &mut parameters.bind,
            _ => {
                let name = Value::from(name);
                return Err(format!(
                    "the parameters {shown}: {name} is none of provision, update and bind"
                ));
            }
        } = Some(value);
    }
    Ok(parameters)
}

/// A name in the working directory that no ledger has yet.
fn free_ledger() -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("conformance-ledger-{number}.jsonl")));
    let mut names = std::iter::once(PathBuf::from("conformance-ledger.jsonl")).chain(numbered);
    names.find(|path| !path.exists()).unwrap_or_default()
}

/// Before anything is judged: a report that cannot be written is worth nothing.
fn writable(path: &Path) -> Result<(), String> {
    let file = fs::File::options().create(true).append(true).open(path);
    file.map(drop)
        .map_err(|error| format!("cannot write the report {}: {error}", path.display()))
}

fn write_report(run: &CheckRun, format: Format, path: &Path) -> Result<(), String> {
    let text = match format {
        Format::Json => reports::json(run, 0),
        Format::Junit => reports::junit(run).map_err(|error| error.to_string())?,
        Format::Html => reports::html(run),
        Format::Markdown => reports::markdown(run),
    };
    fs::write(path, text)
        .map_err(|error| format!("cannot write the report {}: {error}", path.display()))
}
