//! What an answer says of a binding, created or fetched.

use std::net::Ipv6Addr;

use serde_json::Value;

use super::time::Time;
use super::{Sight, shown};
use crate::check::book::{Finding, Sign};
use crate::check::call::Endpoint;
use crate::check::options::Expect;
use crate::check::subject::Subject;

pub(super) const JUDGES: &[&str] = &[
    "bind.status-202-no-binding-info",
    "bind.metadata-type",
    "bind.metadata-no-connection-data",
    "bind.credentials-type",
    "bind.credentials-returned",
    "bind.info-returned-at-least-once",
    "bind.endpoints-provided",
    "bind.network-hosts-provided",
    "bind.syslog-drain-url-type",
    "bind.syslog-drain-url-returned",
    "bind.syslog-drain-declared",
    "bind.route-service-url-type",
    "bind.route-service-url-returned",
    "bind.route-service-url-out-of-band",
    "bind.route-service-declared",
    "bind.route-forwarding-declared",
    "bind.volume-mounts-type",
    "bind.volume-mounts-returned",
    "bind.volume-mounts-declared",
    "bind.endpoints-type",
    "bind.expires-at-format",
    "bind.renew-before-format",
    "bind.renew-before-not-after-expiry",
    "bind.renew-before-buffer",
    "bind.volume-mount-driver-present",
    "bind.volume-mount-container-dir-present",
    "bind.volume-mount-mode-present",
    "bind.volume-mount-mode-values",
    "bind.volume-mount-device-type-present",
    "bind.volume-mount-device-type-values",
    "bind.volume-mount-device-present",
    "bind.device-volume-id-present",
    "bind.device-mount-config-type",
    "bind.endpoint-host-present",
    "bind.endpoint-ports-present",
    "bind.endpoint-ports-nonempty",
    "bind.endpoint-ports-format",
    "bind.endpoint-protocol-values",
    "fetch-binding.metadata-type",
    "fetch-binding.metadata-no-connection-data",
    "fetch-binding.credentials-type",
    "fetch-binding.syslog-drain-url-type",
    "fetch-binding.syslog-drain-declared",
    "fetch-binding.route-service-url-type",
    "fetch-binding.route-service-declared",
    "fetch-binding.volume-mounts-type",
    "fetch-binding.volume-mounts-declared",
    "fetch-binding.parameters-type",
    "fetch-binding.endpoints-type",
];

/// The members by which a binding tells how to reach the service.
pub(crate) const INFORMATION: [&str; 4] = [
    "credentials",
    "syslog_drain_url",
    "route_service_url",
    "volume_mounts",
];

/// The ids that an answer to a bind and one to a fetch have of their own.
struct Ids {
    metadata_type: &'static str,
    metadata_no_connection_data: &'static str,
    credentials_type: &'static str,
    syslog_drain_url_type: &'static str,
    syslog_drain_declared: &'static str,
    route_service_url_type: &'static str,
    route_service_declared: &'static str,
    volume_mounts_type: &'static str,
    volume_mounts_declared: &'static str,
    endpoints_type: &'static str,
}

const OF_BIND: Ids = Ids {
    metadata_type: "bind.metadata-type",
    metadata_no_connection_data: "bind.metadata-no-connection-data",
    credentials_type: "bind.credentials-type",
    syslog_drain_url_type: "bind.syslog-drain-url-type",
    syslog_drain_declared: "bind.syslog-drain-declared",
    route_service_url_type: "bind.route-service-url-type",
    route_service_declared: "bind.route-service-declared",
    volume_mounts_type: "bind.volume-mounts-type",
    volume_mounts_declared: "bind.volume-mounts-declared",
    endpoints_type: "bind.endpoints-type",
};

const OF_FETCH: Ids = Ids {
    metadata_type: "fetch-binding.metadata-type",
    metadata_no_connection_data: "fetch-binding.metadata-no-connection-data",
    credentials_type: "fetch-binding.credentials-type",
    syslog_drain_url_type: "fetch-binding.syslog-drain-url-type",
    syslog_drain_declared: "fetch-binding.syslog-drain-declared",
    route_service_url_type: "fetch-binding.route-service-url-type",
    route_service_declared: "fetch-binding.route-service-declared",
    volume_mounts_type: "fetch-binding.volume-mounts-type",
    volume_mounts_declared: "fetch-binding.volume-mounts-declared",
    endpoints_type: "fetch-binding.endpoints-type",
};

