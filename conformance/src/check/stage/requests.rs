//! Right requests for the plan that a scenario plays with.

use serde_json::{Value, json};

use super::Stage;
use crate::check::call::{Call, Endpoint, Resource, Work};
use crate::check::options::Parameters;
use crate::parameters::demanded;

const ORGANIZATION: &str = "5f1c7a56-26f8-4f38-8bc3-95ff4d3d3b60";
const SPACE: &str = "c1b1d1a4-3f3f-4d2e-9a52-0d8f5fd1c2e7";
const APP: &str = "0a7d4b0e-5c0f-4f7b-8a53-3a1c7f6a9d11";

/// A context as Cloud Foundry sends it.
pub(crate) fn context(instance_name: &str) -> Value {
    json!({
        "platform": "cloudfoundry",
        "organization_guid": ORGANIZATION,
        "space_guid": SPACE,
        "organization_name": "conformance",
        "space_name": "conformance",
        "instance_name": instance_name,
    })
}

impl Stage {
    fn parameters(&self) -> &Parameters {
        &self.session.options.parameters
    }

    fn hints(&self, call: Call) -> Call {
        call.query("service_id", &self.subject.service_id)
            .query("plan_id", &self.subject.plan_id)
    }

    fn base(&self) -> Value {
        json!({"service_id": self.subject.service_id, "plan_id": self.subject.plan_id})
    }

    /// A provision that is right in everything.
    pub(crate) fn provision(&self, resource: &Resource) -> Call {
        let mut body = self.base();
        body["organization_guid"] = ORGANIZATION.into();
        body["space_guid"] = SPACE.into();
        if self.knows(12) {
            body["context"] = context("conformance");
        }
        if let Some(parameters) = self.provision_parameters() {
            body["parameters"] = parameters;
        }
        Call::on(Endpoint::Provision, resource)
            .query("accepts_incomplete", "true")
            .json(body)
    }

    /// The parameters of an ordinary provision: the user's, or what the schema
    /// demands.
    pub(crate) fn provision_parameters(&self) -> Option<Value> {
        let own = self.parameters().provision.clone();
        own.or_else(|| {
            let made = &self.learned.demanded[0];
            made.get_or_init(|| demanded(self.subject.create_schema.as_ref()))
                .clone()
        })
    }

    /// A bind that is right in everything.
    pub(crate) fn bind(&self, resource: &Resource) -> Call {
        let mut body = self.base();
        let route = ["route_forwarding".to_owned()].into();
        body["bind_resource"] = match self.subject.requires == route {
            true => json!({"route": "conformance.example.com"}),
            false => json!({"app_guid": APP}),
        };
        if self.subject.requires != route {
            body["app_guid"] = APP.into();
        }
        if self.knows(13) {
            body["context"] = context("conformance");
        }
        let own = self.parameters().bind.clone();
        let made = &self.learned.demanded[1];
        let made = || {
            let made = made.get_or_init(|| demanded(self.subject.bind_schema.as_ref()));
            made.clone()
        };
        if let Some(parameters) = own.or_else(made) {
            body["parameters"] = parameters;
        }
        self.incomplete_if_bindings(Call::on(Endpoint::Bind, resource))
            .json(body)
    }

    /// Bindings can be made asynchronously since 2.14.
    fn incomplete_if_bindings(&self, call: Call) -> Call {
        match self.knows(14) {
            true => call.query("accepts_incomplete", "true"),
            false => call,
        }
    }

    /// An update that changes these members.
    pub(crate) fn update(&self, resource: &Resource, changes: &Value) -> Call {
        let mut body = json!({"service_id": self.subject.service_id});
        if let (Some(body), Some(changes)) = (body.as_object_mut(), changes.as_object()) {
            body.extend(changes.clone());
        }
        Call::on(Endpoint::Update, resource)
            .query("accepts_incomplete", "true")
            .json(body)
    }

    pub(crate) fn deprovision(&self, resource: &Resource) -> Call {
        self.hints(Call::on(Endpoint::Deprovision, resource))
            .query("accepts_incomplete", "true")
    }

    pub(crate) fn unbind(&self, resource: &Resource) -> Call {
        self.incomplete_if_bindings(self.hints(Call::on(Endpoint::Unbind, resource)))
    }

    /// The deletion of an instance or binding.
    pub(crate) fn delete(&self, resource: &Resource) -> Call {
        match resource.binding {
            None => self.deprovision(resource),
            Some(_) => self.unbind(resource),
        }
    }

    /// A fetch with both hints, which the versions before 2.16 do not know.
    pub(crate) fn fetch(&self, resource: &Resource) -> Call {
        let call = match resource.binding {
            None => Call::on(Endpoint::FetchInstance, resource),
            Some(_) => Call::on(Endpoint::FetchBinding, resource),
        };
        match self.knows(16) {
            true => self.hints(call),
            false => call,
        }
    }

    /// Whether the offering lets this be fetched.
    pub(crate) fn is_fetchable(&self, resource: &Resource) -> bool {
        self.knows(14)
            && match resource.binding {
                None => self.subject.has_instance_fetch,
                Some(_) => self.subject.has_binding_fetch,
            }
    }

    /// A poll with both hints.
    pub(crate) fn poll(&self, resource: &Resource, work: Work, operation: Option<&str>) -> Call {
        let call = self.hints(self.poll_without_hints(resource, work));
        match operation {
            Some(operation) => call.query("operation", operation),
            None => call,
        }
    }

    pub(crate) fn poll_without_hints(&self, resource: &Resource, work: Work) -> Call {
        Call::on(
            match resource.binding {
                None => Endpoint::PollInstance(work),
                Some(_) => Endpoint::PollBinding(work),
            },
            resource,
        )
    }
}
