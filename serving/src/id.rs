//! Ids that clients choose and that mean nothing to the servers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};

use crate::Answer;

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An id chosen by a client: any text of 1 to 1,024 bytes of UTF-8 except `.`
/// and `..`, which no URL carries safely. Two ids are the same only if they
/// are the same text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

/// Why a path segment is no [`Id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// There is nothing to read.
    #[error("an id is empty")]
    Empty,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("an id has a `%` that two hexadecimal digits do not follow")]
    Escape,
    /// The decoded bytes are no UTF-8.
    #[error("an id is not UTF-8 after percent-decoding")]
    Utf8,
    /// `.` or `..`.
    #[error("`.` and `..` cannot be ids: clients and proxies remove them from paths")]
    Dots,
    /// More than [`Id::MAX_BYTES`].
    #[error("an id is longer than 1,024 bytes")]
    TooLong,
}

impl Id {
    /// The longest id in bytes, after decoding.
    pub const MAX_BYTES: usize = 1024;

    /// Reads an id from a raw path segment, decoding it strictly.
    pub fn decode(segment: &str) -> Result<Id, BadId> {
        let escapes_are_whole = segment.split('%').skip(1).all(|after| {
            let mut digits = after.bytes();
            let mut is_digit = || digits.next().is_some_and(|b| b.is_ascii_hexdigit());
            is_digit() && is_digit()
        });
        if !escapes_are_whole {
            return Err(BadId::Escape);
        }
        let id = percent_decode_str(segment)
            .decode_utf8()
            .map_err(|_| BadId::Utf8)?;
        Id::new(&id)
    }

    /// An id that is given as it is.
    pub fn new(text: &str) -> Result<Id, BadId> {
        match text {
            "" => Err(BadId::Empty),
            "." | ".." => Err(BadId::Dots),
            long if long.len() > Id::MAX_BYTES => Err(BadId::TooLong),
            id => Ok(Id(id.to_owned())),
        }
    }

    /// The id as a path segment: everything but unreserved characters is
    /// percent-encoded, so that [`Id::decode`] gives this id again.
    pub fn encoded(&self) -> String {
        utf8_percent_encode(&self.0, RESERVED).to_string()
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id in the path segment with the index `N`, from 0, as a guard: a
/// handler that takes one runs only for a good id; a bad one is answered 400.
///
/// Rocket's own path parameters are not used for ids, because they are decoded
/// lossily: `a%ff` and `a%fe` would be one.
pub struct PathId<const N: usize>(pub Id);

#[rocket::async_trait]
impl<'r, const N: usize> FromRequest<'r> for PathId<N> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let segment = request.uri().path().raw_segments().nth(N);
        match Id::decode(segment.map_or("", |raw| raw.as_str())) {
            Ok(id) => Outcome::Success(PathId(id)),
            Err(bad) => {
                Answer::error(request, Status::BadRequest, &bad.to_string()).refuse(request)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_segment_that_is_no_id_is_refused_with_its_reason() {
        for (segment, reason) in [
            ("", BadId::Empty),
            ("%", BadId::Escape),
            ("a%2", BadId::Escape),
            ("a%2g", BadId::Escape),
            ("%%41", BadId::Escape),
            ("a%ff", BadId::Utf8),
            ("%ed%a0%80", BadId::Utf8),
            (".", BadId::Dots),
            ("%2e%2E", BadId::Dots),
            (&"ü".repeat(513), BadId::TooLong),
        ] {
            assert_eq!(Id::decode(segment), Err(reason), "{segment}");
        }
    }

    #[test]
    fn an_id_may_hold_slashes_and_dots_and_be_1024_bytes_long() {
        assert_eq!(Id::decode("a%2Fb").unwrap().as_str(), "a/b");
        assert_eq!(Id::decode("...").unwrap().encoded(), "...");
        assert_eq!(Id::decode("%252e").unwrap().as_str(), "%2e");
        assert_eq!(Id::decode(&"ü".repeat(512)).unwrap().as_str().len(), 1024);
    }

    proptest! {
        #[test]
        fn encoding_an_id_and_decoding_it_gives_the_same_id(text in any::<String>()) {
            if let Ok(id) = Id::decode(&utf8_percent_encode(&text, RESERVED).to_string()) {
                prop_assert_eq!(id.as_str(), &text);
                let encoded = id.encoded();
                prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
                prop_assert_eq!(Id::decode(&encoded), Ok(id));
            } else {
                prop_assert!(matches!(text.as_str(), "" | "." | "..") || text.len() > Id::MAX_BYTES);
            }
        }

        #[test]
        fn decoding_never_panics(segment in any::<String>()) {
            let _ = Id::decode(&segment);
        }
    }
}
