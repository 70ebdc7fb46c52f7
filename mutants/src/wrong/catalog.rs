//! Wrong about what is offered

use crate::mutant::Mutant;

/// The mutants.
pub const MUTANTS: &[Mutant] = &[];
