//! The binary `mock-echo`: how it starts, says where it is, and stops.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use insta::assert_snapshot;
use serving::testing::{Process, screen};

const MOCK_ECHO: &str = env!("CARGO_BIN_EXE_mock-echo");

/// What it prints and its exit code, where it does not start.
fn refused(args: &[&str], env: &[(&str, &str)]) -> String {
    screen(MOCK_ECHO, args, env).unwrap()
}

#[test]
fn its_help_names_every_flag_and_variable() {
    assert_snapshot!(refused(&["--help"], &[]), @"
    The echo service that the documented broker manages: it sends messages back (/echo/...) or inverts
    them (/invert/...).

    It keeps everything in memory and asks for no credentials.

    Usage: mock-echo [OPTIONS]

    Options:
          --address <ADDRESS>
              IP address to listen on; 127.0.0.1 by default, 0.0.0.0 if PORT is set
              
              [env: LISTEN_ADDRESS=]

          --port <PORT>
              Port to listen on; 0 takes a free one
              
              [env: PORT=]

          --tls-cert <FILE>
              Certificate (PEM), to serve https
              
              [env: TLS_CERT=]

          --tls-key <FILE>
              Private key (PEM) of the certificate
              
              [env: TLS_KEY=]

          --grace <DURATION>
              How long a stop waits for the requests under way
              
              [env: GRACE=]
              [default: 5s]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    exit code 0
    ");
    assert_snapshot!(refused(&["--version"], &[]), @"
    mock-echo 0.1.0
    exit code 0
    ");
}

#[test]
fn a_wrong_flag_is_told_with_exit_code_2() {
    assert_snapshot!(refused(&["--prot", "1"], &[]), @"
    error: unexpected argument '--prot' found

      tip: a similar argument exists: '--port'

    Usage: mock-echo --port <PORT>

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(refused(&["--address", "localhost"], &[]), @"
    error: invalid value 'localhost' for '--address <ADDRESS>': invalid IP address syntax

    For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(refused(&[], &[("PORT", "99999")]), @"
    error: invalid value '99999' for '--port <PORT>': 99999 is not in 0..=65535

    For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn a_busy_port_is_told_in_one_line_with_exit_code_1() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let told = refused(&["--port", &port], &[]);
    assert_snapshot!(told.replace(&port, "BUSY"), @"
    mock-echo: cannot listen on 127.0.0.1:BUSY: the port is taken; choose another place with --address and --port
    exit code 1
    ");
}

#[test]
fn flags_beat_the_environment_and_a_platforms_port_opens_all_interfaces() {
    for (args, env, listens_on) in [
        (&["--port", "0"][..], &[][..], "http://127.0.0.1:"),
        (&["--port=0"], &[("PORT", "1")], "http://127.0.0.1:"),
        (&[], &[("PORT", "0")], "http://0.0.0.0:"),
        (
            &["--address", "127.0.0.1"],
            &[("PORT", "0")],
            "http://127.0.0.1:",
        ),
        (
            &[],
            &[("PORT", "0"), ("LISTEN_ADDRESS", "127.0.0.2")],
            "http://127.0.0.2:",
        ),
        (
            &["--address", "::1"],
            &[("PORT", "0"), ("LISTEN_ADDRESS", "127.0.0.2")],
            "http://[::1]:",
        ),
    ] {
        let process = Process::start(MOCK_ECHO, args, env).unwrap();
        let expected = format!("mock-echo listens on {listens_on}");
        assert!(
            process.ready.starts_with(&expected),
            "{args:?}: {}",
            process.ready
        );
    }
}

/// An HTTP connection that has been used and is kept open.
fn idle_connection(url: &str) -> TcpStream {
    let authority = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).unwrap();
    let request = format!("GET /health HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
    stream
}

#[test]
fn it_ends_with_0_after_ctrl_c_and_sigterm_whatever_connections_are_open() {
    for signal in ["INT", "TERM"].into_iter().cycle().take(20) {
        let process = Process::start(MOCK_ECHO, &["--port", "0"], &[]).unwrap();
        let used = idle_connection(process.url());
        let fresh = TcpStream::connect(process.url().trim_start_matches("http://")).unwrap();
        let (code, log) = process.end_by(signal).unwrap();
        assert_eq!(code, Some(0), "{signal}: {log}");
        assert_eq!(log.lines().count(), 1, "one line a request: {log}");
        drop((used, fresh));
    }
}
