//! Tests of the engine and of the command line, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arrows;
mod check;
mod clearing;
mod osb;
mod pair;
mod readme;
mod replay;
mod screens;
mod tampered;
mod wire;
