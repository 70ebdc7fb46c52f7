//! The mutants, in the order of the specification.

pub mod binding;
pub mod catalog;
pub mod instance;
pub mod plan;
pub mod profile;
mod telling;

use crate::mutant::Mutant;

/// Every mutant.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        catalog::MUTANTS,
        plan::MUTANTS,
        &[instance::MUTANTS],
        &[binding::MUTANTS],
        profile::MUTANTS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .flatten()
}
