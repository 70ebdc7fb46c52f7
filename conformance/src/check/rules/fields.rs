//! The members of answers and their types: one table.

use serde_json::Value;

use super::{Sight, shown};
use crate::check::book::{Finding, Sign};
use crate::check::call::Endpoint;

/// What a member has to be, if it is there. Null counts as absent, unless it is
/// allowed expressly, which comes to the same.
#[derive(Clone, Copy)]
enum Is {
    Text,
    /// Text of at most 10,000 characters, which bounds operations.
    Short,
    /// Text that is not empty.
    Filled,
    Object,
    /// Its `labels`, or `attributes`, are an object.
    ObjectWith(&'static str),
    /// An object with a version by the rules of semantic versioning.
    Maintenance,
}

/// Answers of one kind.
#[derive(Clone, Copy)]
struct Of {
    endpoint: Endpoint,
    statuses: &'static [u16],
}

struct Field {
    id: &'static str,
    of: Of,
    member: &'static str,
    is: Is,
}

const PROVISIONED: Of = of(Endpoint::Provision, &[200, 201, 202]);
const PROVISIONING: Of = of(Endpoint::Provision, &[202]);
const UPDATED: Of = of(Endpoint::Update, &[200, 202]);
const UPDATING: Of = of(Endpoint::Update, &[202]);
const FETCHED: Of = of(Endpoint::FetchInstance, &[200]);
const BINDING: Of = of(Endpoint::Bind, &[202]);
const UNBINDING: Of = of(Endpoint::Unbind, &[202]);
const DEPROVISIONING: Of = of(Endpoint::Deprovision, &[202]);

const fn of(endpoint: Endpoint, statuses: &'static [u16]) -> Of {
    Of { endpoint, statuses }
}

const fn field(id: &'static str, of: Of, member: &'static str, is: Is) -> Field {
    Field { id, of, member, is }
}

const FIELDS: &[Field] = &[
    field(
        "provision.dashboard-url-type",
        PROVISIONED,
        "dashboard_url",
        Is::Text,
    ),
    field(
        "provision.operation-type",
        PROVISIONING,
        "operation",
        Is::Text,
    ),
    field(
        "provision.operation-max-length",
        PROVISIONING,
        "operation",
        Is::Short,
    ),
    field(
        "provision.metadata-type",
        PROVISIONED,
        "metadata",
        Is::Object,
    ),
    field(
        "provision.metadata-labels-type",
        PROVISIONED,
        "metadata",
        Is::ObjectWith("labels"),
    ),
    field(
        "provision.metadata-attributes-type",
        PROVISIONED,
        "metadata",
        Is::ObjectWith("attributes"),
    ),
    field(
        "update.dashboard-url-type",
        UPDATED,
        "dashboard_url",
        Is::Text,
    ),
    field("update.operation-type", UPDATING, "operation", Is::Text),
    field(
        "update.operation-nonempty",
        UPDATING,
        "operation",
        Is::Filled,
    ),
    field("update.metadata-type", UPDATED, "metadata", Is::Object),
    field(
        "provision.metadata-labels-type",
        UPDATED,
        "metadata",
        Is::ObjectWith("labels"),
    ),
    field(
        "provision.metadata-attributes-type",
        UPDATED,
        "metadata",
        Is::ObjectWith("attributes"),
    ),
    field(
        "fetch-instance.service-id-type",
        FETCHED,
        "service_id",
        Is::Text,
    ),
    field("fetch-instance.plan-id-type", FETCHED, "plan_id", Is::Text),
    field(
        "fetch-instance.dashboard-url-type",
        FETCHED,
        "dashboard_url",
        Is::Text,
    ),
    field(
        "fetch-instance.parameters-type",
        FETCHED,
        "parameters",
        Is::Object,
    ),
    field(
        "fetch-instance.maintenance-info-type",
        FETCHED,
        "maintenance_info",
        Is::Maintenance,
    ),
    field(
        "fetch-instance.metadata-type",
        FETCHED,
        "metadata",
        Is::Object,
    ),
    field(
        "provision.metadata-labels-type",
        FETCHED,
        "metadata",
        Is::ObjectWith("labels"),
    ),
    field(
        "provision.metadata-attributes-type",
        FETCHED,
        "metadata",
        Is::ObjectWith("attributes"),
    ),
    field("bind.operation-type", BINDING, "operation", Is::Text),
    field("bind.operation-max-length", BINDING, "operation", Is::Short),
    field("unbind.operation-type", UNBINDING, "operation", Is::Text),
    field(
        "unbind.operation-max-length",
        UNBINDING,
        "operation",
        Is::Short,
    ),
    field(
        "deprovision.operation-type",
        DEPROVISIONING,
        "operation",
        Is::Text,
    ),
    field(
        "deprovision.operation-max-length",
        DEPROVISIONING,
        "operation",
        Is::Short,
    ),
];

/// Answers in which a member may be there or not.
const FREEDOMS: &[(&str, Of)] = &[
    ("provision.operation-optional", PROVISIONING),
    ("update.operation-optional", UPDATING),
    ("bind.operation-optional", BINDING),
    ("unbind.operation-optional", UNBINDING),
    ("deprovision.operation-optional", DEPROVISIONING),
    ("fetch-instance.parameters-may-be-omitted", FETCHED),
    ("fetch-instance.maintenance-info-optional", FETCHED),
    (
        "fetch-binding.parameters-may-be-omitted",
        of(Endpoint::FetchBinding, &[200]),
    ),
];

/// Answers whose body is described as an empty object.
const EMPTY: &[(&str, Of)] = &[
    ("update.status-200-body", of(Endpoint::Update, &[200])),
    ("unbind.status-200-body", of(Endpoint::Unbind, &[200])),
    (
        "deprovision.status-200-body",
        of(Endpoint::Deprovision, &[200]),
    ),
];

pub(super) fn judged() -> impl Iterator<Item = &'static str> {
    let fields = FIELDS.iter().map(|field| field.id);
    let freedoms = FREEDOMS.iter().map(|(id, _)| *id);
    fields
        .chain(freedoms)
        .chain(EMPTY.iter().map(|(id, _)| *id))
}

