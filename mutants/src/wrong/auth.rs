//! Wrong about who may ask.

use super::tables::{RIGHT_LOGIN, answers, is_logged_in};
use crate::message::{Endpoint, Request};
use crate::mutant::{Mutant, on_request};

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[OPEN, LAX, STRANGE];

const OPEN: &[Mutant] = &[on_request(
    "nobody-is-asked-for-credentials",
    "auth.authentication-recommended",
    |_, request| {
        request.set_header("authorization", Some(RIGHT_LOGIN));
        None
    },
)
.of("show-sync/small")
.open()];

/// `user:passx`, `user:conformance-wrong-password`, `user:pas`, `userx:pass`, and
/// no pair at all.
const LONGER: Option<&str> = Some("Basic dXNlcjpwYXNzeA==");
const OTHER: Option<&str> = Some("Basic dXNlcjpjb25mb3JtYW5jZS13cm9uZy1wYXNzd29yZA==");
const SHORTER: Option<&str> = Some("Basic dXNlcjpwYXM=");
const WRONG_USER: Option<&str> = Some("Basic dXNlcng6cGFzcw==");
const MALFORMED: Option<&str> = Some("Basic");

/// Mutants that take credentials for the right ones: `name: endpoint if
/// these`.
macro_rules! taking {
    ($($name:literal: $endpoint:pat if $is:expr $(, $mark:ident($($of:literal)?))*;)*) => {
        &[$(
            on_request($name, "auth.requests-authenticated", |_, request| {
                let is: fn(&Request) -> bool = $is;
                if matches!(request.endpoint(), $endpoint) && is(request) && !is_logged_in(request) {
                    request.set_header("authorization", Some(RIGHT_LOGIN));
                }
                None
            })
            .of("show-sync/small")
            $(.$mark($($of)?))*
        ),*]
    };
}

#[rustfmt::skip]
const LAX: &[Mutant] = taking! {
    "no-credentials-are-as-good": _ if |request| has(request, None);
    "longer-password-is-as-good": _ if |request| has(request, LONGER);
    "other-password-is-as-good": _ if |request| has(request, OTHER);
    "shorter-password-is-as-good": _ if |request| has(request, SHORTER);
    "other-user-is-as-good": _ if |request| has(request, WRONG_USER);
    "malformed-credentials-are-as-good": _ if |request| has(request, MALFORMED);
    "catalog-is-for-everybody": Endpoint::Catalog if |_| true;
    "provisions-are-for-everybody": Endpoint::Provision if |_| true;
    "fetches-are-for-everybody": Endpoint::FetchInstance if |_| true;
    "updates-are-for-everybody": Endpoint::Update if |_| true;
    "deprovisions-are-for-everybody": Endpoint::Deprovision if |_| true;
    "binds-are-for-everybody": Endpoint::Bind if |_| true;
    "fetches-of-bindings-are-for-everybody": Endpoint::FetchBinding if |_| true;
    "unbinds-are-for-everybody": Endpoint::Unbind if |_| true;
    "polls-are-for-everybody": Endpoint::PollInstance if |_| true, of("show-async/only");
    "polls-of-bindings-are-for-everybody": Endpoint::PollBinding if |_| true, of("show-async/only");
};

fn has(request: &Request, login: Option<&str>) -> bool {
    request.header("authorization") == login
}

/// Who is not known is told something else.
#[rustfmt::skip]
const STRANGE: &[Mutant] = answers! {
    "nobody-known-is-forbidden" breaks "auth.failure-401": _, 401 => |answer| answer.status = 403;
    "nobody-known-is-a-bad-request" breaks "auth.failure-401": _, 401 => |answer| answer.status = 400;
    "nobody-known-is-a-fault" breaks "auth.failure-401": _, 401 => |answer| answer.status = 500;
    "nobody-known-is-led-to-a-login" breaks "auth.failure-401": _, 401 => |answer| { answer.status = 302; answer.set_header("location", Some("/login")); };
    "malformed-credentials-are-a-bad-request" breaks "auth.failure-401": _, 401 if |request| has(request, MALFORMED) => |answer| answer.status = 400;
    "longer-password-is-forbidden" breaks "auth.failure-401": _, 401 if |request| has(request, LONGER) => |answer| answer.status = 403;
    "shorter-password-is-forbidden" breaks "auth.failure-401": _, 401 if |request| has(request, SHORTER) => |answer| answer.status = 403;
    "other-password-is-forbidden" breaks "auth.failure-401": _, 401 if |request| has(request, OTHER) => |answer| answer.status = 403;
    "other-user-is-forbidden" breaks "auth.failure-401": _, 401 if |request| has(request, WRONG_USER) => |answer| answer.status = 403;
    "no-credentials-are-forbidden" breaks "auth.failure-401": _, 401 if |request| has(request, None) => |answer| answer.status = 403;
    "provisions-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::Provision, 401 => |answer| answer.status = 403;
    "fetches-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::FetchInstance, 401 => |answer| answer.status = 403;
    "updates-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::Update, 401 => |answer| answer.status = 403;
    "deprovisions-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::Deprovision, 401 => |answer| answer.status = 403;
    "binds-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::Bind, 401 => |answer| answer.status = 403;
    "fetches-of-bindings-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::FetchBinding, 401 => |answer| answer.status = 403;
    "unbinds-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::Unbind, 401 => |answer| answer.status = 403;
    "polls-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::PollInstance, 401 => |answer| answer.status = 403, of("show-async/only");
    "polls-of-bindings-without-credentials-are-forbidden" breaks "auth.failure-401": Endpoint::PollBinding, 401 => |answer| answer.status = 403, of("show-async/only");
};
