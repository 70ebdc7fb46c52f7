//! Requests to a broker, made of parts so that a check can leave out or change
//! exactly one.

use serde_json::Value;

use crate::bindings::encode;
use crate::exchange::Request;

/// What is asked of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Catalog,
    Provision,
    FetchInstance,
    Update,
    Deprovision,
    PollInstance(Work),
    Bind,
    FetchBinding,
    Unbind,
    PollBinding(Work),
}

/// The operation that is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Create,
    Update,
    Delete,
    /// None that is known of.
    Unknown,
}

impl Endpoint {
    pub(crate) fn is_poll(self) -> bool {
        matches!(self, Endpoint::PollInstance(_) | Endpoint::PollBinding(_))
    }
}

/// An instance, or a binding of one, by their ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Resource {
    pub(crate) instance: String,
    pub(crate) binding: Option<String>,
}

impl Resource {
    pub(crate) fn instance(id: impl Into<String>) -> Resource {
        Resource {
            instance: id.into(),
            binding: None,
        }
    }

    /// A binding of this instance.
    pub(crate) fn with_binding(&self, id: impl Into<String>) -> Resource {
        Resource {
            instance: self.instance.clone(),
            binding: Some(id.into()),
        }
    }

    pub(crate) fn path(&self) -> String {
        let instance = format!("/v2/service_instances/{}", encode(&self.instance));
        match &self.binding {
            None => instance,
            Some(binding) => format!("{instance}/service_bindings/{}", encode(binding)),
        }
    }

    /// How a reader is told of it.
    pub(crate) fn id(&self) -> String {
        match &self.binding {
            None => self.instance.clone(),
            Some(binding) => format!("{binding} of {}", self.instance),
        }
    }
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    None,
    Json(Value),
    /// Text that need not be JSON.
    Raw(String),
}

/// How a request authenticates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Login {
    /// By the credentials of the run.
    Right,
    /// By this value of the `Authorization` header.
    Other(String),
    /// Not at all.
    None,
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) endpoint: Endpoint,
    pub(crate) resource: Option<Resource>,
    method: &'static str,
    path: String,
    /// Pieces as they go over the wire.
    query: Vec<String>,
    /// Without a value: the field is left out.
    headers: Vec<(String, Option<String>)>,
    pub(crate) content: Content,
    pub(crate) login: Login,
}

impl Call {
    pub(crate) fn catalog() -> Call {
        Call::of(Endpoint::Catalog, "GET", None, "/v2/catalog".to_owned())
    }

    pub(crate) fn on(endpoint: Endpoint, resource: &Resource) -> Call {
        let method = match endpoint {
            Endpoint::Provision | Endpoint::Bind => "PUT",
            Endpoint::Update => "PATCH",
            Endpoint::Deprovision | Endpoint::Unbind => "DELETE",
            _ => "GET",
        };
        let path = match endpoint.is_poll() {
            true => format!("{}/last_operation", resource.path()),
            false => resource.path(),
        };
        Call::of(endpoint, method, Some(resource.clone()), path)
    }

    fn of(
        endpoint: Endpoint,
        method: &'static str,
        resource: Option<Resource>,
        path: String,
    ) -> Call {
        Call {
            endpoint,
            resource,
            method,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            content: Content::None,
            login: Login::Right,
        }
    }

    /// With a name and value in the query.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Call {
        self = self.without_query(name);
        self.raw_query(&format!("{name}={}", encode(value)))
    }

    /// With a piece of the query that goes over the wire as it is.
    pub(crate) fn raw_query(mut self, piece: &str) -> Call {
        self.query.push(piece.to_owned());
        self
    }

    pub(crate) fn without_query(mut self, name: &str) -> Call {
        let start = format!("{name}=");
        self.query.retain(|piece| !piece.starts_with(&start));
        self
    }

    /// With a header field, in the place of one of the same name.
    pub(crate) fn header(self, name: &str, value: &str) -> Call {
        self.set_header(name, Some(value.to_owned()))
    }

    /// Without a header field, also one that every request has.
    pub(crate) fn without_header(self, name: &str) -> Call {
        self.set_header(name, None)
    }

    fn set_header(mut self, name: &str, value: Option<String>) -> Call {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
        self
    }

    pub(crate) fn json(mut self, body: Value) -> Call {
        self.content = Content::Json(body);
        self.header("Content-Type", "application/json")
    }

    /// With this text as the body.
    pub(crate) fn raw(mut self, body: &str) -> Call {
        self.content = Content::Raw(body.to_owned());
        self
    }

    /// With a member of the body set.
    pub(crate) fn member(mut self, name: &str, value: Value) -> Call {
        if let Content::Json(Value::Object(members)) = &mut self.content {
            members.insert(name.to_owned(), value);
        }
        self
    }

    /// A member of the body, if it has it.
    pub(crate) fn given(&self, name: &str) -> Option<&Value> {
        match &self.content {
            Content::Json(body) => body.get(name),
            _ => None,
        }
    }

    pub(crate) fn without_member(mut self, name: &str) -> Call {
        if let Content::Json(Value::Object(members)) = &mut self.content {
            members.remove(name);
        }
        self
    }

    pub(crate) fn login(mut self, login: Login) -> Call {
        self.login = login;
        self
    }

    /// Whether the broker may do what is asked asynchronously.
    pub(crate) fn accepts_incomplete(&self) -> bool {
        self.query
            .iter()
            .any(|piece| piece == "accepts_incomplete=true")
    }

    /// Whether it names this offering and one of these plans, and logs in.
    pub(crate) fn is_hinted<'a>(
        &self,
        service_id: &str,
        mut plan_ids: impl Iterator<Item = &'a str>,
    ) -> bool {
        let has = |name: &str, value: &str| {
            let piece = format!("{name}={}", encode(value));
            self.query.contains(&piece)
        };
        self.login == Login::Right
            && has("service_id", service_id)
            && plan_ids.any(|plan_id| has("plan_id", plan_id))
    }

    /// Whether it may create something.
    pub(crate) fn creates(&self) -> bool {
        matches!(self.endpoint, Endpoint::Provision | Endpoint::Bind)
    }

    /// The request as it is sent, with `common` header fields unless the call
    /// has its own, and `authorization` where it logs in rightly.
    pub(crate) fn request(
        &self,
        common: &[(String, String)],
        authorization: Option<&str>,
    ) -> Request {
        let mut path = self.path.clone();
        if !self.query.is_empty() {
            path += &format!("?{}", self.query.join("&"));
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        let authorization = match &self.login {
            Login::Right => authorization,
            Login::Other(value) => Some(value.as_str()),
            Login::None => None,
        };
        headers.extend(authorization.map(|value| ("Authorization".to_owned(), value.to_owned())));
        let has_own = |name: &str| {
            let mut headers = self.headers.iter();
            headers.any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        headers.extend(common.iter().filter(|(name, _)| !has_own(name)).cloned());
        let own = self.headers.iter();
        headers.extend(own.filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
        Request {
            method: self.method.to_owned(),
            path,
            headers,
            body: match &self.content {
                Content::None => None,
                Content::Json(value) => Some(value.to_string()),
                Content::Raw(text) => Some(text.clone()),
            },
        }
    }
}
