//! Brokers that are unusual in how they log in, in what they want of requests,
//! and in how their answers look.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::trial::TOKEN;
use super::{Login, TRUE_LOGIN, Unusual, instead, on_answer, on_both, on_request, warned};
use crate::message::{Answer, Endpoint, Request};

const VERSION: &str = "x-broker-api-version";

const fn framed(
    name: &'static str,
    right: &'static str,
    framing: fn(&Answer) -> Vec<u8>,
) -> Unusual {
    Unusual {
        framing: Some(framing),
        ..on_answer(name, right, |_, _, _| {})
    }
    .on("sync")
}

pub(super) const ALL: &[Unusual] = &[
    on_request(
        "takes-every-version",
        "Refusing a version, or a request without one, is a MAY.",
        |_, request| {
            request.set_header(VERSION, Some("2.17"));
            None
        },
    )
    .on("sync")
    .uses(&["api-version.missing-400", "api-version.unsupported-412"]),
    on_request(
        "demands-a-version-by-412",
        "A missing version was customarily refused with 412, and may be refused.",
        |_, request| {
            let version = request.header(VERSION).unwrap_or_default();
            match version.starts_with("2.") {
                true => None,
                false => instead(request, 412, &json!({})),
            }
        },
    )
    .on("sync")
    .uses(&["api-version.missing-400", "api-version.unsupported-412"]),
    on_request(
        "demands-a-version-by-400-everywhere",
        "A request without a version may be refused with 400, whatever it asks for.",
        |_, request| match request.header(VERSION) {
            Some(_) => None,
            None => instead(
                request,
                400,
                &json!({"description": "X-Broker-API-Version?"}),
            ),
        },
    )
    .on("sync")
    .uses(&["api-version.missing-400", "api-version.missing-message"]),
    Unusual {
        path: "/teams/one%20%2F/osb",
        ..on_request(
            "below-a-path",
            "A broker may serve several platforms under prefixes of their own.",
            |_, request| match request.0.path.strip_prefix("/teams/one%20%2F/osb") {
                Some(path) => {
                    request.0.path = path.to_owned();
                    None
                }
                None => instead(request, 404, &json!({})),
            },
        )
    }
    .on("sync")
    .uses(&["auth.prefix-and-credentials-vary"]),
    Unusual {
        login: Login::None,
        ..on_request(
            "open-to-everybody",
            "Nothing has to be authenticated where that was agreed upon.",
            |_, request| {
                request.set_header("authorization", Some(TRUE_LOGIN));
                None
            },
        )
    }
    .on("sync")
    .uses(&["auth.unsecured-allowed"])
    .warns(&[warned(
        "auth.authentication-recommended",
        "the broker asks for no credentials",
    )]),
    Unusual {
        login: Login::Token,
        ..on_request(
            "takes-a-bearer-token",
            "Another way to authenticate may be agreed upon.",
            |_, request| {
                let right = format!("Bearer {TOKEN}");
                let is_right = request.header("authorization") == Some(right.as_str());
                request.set_header("authorization", is_right.then_some(TRUE_LOGIN));
                None
            },
        )
    }
    .on("sync")
    .uses(&["auth.other-mechanism"]),
    on_answer(
        "401-with-a-body-of-its-own",
        "Of a 401 only the status is prescribed.",
        |_, _, answer| {
            if answer.status == 401 {
                answer.set_json(&json!({"message": "who are you?", "code": 17}));
                answer.set_header("www-authenticate", None);
            }
        },
    )
    .on("sync"),
    on_answer(
        "401-without-a-body",
        "Of a 401 only the status is prescribed.",
        |_, _, answer| {
            if answer.status == 401 {
                answer.body.clear();
                answer.set_header("content-type", None);
                answer.set_header("www-authenticate", None);
            }
        },
    )
    .on("sync"),
    on_answer(
        "401-in-plain-text",
        "Of a 401 only the status is prescribed; that errors are JSON is recommended.",
        |_, _, answer| {
            if answer.status == 401 {
                answer.body = "Not Authorized\n".to_owned();
                answer.set_header("content-type", Some("text/plain; charset=utf-8"));
                answer.set_header("x-broker-api-request-identity", None);
            }
        },
    )
    .on("sync")
    .warns(&[
        warned("content-type.response-json", "a 401 is plain text"),
        warned("content-type.error-body-object", "likewise"),
        warned("identity.request-identity-echoed", "a 401 has none"),
    ]),
    on_answer(
        "no-request-identity",
        "Giving the request's identity back is recommended only.",
        |_, _, answer| answer.set_header("x-broker-api-request-identity", None),
    )
    .on("sync")
    .warns(&[warned(
        "identity.request-identity-echoed",
        "no answer has it",
    )]),
    on_request(
        "demands-a-content-type",
        "A body without a Content-Type, or with another one than JSON's, may be \
         refused with 400.",
        |_, request| {
            let media_type = request.header("content-type").unwrap_or_default();
            match request.0.body.is_empty() || media_type == "application/json" {
                true => None,
                false => instead(request, 400, &json!({})),
            }
        },
    )
    .on("sync")
    .uses(&["content-type.missing-may-be-processed"]),
    on_answer(
        "content-type-with-a-charset",
        "A media type may have parameters, and its letters any case.",
        |_, _, answer| {
            if answer.header("content-type").is_some() {
                answer.set_header("content-type", Some("Application/JSON; charset=UTF-8"));
            }
        },
    )
    .on("sync"),
    framed(
        "chunked-answers",
        "HTTP/1.1 lets a server send a body in chunks.",
        |answer| {
            let mut bytes = head(answer, "HTTP/1.1", "Transfer-Encoding: chunked\r\n", |n| {
                n.to_owned()
            });
            for chunk in answer.body.as_bytes().chunks(7) {
                bytes.extend(format!("{:x};odd=\"1\"\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\nX-Trailer: end\r\n\r\n");
            bytes
        },
    ),
    framed(
        "answers-in-gzip",
        "Who names no encoding that he accepts may be sent any.",
        |answer| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            // Writing to memory does not fail.
            let _ = gzip.write_all(answer.body.as_bytes());
            let body = gzip.finish().unwrap_or_default();
            let framing = format!(
                "Content-Encoding: gzip\r\nContent-Length: {}\r\n",
                body.len()
            );
            let mut bytes = head(answer, "HTTP/1.1", &framing, |name| name.to_owned());
            bytes.extend(body);
            bytes
        },
    ),
    framed(
        "answers-that-end-with-the-connection",
        "A body without a length ends with the connection, as in HTTP/1.0.",
        |answer| {
            let mut bytes = head(answer, "HTTP/1.0", "", |name| name.to_owned());
            bytes.extend(answer.body.bytes());
            bytes
        },
    ),
    framed(
        "header-names-in-lower-case",
        "The case of header names means nothing.",
        |answer| {
            let length = format!(
                "content-length:{}\r\nconnection:close\r\n",
                answer.body.len()
            );
            let mut bytes = head(answer, "HTTP/1.1", &length, str::to_lowercase);
            bytes.extend(answer.body.bytes());
            bytes
        },
    ),
    framed(
        "header-names-in-upper-case",
        "The case of header names means nothing.",
        |answer| {
            let length = format!(
                "CONTENT-LENGTH: {}\r\nCONNECTION: Close\r\n",
                answer.body.len()
            );
            let mut bytes = head(answer, "HTTP/1.1", &length, str::to_uppercase);
            bytes.extend(answer.body.bytes());
            bytes
        },
    ),
    on_both(
        "catalog-with-a-date",
        "A catalog may be asked for with If-Modified-Since.",
        |_, request| {
            let is_same = request.header("if-modified-since") == Some(DATE);
            if !is_same || !request.is(Endpoint::Catalog) {
                return None;
            }
            let mut answer = instead(request, 304, &Value::Null)?;
            answer.body.clear();
            answer.set_header("content-type", None);
            Some(answer)
        },
        |_, request, answer| {
            if request.is(Endpoint::Catalog) {
                answer.set_header("etag", None);
                answer.set_header("last-modified", Some(DATE));
            }
        },
    )
    .on("sync")
    .uses(&["catalog.caching-headers"]),
    on_answer(
        "catalog-that-changes-with-every-query",
        "Offerings and plans may be added, dropped and changed; only ids stay.",
        |memory, request, answer| {
            if request.is(Endpoint::Catalog) && answer.is_success() {
                let turn = memory.count("catalog");
                answer.edit(|body| change_catalog(body, turn));
                answer.set_header("etag", None);
            }
        },
    )
    .on("sync")
    .uses(&["catalog.contents-may-change"]),
    on_answer(
        "members-of-its-own-everywhere",
        "A broker may add members to every object that it sends.",
        |_, _, answer| answer.edit(extend),
    )
    .on("async")
    .uses(&["extension.fields-may-be-added"]),
    on_answer(
        "members-of-its-own-now-and-then",
        "A broker may add members to every object that it sends, and need not always do so.",
        |memory, _, answer| {
            if memory.count("answers").is_multiple_of(3) {
                answer.edit(extend);
            }
        },
    )
    .on("sync")
    .uses(&["extension.fields-may-be-added"]),
    on_answer(
        "null-for-what-is-not-there",
        "A member that is null is as good as absent; many brokers send their empty fields so.",
        |_, request, answer| nulls(request, answer),
    )
    .on("async"),
    Unusual {
        minor: 14,
        ..on_answer(
            "empty-fields-and-foreign-letters-of-2-14",
            "Up to 2.14 a dashboard_client may have no id, endpoints mean nothing, \
             nothing is told by what is empty, and letters are not only those of English.",
            |_, request, answer| {
                if request.is(Endpoint::Catalog) && answer.is_success() {
                    answer.edit(|body| {
                        let client = json!({"id": null, "secret": null});
                        body["services"][0]["dashboard_client"] = client;
                        body["services"][0]["name"] = "donn\u{e9}es".into();
                    });
                } else if request.is(Endpoint::Bind) && answer.status == 202 {
                    answer.edit(|body| {
                        body["credentials"] = json!({});
                        body["volume_mounts"] = json!([]);
                        body["syslog_drain_url"] = "".into();
                        body["endpoints"] = json!([{"host": "127.0.0.1", "ports": ["80"]}]);
                    });
                }
            },
        )
    }
    .on("async")
    .warns(&[
        warned("offering.name-cli-friendly", "there is an accent"),
        warned("bind.status-202-no-binding-info", "it has empty members"),
    ]),
    on_answer(
        "times-versions-and-references-that-are-seldom",
        "A year may be the first, a number of a version have any length, and a schema \
         refer to itself by its id.",
        |_, request, answer| {
            if request.is(Endpoint::Catalog) && answer.is_success() {
                let place = "/services/0/plans/0/schemas/service_binding/create/parameters";
                answer.edit(|body| {
                    if let Some(Value::Object(schema)) = body.pointer_mut(place) {
                        schema.insert("$id".to_owned(), json!("https://example.com/s/root.json"));
                        let definitions = json!({
                            "own": {"$id": "own.json"},
                            "again": {"$ref": "./root.json#/definitions/own"},
                            "above": {"$ref": "../s/root.json"},
                            "whole": {"$ref": "https://example.com/s/own.json"},
                        });
                        schema.insert("definitions".to_owned(), definitions);
                    }
                    body["services"][1]["plans"][0]["maintenance_info"] =
                        json!({"version": "99999999999999999999.0.0"});
                });
            } else if request.is(Endpoint::Bind) && answer.status == 201 {
                answer.edit(|body| {
                    body["metadata"] = json!({
                        "renew_before": "0001-01-01T00:00:00.0Z",
                        "expires_at": "0001-01-01T00:00:00.01Z",
                    });
                });
            }
        },
    )
    .on("sync"),
];

const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

/// The head of an answer, with these fields for its framing, and the names of
/// the others changed.
fn head(answer: &Answer, version: &str, framing: &str, name: fn(&str) -> String) -> Vec<u8> {
    let mut head = format!("{version} {} As It Likes\r\n{framing}", answer.status);
    let is_framing =
        |have: &str| ["connection", "content-length", "transfer-encoding"].contains(&have);
    for (have, value) in answer.headers.iter().filter(|(have, _)| !is_framing(have)) {
        head += &format!("{}:  {value} \r\n", name(have));
    }
    format!("{head}\r\n").into_bytes()
}

/// Another order, another description, and an offering that is there every
/// second time.
fn change_catalog(body: &mut Value, turn: u64) {
    let Some(services) = body["services"].as_array_mut() else {
        return;
    };
    if turn.is_multiple_of(2) {
        services.reverse();
        services.push(json!({
            "id": "7d0c1b5e-0300-4c3c-9f0e-000000000001",
            "name": "now-and-then",
            "description": "Comes and goes.",
            "bindable": false,
            "plans": [{
                "id": "7d0c1b5e-0300-4c3c-9f0e-000000000002",
                "name": "only",
                "description": "Comes and goes.",
            }],
        }));
    }
    for service in services {
        service["description"] = format!("As it is told for the {turn}th time.").into();
    }
}

/// What holds keys of the platform's or the user's own is left alone, and so is
/// what has a schema of its own.
const FREE: [&str; 8] = [
    "credentials",
    "parameters",
    "schemas",
    "labels",
    "attributes",
    "amount",
    "device",
    "mount_config",
];

/// Adds a member to every object.
fn extend(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if !FREE.contains(&name.as_str()) {
                    extend(member);
                }
            }
            let own = json!({"at": [1, {"a": null}]});
            members.insert("example.com/trace".to_owned(), own);
        }
        Value::Array(items) => items.iter_mut().for_each(extend),
        _ => {}
    }
}

