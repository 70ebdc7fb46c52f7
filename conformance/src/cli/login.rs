//! Where a target is and how to log in there, from arguments and environment.

use std::env::{self, VarError};

use conformance::{AUTH_VARIABLE, Auth, Credentials, TOKEN_VARIABLE, Target, Token};

/// A target and its credentials: those of `--auth`, in the URL, or in the
/// environment, in this order.
pub(crate) fn target(
    url: &str,
    auth: Option<&str>,
) -> Result<(Target, Option<Credentials>), String> {
    let (target, in_url) = Target::parse(url).map_err(|error| error.to_string())?;
    let credentials = match (auth, in_url) {
        (Some(auth), _) => Some(credentials("--auth", auth)?),
        (None, Some(in_url)) => Some(in_url),
        (None, None) => match variable(AUTH_VARIABLE)? {
            Some(text) => Some(credentials(AUTH_VARIABLE, &text)?),
            None => None,
        },
    };
    Ok((target, credentials))
}

/// The same, where a token may stand in the place of the credentials.
pub(crate) fn target_or_token(
    url: &str,
    auth: Option<&str>,
    given: Option<&str>,
) -> Result<(Target, Option<Auth>), String> {
    let (target, credentials) = target(url, auth)?;
    let given = match given {
        Some(text) => Some(token("--token", text)?),
        None if credentials.is_some() => None,
        None => match variable(TOKEN_VARIABLE)? {
            Some(text) => Some(token(TOKEN_VARIABLE, &text)?),
            None => None,
        },
    };
    let auth = match given {
        Some(token) => Some(Auth::Token(token)),
        None => credentials.map(Auth::Basic),
    };
    Ok((target, auth))
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}

/// Reads `USER:PASS`; an error says where it came from and repeats nothing.
fn credentials(from: &str, text: &str) -> Result<Credentials, String> {
    Credentials::parse(text).map_err(|error| format!("{from} is no USER:PASS: {error}"))
}

fn token(from: &str, text: &str) -> Result<Token, String> {
    Token::parse(text).map_err(|error| format!("{from} is no token: {error}"))
}
