//! Mutants in a row each: which answers of the true broker are changed, and how.

use serde_json::{Value, json};

use crate::message::{Answer, Endpoint, Request};
use crate::mutant::Memory;

/// Mutants as a table. A row says: name, requirement, offering, which answers,
/// and what is done to them; what follows is called on the mutant.
macro_rules! rows {
    ($($name:literal breaks $breaks:literal of $offering:literal:
        $which:ident => $act:ident($($arg:expr),*) $(.$more:ident($($with:expr),*))*;)*) => {
        &[$($crate::mutant::on_answer($name, $breaks, |memory, request, answer| {
            if $crate::rows::$which(memory, request, answer) {
                $crate::rows::$act(answer, $($arg),*);
            }
        })
        .of($offering)$(.$more($($with),*))*),*]
    };
}

pub(crate) use rows;

// What is done to an answer.

/// Gives what is at a JSON pointer, or is missing there, a value.
pub fn put(answer: &mut Answer, pointer: &str, value: impl Into<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    answer.edit(|body| match body.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.insert(name.to_owned(), value.into());
        }
        Some(Value::Array(items)) => {
            let index = name.parse().ok();
            if let Some(item) = index.and_then(|index: usize| items.get_mut(index)) {
                *item = value.into();
            }
        }
        _ => {}
    });
}

/// Tells at one JSON pointer what is at another one.
pub fn copy(answer: &mut Answer, from: &str, to: &str) {
    let value = answer.member(from);
    put(answer, to, value);
}

/// Takes the member at a JSON pointer away.
pub fn take(answer: &mut Answer, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    answer.edit(|body| {
        if let Some(Value::Object(members)) = body.pointer_mut(parent) {
            members.remove(name);
        }
    });
}

/// Takes several members of the body away.
pub fn take_all(answer: &mut Answer, names: &[&str]) {
    for name in names {
        answer.remove(name);
    }
}

/// An answer in the place of the true broker's.
pub fn instead(request: &Request, status: u16, body: &Value) -> Answer {
    const IDENTITY: &str = "x-broker-api-request-identity";
    let mut answer = Answer::of(status, body);
    answer.set_header(IDENTITY, request.header(IDENTITY));
    answer
}

/// Answers something else.
pub fn say(answer: &mut Answer, status: u16, body: impl Into<Value>) {
    answer.status = status;
    answer.set_json(&body.into());
}

/// Tells of a binding before its time.
pub fn reveal(answer: &mut Answer, status: u16) {
    let user = answer.member("operation");
    let body = json!({
        "credentials": {"user": user},
        "endpoints": [{"host": "127.0.0.1", "ports": ["80"]}],
    });
    say(answer, status, body);
}

/// Refuses with an error code.
pub fn refuse(answer: &mut Answer, status: u16, code: &str) {
    say(answer, status, json!({ "error": code }));
}

/// Answers the same with another status.
pub fn status(answer: &mut Answer, status: u16) {
    answer.status = status;
}

/// Answers nothing but a status.
pub fn bare(answer: &mut Answer, status: u16) {
    answer.status = status;
    answer.body = String::new();
}

/// Gives another body, whether it is JSON or not.
pub fn write(answer: &mut Answer, body: &str) {
    answer.body = body.to_owned();
}

/// Gives a header field a value.
pub fn head(answer: &mut Answer, name: &str, value: &str) {
    answer.set_header(name, Some(value));
}

// Which answers.

/// A binding that has been created.
pub fn bound(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Bind) && answer.status == 201
}

/// A binding that has been created, and not in the place of another one.
pub fn bound_anew(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    !is_rotation(request) && bound(memory, request, answer)
}

/// A binding that was there already.
pub fn bound_before(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Bind) && answer.status == 200
}

/// A binding that is going to be created.
pub fn binding(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Bind) && answer.status == 202
}

/// The same, and not in the place of another one.
pub fn binding_anew(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    !is_rotation(request) && binding(memory, request, answer)
}

/// A binding that was fetched.
pub fn fetched(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::FetchBinding) && answer.status == 200
}

/// A binding that has been deleted.
pub fn unbound(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Unbind) && answer.status == 200
}

