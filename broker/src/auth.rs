//! HTTP Basic authentication.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use subtle::ConstantTimeEq;

use crate::reply::Reply;

/// The user name and password that platforms have to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user_pass: String,
}

/// A user name with a colon, which HTTP Basic authentication cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user name cannot contain a colon")]
pub struct ColonInUsername;

impl Credentials {
    /// Credentials that are compared byte by byte.
    pub fn new(username: &str, password: &str) -> Result<Credentials, ColonInUsername> {
        if username.contains(':') {
            return Err(ColonInUsername);
        }
        Ok(Credentials {
            user_pass: format!("{username}:{password}"),
        })
    }

    /// Whether these are the documented ones, which everybody knows.
    pub fn are_documented(&self) -> bool {
        *self == Credentials::default()
    }

    /// Whether the value of an `Authorization` header carries them. How long
    /// the comparison takes does not depend on how much of it is right.
    fn are_in(&self, header: &str) -> bool {
        let Some((scheme, encoded)) = header.split_once(' ') else {
            return false;
        };
        let Ok(sent) = STANDARD.decode(encoded.trim()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case("Basic") && sent.ct_eq(self.user_pass.as_bytes()).into()
    }
}

/// The documented credentials, `user` and `pass`.
impl Default for Credentials {
    fn default() -> Self {
        Credentials {
            user_pass: "user:pass".to_owned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A request with the right credentials; any other is answered 401.
pub(crate) struct Authenticated;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Authenticated {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let expected = request.rocket().state::<Credentials>();
        let sent = request.headers().get_one("Authorization");
        match (expected, sent) {
            (Some(expected), Some(sent)) if expected.are_in(sent) => {
                Outcome::Success(Authenticated)
            }
            _ => Reply::Unauthenticated.answer().refuse(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_credentials_are_right() {
        let credentials = Credentials::default();
        for (header, right) in [
            ("Basic dXNlcjpwYXNz", true),
            ("basic dXNlcjpwYXNz", true),
            ("Basic  dXNlcjpwYXNz", true),
            ("Basic dXNlcjpwYXN0", false),
            ("Basic dXNlcjpwYXNzIA==", false),
            ("Basic dXNlcjo=", false),
            ("Basic", false),
            ("Basic ", false),
            ("Basic %%%", false),
            ("Bearer dXNlcjpwYXNz", false),
            ("user:pass", false),
            ("", false),
        ] {
            assert_eq!(credentials.are_in(header), right, "{header}");
        }
    }

    #[test]
    fn a_password_may_contain_colons_and_a_user_name_may_not() {
        let credentials = Credentials::new("u", "a:b").unwrap();
        assert!(credentials.are_in(&format!("Basic {}", STANDARD.encode("u:a:b"))));
        assert_eq!(Credentials::new("u:a", "b"), Err(ColonInUsername));
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(format!("{:?}", Credentials::default()), "Credentials(…)");
    }
}