pub(super) fn judge(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let mut judge = Judge { sight, found };
    // A body that is no object gives nothing, either.
    if (sight.endpoint(), sight.status()) == (Endpoint::Bind, 201) {
        judge.first_answer();
    }
    if !sight.json.is_some_and(Value::is_object) {
        return;
    }
    match (sight.endpoint(), sight.status()) {
        (Endpoint::Bind, 202) => judge.accepted(),
        (Endpoint::Bind, 200 | 201) => judge.information(&OF_BIND),
        (Endpoint::FetchBinding, 200) => {
            judge.information(&OF_FETCH);
            if let Some(parameters) = sight.member("parameters") {
                let id = "fetch-binding.parameters-type";
                judge.is(
                    id,
                    parameters.is_object(),
                    "an object as parameters",
                    parameters,
                );
            }
        }
        _ => {}
    }
}

struct Judge<'a, 'b> {
    sight: &'a Sight<'b>,
    found: &'a mut Vec<Finding>,
}

impl Judge<'_, '_> {
    fn is(&mut self, id: &'static str, holds: bool, expected: &str, actual: &Value) {
        let actual = format!("it is {}", shown(actual));
        self.found
            .push(Finding::judge(id, holds, Sign::Broken, expected, actual));
    }

    fn push(&mut self, id: &'static str, holds: bool, sign: Sign, expected: &str, actual: &str) {
        self.found
            .push(Finding::judge(id, holds, sign, expected, actual));
    }

    /// Before it is created, nothing of a binding is told.
    fn accepted(&mut self) {
        let endpoints = self.sight.version.is_at_least(15).then_some("endpoints");
        let names = INFORMATION.into_iter().chain(endpoints);
        let told = names.filter_map(|name| Some((name, self.sight.member(name)?)));
        // What is empty tells nothing.
        let (empty, revealed): (Vec<_>, Vec<_>) = told.partition(|(_, value)| is_empty(value));
        let (sign, verb, told) = match revealed.is_empty() {
            true => (Sign::Deviates, "it has an empty", empty),
            false => (Sign::Broken, "it tells", revealed),
        };
        let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
        self.push(
            "bind.status-202-no-binding-info",
            names.is_empty(),
            sign,
            "nothing of the binding in a 202",
            &format!("{verb} {}", names.join(", ")),
        );
    }

    fn information(&mut self, ids: &Ids) {
        let sight = self.sight;
        if let Some(credentials) = sight.member("credentials") {
            let id = ids.credentials_type;
            self.is(
                id,
                credentials.is_object(),
                "an object as credentials",
                credentials,
            );
        }
        self.url(
            ids.syslog_drain_url_type,
            ids.syslog_drain_declared,
            "syslog_drain_url",
            "syslog_drain",
        );
        self.url(
            ids.route_service_url_type,
            ids.route_service_declared,
            "route_service_url",
            "route_forwarding",
        );
        self.volume_mounts(ids);
        self.endpoints(ids);
        self.metadata(ids);
        self.out_of_band();
    }

    fn url(
        &mut self,
        type_id: &'static str,
        declared_id: &'static str,
        name: &str,
        permission: &str,
    ) {
        let Some(url) = self.sight.member(name) else {
            return;
        };
        self.is(
            type_id,
            url.is_string(),
            &format!("a string as {name}"),
            url,
        );
        if url.as_str() != Some("") {
            self.declared(declared_id, name, permission);
            if name == "route_service_url" {
                self.declared("bind.route-forwarding-declared", name, permission);
            }
        }
    }

    /// What a binding gives has to be declared by its offering.
    fn declared(&mut self, id: &'static str, name: &str, permission: &str) {
        let Some(subject) = self.sight.subject else {
            return;
        };
        self.push(
            id,
            subject.requires.contains(permission),
            Sign::Broken,
            &format!("{permission} in the offering's requires where a binding has {name}"),
            "it is not there",
        );
    }

