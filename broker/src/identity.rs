//! Who sends a request, and which one it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, Response};
use serde_json::Value;
use serving::note;

const REQUEST_IDENTITY: &str = "X-Broker-API-Request-Identity";
const ORIGINATING_IDENTITY: &str = "X-Broker-API-Originating-Identity";

/// The longest request identity that is sent back, in bytes.
const LONGEST_IDENTITY: usize = 1024;

/// Notes both identities for the log, and sends the request's back with its
/// answer, whatever that is.
pub(crate) struct Identities;

#[rocket::async_trait]
impl Fairing for Identities {
    fn info(&self) -> Info {
        Info {
            name: "identities",
            kind: Kind::Request | Kind::Response,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        if let Some(identity) = request.headers().get_one(REQUEST_IDENTITY) {
            note(request, "request_identity", identity);
        }
        let originating = request.headers().get_one(ORIGINATING_IDENTITY);
        if let Some((platform, user)) = originating.and_then(originator) {
            note(request, "platform", &platform);
            if let Some(user) = user {
                note(request, "user", &user);
            }
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let identity = request.headers().get_one(REQUEST_IDENTITY);
        if let Some(identity) = identity.filter(|identity| can_be_sent_back(identity)) {
            response.set_raw_header(REQUEST_IDENTITY, identity.to_owned());
        }
    }
}

fn can_be_sent_back(identity: &str) -> bool {
    let fits = !identity.is_empty() && identity.len() <= LONGEST_IDENTITY;
    fits && !identity.contains(|c: char| c.is_control())
}

/// The platform, and the user if the platform names one: Cloud Foundry does it
/// by `user_id`, Kubernetes by `username`.
fn originator(header: &str) -> Option<(String, Option<String>)> {
    let (platform, value) = header.trim().split_once(' ')?;
    let json = STANDARD.decode(value.trim()).ok()?;
    let json: Value = serde_json::from_slice(&json).ok()?;
    let user = json.get("user_id").or_else(|| json.get("username"));
    let user = user.and_then(Value::as_str).map(str::to_owned);
    Some((platform.to_owned(), user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_originating_identity_names_a_platform_and_maybe_a_user() {
        let header = |json: &str| format!("cloudfoundry {}", STANDARD.encode(json));
        let platform = "cloudfoundry".to_owned();
        for (json, user) in [
            (r#"{"user_id": "u"}"#, Some("u")),
            (r#"{"username": "n"}"#, Some("n")),
            (r#"{"user_id": 1}"#, None),
            ("{}", None),
        ] {
            let expected = Some((platform.clone(), user.map(str::to_owned)));
            assert_eq!(originator(&header(json)), expected, "{json}");
        }
        for header in ["", "cloudfoundry", "cloudfoundry %%%", "cloudfoundry bm8="] {
            assert_eq!(originator(header), None, "{header}");
        }
    }
}