fn nulls(request: &Request, answer: &mut Answer) {
    if request.is(Endpoint::Catalog) {
        answer.edit(|body| {
            for service in items(body, "services") {
                fill(
                    service,
                    &["tags", "requires", "metadata", "dashboard_client"],
                );
                for plan in items(service, "plans") {
                    fill(
                        plan,
                        &[
                            "metadata",
                            "free",
                            "bindable",
                            "schemas",
                            "maximum_polling_duration",
                            "maintenance_info",
                        ],
                    );
                }
            }
        });
        return;
    }
    let members: &[&str] = match (request.endpoint(), answer.is_error()) {
        (_, true) => &[
            "error",
            "description",
            "instance_usable",
            "update_repeatable",
        ],
        (Endpoint::Provision | Endpoint::Update, _) => &["dashboard_url", "operation", "metadata"],
        (Endpoint::FetchInstance, _) => &[
            "dashboard_url",
            "parameters",
            "maintenance_info",
            "metadata",
        ],
        (Endpoint::Bind | Endpoint::FetchBinding, _) => &[
            "metadata",
            "credentials",
            "syslog_drain_url",
            "route_service_url",
            "volume_mounts",
            "endpoints",
            "parameters",
        ],
        (Endpoint::Unbind | Endpoint::Deprovision, _) => &["operation"],
        _ => &["description", "instance_usable", "update_repeatable"],
    };
    answer.edit(|body| fill(body, members));
}

fn items<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    let items = value.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten()
}

fn fill(value: &mut Value, names: &[&str]) {
    let members = value.as_object_mut();
    let fill = |members: &mut Map<String, Value>| {
        for name in names {
            members.entry(*name).or_insert(Value::Null);
        }
    };
    members.into_iter().for_each(fill);
}