    fn volume_mounts(&mut self, ids: &Ids) {
        let Some(mounts) = self.sight.member("volume_mounts") else {
            return;
        };
        let objects = objects(mounts);
        let id = ids.volume_mounts_type;
        self.is(
            id,
            objects.is_some(),
            "an array of objects as volume_mounts",
            mounts,
        );
        let Some(objects) = objects else { return };
        if !objects.is_empty() {
            self.declared(ids.volume_mounts_declared, "volume_mounts", "volume_mount");
        }
        for mount in objects {
            self.volume_mount(mount);
        }
    }

    fn volume_mount(&mut self, mount: &Value) {
        let null = Value::Null;
        for (id, name) in [
            ("bind.volume-mount-driver-present", "driver"),
            ("bind.volume-mount-container-dir-present", "container_dir"),
            ("bind.volume-mount-mode-present", "mode"),
            ("bind.volume-mount-device-type-present", "device_type"),
        ] {
            let value = mount.get(name).unwrap_or(&null);
            let expected = format!("a string as {name} of a volume mount");
            self.is(id, value.is_string(), &expected, value);
        }
        if let Some(mode) = mount.get("mode").and_then(Value::as_str) {
            let is_known = matches!(mode, "r" | "rw");
            let id = "bind.volume-mount-mode-values";
            self.is(id, is_known, "r or rw as the mode", &mode.into());
        }
        if let Some(kind) = mount.get("device_type").and_then(Value::as_str) {
            let actual = format!("it is {}", shown(&kind.into()));
            self.push(
                "bind.volume-mount-device-type-values",
                kind == "shared",
                Sign::Deviates,
                "shared as the device_type",
                &actual,
            );
        }
        let device = mount.get("device").unwrap_or(&null);
        let id = "bind.volume-mount-device-present";
        self.is(
            id,
            device.is_object(),
            "an object as device of a volume mount",
            device,
        );
        if device.is_object() {
            let volume = device.get("volume_id").unwrap_or(&null);
            let id = "bind.device-volume-id-present";
            self.is(
                id,
                volume.is_string(),
                "a string as volume_id of a device",
                volume,
            );
            if let Some(config) = device.get("mount_config").filter(|c| !c.is_null()) {
                let id = "bind.device-mount-config-type";
                self.is(id, config.is_object(), "an object as mount_config", config);
            }
        }
    }

    fn endpoints(&mut self, ids: &Ids) {
        let Some(endpoints) = self.sight.member("endpoints") else {
            return;
        };
        let objects = objects(endpoints);
        let id = ids.endpoints_type;
        self.is(
            id,
            objects.is_some(),
            "an array of objects as endpoints",
            endpoints,
        );
        for endpoint in objects.into_iter().flatten() {
            self.endpoint(endpoint);
        }
    }

    fn endpoint(&mut self, endpoint: &Value) {
        let null = Value::Null;
        let host = endpoint.get("host").unwrap_or(&null);
        let id = "bind.endpoint-host-present";
        self.is(
            id,
            host.is_string(),
            "a string as host of an endpoint",
            host,
        );
        if let Some(text) = host.as_str()
            && (text.is_empty() || text.contains('/') || has_port(text))
        {
            let actual = format!("it is {}", shown(host));
            self.push(
                id,
                false,
                Sign::Deviates,
                "a host name or an address as host",
                &actual,
            );
        }
        let ports = endpoint.get("ports").unwrap_or(&null);
        let items = ports.as_array().map(Vec::as_slice);
        let is_texts = items.is_some_and(|items| items.iter().all(Value::is_string));
        let id = "bind.endpoint-ports-present";
        self.is(
            id,
            is_texts,
            "an array of strings as ports of an endpoint",
            ports,
        );
        if let Some(items) = items {
            let id = "bind.endpoint-ports-nonempty";
            self.is(id, !items.is_empty(), "one port at least", ports);
            for port in items.iter().filter_map(Value::as_str) {
                self.port(port);
            }
        }
        if let Some(protocol) = endpoint.get("protocol").filter(|p| !p.is_null()) {
            let is_known = matches!(protocol.as_str(), Some("tcp" | "udp" | "all"));
            let id = "bind.endpoint-protocol-values";
            self.is(id, is_known, "tcp, udp or all as the protocol", protocol);
        }
    }

