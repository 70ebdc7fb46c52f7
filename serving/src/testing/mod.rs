//! For the tests of the servers: a client and a server's process.

mod client;
mod process;

pub use client::{Received, send, send_body, send_bytes};
pub use process::{Process, output, screen};
