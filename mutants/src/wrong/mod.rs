//! The mutants, in the order of the specification.

pub mod binding;
pub mod catalog;
pub mod deprovisioning;
pub mod fetching;
pub mod general;
pub mod polling;
pub mod provisioning;
pub mod updating;
pub mod ways;

use crate::mutant::Mutant;

/// Every mutant.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        general::MUTANTS,
        catalog::MUTANTS,
        polling::MUTANTS,
        provisioning::MUTANTS,
        fetching::MUTANTS,
        updating::MUTANTS,
        deprovisioning::MUTANTS,
        binding::MUTANTS,
    ]
    .into_iter()
    .flatten()
}