    fn port(&mut self, text: &str) {
        let id = "bind.endpoint-ports-format";
        let bounds: Vec<&str> = text.split('-').collect();
        let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_form = bounds.len() <= 2 && bounds.iter().all(is_number);
        self.is(
            id,
            is_form,
            "a port, or a range such as 8000-8080",
            &text.into(),
        );
        if is_form {
            let numbers: Vec<Option<u16>> = bounds.iter().map(|b| b.parse().ok()).collect();
            let is_usual = numbers.iter().all(Option::is_some) && numbers.is_sorted();
            let actual = format!("it is {}", shown(&text.into()));
            self.push(
                id,
                is_usual,
                Sign::Deviates,
                "ports up to 65535, the lower first",
                &actual,
            );
        }
    }

    fn metadata(&mut self, ids: &Ids) {
        let Some(metadata) = self.sight.member("metadata") else {
            return;
        };
        let id = ids.metadata_type;
        self.is(id, metadata.is_object(), "an object as metadata", metadata);
        let Some(members) = metadata.as_object() else {
            return;
        };
        let expires = self.timestamp("bind.expires-at-format", metadata, "expires_at");
        let renew = self.timestamp("bind.renew-before-format", metadata, "renew_before");
        if let (Some(expires), Some(renew)) = (expires, renew) {
            let both = Value::from(vec![
                metadata["renew_before"].clone(),
                metadata["expires_at"].clone(),
            ]);
            let id = "bind.renew-before-not-after-expiry";
            self.is(
                id,
                renew <= expires,
                "renew_before no later than expires_at",
                &both,
            );
            if renew <= expires {
                self.push(
                    "bind.renew-before-buffer",
                    renew < expires,
                    Sign::Deviates,
                    "time between renew_before and expires_at",
                    "they are equal",
                );
            }
        }
        let connects = |name: &str| {
            let name = name.to_ascii_lowercase();
            [
                "uri", "url", "host", "hostname", "port", "user", "username", "password",
            ]
            .contains(&name.as_str())
        };
        let credentials = self.sight.member("credentials");
        let is_secret = |value: &Value| {
            value
                .as_str()
                .is_some_and(|text| text.len() >= SHORTEST_SECRET)
                && credentials.is_some_and(|credentials| holds(credentials, value))
        };
        let suspicious: Vec<&str> = members
            .iter()
            .filter(|(name, value)| connects(name) || is_secret(value))
            .map(|(name, _)| name.as_str())
            .collect();
        self.push(
            ids.metadata_no_connection_data,
            suspicious.is_empty(),
            Sign::Deviates,
            "nothing in the metadata that connecting needs",
            &format!("it has {}", suspicious.join(", ")),
        );
    }

