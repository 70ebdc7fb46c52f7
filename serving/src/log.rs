//! One line a request on standard error.

use std::io::Write;
use std::time::Instant;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, Response};

/// Writes method, path, status and duration of each request. Headers and
/// bodies hold credentials and are never written.
pub struct RequestLog;

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
        // A log that nobody can read any more is no reason to stop serving.
        let _ = writeln!(
            std::io::stderr(),
            "{} {} {} {:.1} ms",
            request.method(),
            request.uri().path(),
            response.status().code,
            took.as_secs_f64() * 1000.0,
        );
    }
}
