//! One line a request on standard error.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, Response};

use crate::as_sent::SentPath;

/// Keeps Rocket's own messages off standard output, which is for the line that
/// says where a server is.
///
/// Its configuration is not enough: whenever a Rocket is made, Rocket lets all
/// messages of all Rockets through until that one is ready. It does so only by
/// a logger of its own, and there can be but one in a process.
pub(crate) fn silence_rocket() {
    struct Silence;

    impl log::Log for Silence {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }

        fn log(&self, _: &log::Record<'_>) {}

        fn flush(&self) {}
    }

    // If there is a logger already, it is not Rocket's, or it is this one.
    let _ = log::set_logger(&Silence);
}

/// How many characters of a noted value are written.
const LONGEST_VALUE: usize = 256;

/// Writes time, method, path, status and duration of each request, and what
/// the server has [`note`]d, as `name=value` pairs. Queries, headers and bodies
/// may hold credentials and are never written.
pub struct RequestLog;

/// What a server has noted about a request.
#[derive(Default)]
struct Notes(Mutex<Vec<(&'static str, String)>>);

/// Notes something about a request for its line in the log.
pub fn note(request: &Request<'_>, name: &'static str, value: &str) {
    let notes = request.local_cache(Notes::default);
    if let Ok(mut notes) = notes.0.lock() {
        notes.push((name, plain(value)));
    }
}

/// A value without what would break the line, and of bounded length.
fn plain(value: &str) -> String {
    let plain = |c: char| match c.is_whitespace() || c.is_control() || c == '"' {
        true => '_',
        false => c,
    };
    value.chars().take(LONGEST_VALUE).map(plain).collect()
}

#[rocket::async_trait]
impl Fairing for RequestLog {
    fn info(&self) -> Info {
        Info {
            name: "request log",
            kind: Kind::Request | Kind::Response,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(Instant::now);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let took = request.local_cache(Instant::now).elapsed();
        // Whole numbers, which are written faster than others.
        let tenths = took.as_micros() / 100;
        let mut line = String::with_capacity(160);
        // Writing to a string cannot fail.
        let _ = write!(
            line,
            "time={} method={} path={} status={} duration_ms={}.{}",
            humantime::format_rfc3339_millis(SystemTime::now()),
            request.method(),
            SentPath::of(request),
            response.status().code,
            tenths / 10,
            tenths % 10,
        );
        if let Ok(notes) = request.local_cache(Notes::default).0.lock() {
            for (name, value) in notes.iter() {
                let _ = write!(line, " {name}={value}");
            }
        }
        line.push('\n');
        // A log that nobody can read any more is no reason to stop serving.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