pub(super) fn judge(sight: &Sight<'_>, found: &mut Vec<Finding>) {
    let applies =
        |of: &Of| of.endpoint == sight.endpoint() && of.statuses.contains(&sight.status());
    for (id, _) in EMPTY.iter().filter(|(_, of)| applies(of)) {
        found.push(Finding::judge(
            id,
            sight.json.is_some_and(Value::is_object),
            Sign::Deviates,
            "{} as the body",
            match sight.json {
                Some(body) => format!("the body is {}", shown(body)),
                None => "the body is no JSON".to_owned(),
            },
        ));
    }
    if !sight.json.is_some_and(Value::is_object) {
        return;
    }
    for (id, _) in FREEDOMS.iter().filter(|(_, of)| applies(of)) {
        found.push(Finding::kept(id, "the member, or none"));
    }
    for field in FIELDS.iter().filter(|field| applies(&field.of)) {
        if let Some(value) = sight.member(field.member) {
            found.extend(member(field, value));
        }
    }
}

fn member(field: &Field, value: &Value) -> Option<Finding> {
    let Field { id, member, is, .. } = field;
    let judge = |holds, expected: &str| {
        let expected = format!("{expected} as {member}");
        let actual = format!("it is {}", shown(value));
        Some(Finding::judge(id, holds, Sign::Broken, expected, actual))
    };
    match is {
        Is::Text => judge(value.is_string(), "a string"),
        Is::Object => judge(value.is_object(), "an object"),
        // What is no string at all is another entry's.
        Is::Short => judge(
            value.as_str()?.chars().count() <= 10_000,
            "at most 10,000 characters",
        ),
        Is::Filled => judge(!value.as_str()?.is_empty(), "no empty string"),
        Is::ObjectWith(name) => {
            let part = value.get(name).filter(|part| !part.is_null())?;
            Some(Finding::judge(
                id,
                part.is_object(),
                Sign::Broken,
                format!("an object as {name} of the metadata"),
                format!("it is {}", shown(part)),
            ))
        }
        Is::Maintenance => {
            let version = value.get("version").and_then(Value::as_str);
            judge(
                version.is_some_and(is_semver),
                "an object with a version by Semantic Versioning",
            )
        }
    }
}

/// Whether a text is a version by Semantic Versioning 2.0.0, whose numbers have no
/// bound.
pub(super) fn is_semver(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_number = |part: &str| is_digits(part) && (part == "0" || !part.starts_with('0'));
    let is_word = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let (text, build) = text.split_once('+').unwrap_or((text, "0"));
    let (core, release) = text.split_once('-').unwrap_or((text, "0"));
    let core: Vec<&str> = core.split('.').collect();
    core.len() == 3
        && core.into_iter().all(is_number)
        && release.split('.').all(|part| match is_digits(part) {
            true => is_number(part),
            false => is_word(part),
        })
        && build.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::is_semver;

    #[test]
    fn versions_are_those_of_semantic_versioning() {
        for version in [
            "0.0.0",
            "1.2.3",
            "99999999999999999999.0.0",
            "1.0.0-0",
            "1.0.0-alpha.1",
            "1.0.0-0a",
            "1.0.0--",
            "1.0.0-x-y-z.4",
            "2.1.1+abcdef",
            "1.0.0+001",
            "1.0.0+21AF26D3---117B344092BD",
            "1.0.0-rc.1+build.5",
        ] {
            assert!(is_semver(version), "{version}");
        }
        for no_version in [
            "",
            "1",
            "1.0",
            "v1.2.3",
            "01.2.3",
            "1.02.3",
            "1.2.3.4",
            "1.2.-3",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-a..b",
            "1.2.3-a_b",
            "1.2.3+",
            "1.2.3+a+b",
            "1.2.3+a..b",
            "1.2.3 ",
            "1.\u{662}.3",
            "1.2.3-\u{e9}",
        ] {
            assert!(!is_semver(no_version), "{no_version}");
        }
    }
}
