//! The mutants, in the order of the specification.

pub mod asynchronous;
pub mod auth;
pub mod binding;
pub mod catalog;
pub mod errors;
pub mod headers;
pub mod instance;
pub mod plan;
pub mod profile;
mod tables;
mod telling;

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
        &[instance::MUTANTS],
        &[binding::MUTANTS],
        profile::MUTANTS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .flatten()
}
