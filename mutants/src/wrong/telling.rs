//! What the mutants have in common that say something wrong in the catalog.

use serde_json::Value;

use crate::message::{Answer, Endpoint, Request};

/// Mutants that put a value at a JSON pointer into the catalog, or take away what
/// is there: `name breaks requirement: pointer is value, mark`. Unless it is said
/// otherwise, the offering whose instances they are tried with is a true one.
macro_rules! telling {
    ($($name:literal breaks $id:literal: $at:literal $(is $value:expr)? $(, $mark:ident)?;)*) => {
        &[$(
            $crate::mutant::on_answer($name, $id, |_, request, answer| {
                $crate::wrong::telling::tell(request, answer, $at, &[$(serde_json::json!($value))?]);
            })
            .of("show-sync/small")
            $(.$mark())?
        ),*]
    };
}

/// Mutants whose catalog has another id for what the true broker offers under
/// `$old`; its requests are taken under the new id.
macro_rules! renaming {
    ($($name:literal breaks $id:literal: $old:literal is $new:expr $(, $mark:ident)?;)*) => {
        &[$(
            $crate::mutant::on_both(
                $name,
                $id,
                |_, request| {
                    $crate::wrong::telling::rename_in(request, $old, &$new);
                    None
                },
                |_, _, answer| answer.body = answer.body.replace($old, &$new),
            )
            $(.$mark())?
        ),*]
    };
}

/// Mutants whose catalog gives `show-invert`, or its plan, an id that is something
/// else's: `name breaks requirement: member of a request is value`.
macro_rules! doubling {
    ($($name:literal breaks $id:literal: $member:literal is $value:literal $(, $mark:ident)?;)*) => {
        &[$(
            $crate::mutant::on_both(
                $name,
                $id,
                |_, request| {
                    $crate::wrong::telling::undouble(request, $member, $value);
                    None
                },
                |_, request, answer| {
                    $crate::wrong::telling::double(request, answer, $member, $value);
                },
            )
            $(.$mark())?
        ),*]
    };
}

pub(super) use {doubling, renaming, telling};

/// The offering `show-invert`.
pub(super) const INVERT: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000008";

/// Its plan.
pub(super) const INVERT_PLAN: &str = "4f1b7a3e-0d5e-4c3c-9f0e-000000000801";

/// The true id that a member has for `show-invert`, and the other member with its id.
fn of_invert(member: &str) -> (&'static str, &'static str, &'static str) {
    match member {
        "service_id" => (INVERT, "plan_id", INVERT_PLAN),
        _ => (INVERT_PLAN, "service_id", INVERT),
    }
}

/// Gives a request that is about `show-invert` its true ids.
pub(super) fn undouble(request: &mut Request, member: &str, doubled: &str) {
    let (id, other, other_id) = of_invert(member);
    if request.member(other) == other_id && request.member(member) == doubled {
        request.edit(|members| {
            members.insert(member.to_owned(), id.into());
        });
    }
    if request.query(other) == Some(other_id) && request.query(member) == Some(doubled) {
        request.set_query(member, Some(id));
    }
}

/// Tells of `show-invert` under an id that is something else's.
pub(super) fn double(request: &Request, answer: &mut Answer, member: &str, doubled: &str) {
    let (id, ..) = of_invert(member);
    let pointer = match member {
        "service_id" => "/services/7/id",
        _ => "/services/7/plans/0/id",
    };
    tell(request, answer, pointer, &[doubled.into()]);
    if request.is(Endpoint::FetchInstance) && answer.member(member) == id {
        answer.replace(member, doubled);
    }
}

/// Puts the value, or else nothing, at `pointer` into the catalog.
pub(super) fn tell(request: &Request, answer: &mut Answer, pointer: &str, value: &[Value]) {
    if !request.is(Endpoint::Catalog) || !answer.is_success() {
        return;
    }
    let (whose, member) = pointer.rsplit_once('/').unwrap_or_default();
    answer.edit(
        |catalog| match (catalog.pointer_mut(whose), value.first()) {
            (Some(Value::Object(members)), Some(value)) => {
                members.insert(member.to_owned(), value.clone());
            }
            (Some(Value::Object(members)), None) => {
                members.remove(member);
            }
            _ => {}
        },
    );
}

/// Gives what a request calls `new` its true id.
pub(super) fn rename_in(request: &mut Request, old: &str, new: &str) {
    request.0.body = request.0.body.replace(new, old);
    request.0.path = request.0.path.replace(&encoded(new), old);
}

/// A text as it stands in a URL.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// A text of so many characters.
pub(super) fn long(length: usize) -> String {
    "a".repeat(length)
}
