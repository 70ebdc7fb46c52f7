//! Tests of the broker over HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogs;
mod common;
mod concurrency;
mod crash;
mod decide;
mod deployment;
mod documented;
mod endpoints;
mod http;
mod lossy_gateway;
mod model;
mod old_instances;
mod operations;
mod process;
mod server;
mod sick_echo;
mod specification;
mod store;
