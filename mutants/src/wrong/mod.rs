//! The mutants, in the order of the specification.

pub mod binding;
pub mod catalog;
pub mod general;
pub mod instance;

use crate::mutant::Mutant;

/// Every mutant.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        general::MUTANTS,
        catalog::MUTANTS,
        instance::MUTANTS,
        binding::MUTANTS,
    ]
    .into_iter()
    .flatten()
}
