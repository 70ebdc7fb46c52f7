//! What a binding is answered with.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use serving::Id;

use crate::catalog::Plan;
use crate::instance::{Binding, Instance};

/// The body of a 200 or 201.
pub(crate) fn body(
    echo_public_url: &str,
    plan: Option<&Plan>,
    (instance_id, instance): (&Id, &Instance),
    (id, binding): (&Id, &Binding),
) -> Value {
    let path = instance.backend.path(instance_id, Some(id));
    let mut body = Map::new();
    let mut add = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    add(
        "credentials",
        json!({ "uri": format!("{echo_public_url}{path}") }),
    );
    let Some(conduct) = plan.map(|plan| &plan.conduct.binding) else {
        return Value::Object(body);
    };
    let host = host_of(echo_public_url);
    if conduct.syslog_drain {
        add(
            "syslog_drain_url",
            json!(format!("syslog-tls://{host}:6514")),
        );
    }
    // Only a binding for a route has a place to send its requests to.
    if conduct.route_service && binding.asked.bind_resource.contains_key("route") {
        add(
            "route_service_url",
            json!(format!("{}{path}", secure(echo_public_url))),
        );
    }
    if conduct.volume_mount {
        add("volume_mounts", json!([volume_mount(id)]));
    }
    if conduct.endpoints {
        add(
            "endpoints",
            json!([{ "host": host.trim_matches(['[', ']']), "ports": [port_of(echo_public_url)], "protocol": "tcp" }]),
        );
    }
    if let Some(ends) = expires_at(plan, binding) {
        let mut metadata = json!({ "expires_at": iso_8601(ends) });
        if let Some(before) = conduct.renew_before {
            metadata["renew_before"] = json!(iso_8601(ends.saturating_sub(millis(before))));
        }
        add("metadata", metadata);
    }
    Value::Object(body)
}

/// When a binding ends, in milliseconds since 1970, if it does.
pub(crate) fn expires_at(plan: Option<&Plan>, binding: &Binding) -> Option<u64> {
    let valid_for = plan?.conduct.binding.expires_in?;
    Some(binding.asked_at.saturating_add(millis(valid_for)))
}

fn volume_mount(id: &Id) -> Value {
    json!({
        "driver": "echofs",
        "container_dir": "/var/vcap/data/echo",
        "mode": "rw",
        "device_type": "shared",
        "device": { "volume_id": id.as_str(), "mount_config": {} },
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// As the specification wants it: `yyyy-mm-ddThh:mm:ss.sZ`.
fn iso_8601(millis: u64) -> String {
    const LAST: u64 = 253_402_300_799_999; // the end of 9999, which the format can say
    let at = UNIX_EPOCH + Duration::from_millis(millis.min(LAST));
    humantime::format_rfc3339_millis(at).to_string()
}

/// The host of a URL, as it stands there: an IPv6 address is in brackets.
fn host_of(url: &str) -> &str {
    let authority = authority_of(url);
    let end = match authority.find(']') {
        Some(bracket) => Some(bracket + 1),
        None => authority.find(':'),
    };
    end.map_or(authority, |end| &authority[..end])
}

/// A URL by https, as the specification wants that of a route service. Where
/// users reach the echo service by http, it is said to be on the port of https.
fn secure(url: &str) -> String {
    let authority = authority_of(url);
    let server = match url.starts_with("https:") {
        true => authority,
        false => host_of(url),
    };
    let base = url.split_once(authority).map_or("", |(_, base)| base);
    format!("https://{server}{base}")
}

fn port_of(url: &str) -> String {
    let authority = authority_of(url);
    let after_host = authority
        .rsplit_once(']')
        .map_or(authority, |(_, rest)| rest);
    match after_host.rsplit_once(':') {
        Some((_, port)) => port.to_owned(),
        None if url.starts_with("https:") => "443".to_owned(),
        None => "80".to_owned(),
    }
}

fn authority_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
