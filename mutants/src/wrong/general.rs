//! Wrong in general

use crate::mutant::Mutant;

/// The mutants.
pub const MUTANTS: &[Mutant] = &[];