/// The first binding of all that has been deleted.
pub fn unbound_first(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    unbound(memory, request, answer) && memory.count("unbound") == 1
}

/// A binding that is going to be deleted.
pub fn unbinding(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Unbind) && answer.status == 202
}

/// The state of a binding's operation.
pub fn polled(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::PollBinding) && answer.status == 200
}

/// The state of one that goes on.
pub fn polled_early(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    polled(memory, request, answer) && answer.member("state") == "in progress"
}

/// The state of one that has ended.
pub fn polled_late(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    polled(memory, request, answer) && answer.member("state") == "succeeded"
}

/// Keeps in mind what is being done to a binding, and tells what was being done
/// before this answer: its last operation that was not seen to have ended.
pub fn doing(memory: &mut Memory, request: &Request, answer: &Answer) -> Option<Endpoint> {
    let before = under_way(memory, request.resource());
    let note = format!("doing {}", request.resource());
    match (request.endpoint(), answer.status) {
        (Endpoint::Bind, 202) => {
            memory.notes.insert(note, "bind".into());
        }
        (Endpoint::Unbind, 202) => {
            memory.notes.insert(note, "unbind".into());
        }
        (Endpoint::PollBinding, _) if answer.member("state") != "in progress" => {
            memory.notes.remove(&note);
        }
        _ => {}
    }
    before
}

/// What is being done to a binding, as far as [`doing`] was told.
pub fn under_way(memory: &Memory, resource: &str) -> Option<Endpoint> {
    let note = memory.notes.get(&format!("doing {resource}"))?;
    match note.as_str() {
        Some("bind") => Some(Endpoint::Bind),
        _ => Some(Endpoint::Unbind),
    }
}

/// Keeps in mind which bindings there were, and tells whether this is one.
pub fn knows(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let note = format!("known {}", request.resource());
    let is_known = memory.notes.contains_key(&note);
    if request.is(Endpoint::Bind) && answer.is_success() {
        memory.notes.insert(note, true.into());
    }
    is_known
}

/// A bind under an id that is in use.
pub fn bind_conflict(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_new = doing(memory, request, answer).is_none();
    is_new && request.is(Endpoint::Bind) && answer.status == 409
}

/// A bind under an id that is being created, with other parameters.
pub fn bind_conflict_early(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_early = doing(memory, request, answer) == Some(Endpoint::Bind);
    is_early && request.is(Endpoint::Bind) && answer.status == 409
}

/// The same bind again while the first one goes on.
pub fn binding_still(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_early = doing(memory, request, answer) == Some(Endpoint::Bind);
    is_early && binding(memory, request, answer)
}

/// The same unbind again while the first one goes on.
pub fn unbinding_still(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_early = doing(memory, request, answer) == Some(Endpoint::Unbind);
    is_early && unbinding(memory, request, answer)
}

/// A fetch of a binding that is being created.
pub fn fetched_early(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_early = doing(memory, request, answer) == Some(Endpoint::Bind);
    is_early && request.is(Endpoint::FetchBinding)
}

/// A poll of a binding that is being created.
pub fn polled_creation(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_creation = doing(memory, request, answer) == Some(Endpoint::Bind);
    is_creation && polled(memory, request, answer)
}

/// A poll that says the same end of a creation once more.
pub fn created_once_more(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let end = format!("{} {:?}", request.resource(), request.query("operation"));
    let is_late = polled_late(memory, request, answer);
    let is_unbound = memory
        .notes
        .contains_key(&format!("unbound {}", request.resource()));
    if unbinding(memory, request, answer) {
        let note = format!("unbound {}", request.resource());
        memory.notes.insert(note, true.into());
    }
    is_late && !is_unbound && memory.count(&end) > 1
}

/// A poll that says the same end of a deletion once more.
pub fn deleted_once_more(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let note = format!("unbound {}", request.resource());
    if unbinding(memory, request, answer) {
        memory.notes.insert(note.clone(), true.into());
    }
    let is_late = polled_late(memory, request, answer) && memory.notes.contains_key(&note);
    is_late && memory.count(request.resource()) > 1
}

/// A bind whose body is no JSON.
pub fn bind_malformed(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.is(Endpoint::Bind) && !request.json().is_object()
}

