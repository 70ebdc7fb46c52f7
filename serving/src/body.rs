//! Request bodies: judged by their content, limited in size.

use std::io;

use rocket::Request;
use rocket::data::{Data, DataStream, FromData, Outcome, ToByteUnit};
use rocket::http::Status;
use rocket::tokio::io::{AsyncReadExt, copy, sink};

use crate::Answer;

/// The most bytes that a request body may have: 1 MiB.
pub const BODY_LIMIT: usize = 1 << 20;

/// How many MiB of a body that is too large are still read (and thrown away),
/// so that a client that sends first and listens later hears the 413.
const DRAINED_MIB: u64 = 64;

/// The bytes of a request's body, whatever its content type. A body above
/// [`BODY_LIMIT`] is answered 413, one that breaks off 400.
pub struct Body(pub Vec<u8>);

#[rocket::async_trait]
impl<'r> FromData<'r> for Body {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let (status, message) = match read(data.open(DRAINED_MIB.mebibytes())).await {
            Ok(Some(bytes)) => return Outcome::Success(Body(bytes)),
            Ok(None) => (Status::PayloadTooLarge, "the body is larger than 1 MiB"),
            Err(_) => (Status::BadRequest, "the body broke off"),
        };
        let answer = Answer::error(request, status, message);
        Outcome::Error((answer.leave_for_catcher(request), ()))
    }
}

/// The whole body, or `None` if it is too large.
async fn read(mut stream: DataStream<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = BODY_LIMIT as u64;
    (&mut stream)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .await?;
    if bytes.len() <= BODY_LIMIT {
        return Ok(Some(bytes));
    }
    copy(&mut stream, &mut sink()).await?;
    Ok(None)
}
