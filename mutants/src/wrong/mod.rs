//! The mutants, in the order of the specification.

pub mod asynchronous;
pub mod auth;
pub mod binding;
pub mod binding_body;
pub mod catalog;
pub mod deprovisioning;
pub mod errors;
pub mod fetching;
pub mod fetching_binding;
pub mod headers;
pub mod plan;
pub mod polling;
pub mod polling_binding;
pub mod profile;
pub mod provisioning;
pub mod rotation;
mod tables;
mod telling;
pub mod unbinding;
pub mod updating;
mod ways;

use crate::mutant::Mutant;

/// Every mutant.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        headers::MUTANTS,
        auth::MUTANTS,
        errors::MUTANTS,
        catalog::MUTANTS,
        plan::MUTANTS,
        asynchronous::MUTANTS,
        &[
            polling::MUTANTS,
            polling_binding::MUTANTS,
            provisioning::MUTANTS,
            fetching::MUTANTS,
            updating::MUTANTS,
            binding::MUTANTS,
            binding::CARRIED_OUT,
            binding_body::MUTANTS,
            rotation::MUTANTS,
            rotation::CARRIED_OUT,
            fetching_binding::MUTANTS,
            fetching_binding::MIXED_UP,
            unbinding::MUTANTS,
            unbinding::CARRIED_OUT,
            deprovisioning::MUTANTS,
        ],
        profile::MUTANTS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .flatten()
}
