//! Brokers that are wrong on purpose: each is the true reference broker behind a
//! door that changes what goes through it in one way, and so breaks one
//! requirement. A check that cannot tell such a mutant from the true broker
//! proves nothing.
//!
//! [`wrong::all`] lists them, [`trial`] tries them, and [`matrix`] keeps what
//! came of it.
//!
//! And brokers that are unusual, but right: a check that accuses one of them is
//! wrong. [`unusual::all`] lists them.

pub mod matrix;
pub mod message;
pub mod mutant;
pub mod rows;
pub mod trial;
pub mod unusual;
pub mod wrong;
