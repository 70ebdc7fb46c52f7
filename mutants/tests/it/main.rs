//! The proof of the checks.

mod killed;
mod unusual;
