//! The errors that no handler has worded: unknown paths, unknown verbs,
//! refusals of guards, faults of ours.

use rocket::http::{Method, Status};
use rocket::{Catcher, Request, catch, catchers};

use crate::Answer;

pub(crate) fn all() -> Vec<Catcher> {
    catchers![any]
}

#[catch(default)]
fn any(status: Status, request: &Request<'_>) -> Answer {
    if let Some(answer) = Answer::left(request) {
        return answer;
    }
    // Rocket reports a verb that it does not know as a bad request.
    if matches!(status, Status::NotFound | Status::BadRequest) {
        let allowed = allowed_methods(request);
        if !allowed.is_empty() {
            return Answer::error(
                request,
                Status::MethodNotAllowed,
                &format!("this path takes {} only", allowed.join(", ")),
            )
            .with_header("Allow", allowed.join(", "));
        }
    }
    let message = match status.code {
        400 => "the request line cannot be read: expected a known verb and a path",
        404 => "there is nothing at this path",
        500 => "the server failed; this is a fault of its own",
        _ => status.reason_lossy(),
    };
    Answer::error(request, status, message)
}

/// The verbs that the path of `request` takes, by the routes that are mounted.
fn allowed_methods(request: &Request<'_>) -> Vec<&'static str> {
    let path: Vec<&str> = request.uri().path().segments().collect();
    let mut methods: Vec<Method> = request
        .rocket()
        .routes()
        .filter(|route| {
            let pattern: Vec<&str> = route.uri.path().split('/').skip(1).collect();
            pattern.len() == path.len()
                && pattern
                    .iter()
                    .zip(&path)
                    .all(|(want, have)| want.starts_with('<') || want == have)
        })
        .map(|route| route.method)
        .collect();
    if methods.contains(&Method::Get) {
        methods.push(Method::Head); // Rocket answers it by the GET route.
    }
    let mut names: Vec<_> = methods.into_iter().map(Method::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}
