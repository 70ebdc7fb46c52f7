//! The proof that a check can fail: the mutants that it has found out.

/// Made by `cargo run --release -p mutants`.
const MATRIX: &str = include_str!("../../kill-matrix.md");

/// The mutants of the kill matrix that break the requirement with this id: each
/// is the reference broker made wrong in one way, and was found out.
pub fn mutants(id: &str) -> Vec<&'static str> {
    rows()
        .filter(|(broken, _)| *broken == id)
        .map(|(_, mutant)| mutant)
        .collect()
}

/// What each mutant breaks, and its name.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = MATRIX.lines().filter_map(|line| line.strip_prefix("| "));
    // The first two are the head of the table.
    rows.skip(2).filter_map(|row| {
        let mut cells = row.split(" | ");
        Some((cells.next()?, cells.next()?))
    })
}
