//! Undoes what Rocket reads into a request: the request that is routed is the
//! one that was sent.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::form::Form;
use rocket::http::Method;
use rocket::http::uri::Origin;
use rocket::{Data, Request};

/// The path of a request as it was sent, where that is another one now.
pub(crate) struct SentPath(Option<String>);

impl SentPath {
    /// The path of `request` as it was sent.
    pub(crate) fn of(request: &Request<'_>) -> String {
        match &request.local_cache(|| SentPath(None)).0 {
            Some(sent) => sent.clone(),
            None => request.uri().path().to_string(),
        }
    }
}

/// - An empty path segment counts: Rocket's router would skip it, so that
///   `/v2//catalog` and `/v2/catalog/` were the catalog. Here they are unknown
///   paths.
/// - A form field `_method` changes nothing: Rocket turns a POST whose form
///   starts with `_method=DELETE` into a DELETE.
pub(crate) struct AsSent;

#[rocket::async_trait]
impl Fairing for AsSent {
    fn info(&self) -> Info {
        Info {
            name: "requests are taken as they were sent",
            kind: Kind::Request,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        if request.uri().path().raw_segments().any(|s| s.is_empty()) {
            let sent = request.uri().path().to_string();
            request.local_cache(|| SentPath(Some(sent)));
            // No route is mounted at the root, so this is a 404.
            request.set_uri(Origin::ROOT);
        }
        if request.method() != Method::Post && names_its_method(request, data).await {
            request.set_method(Method::Post);
        }
    }
}

/// Whether the body is a form whose first field is `_method` with the
/// request's method as its value. Rocket has taken that method from the field
/// then, and the request was a POST. (It may also have been sent with that
/// very method; nothing is left in the request by which to tell, and neither
/// server has a use for such a form.)
async fn names_its_method(request: &Request<'_>, data: &mut Data<'_>) -> bool {
    // Rocket looks at as many bytes, and at no more.
    const LOOKED_AT: usize = "_method=delete".len();

    if !request.content_type().is_some_and(|kind| kind.is_form()) {
        return false;
    }
    let start = data.peek(LOOKED_AT).await;
    std::str::from_utf8(start)
        .ok()
        .and_then(|form| Form::values(form).next())
        .filter(|field| field.name == "_method")
        .and_then(|field| field.value.parse::<Method>().ok())
        .is_some_and(|method| method == request.method())
}
