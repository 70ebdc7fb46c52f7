//! The kill matrix: what each mutant breaks, and of what else it is accused. It
//! is made by `cargo run --release -p mutants` and kept in the repository.

use std::fmt::Write as _;

/// A line of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The requirement that the mutant breaks.
    pub breaks: String,
    /// Its name.
    pub mutant: String,
    /// The other requirements that a full check accuses it of breaking.
    pub collateral: Vec<String>,
}

const HEAD: &str = "\
# Kill matrix

Each mutant is the reference broker made wrong in one way (`mutants/src/wrong/`),
and the check of the requirement that it breaks has found it out. The last column
has what else a check of all requirements accuses it of, on the offering that shows
it: the less, the better. Made by `cargo run --release -p mutants`.

| requirement | mutant | also accused of breaking |
| --- | --- | --- |
";

/// The matrix as a table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    for row in rows {
        let collateral = row.collateral.join(", ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {} | {collateral} |", row.breaks, row.mutant);
    }
    text
}
