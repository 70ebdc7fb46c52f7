//! What the broker does as a server: https, identities, slow senders, its end.

use std::sync::Arc;
use std::time::Duration;

use broker::Config;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serving::testing::{Process, screen, send, send_bytes};
use serving::{Listen, Patience};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{AUTH, Broker, INSTANCE};
use crate::lossy_gateway::{LossyGateway, Mode};

const BROKER: &str = env!("CARGO_BIN_EXE_broker");

/// A client that trusts `certificate` alone.
fn client(certificate: &str) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

#[test]
fn it_serves_https_with_a_certificate_and_its_key() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let args = [
        "--port",
        "0",
        "--store",
        "memory",
        "--tls-cert",
        &path("cert.pem"),
        "--tls-key",
        &path("key.pem"),
    ];
    let process = Process::start(BROKER, &args, &[]).unwrap();
    assert!(
        process.url().starts_with("https://127.0.0.1:"),
        "{}",
        process.ready
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async {
        let url = format!("{}/health", process.url());
        client(&made.cert.pem())
            .get(url)
            .send()
            .await
            .unwrap()
            .status()
    });
    assert_eq!(status, 200);
    assert_eq!(process.end_by("INT").unwrap().0, Some(0));
}

/// What it says where its files are wrong, and its exit code.
fn refused(args: &[&str]) -> String {
    let args = [&["--port", "0", "--store", "memory"], args].concat();
    screen(BROKER, &args, &[]).unwrap()
}

#[test]
fn a_certificate_without_a_key_or_files_that_are_none_are_told() {
    insta::assert_snapshot!(refused(&["--tls-cert", "cert.pem"]), @"
    error: the following required arguments were not provided:
      --tls-key <FILE>

    Usage: broker --tls-cert <FILE> --tls-key <FILE> --port <PORT> --store <STORE>

    For more information, try '--help'.
    exit code 2
    ");
    insta::assert_snapshot!(refused(&["--tls-cert", "no-cert.pem", "--tls-key", "no-key.pem"]), @"
    broker: cannot start: no-cert.pem and no-key.pem are no certificate and key in PEM: error reading TLS file `no-cert.pem`: No such file or directory (os error 2)
    exit code 1
    ");
}

#[tokio::test]
async fn the_request_identity_comes_back_with_every_answer() {
    let broker = Broker::start().await;
    let identity = (
        "X-Broker-API-Request-Identity",
        "e26cee84-6b38-4456-b34e-d1a9f002c956",
    );
    for (line, headers, status) in [
        (
            "GET /v2/catalog",
            &[AUTH, ("X-Broker-API-Version", "2.17")][..],
            200,
        ),
        ("GET /v2/catalog", &[], 401),
        ("GET /v2/catalog", &[AUTH], 400),
        ("GET /nowhere", &[], 404),
        ("POST /v2/catalog", &[AUTH], 405),
    ] {
        let headers = [headers, &[identity]].concat();
        let answer = send(&broker.url(), line, &headers).await.unwrap();
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(
            answer.header("x-broker-api-request-identity"),
            Some(identity.1),
            "{line}"
        );
    }
    let long = "x".repeat(1025);
    let headers = [("X-Broker-API-Request-Identity", long.as_str())];
    let answer = send(&broker.url(), "GET /health", &headers).await.unwrap();
    assert_eq!(
        (
            answer.status,
            answer.header("x-broker-api-request-identity")
        ),
        (200, None)
    );
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let config = Config::new("http://127.0.0.1:1".parse().unwrap());
    let rocket = broker::rocket(Listen::locally(0), &config).await.unwrap();
    let impatient = rocket.manage(Patience(Duration::from_millis(1)));
    let url = serving::start(impatient).await.unwrap().url();
    // Rocket itself waits for the first 14 bytes.
    let request = format!(
        "PUT {INSTANCE} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}: {}\r\nContent-Length: 99\r\n\r\n{{\"service_id\": \"",
        AUTH.0, AUTH.1
    );
    let answer = send_bytes(&url, request.as_bytes()).await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["description"].as_str()),
        (408, Some("the body has stopped arriving"))
    );
}

#[tokio::test]
async fn a_stop_waits_for_requests_under_way_and_takes_no_new_ones() {
    let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
    let gateway = LossyGateway::start(echo.url()).await;
    gateway.lose(Mode::Stall, 1);
    let mut config = Config::new(gateway.url().parse().unwrap());
    config.echo_timeout = Duration::from_millis(300);
    let running = broker::start(Listen::locally(0), &config).await.unwrap();
    let url = running.url();
    let request = tokio::spawn({
        let (url, body) = (url.clone(), crate::common::provision().to_string());
        async move {
            let line = format!("PUT {INSTANCE}");
            serving::testing::send_body(&url, &line, &[AUTH], body).await
        }
    });
    gateway.asked().await;
    running.stop(Duration::from_secs(60)).await;
    // Its first attempt was lost, its second one was waited for.
    assert_eq!(request.await.unwrap().unwrap().status, 201);
    assert!(send(&url, "GET /health", &[]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
    let gateway = LossyGateway::start(echo.url()).await;
    gateway.lose(Mode::Stall, usize::MAX);
    let echo_url = gateway.url();
    let args = [
        "--port",
        "0",
        "--store",
        "memory",
        "--echo-url",
        &echo_url,
        "--echo-timeout",
        "1h",
        "--grace",
        "1h",
    ];
    let process = Process::start(BROKER, &args, &[]).unwrap();
    let mut stream = TcpStream::connect(process.url().trim_start_matches("http://"))
        .await
        .unwrap();
    let body = crate::common::provision().to_string();
    let head = format!(
        "PUT {INSTANCE} HTTP/1.1\r\nHost: h\r\n{}: {}\r\nContent-Length: {}\r\n\r\n",
        AUTH.0,
        AUTH.1,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    gateway.asked().await;
    process.signal("INT").unwrap();
    // The listener closes with the first signal; then it waits for the request.
    while TcpStream::connect(process.url().trim_start_matches("http://"))
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    let (code, _) = tokio::task::spawn_blocking(|| process.end_by("INT"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(code, Some(0));
    let _ = stream.read(&mut [0; 1]).await;
}
