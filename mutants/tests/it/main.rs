//! The proof of the checks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod killed;
