//! The mutants, in the order of the specification.

pub mod binding;
pub mod binding_body;
pub mod catalog;
pub mod deprovisioning;
pub mod fetching;
pub mod fetching_binding;
pub mod general;
pub mod polling;
pub mod polling_binding;
pub mod provisioning;
pub mod rotation;
pub mod unbinding;
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
        polling_binding::MUTANTS,
        binding::MUTANTS,
        binding::CARRIED_OUT,
        binding_body::MUTANTS,
        rotation::MUTANTS,
        rotation::CARRIED_OUT,
        fetching_binding::MUTANTS,
        fetching_binding::MIXED_UP,
        unbinding::MUTANTS,
        unbinding::CARRIED_OUT,
    ]
    .into_iter()
    .flatten()
}
