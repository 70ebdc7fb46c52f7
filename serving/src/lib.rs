//! What the two servers of this project share, so that both are right in the
//! same way: ids that stay opaque ([`Id`]), requests that are taken as they
//! were sent, errors that are JSON whoever finds them ([`Answer`]), bodies
//! with a limit ([`Body`]), and a start and a stop that scripts can rely on
//! ([`start`], [`serve`]).
//!
//! Nothing here knows what a broker or an echo service is, and the checker
//! uses none of it: it talks to both servers over HTTP alone.

mod answer;
mod as_sent;
mod body;
mod catchers;
mod id;
mod interrupts;
mod listen;
mod log;
mod run;
#[cfg(feature = "testing")]
pub mod testing;

pub use answer::Answer;
pub use body::{BODY_LIMIT, Body, Patience};
pub use id::{BadId, Id, PathId};
pub use interrupts::Interrupts;
pub use listen::{GRACE, Listen, ListenArgs, Tls, duration};
pub use log::{RequestLog, note};
pub use run::{Running, StartError, build, serve, start};
