//! Ctrl-C and SIGTERM.

use std::future::pending;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The interrupts of this process, Ctrl-C and SIGTERM, from the time on from
/// which one listens to them: none is missed between two waits.
pub struct Interrupts {
    #[cfg(unix)]
    signals: Option<(Signal, Signal)>,
}

impl Interrupts {
    /// Begins to listen. Has to be called within a tokio runtime.
    #[cfg(unix)]
    pub fn listen() -> Interrupts {
        let interrupt = signal(SignalKind::interrupt()).ok();
        let terminate = signal(SignalKind::terminate()).ok();
        Interrupts {
            signals: interrupt.zip(terminate),
        }
    }

    /// Begins to listen. Has to be called within a tokio runtime.
    #[cfg(not(unix))]
    pub fn listen() -> Interrupts {
        Interrupts {}
    }

    /// Resolves at the next interrupt.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        match &mut self.signals {
            Some((interrupt, terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // Without handlers the system ends the process by itself.
            None => pending().await,
        }
    }

    /// Resolves at the next Ctrl-C.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the system ends the process by itself.
            pending().await
        }
    }
}