    /// A time of the metadata, if it is one.
    fn timestamp<'v>(
        &mut self,
        id: &'static str,
        metadata: &'v Value,
        name: &str,
    ) -> Option<Time<'v>> {
        let value = metadata.get(name).filter(|value| !value.is_null())?;
        let text = value.as_str();
        let time = text.and_then(Time::read);
        let expected = format!("a time such as 2026-01-31T12:00:00.0Z as {name}");
        self.is(id, time.is_some(), &expected, value);
        if time.is_some() && !text.is_some_and(|text| text.contains('.')) {
            let actual = format!("it is {}", shown(value));
            self.push(id, false, Sign::Deviates, &expected, &actual);
        }
        time
    }

    /// What the answer that created the binding has to tell.
    fn first_answer(&mut self) {
        let Some(subject) = self.sight.subject else {
            return;
        };
        let has = |name: &str| self.sight.member(name).is_some();
        let (credentials, drain) = (has("credentials"), has("syslog_drain_url"));
        let mounts = self.sight.member("volume_mounts");
        let mounts = mounts.is_some_and(|m| m.as_array().is_none_or(|list| !list.is_empty()));
        let information = INFORMATION.iter().any(|name| has(name));
        let endpoints = has("endpoints");
        let expects = |expect| self.sight.expect.contains(&expect);
        let sign = |is_expected| match is_expected {
            true => Sign::Broken,
            false => Sign::Deviates,
        };
        let of_credentials = sign(expects(Expect::Credentials));
        let of_drain = expects(Expect::SyslogDrain);
        let of_mounts = expects(Expect::VolumeMounts);
        self.push(
            "bind.info-returned-at-least-once",
            information,
            of_credentials,
            "credentials, a URL or volume mounts in the answer that creates a binding",
            "there are none",
        );
        if subject.requires.is_empty() {
            self.push(
                "bind.credentials-returned",
                credentials,
                of_credentials,
                "credentials in the answer that creates a binding",
                "there are none",
            );
        }
        for (permission, id, is_there, is_expected, name) in [
            (
                "syslog_drain",
                "bind.syslog-drain-url-returned",
                drain,
                of_drain,
                "syslog_drain_url",
            ),
            (
                "volume_mount",
                "bind.volume-mounts-returned",
                mounts,
                of_mounts,
                "volume_mounts",
            ),
        ] {
            if requires_just(subject, permission) && (information || is_expected) {
                self.push(
                    id,
                    is_there,
                    sign(is_expected),
                    &format!("{name} where the offering requires just {permission}"),
                    "there are none",
                );
            }
        }
        self.proxied();
        if credentials {
            for id in ["bind.endpoints-provided", "bind.network-hosts-provided"] {
                self.push(
                    id,
                    endpoints,
                    Sign::Deviates,
                    "endpoints beside the credentials",
                    "there are none",
                );
            }
        }
    }

    /// Whether the platform forwards for a route service, only its operator
    /// knows. It can do so only for a route that it was told of.
    fn proxied(&mut self) {
        let resource = self.sight.call.given("bind_resource");
        let has_route = resource.is_some_and(|it| it.get("route").is_some());
        let expect = self.sight.expect;
        let Some(is_there) = self.has_route_service_url() else {
            return;
        };
        let is_proxied = expect.contains(&Expect::RouteProxied);
        if has_route && (is_proxied || (is_there && !expect.contains(&Expect::RouteOutOfBand))) {
            self.push(
                "bind.route-service-url-returned",
                is_there,
                Sign::Broken,
                "a route_service_url of a service that the platform forwards to",
                "there is none",
            );
        }
    }

    /// A route service that is set up out of band has no URL, in whatever answer.
    fn out_of_band(&mut self) {
        let Some(is_there) = self.has_route_service_url() else {
            return;
        };
        if !is_there || self.sight.expect.contains(&Expect::RouteOutOfBand) {
            self.push(
                "bind.route-service-url-out-of-band",
                !is_there,
                Sign::Broken,
                "no route_service_url of a service that is set up out of band",
                "there is one",
            );
        }
    }

    /// Whether a route service tells a URL; nothing for other services.
    fn has_route_service_url(&self) -> Option<bool> {
        let subject = self.sight.subject?;
        let url = self.sight.member("route_service_url");
        let is_there = url.is_some_and(|url| !is_empty(url));
        let is_route_service = subject.requires.contains("route_forwarding");
        is_route_service.then_some(is_there)
    }
}

/// Whether a value has nothing in it.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Whether a host comes with a port; the colons of an address are none.
fn has_port(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let (address, _zone) = bare.split_once('%').unwrap_or((bare, ""));
    host.contains(':') && address.parse::<Ipv6Addr>().is_err()
}

/// A text that is shorter may turn up twice by chance.
const SHORTEST_SECRET: usize = 6;

/// Whether `value` is somewhere in `tree`.
fn holds(tree: &Value, value: &Value) -> bool {
    tree == value
        || match tree {
            Value::Array(items) => items.iter().any(|item| holds(item, value)),
            Value::Object(members) => members.values().any(|member| holds(member, value)),
            _ => false,
        }
}

fn requires_just(subject: &Subject, permission: &str) -> bool {
    subject.requires.len() == 1 && subject.requires.contains(permission)
}

fn objects(value: &Value) -> Option<&[Value]> {
    let items = value.as_array()?;
    items.iter().all(Value::is_object).then_some(items)
}
