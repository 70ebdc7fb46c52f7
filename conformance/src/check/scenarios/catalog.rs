//! The catalog, beside its content: how it is asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::book::{Finding, Sign};
use crate::check::call::{Call, Login};
use crate::check::session::{Reply, Session, Stop};

pub(crate) const JUDGES: &[&str] = &[
    "catalog.status-200",
    "catalog.ids-stable",
    "catalog.contents-may-change",
    "catalog.caching-headers",
    "api-version.missing-400",
    "api-version.missing-message",
    "api-version.unsupported-412",
    "api-version.unsupported-message",
    "auth.tls-recommended",
    "auth.authentication-recommended",
    "errors.appropriate-status",
];

const VERSION: &str = "X-Broker-API-Version";

/// Asks for the catalog in every way that a platform may, after it was answered
/// by `first`.
pub(crate) async fn catalog(session: &Session, first: &Reply) -> Result<(), Stop> {
    let again = ask(session, &Call::catalog()).await?;
    still_there(session, first, &again);
    transport(session, first);
    caching(session, first).await?;
    versions(session).await?;
    let open = Call::catalog().login(Login::None);
    let open = ask(session, &open).await?;
    let finding = match (open.status, session.options.auth.is_some()) {
        // With credentials configured, that is another entry's.
        (200, true) => None,
        (200, false) => Some(Finding::judge(
            "auth.authentication-recommended",
            false,
            Sign::Deviates,
            "a target that asks for credentials",
            "the catalog is given to everybody",
        )),
        _ => Some(Finding::kept(
            "auth.authentication-recommended",
            "a target that asks for credentials",
        )),
    };
    if let Some(finding) = finding {
        session.find(open.at, finding);
    }
    Ok(())
}

/// Sends a call that is about no plan, and again while its answer is one of the
/// moment.
pub(crate) async fn ask(session: &Session, call: &Call) -> Result<Reply, Stop> {
    session
        .patiently(call, None, false, tokio::time::sleep)
        .await
}

fn transport(session: &Session, first: &Reply) {
    let target = session.client().target();
    let id = "auth.tls-recommended";
    if target.is_https() {
        session.find(first.at, Finding::kept(id, "https"));
    } else if target.is_loopback() {
        let why = "the target is on this machine, which is no evidence about where it will run";
        session.record().book.unclear(id, why);
    } else {
        let finding = Finding::judge(id, false, Sign::Deviates, "https", "the URL is http");
        session.find(first.at, finding);
    }
}

async fn caching(session: &Session, first: &Reply) -> Result<(), Stop> {
    let mut call = Call::catalog();
    let mut is_conditional = false;
    for (given, asked) in [
        ("etag", "If-None-Match"),
        ("last-modified", "If-Modified-Since"),
    ] {
        if let Some(value) = first.answer.header(given) {
            call = call.header(asked, value);
            is_conditional = true;
        }
    }
    if !is_conditional {
        return Ok(());
    }
    let reply = ask(session, &call).await?;
    let is_right = matches!(reply.status, 200 | 304);
    let finding = match is_right {
        true => Finding::kept(
            "catalog.caching-headers",
            "304 or 200 to a conditional request",
        ),
        false => Finding::judge(
            "errors.appropriate-status",
            reply.status < 500,
            Sign::Broken,
            "304 or 200 to a conditional request for the catalog",
            format!("it was answered {}", reply.status),
        ),
    };
    session.find(reply.at, finding);
    Ok(())
}

/// A broker may refuse what it does not know, and says so then.
async fn versions(session: &Session) -> Result<(), Stop> {
    let missing = Call::catalog().without_header(VERSION);
    let reply = ask(session, &missing).await?;
    may_refuse(session, &reply, "api-version.missing-400", &[200, 400, 412]);
    if reply.status == 400 && describes(&reply) {
        let id = "api-version.missing-message";
        session.find(reply.at, Finding::kept(id, "a message, or none"));
    }
    for version in ["1.0", "99.0"] {
        let call = Call::catalog().header(VERSION, version);
        let reply = ask(session, &call).await?;
        may_refuse(
            session,
            &reply,
            "api-version.unsupported-412",
            &[200, 400, 412],
        );
        if reply.status == 412 && describes(&reply) {
            let id = "api-version.unsupported-message";
            session.find(reply.at, Finding::kept(id, "a message, or none"));
        }
    }
    Ok(())
}

fn may_refuse(session: &Session, reply: &Reply, id: &'static str, right: &[u16]) {
    if right.contains(&reply.status) {
        session.find(
            reply.at,
            Finding::kept(id, "ordinary processing, or a refusal"),
        );
    }
    if reply.status >= 500 {
        let finding = Finding::judge(
            "errors.appropriate-status",
            false,
            Sign::Broken,
            "no 5xx for a version that the broker does not take",
            format!("it was answered {}", reply.status),
        );
        session.find(reply.at, finding);
    }
}

fn describes(reply: &Reply) -> bool {
    reply.member("description").is_some_and(Value::is_string)
}

/// Compares a later answer of the catalog with the first one.
pub(crate) fn still_there(session: &Session, first: &Reply, again: &Reply) {
    let finding = Finding::judge(
        "catalog.status-200",
        again.status == 200,
        Sign::Broken,
        "200 to every request for the catalog",
        format!("it was answered {}", again.status),
    );
    session.find(again.at, finding);
    ids_stable(session, first, again);
}

/// What has the same name has the same id.
fn ids_stable(session: &Session, first: &Reply, again: &Reply) {
    let (Some(before), Some(after)) = (&first.json, &again.json) else {
        return;
    };
    let (before, after) = (ids(before), ids(after));
    let changed = before
        .iter()
        .find(|(name, id)| after.get(*name).is_some_and(|other| other != *id));
    let finding = Finding::judge(
        "catalog.ids-stable",
        changed.is_none(),
        Sign::Broken,
        "the same id for the same offering or plan in every answer",
        changed.map_or_else(String::new, |(name, _)| {
            format!("that of {name} is another now")
        }),
    );
    session.find(again.at, finding);
    let finding = Finding::kept(
        "catalog.contents-may-change",
        "the same offerings, or others",
    );
    session.find(again.at, finding);
}

/// The id of each offering and plan whose name is there once.
fn ids(catalog: &Value) -> BTreeMap<String, String> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let list = |value: &Value, name: &str| {
        let list = value.get(name).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    for service in list(catalog, "services") {
        let Some(name) = text(&service, "name") else {
            continue;
        };
        let of_service = ids.entry(format!("offering {name}")).or_default();
        of_service.extend(text(&service, "id"));
        for plan in list(&service, "plans") {
            if let (Some(plan_name), Some(id)) = (text(&plan, "name"), text(&plan, "id")) {
                ids.entry(format!("plan {name}/{plan_name}"))
                    .or_default()
                    .push(id);
            }
        }
    }
    let once = ids.into_iter().filter(|(_, ids)| ids.len() == 1);
    once.map(|(name, mut ids)| (name, ids.remove(0))).collect()
}
