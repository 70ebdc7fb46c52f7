//! Makes the kill matrix: tries each mutant by every requirement, on the offering
//! that shows it. With a part of a name or of a requirement's id as its argument,
//! it only shows what becomes of these mutants.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use mutants::matrix::{Row, table};
use mutants::mutant::Mutant;
use mutants::trial::{Fate, Scope, TrueBroker};
use mutants::wrong;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many mutants are tried side by side.
const AT_ONCE: usize = 24;

/// Where the matrix is kept.
const MATRIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/kill-matrix.md");

#[tokio::main]
async fn main() -> ExitCode {
    match make().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // There is nobody else to tell.
            let _ = writeln!(io::stderr(), "mutants: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tries every mutant, and writes the matrix of those that were found out. Gives
/// whether all were.
async fn make() -> Result<bool, Box<dyn std::error::Error>> {
    let broker = Arc::new(TrueBroker::start().await?);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut trials = JoinSet::new();
    let wanted = std::env::args().nth(1);
    let is_wanted = |mutant: &&Mutant| {
        let part = wanted.as_deref().unwrap_or("");
        mutant.name.contains(part) || mutant.breaks.contains(part)
    };
    for mutant in wrong::all().filter(is_wanted).copied() {
        let (broker, places) = (broker.clone(), places.clone());
        trials.spawn(async move {
            let _place = places.acquire().await;
            (mutant, broker.tries(&mutant, Scope::Offering).await)
        });
    }
    let (mut rows, mut all_are_killed) = (Vec::new(), true);
    for (mutant, trial) in trials.join_all().await {
        let mut trial = trial?;
        for scope in [Scope::Offering, Scope::Everything] {
            // It may take a machine that is less busy, or another offering.
            if trial.fate(&mutant) != Fate::Killed {
                trial = broker.tries(&mutant, scope).await?;
            }
        }
        let Mutant { name, breaks, .. } = mutant;
        let told = match trial.fate(&mutant) {
            Fate::Killed => "killed".to_owned(),
            Fate::Survived(why) => format!("SURVIVED ({why})"),
            Fate::Unviable => "UNVIABLE".to_owned(),
        };
        let is_killed = trial.fate(&mutant) == Fate::Killed;
        all_are_killed &= is_killed;
        let collateral = trial.collateral(&mutant);
        let also = collateral.join(", ");
        writeln!(
            io::stdout(),
            "{name} ({breaks}): {told}; also accused: {also}"
        )?;
        if is_killed {
            rows.push(Row {
                breaks: breaks.to_owned(),
                mutant: name.to_owned(),
                collateral,
            });
        }
    }
    rows.sort();
    if wanted.is_none() {
        fs::write(Path::new(MATRIX), table(&rows))?;
    }
    Ok(all_are_killed)
}
