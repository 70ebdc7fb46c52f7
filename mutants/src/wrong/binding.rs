//! Wrong about service bindings

use crate::mutant::Mutant;

/// The mutants.
pub const MUTANTS: &[Mutant] = &[];
