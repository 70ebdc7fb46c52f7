//! The client of the echo service.

mod lines;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use rocket::http::Status;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use serving::StartError;
use tokio::time::timeout;

use crate::decide::{Verb, Work};
use crate::store::Key;
use lines::Lines;

/// How often a call is made at most, where the failed attempts before it left
/// open whether they had any effect.
const ATTEMPTS: usize = 2;

/// Calls the echo service, over connections that are used again.
pub(crate) struct EchoClient {
    lines: Lines,
    timeout: Duration,
}

/// What a call has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The resource has been created or deleted.
    Done,
    /// It had been created before, or did not exist before.
    AlreadySo,
    /// There is no instance to bind to.
    NoInstance,
}

/// Why a call has led to nothing that is known, in words for a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EchoError {
    /// No connection: the echo service has not seen the call.
    #[error("the echo service cannot be reached; try again later")]
    Unreachable,
    /// No answer in time.
    #[error("the echo service did not answer in time; try again later")]
    TimedOut,
    /// The connection broke off before the answer had come.
    #[error("the echo service broke off the connection; try again later")]
    BrokenOff,
    /// An answer that the echo service's documentation does not have.
    #[error(
        "the echo service answered {status} where that means nothing to the broker; try again later"
    )]
    Unexpected {
        /// The status of the answer.
        status: u16,
    },
}

impl EchoError {
    /// Whether the call may have had an effect all the same.
    pub fn may_have_acted(&self) -> bool {
        *self != EchoError::Unreachable
    }

    /// The status with which a gateway tells such an error.
    pub(crate) fn status(&self) -> Status {
        match self {
            EchoError::Unreachable => Status::ServiceUnavailable,
            EchoError::TimedOut => Status::GatewayTimeout,
            EchoError::BrokenOff | EchoError::Unexpected { .. } => Status::BadGateway,
        }
    }
}

impl EchoClient {
    /// A client of the echo service at `base`, a URL without a slash at its
    /// end, that waits for each answer up to `timeout`.
    pub(crate) fn new(base: &str, timeout: Duration) -> Result<EchoClient, StartError> {
        // The connector wants roots even where it has no use for them.
        let roots = match base.starts_with("https:") {
            true => trusted_roots(),
            false => RootCertStore::empty(),
        };
        Ok(EchoClient {
            lines: Lines::new(base, tls(roots)?)?,
            timeout,
        })
    }

    /// Does `work` for the instance or binding `key`.
    ///
    /// An attempt that leaves its effect open is followed by another, and when
    /// that finds things as they were to be, the first one has done it.
    pub(crate) async fn perform(&self, key: &Key, work: &Work) -> Result<Effect, EchoError> {
        let mut may_have_acted = false;
        let mut attempt = 1;
        loop {
            match self.attempt(key, work).await {
                Ok(Effect::AlreadySo) if may_have_acted => return Ok(Effect::Done),
                Ok(effect) => return Ok(effect),
                Err(error) if !error.may_have_acted() && may_have_acted => {
                    return Err(EchoError::BrokenOff);
                }
                Err(error) if !error.may_have_acted() || attempt == ATTEMPTS => return Err(error),
                Err(_) => may_have_acted = true,
            }
            attempt += 1;
        }
    }

    /// Whether anything answers where the echo service should be.
    pub(crate) async fn is_reachable(&self) -> Result<(), EchoError> {
        self.call(Method::GET, "/health").await.map(drop)
    }

    async fn attempt(&self, key: &Key, work: &Work) -> Result<Effect, EchoError> {
        let (method, already) = match work.verb {
            Verb::Create => (Method::PUT, StatusCode::CONFLICT),
            Verb::Delete => (Method::DELETE, StatusCode::NOT_FOUND),
            Verb::Nothing => return Ok(Effect::Done),
        };
        let path = work.backend.path(&key.instance, key.binding.as_ref());
        let (status, body) = self.call(method, &path).await?;
        let unexpected = EchoError::Unexpected {
            status: status.as_u16(),
        };
        let body = body.ok_or_else(|| unexpected.clone())?;
        // The members tell the echo service from whatever else may answer.
        let says = |member: &str| body.get(member).is_some_and(Value::is_string);
        if status == StatusCode::OK && says("state") {
            Ok(Effect::Done)
        } else if status == already && says("error") {
            Ok(Effect::AlreadySo)
        } else if status == StatusCode::NOT_FOUND && says("error") {
            Ok(Effect::NoInstance)
        } else {
            Err(unexpected)
        }
    }

    /// The status of an answer and its JSON, or `None` if it is none or too long.
    async fn call(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, Option<Value>), EchoError> {
        let call = timeout(self.timeout, self.lines.call(&method, path));
        let (status, body) = call.await.unwrap_or(Err(EchoError::TimedOut))?;
        let json = body.and_then(|body| serde_json::from_slice(&body).ok());
        Ok((status, json))
    }
}

/// The roots of the machine, or the bundled ones where the machine has none.
fn trusted_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn tls(roots: RootCertStore) -> Result<ClientConfig, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StartError::Other(format!("the client of the echo service: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
