//! Keeps credentials out of all that is recorded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::bindings::encode;
use crate::compare::{Difference, Side};
use crate::exchange::{Answer, Request};
use crate::{AUTH_VARIABLE, TOKEN_VARIABLE};

/// The value of the `Authorization` header for `USER:PASS`.
pub(crate) fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

/// The value that is recorded in the place of [`basic`]'s.
pub(crate) fn recorded_basic() -> String {
    format!("Basic ${AUTH_VARIABLE}")
}

/// The value that is recorded in the place of a bearer token's.
pub(crate) fn recorded_bearer() -> String {
    format!("Bearer ${TOKEN_VARIABLE}")
}

/// What must not be recorded, and what is recorded in its place.
#[derive(Clone)]
pub(crate) struct Secrets {
    authorization: String,
    recorded: String,
    hidden: Vec<(String, String)>,
}

/// A password that is shorter is also a piece of ordinary words, and hiding it
/// would deface the report; with its user name it is hidden all the same.
const SHORTEST_PASSWORD: usize = 4;

impl Secrets {
    /// For credentials that stand in a fixture for everyone to read: only the
    /// header is replaced, so that curl lines take it from the environment.
    pub(crate) fn public(credentials: &str) -> Self {
        Self {
            authorization: basic(credentials),
            recorded: recorded_basic(),
            hidden: Vec::new(),
        }
    }

    /// For a user's bearer token.
    pub(crate) fn token(token: &str) -> Self {
        let instead = format!("${TOKEN_VARIABLE}");
        let spellings = spellings(token).into_iter();
        Self {
            authorization: format!("Bearer {token}"),
            recorded: recorded_bearer(),
            hidden: spellings.map(|text| (text, instead.clone())).collect(),
        }
    }

    /// And hides this text too.
    pub(crate) fn and(mut self, text: &str) -> Self {
        if text.chars().count() >= SHORTEST_PASSWORD {
            let spellings = spellings(text).into_iter();
            self.hidden
                .extend(spellings.map(|text| (text, "***".to_owned())));
        }
        self
    }

    /// For the user's credentials: they are replaced wherever they turn up, also
    /// in what the target answers.
    pub(crate) fn private(credentials: &str) -> Self {
        let mut hidden = Vec::new();
        let pair = format!("${AUTH_VARIABLE}");
        for spelling in spellings(credentials) {
            hidden.push((spelling, pair.clone()));
        }
        hidden.push((STANDARD.encode(credentials), pair));
        let password = credentials
            .split_once(':')
            .map_or("", |(_, password)| password);
        if password.chars().count() >= SHORTEST_PASSWORD {
            for spelling in spellings(password) {
                hidden.push((spelling, "***".to_owned()));
            }
        }
        Self {
            authorization: basic(credentials),
            recorded: recorded_basic(),
            hidden,
        }
    }

    pub(crate) fn hide(&self, text: &str) -> String {
        self.hidden
            .iter()
            .fold(text.to_owned(), |text, (secret, instead)| {
                text.replace(secret, instead)
            })
    }

    pub(crate) fn request(&self, request: &Request) -> Request {
        let headers = request.headers.iter().map(|(name, value)| {
            let value = if *value == self.authorization {
                self.recorded.clone()
            } else {
                self.hide(value)
            };
            (name.clone(), value)
        });
        Request {
            method: request.method.clone(),
            path: self.hide(&request.path),
            headers: headers.collect(),
            body: request.body.as_deref().map(|body| self.hide(body)),
        }
    }

    pub(crate) fn answer(&self, answer: &Answer) -> Answer {
        let hide_header = |(name, value): &(String, String)| (self.hide(name), self.hide(value));
        Answer {
            status: answer.status,
            headers: answer.headers.iter().map(hide_header).collect(),
            body: match std::str::from_utf8(&answer.body) {
                Ok(text) => self.hide(text).into_bytes(),
                Err(_) if self.hidden.is_empty() => answer.body.clone(),
                Err(_) => self.hide(&answer.text()).into_bytes(),
            },
        }
    }

    pub(crate) fn difference(&self, difference: Difference) -> Difference {
        let side = |side| match side {
            Side::Absent => Side::Absent,
            Side::Words(text) => Side::Words(self.hide(&text)),
            Side::Text(text) => Side::Text(self.hide(&text)),
            Side::Json(value) => Side::Json(self.value(value)),
        };
        Difference {
            at: self.hide(&difference.at),
            expected: side(difference.expected),
            actual: side(difference.actual),
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, member)| (self.hide(&name), self.value(member)))
                .collect(),
            other => other,
        }
    }
}

/// A text as it stands by itself, in a URL, and in JSON.
fn spellings(text: &str) -> [String; 4] {
    let json = Value::from(text).to_string();
    [
        text.to_owned(),
        encode(text),
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        json.trim_matches('"').to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_credentials_are_hidden_in_every_spelling() {
        let secrets = Secrets::private("user:pa\"ss wd");
        let answer = Answer {
            status: 200,
            headers: vec![("x".into(), "user:pa%22ss%20wd".into())],
            body: br#"{"a": "pa\"ss wd", "b": "dXNlcjpwYSJzcyB3ZA=="}"#.to_vec(),
        };
        let hidden = secrets.answer(&answer);
        assert_eq!(hidden.text(), r#"{"a": "***", "b": "$CONFORMANCE_AUTH"}"#);
        assert_eq!(hidden.headers[0].1, "user:***");
    }

    #[test]
    fn credentials_are_hidden_as_a_path_carries_them() {
        let secrets = Secrets::private("me:a-b/c-d.e");
        assert_eq!(secrets.hide("/me%3Aa-b%2Fc-d.e"), "/$CONFORMANCE_AUTH");
    }

    #[test]
    fn public_credentials_are_replaced_in_their_header_only() {
        let secrets = Secrets::public("user:pass");
        let request = Request {
            method: "PUT".into(),
            path: "/pass".into(),
            headers: vec![
                ("Authorization".into(), "Basic dXNlcjpwYXNz".into()),
                ("X".into(), "pass".into()),
            ],
            body: Some("user:pass".into()),
        };
        let hidden = secrets.request(&request);
        assert_eq!(
            hidden.header("authorization"),
            Some("Basic $CONFORMANCE_AUTH")
        );
        assert_eq!(hidden.header("x"), Some("pass"));
        assert_eq!(hidden.body, request.body);
    }
}
