//! How the broker conducts the operations of an offering or plan: what a
//! catalog's members `broker` say.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::backend::Backend;

/// For an offering.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conduct {
    /// What stands behind it.
    pub backend: Backend,
}

/// For a plan.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanConduct {
    /// When an instance is created.
    pub provision: Pace,
    /// When an instance is updated.
    pub update: Pace,
    /// When an instance is deleted.
    pub deprovision: Pace,
    /// When a binding is created.
    pub bind: Pace,
    /// When a binding is deleted.
    pub unbind: Pace,
    /// Whether bindings are for applications only.
    pub requires_app: bool,
    /// What `Retry-After` says while an operation is in progress, in seconds.
    pub retry_after: Option<u64>,
    /// The metadata of its instances.
    pub metadata: Option<Metadata>,
    /// What a binding has besides credentials.
    pub binding: BindingConduct,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

/// What a user has to permit an offering (`requires`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// To receive logs.
    SyslogDrain,
    /// To receive requests.
    RouteForwarding,
    /// To mount volumes.
    VolumeMount,
}

impl PlanConduct {
    /// The member that contradicts another one or what the offering serves, and
    /// why, if there is one.
    pub(crate) fn contradiction(
        &self,
        requires: &[Permission],
        bindings_retrievable: bool,
    ) -> Option<(String, String)> {
        let binding = &self.binding;
        for (member, is_given, permission, name) in [
            (
                "syslog_drain",
                binding.syslog_drain,
                Permission::SyslogDrain,
                "syslog_drain",
            ),
            (
                "route_service",
                binding.route_service,
                Permission::RouteForwarding,
                "route_forwarding",
            ),
            (
                "volume_mount",
                binding.volume_mount,
                Permission::VolumeMount,
                "volume_mount",
            ),
        ] {
            if is_given && !requires.contains(&permission) {
                let why = format!("the offering needs \"{name}\" in `requires` for it");
                return Some((format!("binding/{member}"), why));
            }
        }
        let is_late = match (binding.expires_in, binding.renew_before) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(ends), Some(before)) => before > ends,
        };
        if is_late {
            let why = "it is longer than `expires_in`, or there is none";
            return Some(("binding/renew_before".to_owned(), why.to_owned()));
        }
        for (operation, fault) in self.faults.by_operation() {
            let Some(fault) = fault else { continue };
            if fault.what == Wrong::NeverEnds && fault.times.is_some() {
                let why = "what never ends does so once; leave `times` out";
                return Some((format!("faults/{operation}"), why.to_owned()));
            }
        }
        let fault = self.faults.bind.as_ref();
        let is_async = self.bind != Pace::Sync || fault.is_some_and(Fault::makes_async);
        (is_async && !bindings_retrievable).then(|| {
            let why = "bindings that are made later are fetched: the offering needs `bindings_retrievable`";
            let member = match self.bind {
                Pace::Sync => "faults/bind",
                Pace::Async | Pace::Either => "bind",
            };
            (member.to_owned(), why.to_owned())
        })
    }
}

/// The metadata of a service instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// What platforms attach to it.
    pub labels: BTreeMap<String, String>,
    /// What the broker tells of it.
    pub attributes: BTreeMap<String, String>,
}

/// How an operation is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// Within the request.
    #[default]
    Sync,
    /// After the request, or not at all.
    Async,
    /// After the request, if the platform accepts that, else within it.
    Either,
}

/// What a binding has besides credentials.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BindingConduct {
    /// A URL that logs are sent to.
    pub syslog_drain: bool,
    /// A URL that requests are sent through.
    pub route_service: bool,
    /// A volume to mount.
    pub volume_mount: bool,
    /// The network endpoints of the echo service.
    pub endpoints: bool,
    /// How long it is valid.
    #[serde(deserialize_with = "duration")]
    pub expires_in: Option<Duration>,
    /// How long before its end it is to be renewed.
    #[serde(deserialize_with = "duration")]
    pub renew_before: Option<Duration>,
}

/// What goes wrong on purpose, by operation.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// When an instance is created.
    pub provision: Option<Fault>,
    /// When an instance is updated.
    pub update: Option<Fault>,
    /// When an instance is deleted.
    pub deprovision: Option<Fault>,
    /// When a binding is created.
    pub bind: Option<Fault>,
    /// When a binding is deleted.
    pub unbind: Option<Fault>,
}

impl Faults {
    /// Whether anything goes wrong.
    pub fn are_any(&self) -> bool {
        self.by_operation().iter().any(|(_, fault)| fault.is_some())
    }

    fn by_operation(&self) -> [(&'static str, &Option<Fault>); 5] {
        let Faults {
            provision,
            update,
            deprovision,
            bind,
            unbind,
        } = self;
        [
            ("provision", provision),
            ("update", update),
            ("deprovision", deprovision),
            ("bind", bind),
            ("unbind", unbind),
        ]
    }
}

/// Something that goes wrong on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub what: Wrong,
    /// How often for one instance or binding; always, if it is not said.
    pub times: Option<u32>,
}

impl Fault {
    /// Whether it goes wrong after the request, so that the operation has to be
    /// asynchronous.
    pub(crate) fn makes_async(&self) -> bool {
        matches!(self.what, Wrong::FailsLater | Wrong::NeverEnds)
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// The request is answered with this status, an error, and no effect.
    #[serde(deserialize_with = "status")]
    Refused(u16),
    /// The operation is accepted, and fails in the end.
    FailsLater,
    /// The operation is accepted, and never ends.
    NeverEnds,
    /// The right answer comes only after this.
    #[serde(deserialize_with = "late")]
    Late(Duration),
    /// The connection is closed in the place of an answer; nothing is done.
    Drops,
    /// The answer is no JSON; nothing is done.
    Garbage,
    /// The answer has this status and an empty object; nothing is done.
    #[serde(deserialize_with = "status")]
    Status(u16),
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    match status {
        200..=599 => Ok(status),
        _ => Err(serde::de::Error::custom("a status is between 200 and 599")),
    }
}

fn late<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!("`{text}` is no duration such as 5s: {error}"))
    })
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    late(deserializer).map(Some)
}