fn is_bind_without(request: &Request, name: &str) -> bool {
    request.is(Endpoint::Bind) && request.json().is_object() && request.member(name).is_null()
}

/// A bind without `service_id`.
pub fn bind_without_service(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    is_bind_without(request, "service_id")
}

/// A bind without `plan_id`.
pub fn bind_without_plan(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    is_bind_without(request, "plan_id")
}

/// An unbind without `service_id`.
pub fn unbind_without_service(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.is(Endpoint::Unbind) && request.query("service_id").is_none()
}

/// An unbind without `plan_id`.
pub fn unbind_without_plan(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.is(Endpoint::Unbind) && request.query("plan_id").is_none()
}

/// A poll whose query cannot be decoded.
pub fn poll_undecodable(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.is(Endpoint::PollBinding) && request.0.path.contains("%zz")
}

/// A poll without the hints.
pub fn poll_without_hints(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.is(Endpoint::PollBinding) && request.query("service_id").is_none()
}

/// A fetch without the hints.
pub fn fetch_without_hints(_: &mut Memory, request: &Request, _: &Answer) -> bool {
    request.is(Endpoint::FetchBinding) && request.query("service_id").is_none()
}

/// A poll of a binding that never was.
pub fn poll_of_nothing(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_unknown = !knows(memory, request, answer) && answer.status == 404;
    is_unknown && request.is(Endpoint::PollBinding)
}

/// A fetch of a binding that never was.
pub fn fetch_of_nothing(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_unknown = !knows(memory, request, answer) && answer.status == 404;
    is_unknown && request.is(Endpoint::FetchBinding)
}

/// An unbind of a binding that never was.
pub fn unbind_of_nothing(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_unknown = !knows(memory, request, answer) && answer.status == 410;
    is_unknown && request.is(Endpoint::Unbind)
}

/// A fetch of a binding that was deleted.
pub fn fetch_of_the_deleted(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_gone = request.is(Endpoint::FetchBinding) && answer.status == 404;
    was_deleted(memory, request, answer) && is_gone
}

/// An unbind of a binding that was deleted.
pub fn unbind_of_the_deleted(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let is_gone = request.is(Endpoint::Unbind) && answer.status == 410;
    was_deleted(memory, request, answer) && is_gone
}

/// Keeps in mind which bindings were deleted, and tells whether this was one.
fn was_deleted(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let note = format!("deleted {}", request.resource());
    let was_deleted = memory.notes.contains_key(&note);
    if request.is(Endpoint::Unbind) && answer.is_success() {
        memory.notes.insert(note, true.into());
    }
    was_deleted
}

fn has_code(answer: &Answer, code: &str) -> bool {
    answer.status == 422 && answer.member("error") == code
}

/// Whether a bind is to take the place of another one.
pub fn is_rotation(request: &Request) -> bool {
    request.is(Endpoint::Bind) && !request.member("predecessor_binding_id").is_null()
}

/// A bind that lacks its application.
pub fn bind_without_app(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Bind) && has_code(answer, "RequiresApp")
}

/// A bind that would have to be asynchronous.
pub fn bind_at_once(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Bind) && !is_rotation(request) && has_code(answer, "AsyncRequired")
}

/// A rotation that would have to be asynchronous.
pub fn rotation_at_once(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    is_rotation(request) && has_code(answer, "AsyncRequired")
}

/// An unbind that would have to be asynchronous.
pub fn unbind_at_once(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    request.is(Endpoint::Unbind) && has_code(answer, "AsyncRequired")
}

/// A rotation that is done.
pub fn rotated(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    is_rotation(request) && answer.status == 201
}

/// A rotation that is going to be done.
pub fn rotating(_: &mut Memory, request: &Request, answer: &Answer) -> bool {
    is_rotation(request) && answer.status == 202
}

/// The first fetch of a binding that was created asynchronously.
pub fn fetched_first(memory: &mut Memory, request: &Request, answer: &Answer) -> bool {
    let note = format!("async {}", request.resource());
    if binding(memory, request, answer) {
        memory.notes.insert(note.clone(), true.into());
    }
    let is_async = memory.notes.contains_key(&note);
    is_async && fetched(memory, request, answer) && memory.count(request.resource()) == 1
}
