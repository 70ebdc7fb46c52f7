//! How a project in Rust judges its own broker in `cargo test`.
//!
//! Its `Cargo.toml` takes the engine alone, without Rocket and the command line:
//!
//! ```toml
//! [dev-dependencies]
//! conformance = { git = "…", default-features = false }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! and this is the test. Here the broker is the one whose URL is given:
//! `cargo run --example my_broker -- http://user:pass@127.0.0.1:8080`

use conformance::{CheckError, Options, judge};

async fn my_broker_conforms(url: &str) -> Result<(), CheckError> {
    let run = judge(url, Options::default()).await?;
    assert!(run.is_kept(), "{run}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), CheckError> {
    let url = std::env::args().nth(1);
    my_broker_conforms(url.as_deref().unwrap_or("http://user:pass@127.0.0.1:8080")).await
}
