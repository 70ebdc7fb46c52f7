//! Request bodies: judged by their content, limited in size.

use std::io;
use std::time::Duration;

use rocket::Request;
use rocket::data::{Data, DataStream, FromData, Outcome, ToByteUnit};
use rocket::http::Status;
use rocket::tokio::io::AsyncReadExt;
use rocket::tokio::time::timeout;

use crate::Answer;

/// The most bytes that a request body may have: 1 MiB.
pub const BODY_LIMIT: usize = 1 << 20;

/// How many MiB of a body that is too large are still read (and thrown away),
/// so that a client that sends first and listens later hears the 413.
const DRAINED_MIB: u64 = 64;

/// For how many bytes there is room at least when a body is read on.
const READ_AT_ONCE: usize = 512;

/// The bytes of a request's body, whatever its content type. A body above
/// [`BODY_LIMIT`] is answered 413, one that breaks off 400.
pub struct Body(pub Vec<u8>);

#[rocket::async_trait]
impl<'r> FromData<'r> for Body {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let patience = request.rocket().state::<Patience>();
        let patience = patience.copied().unwrap_or_default();
        let (status, message) = match read(data.open(DRAINED_MIB.mebibytes()), patience).await {
            Ok(Some(bytes)) => return Outcome::Success(Body(bytes)),
            Ok(None) => (Status::PayloadTooLarge, "the body is larger than 1 MiB"),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                (Status::RequestTimeout, "the body has stopped arriving")
            }
            Err(_) => (Status::BadRequest, "the body broke off"),
        };
        let answer = Answer::error(request, status, message);
        Outcome::Error((answer.leave_for_catcher(request), ()))
    }
}

/// How long a body may stop arriving before it is given up: 10 seconds, where
/// nothing else is managed in Rocket's state. A slow sender that goes on is
/// waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Patience(Duration::from_secs(10))
    }
}

/// The whole body, or `None` if it is too large.
async fn read(mut stream: DataStream<'_>, patience: Patience) -> io::Result<Option<Vec<u8>>> {
    // No buffer besides: it would be part of the future of each request, which
    // is moved about.
    let mut bytes = Vec::new();
    let mut is_too_large = false;
    loop {
        bytes.reserve(READ_AT_ONCE);
        let read = timeout(patience.0, stream.read_buf(&mut bytes)).await;
        let read = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if read == 0 {
            break;
        }
        is_too_large |= bytes.len() > BODY_LIMIT;
        if is_too_large {
            // What follows is only drained.
            bytes.clear();
        }
    }
    Ok((!is_too_large).then_some(bytes))
}
