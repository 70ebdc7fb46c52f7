//! For the tests of the servers: a client, a server's process, and a door that
//! may change what goes through it.

mod client;
mod door;
mod process;

pub use client::{Received, send, send_body, send_bytes};
pub use door::{Door, Keeper, Reply, Sent};
pub use process::{Process, output, screen};
