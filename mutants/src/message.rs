//! Requests and answers on their way through a door, in the words of the Open
//! Service Broker API.

use std::borrow::Cow;

use serde_json::{Map, Value};
use serving::testing::{Received, Sent};

/// The endpoints of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /v2/catalog`
    Catalog,
    /// `PUT` of a service instance.
    Provision,
    /// `GET` of a service instance.
    FetchInstance,
    /// `PATCH` of a service instance.
    Update,
    /// `DELETE` of a service instance.
    Deprovision,
    /// `GET` of a service instance's last operation.
    PollInstance,
    /// `PUT` of a service binding.
    Bind,
    /// `GET` of a service binding.
    FetchBinding,
    /// `DELETE` of a service binding.
    Unbind,
    /// `GET` of a service binding's last operation.
    PollBinding,
    /// Anything else.
    Other,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request(pub Sent);

impl Request {
    /// The endpoint that it is for.
    pub fn endpoint(&self) -> Endpoint {
        let segments: Vec<&str> = self.path().split('/').skip(1).collect();
        match (self.0.method.as_str(), segments.as_slice()) {
            ("GET", ["v2", "catalog"]) => Endpoint::Catalog,
            ("PUT", ["v2", "service_instances", _]) => Endpoint::Provision,
            ("GET", ["v2", "service_instances", _]) => Endpoint::FetchInstance,
            ("PATCH", ["v2", "service_instances", _]) => Endpoint::Update,
            ("DELETE", ["v2", "service_instances", _]) => Endpoint::Deprovision,
            ("GET", ["v2", "service_instances", _, "last_operation"]) => Endpoint::PollInstance,
            (verb, ["v2", "service_instances", _, "service_bindings", _]) => match verb {
                "PUT" => Endpoint::Bind,
                "GET" => Endpoint::FetchBinding,
                "DELETE" => Endpoint::Unbind,
                _ => Endpoint::Other,
            },
            ("GET", [.., "service_bindings", _, "last_operation"]) => Endpoint::PollBinding,
            _ => Endpoint::Other,
        }
    }

    /// Whether it is for this endpoint.
    pub fn is(&self, endpoint: Endpoint) -> bool {
        self.endpoint() == endpoint
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        let path = self.0.path.as_str();
        path.split_once('?').map_or(path, |(path, _)| path)
    }

    /// The path without `/last_operation`: what tells one instance or binding from
    /// the others.
    pub fn resource(&self) -> &str {
        let path = self.path();
        path.strip_suffix("/last_operation").unwrap_or(path)
    }

    /// The path of the service instance.
    pub fn instance(&self) -> &str {
        let resource = self.resource();
        let binding = resource.split_once("/service_bindings/");
        binding.map_or(resource, |(instance, _)| instance)
    }

    /// A value of the query, as it was sent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.0.path.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(have, value)| (have == name).then_some(value))
    }

    /// Gives the query a value; `None` takes it away.
    pub fn set_query(&mut self, name: &str, value: Option<&str>) {
        let (path, query) = self.0.path.split_once('?').unwrap_or((&self.0.path, ""));
        let start = format!("{name}=");
        let mut pairs: Vec<Cow<'_, str>> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with(&start))
            .map(Cow::from)
            .collect();
        pairs.extend(value.map(|value| Cow::from(format!("{start}{value}"))));
        self.0.path = match pairs.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", pairs.join("&")),
        };
    }

    /// The value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// Gives a header field, by its name in lower case, a value; `None` takes it
    /// away.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        set(&mut self.0.headers, name, value);
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.0.body).unwrap_or(Value::Null)
    }

    /// A member of the body, at a JSON pointer or by its name; null if there is none.
    pub fn member(&self, name: &str) -> Value {
        at(&self.json(), name)
    }

    /// Gives it another body.
    pub fn set_json(&mut self, body: &Value) {
        self.0.body = body.to_string();
    }

    /// Changes the members of the body, if that is a JSON object.
    pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        if let Value::Object(mut members) = self.json() {
            change(&mut members);
            self.set_json(&Value::Object(members));
        }
    }

    /// The same request with another verb, path and body, as the same platform
    /// would send it.
    pub fn another(&self, method: &str, path: &str, body: Option<&Value>) -> Request {
        let mut sent = self.0.clone();
        sent.method = method.to_owned();
        sent.path = path.to_owned();
        sent.body = body.map(Value::to_string).unwrap_or_default();
        Request(sent)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names (in lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn of(status: u16, body: &Value) -> Answer {
        Answer::from(Received::of_json(status, body.to_string()))
    }

    /// Whether it is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// A member of the body, at a JSON pointer or by its name; null if there is none.
    pub fn member(&self, name: &str) -> Value {
        at(&self.json(), name)
    }

    /// Gives it another body.
    pub fn set_json(&mut self, body: &Value) {
        self.body = body.to_string();
    }

    /// Changes the body, if it is JSON.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut body) = serde_json::from_str(&self.body) {
            change(&mut body);
            self.set_json(&body);
        }
    }

    /// Gives a member of the body, if that is a JSON object, a value.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.edit(|body| {
            if let Some(members) = body.as_object_mut() {
                members.insert(name.to_owned(), value.into());
            }
        });
    }

    /// The same, where the member is there already.
    pub fn replace(&mut self, name: &str, value: impl Into<Value>) {
        if !self.member(name).is_null() {
            self.set(name, value);
        }
    }

    /// Takes a member out of the body.
    pub fn remove(&mut self, name: &str) {
        self.edit(|body| {
            if let Some(members) = body.as_object_mut() {
                members.remove(name);
            }
        });
    }

    /// The value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(have, value)| (have == name).then_some(value.as_str()))
    }

    /// Gives a header field, by its name in lower case, a value; `None` takes it
    /// away.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        set(&mut self.headers, name, value);
    }
}

impl From<Received> for Answer {
    fn from(received: Received) -> Answer {
        let Received {
            status,
            headers,
            body,
        } = received;
        Answer {
            status,
            headers,
            body,
        }
    }
}

impl From<Answer> for Received {
    fn from(answer: Answer) -> Received {
        let Answer {
            status,
            headers,
            body,
        } = answer;
        Received {
            status,
            headers,
            body,
        }
    }
}

fn set(headers: &mut Vec<(String, String)>, name: &str, value: Option<&str>) {
    headers.retain(|(have, _)| have != name);
    headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
}

fn at(body: &Value, name: &str) -> Value {
    let found = match name.starts_with('/') {
        true => body.pointer(name),
        false => body.get(name),
    };
    found.cloned().unwrap_or(Value::Null)
}
