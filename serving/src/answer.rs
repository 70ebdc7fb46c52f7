//! What a server says: a status, a JSON body, some headers.

use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::request::Outcome;
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use serde_json::Value;

/// An answer with a JSON body.
#[derive(Clone, Debug)]
pub struct Answer {
    status: Status,
    body: String,
    headers: Vec<Header<'static>>,
}

/// How a server words an error: from a message to the body. Kept in Rocket's
/// state by [`build`](crate::build).
pub(crate) struct ErrorBody(pub(crate) fn(&str) -> Value);

/// A refusal that a guard has left for the catcher.
struct Refusal(Option<Answer>);

impl Answer {
    /// An answer with `body`, which is JSON text already.
    pub fn raw(status: Status, body: String) -> Answer {
        Answer {
            status,
            body,
            headers: Vec::new(),
        }
    }

    /// An answer with `body`.
    pub fn json(status: Status, body: &Value) -> Answer {
        Answer::raw(status, body.to_string())
    }

    /// An answer with an error in the wording of the server that `request`
    /// came to.
    pub fn error(request: &Request<'_>, status: Status, message: &str) -> Answer {
        let body = match request.rocket().state::<ErrorBody>() {
            Some(ErrorBody(body)) => body(message),
            None => serde_json::json!({ "error": message }),
        };
        Answer::json(status, &body)
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Answer {
        self.headers.push(Header::new(name, value));
        self
    }

    /// Ends the guard that calls it: the request is answered with this.
    pub fn refuse<T>(self, request: &Request<'_>) -> Outcome<T, ()> {
        Outcome::Error((self.leave_for_catcher(request), ()))
    }

    /// Keeps this answer for [`Answer::left`] and gives the status that leads
    /// Rocket to the catcher.
    pub(crate) fn leave_for_catcher(self, request: &Request<'_>) -> Status {
        let status = self.status;
        request.local_cache(|| Refusal(Some(self)));
        status
    }

    /// The answer that a guard has left, if one has.
    pub(crate) fn left(request: &Request<'_>) -> Option<Answer> {
        request.local_cache(|| Refusal(None)).0.clone()
    }
}

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        response
            .status(self.status)
            .header(ContentType::JSON)
            .sized_body(self.body.len(), Cursor::new(self.body));
        for header in self.headers {
            response.header(header);
        }
        response.ok()
    }
}
