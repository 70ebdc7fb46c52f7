//! The binary `broker`: how it starts, says where it is, and stops.

use std::net::TcpListener;

use insta::assert_snapshot;
use serving::testing::{Process, screen, send};

use crate::common::{AUTH, INSTANCE};

const BROKER: &str = env!("CARGO_BIN_EXE_broker");

/// What it prints and its exit code, where it does not start.
fn refused(args: &[&str], env: &[(&str, &str)]) -> String {
    let args = [args, &["--store", "memory"]].concat();
    screen(BROKER, &args, env).unwrap()
}

#[test]
fn its_help_names_every_flag_and_variable() {
    assert_snapshot!(refused(&["--help"], &[("BROKER_PASSWORD", "secret")]), @"
    A service broker for the echo service, by the Service Broker API 2.3 to 2.17

    Usage: broker [OPTIONS]

    Options:
          --address <ADDRESS>             IP address to listen on; 127.0.0.1 by default, 0.0.0.0 if PORT
                                          is set [env: LISTEN_ADDRESS=]
          --port <PORT>                   Port to listen on; 0 takes a free one [env: PORT=]
          --tls-cert <FILE>               Certificate (PEM), to serve https [env: TLS_CERT=]
          --tls-key <FILE>                Private key (PEM) of the certificate [env: TLS_KEY=]
          --grace <DURATION>              How long a stop waits for the requests under way [env: GRACE=]
                                          [default: 5s]
          --echo-url <URL>                Where the broker calls the echo service [env:
                                          BROKER_ECHO_URL=] [default: http://127.0.0.1:8090]
          --echo-public-url <URL>         Where users reach the echo service, for dashboards and
                                          credentials; the same by default [env:
                                          BROKER_ECHO_PUBLIC_URL=]
          --echo-timeout <DURATION>       How long to wait for an answer of the echo service, such as 5s
                                          or 500ms [env: BROKER_ECHO_TIMEOUT=] [default: 5s]
          --catalog <CATALOG>             What to offer: documented, showcase (every feature), scenarios
                                          (plans that misbehave on purpose), or a file of yours [env:
                                          BROKER_CATALOG=] [default: documented]
          --store <STORE>                 Where to keep what the broker has to know: a file, or memory
                                          [env: BROKER_STORE=] [default: broker.db]
          --async-delay <DURATION>        How long an asynchronous operation takes, such as 2s or 50ms
                                          [env: BROKER_ASYNC_DELAY=] [default: 2s]
          --username <USERNAME>           User name that platforms have to send [env: BROKER_USERNAME=]
                                          [default: user]
          --password <PASSWORD>           Password that platforms have to send [env: BROKER_PASSWORD]
                                          [default: pass]
          --insecure-default-credentials  Serve other machines with the documented credentials, which
                                          everybody knows [env: BROKER_INSECURE_DEFAULT_CREDENTIALS=]
      -h, --help                          Print help
      -V, --version                       Print version
    exit code 0
    ");
}

#[test]
fn a_wrong_flag_is_told_with_exit_code_2() {
    assert_snapshot!(refused(&["--echo-url", "localhost:8090"], &[]), @"
    error: invalid value 'localhost:8090' for '--echo-url <URL>': it is neither http nor https; expected a URL such as http://127.0.0.1:8090

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(refused(&["--echo-public-url", "http://u:p@h"], &[]), @"
    error: invalid value 'http://u:p@h' for '--echo-public-url <URL>': it holds credentials, which the broker would hand out; expected a URL such as http://127.0.0.1:8090

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(refused(&["--echo-timeout", "soon"], &[]), @"
    error: invalid value 'soon' for '--echo-timeout <DURATION>': expected a duration such as 5s or 500ms

    For more information, try '--help'.
    exit code 2
    ");
    // Not a store that keeps nothing, or lies in another place.
    let with_store = |store: &str| screen(BROKER, &["--store", store], &[]).unwrap();
    assert_snapshot!(with_store(""), @"
    error: invalid value '' for '--store <STORE>': it is empty; give a file such as broker.db, or memory

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(with_store(":memory:"), @"
    error: invalid value ':memory:' for '--store <STORE>': it is no file for SQLite; use --store memory to keep nothing, or ./:memory: for a file

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(with_store("file:b.db?mode=memory"), @"
    error: invalid value 'file:b.db?mode=memory' for '--store <STORE>': it is no file for SQLite; use --store memory to keep nothing, or ./file:b.db?mode=memory for a file

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(refused(&["--username", "a:b"], &[]), @"
    broker: a user name cannot contain a colon
    exit code 2
    ");
}

#[test]
fn documented_credentials_on_a_public_address_are_refused() {
    let platform = [("PORT", "0")];
    assert_snapshot!(refused(&[], &platform), @"
    broker: 0.0.0.0 is open to other machines and the credentials are the documented ones; add --username and --password, or --insecure-default-credentials
    exit code 2
    ");
    for args in [
        &["--address", "0.0.0.0", "--port", "0"][..],
        &[
            "--address",
            "::",
            "--port",
            "0",
            "--username",
            "user",
            "--password=pass",
        ],
    ] {
        assert!(refused(args, &[]).ends_with("exit code 2"), "{args:?}");
    }
    for (args, env, listens_on) in [
        (
            &["--username", "u", "--password", "p"][..],
            &platform[..],
            "http://0.0.0.0:",
        ),
        (
            &["--insecure-default-credentials"],
            &platform,
            "http://0.0.0.0:",
        ),
        (&["--address", "127.0.0.1"], &platform, "http://127.0.0.1:"),
        (
            &[],
            &[("PORT", "0"), ("BROKER_PASSWORD", "p")],
            "http://0.0.0.0:",
        ),
        (&["--port", "0"], &[("PORT", "1")], "http://127.0.0.1:"),
    ] {
        let args = [args, &["--store", "memory"]].concat();
        let process = Process::start(BROKER, &args, env).unwrap();
        let expected = format!("broker listens on {listens_on}");
        assert!(
            process.ready.starts_with(&expected),
            "{args:?}: {}",
            process.ready
        );
    }
}

#[test]
fn a_busy_port_is_told_in_one_line_with_exit_code_1() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let told = refused(&["--port", &port], &[]);
    assert_snapshot!(told.replace(&port, "BUSY"), @"
    broker: cannot listen on 127.0.0.1:BUSY: the port is taken; choose another place with --address and --port
    exit code 1
    ");
}

#[test]
fn a_second_broker_hears_of_the_port_and_on_another_one_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("broker.db");
    let store = store.to_str().unwrap();
    let first = Process::start(BROKER, &["--port", "0", "--store", store], &[]).unwrap();
    let port = first.url().rsplit(':').next().unwrap();
    let same = screen(BROKER, &["--port", port, "--store", store], &[]).unwrap();
    let other = screen(BROKER, &["--port", "0", "--store", store], &[]).unwrap();
    let told = format!("{same}\n{other}")
        .replace(port, "PORT")
        .replace(store, "STORE");
    assert_snapshot!(told, @"
    broker: cannot listen on 127.0.0.1:PORT: the port is taken; choose another place with --address and --port
    exit code 1
    broker: cannot start: STORE is in use by another broker; give this one a file of its own by --store
    exit code 1
    ");
}

#[test]
fn its_log_has_a_line_a_request_and_no_credentials() {
    let process = Process::start(BROKER, &["--port", "0", "--store", "memory"], &[]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(send(process.url(), "GET //v2/catalog", &[]))
        .unwrap();
    for headers in [&[AUTH][..], &[]] {
        let identities = [
            ("X-Broker-API-Request-Identity", "id with=\"odd\" signs"),
            (
                "X-Broker-API-Originating-Identity",
                "cloudfoundry eyJ1c2VyX2lkIjogInUxIn0=",
            ),
        ];
        let headers = [headers, &identities].concat();
        let line = format!("DELETE {INSTANCE}?secret=query");
        runtime
            .block_on(send(process.url(), &line, &headers))
            .unwrap();
    }
    let (code, log) = process.end_by("INT").unwrap();
    assert_eq!(code, Some(0));
    insta::with_settings!({filters => [(r"time=\S+", "time=TIME"), (r"duration_ms=\d+\.\d", "duration_ms=TOOK")]}, {
        assert_snapshot!(log, @"
        time=TIME method=GET path=//v2/catalog status=404 duration_ms=TOOK
        time=TIME method=DELETE path=/v2/service_instances/mynewinstance status=410 duration_ms=TOOK request_identity=id_with=_odd__signs platform=cloudfoundry user=u1
        time=TIME method=DELETE path=/v2/service_instances/mynewinstance status=401 duration_ms=TOOK request_identity=id_with=_odd__signs platform=cloudfoundry user=u1
        ");
    });
}
