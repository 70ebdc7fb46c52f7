//! Judges a target by the requirements of the specification.

mod outcome;

pub use outcome::{CheckRun, CutShort, Evidence, Judged, Tally, Verdict};
