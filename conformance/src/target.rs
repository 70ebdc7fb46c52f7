//! The broker under test: where it is, and how to log in there.

use std::fmt;

use http::uri::Authority;
use percent_encoding::percent_decode_str;

/// The base URL of the broker under test, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: &'static str,
    authority: Authority,
    /// What stands before each path: empty, or `/something` without a `/` behind.
    prefix: String,
}

/// Why a text is not the URL of a target. The messages repeat nothing of the
/// text, which may hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither http nor https.
    #[error("the URL does not begin with http:// or https://")]
    Scheme,
    /// No host, or a host or port that cannot be one.
    #[error(
        "the URL's host or port is malformed (special characters of credentials are to be percent-encoded)"
    )]
    Authority,
    /// A query or fragment, which cannot stand before a path.
    #[error("the URL has a query or fragment; a target is only scheme, host, port and path")]
    Query,
    /// A path that cannot be sent.
    #[error(
        "the URL's path holds an @ or a character that cannot be sent (special characters of credentials are to be percent-encoded)"
    )]
    Path,
    /// Credentials that cannot be sent.
    #[error("the URL's credentials are malformed: {0}")]
    Credentials(#[from] CredentialsError),
}

impl Target {
    /// Reads a URL; the credentials in it are taken out of it.
    pub fn parse(url: &str) -> Result<(Self, Option<Credentials>), TargetError> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            _ => return Err(TargetError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        let authority = authority_of(host)?;
        if path.contains(['?', '#']) {
            return Err(TargetError::Query);
        }
        // An @ here is the end of credentials that hold a /.
        let sendable = |c: char| c.is_ascii_graphic() && !"@<>`".contains(c);
        if !path.chars().all(sendable) {
            return Err(TargetError::Path);
        }
        let credentials = userinfo.map(Credentials::from_userinfo).transpose()?;
        let target = Self {
            scheme,
            authority,
            prefix: path.trim_end_matches('/').to_owned(),
        };
        Ok((target, credentials))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.authority.host().trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|a| a.is_loopback())
    }

    /// The URL of a path (which begins with `/`) on the target.
    pub fn url(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    pub(crate) fn uri(&self, path: &str) -> Result<http::Uri, http::Error> {
        http::Uri::builder()
            .scheme(self.scheme)
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

fn authority_of(text: &str) -> Result<Authority, TargetError> {
    let authority: Authority = text.parse().map_err(|_| TargetError::Authority)?;
    let host = authority.host();
    // The parser lets through what no port can be.
    let port_is_right = match text.get(host.len()..) {
        Some("") => true,
        Some(port) => port
            .strip_prefix(':')
            .is_some_and(|digits| digits.parse::<u16>().is_ok_and(|port| port > 0)),
        None => false,
    };
    if host.is_empty() || !port_is_right {
        return Err(TargetError::Authority);
    }
    Ok(authority)
}

/// A user name and a password. They are shown nowhere, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(String);

/// Why a text is no credentials. The messages repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// No colon.
    #[error("there is no colon between user name and password")]
    Colon,
    /// A colon where none can be.
    #[error("a user name cannot hold a colon")]
    ColonInUserName,
    /// A character that cannot be sent.
    #[error("they hold a control character")]
    ControlCharacter,
    /// Bytes that are no text.
    #[error("they are not UTF-8")]
    Utf8,
}

impl Credentials {
    /// Reads `USER:PASS`; the password is all that follows the first colon.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        if !text.contains(':') {
            return Err(CredentialsError::Colon);
        }
        if text.contains(|c: char| c.is_control()) {
            return Err(CredentialsError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    fn from_userinfo(userinfo: &str) -> Result<Self, CredentialsError> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let decoded = |text| {
            let bytes = percent_decode_str(text);
            bytes.decode_utf8().map_err(|_| CredentialsError::Utf8)
        };
        let user = decoded(user)?;
        if user.contains(':') {
            return Err(CredentialsError::ColonInUserName);
        }
        Self::parse(&format!("{user}:{}", decoded(password)?))
    }

    /// `USER:PASS`, for the one who sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A bearer token. It is shown nowhere, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Reads a token: visible ASCII, as a header field can carry it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        match !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err(TokenError),
        }
    }

    /// The token, for the one who sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A text is no [`Token`]. The message repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is visible ASCII characters without blanks")]
pub struct TokenError;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, Option<String>) {
        let (target, credentials) = Target::parse(url).unwrap();
        let credentials = credentials.map(|credentials| credentials.reveal().to_owned());
        (target.to_string(), credentials)
    }

    #[test]
    fn credentials_are_taken_out_of_the_url() {
        let both = |target: &str, auth: &str| (target.to_owned(), Some(auth.to_owned()));
        assert_eq!(
            parsed("HTTP://user:p%40ss%2F@localhost:8080/a/b/"),
            both("http://localhost:8080/a/b", "user:p@ss/")
        );
        assert_eq!(
            parsed("https://u:a@b@[::1]:1"),
            both("https://[::1]:1", "u:a@b")
        );
        assert_eq!(parsed("http://user@h"), both("http://h", "user:"));
        assert_eq!(parsed("http://h/"), ("http://h".to_owned(), None));
    }

    #[test]
    fn what_is_no_target_is_refused_without_being_repeated() {
        for (url, error) in [
            ("localhost:8080", TargetError::Scheme),
            ("ftp://user:secret@h", TargetError::Scheme),
            ("http://", TargetError::Authority),
            ("http://:80", TargetError::Authority),
            ("http://h:", TargetError::Authority),
            ("http://h:0", TargetError::Authority),
            ("http://h:65536", TargetError::Authority),
            ("http://a b", TargetError::Authority),
            ("http://user:sec/ret@h", TargetError::Authority),
            ("http://user:12/secret@h", TargetError::Path),
            ("http://user:12?secret@h", TargetError::Query),
            ("http://h/?a", TargetError::Query),
            ("http://h/#a", TargetError::Query),
            ("http://h/a b", TargetError::Path),
            (
                "http://a%3Asecret:b@h",
                TargetError::Credentials(CredentialsError::ColonInUserName),
            ),
            (
                "http://a:secret%00@h",
                TargetError::Credentials(CredentialsError::ControlCharacter),
            ),
            (
                "http://a:secret%ff@h",
                TargetError::Credentials(CredentialsError::Utf8),
            ),
        ] {
            assert_eq!(Target::parse(url).unwrap_err(), error, "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn debug_output_shows_no_credentials() {
        let credentials = Credentials::parse("user:secret").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials(…)");
    }
}
