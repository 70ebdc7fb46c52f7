//! .

use super::Unusual;

pub(super) const ALL: &[Unusual] = &[];
