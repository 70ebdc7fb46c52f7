//! The API version that a request names.

use std::fmt;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::reply::Reply;

/// A version of the API that this broker speaks: 2.3 and every later minor
/// version, which only add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    minor: u32,
}

/// A version that this broker does not speak, or no version at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported;

impl ApiVersion {
    const MAJOR: u32 = 2;

    /// The version of the documented examples, and of requests that name none.
    pub const V2_3: ApiVersion = ApiVersion { minor: 3 };

    /// Plans belong to offerings, deletions name both, and an identical bind is
    /// no conflict.
    pub const STRICT: ApiVersion = ApiVersion { minor: 4 };
    /// Parameters.
    pub const PARAMETERS: ApiVersion = ApiVersion { minor: 5 };
    /// Asynchronous operations on instances.
    pub const ASYNC: ApiVersion = ApiVersion { minor: 7 };
    /// Updates that tell where the dashboard is.
    pub const UPDATED_DASHBOARDS: ApiVersion = ApiVersion { minor: 14 };
    /// Asynchronous operations on bindings.
    pub const ASYNC_BINDINGS: ApiVersion = ApiVersion { minor: 14 };
    /// Maintenance information.
    pub const MAINTENANCE: ApiVersion = ApiVersion { minor: 15 };
    /// Refused updates that tell whether they can be repeated.
    pub const REPEATS: ApiVersion = ApiVersion { minor: 16 };
    /// Rotation of bindings.
    pub const ROTATION: ApiVersion = ApiVersion { minor: 17 };

    /// Reads the value of the header `X-Broker-API-Version`.
    pub fn parse(text: &str) -> Result<ApiVersion, Unsupported> {
        let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse::<u32>().map_err(|_| Unsupported),
            false => Err(Unsupported), // `parse` takes a sign, too
        };
        let (major, minor) = text.trim().split_once('.').ok_or(Unsupported)?;
        let version = ApiVersion {
            minor: number(minor)?,
        };
        if number(major)? == ApiVersion::MAJOR && version >= ApiVersion::V2_3 {
            Ok(version)
        } else {
            Err(Unsupported)
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", ApiVersion::MAJOR, self.minor)
    }
}

/// The version that a request names, if it names one; one that the broker does
/// not speak is answered 412.
pub(crate) struct Named(pub(crate) Option<ApiVersion>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Named {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let header = request.headers().get_one("X-Broker-API-Version");
        match header.map(ApiVersion::parse).transpose() {
            Ok(version) => Outcome::Success(Named(version)),
            Err(Unsupported) => Reply::UnsupportedVersion.answer().refuse(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_2_3_on_are_spoken() {
        for (text, minor) in [("2.3", 3), ("2.17", 17), (" 2.11 ", 11), ("2.99", 99)] {
            assert_eq!(ApiVersion::parse(text), Ok(ApiVersion { minor }), "{text}");
        }
    }

    #[test]
    fn older_versions_other_majors_and_anything_unreadable_are_not() {
        for text in [
            "2.2",
            "2.0",
            "1.9",
            "3.0",
            "",
            "2",
            "2.",
            ".3",
            "2.x",
            "v2.3",
            "2.17.1",
            "2.-3",
            "2.+3",
            "-2.3",
            "2.99999999999",
            "2,3",
        ] {
            assert_eq!(ApiVersion::parse(text), Err(Unsupported), "{text}");
        }
    }
}
