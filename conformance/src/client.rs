//! Sends requests: the only file that knows the HTTP crates.

use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{self, Builder};
use hyper_util::rt::TokioExecutor;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::exchange::{Answer, Failure, Request};
use crate::target::Target;

/// The longest body that is read: an answer of a broker is far shorter, and one
/// that never ends must not fill the memory.
const LONGEST_BODY: usize = 1024 * 1024;

/// The longest head of an answer that is read.
const LONGEST_HEAD: usize = 64 * 1024;

/// Sends requests to one target, as they are: paths unchanged, redirects not
/// followed, no proxy, nothing added but `Host`, `Content-Length`, `Accept` and
/// `User-Agent`.
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, String>,
    target: Target,
    timeout: Duration,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS: {0}")]
pub struct ClientError(#[from] rustls::Error);

/// Whom a client believes to be the target, where that speaks https.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Whoever the machine's certificates vouch for, or, where it has none, the
    /// bundled ones.
    #[default]
    Machine,
    /// Also whoever the certificates in this PEM text vouch for.
    Also(Vec<u8>),
    /// Anybody.
    Anybody,
}

impl Client {
    /// A client for a target. A request and its whole answer, the connection
    /// included, may take `timeout`.
    pub fn new(target: Target, timeout: Duration) -> Result<Self, ClientError> {
        Self::trusting(target, timeout, &Trust::Machine)
    }

    /// The same, with other certificates.
    pub fn trusting(target: Target, timeout: Duration, trust: &Trust) -> Result<Self, ClientError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let tls = match trust {
            Trust::Anybody => tls
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Credulous(provider))),
            _ => tls.with_root_certificates(roots(&target, trust)?),
        };
        let tls = tls.with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let http = Builder::new(TokioExecutor::new())
            // Each request has its own connection. One that is kept may be closed
            // by the target just when it is used again, and nobody could tell
            // that from a target that drops the request.
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .http1_title_case_headers(true)
            .http1_max_buf_size(LONGEST_HEAD)
            .build(connector);
        Ok(Self {
            http,
            target,
            timeout,
        })
    }

    /// Where the requests go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How long a request and its whole answer may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.send_within(request, self.timeout).await
    }

    /// The same, where it may take `timeout`.
    pub(crate) async fn send_within(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        let mut message = self.message(request).map_err(Failure::Unsendable)?;
        let connection = capture_connection(&mut message);
        let exchange = async {
            let answer = self.http.request(message).await.map_err(failed_request)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST_BODY).collect().await;
            let body = body.map_err(failed_body)?.to_bytes().to_vec();
            Ok(Answer {
                status: head.status.as_u16(),
                headers: header_list(&head.headers),
                body: match is_gzip(&head.headers) && !body.is_empty() {
                    true => decompressed(&body)?,
                    false => body,
                },
            })
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_) if connection.connection_metadata().is_none() => Err(Failure::Unreachable(
                format!("no connection within {timeout:?}"),
            )),
            Err(_) => Err(Failure::TimedOut(timeout)),
        }
    }

    fn message(&self, request: &Request) -> Result<http::Request<String>, String> {
        for framing in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            if request.header(framing.as_str()).is_some() {
                return Err(format!("{framing} follows from the body"));
            }
        }
        let uri = self.target.uri(&request.path);
        let mut message = http::Request::builder()
            .method(request.method.as_str())
            .uri(uri.map_err(|error| error.to_string())?);
        for (name, value) in request.sent_headers() {
            message = message.header(name, value);
        }
        if request.announces_empty_body() {
            message = message.header(CONTENT_LENGTH, 0);
        }
        message
            .body(request.body.clone().unwrap_or_default())
            .map_err(|error| error.to_string())
    }
}

/// The certificates that a target may be vouched for by: the machine's own, or,
/// where it has none, the bundled ones.
fn roots(target: &Target, trust: &Trust) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    if target.is_https() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    if let Trust::Also(pem) = trust {
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate
                .map_err(|error| rustls::Error::General(format!("no PEM: {error:?}")))?;
            roots.add(certificate)?;
            added += 1;
        }
        if added == 0 {
            let why = "there is no certificate in the PEM file".to_owned();
            return Err(rustls::Error::General(why));
        }
    }
    Ok(roots)
}

/// Believes whoever answers, but checks that the handshake is sound.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// Whether a body is compressed. A server may do so that was not asked for any
/// encoding (RFC 9110, section 12.5.3).
fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    encoding.is_some_and(|encoding| {
        let is = |name: &[u8]| encoding.as_bytes().eq_ignore_ascii_case(name);
        is(b"gzip") || is(b"x-gzip")
    })
}

fn decompressed(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    // A few bytes can become any number.
    let mut read = MultiGzDecoder::new(body).take(LONGEST_BODY as u64 + 1);
    read.read_to_end(&mut text)
        .map_err(|error| Failure::Broken(format!("the body is no gzip: {error}")))?;
    match text.len() > LONGEST_BODY {
        true => Err(Failure::TooLong(LONGEST_BODY)),
        false => Ok(text),
    }
}

fn failed_request(error: legacy::Error) -> Failure {
    if error.is_connect() {
        Failure::Unreachable(innermost(&error))
    } else {
        Failure::Broken(innermost(&error))
    }
}

fn failed_body(error: Box<dyn Error + Send + Sync>) -> Failure {
    if error.is::<LengthLimitError>() {
        Failure::TooLong(LONGEST_BODY)
    } else {
        Failure::Broken(innermost(error.as_ref()))
    }
}

/// The cause of the causes, which says what happened; those around it only say
/// in which layer.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
