//! One line a request on standard error.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

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
        let mut line = String::with_capacity(160);
        // Writing to a string cannot fail.
        let _ = write!(
            line,
            "time={} method={} path={} status={} duration_ms={:.1}",
            humantime::format_rfc3339_millis(SystemTime::now()),
            request.method(),
            SentPath::of(request),
            response.status().code,
            took.as_secs_f64() * 1000.0,
        );
        if let Ok(notes) = request.local_cache(Notes::default).0.lock() {
            for (name, value) in notes.iter() {
                let _ = write!(line, " {name}={value}");
            }
        }
        line.push('\n');
        // Where there is no thread to write it, nobody reads the log.
        let _ = LINES.send(Entry::Line(line));
    }
}

/// What the thread that writes the log is sent.
enum Entry {
    Line(String),
    /// Tells when everything before it is written.
    Flush(Sender<()>),
}

/// To the thread that writes the log. Lines that wait together are written
/// together: a write for each would cost a busy server a tenth of its time.
static LINES: LazyLock<Sender<Entry>> = LazyLock::new(|| {
    let (lines, entries) = channel();
    // Where there is no thread, sending fails from now on.
    let _ = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(&entries));
    lines
});

/// How many bytes are written at once, if that many wait.
const CHUNK: usize = 64 * 1024;

fn write(entries: &Receiver<Entry>) {
    let mut text = String::new();
    while let Ok(first) = entries.recv() {
        let mut flushed = Vec::new();
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => text += &line,
                Entry::Flush(tell) => flushed.push(tell),
            }
            next = match text.len() < CHUNK {
                true => entries.try_recv().ok(),
                false => None,
            };
        }
        // A log that nobody can read any more is no reason to stop serving.
        let _ = std::io::stderr().write_all(text.as_bytes());
        text.clear();
        // Whoever does not wait any more need not be told: the senders are
        // dropped here.
        drop(flushed);
    }
}

/// Waits until what has been logged is written, for at most `longest`.
pub(crate) fn flush(longest: Duration) {
    let (tell, told) = channel();
    if LINES.send(Entry::Flush(tell)).is_ok() {
        // It ends when the other side is dropped.
        let _ = told.recv_timeout(longest);
    }
}
