//! Tests of the echo service over HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documented;
mod http;
mod process;
