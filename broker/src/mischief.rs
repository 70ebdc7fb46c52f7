//! Requests that go wrong on purpose, for people who test platforms. What goes
//! wrong after a request is accepted is for the decisions.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};

use crate::conduct::{Fault, Wrong};
use crate::decide::Request;
use crate::reply::{OnPurpose, Reply};
use crate::store::Key;

/// How often each request has gone wrong, for faults that come to an end.
#[derive(Default)]
pub(crate) struct Mischief(Mutex<HashMap<(Key, Discriminant<Request>), u32>>);

impl Mischief {
    /// What goes wrong this time, if anything does.
    pub(crate) fn next(&self, key: &Key, request: &Request, fault: &Fault) -> Option<Wrong> {
        if fault.makes_async() {
            return None;
        }
        let Some(times) = fault.times else {
            return Some(fault.what.clone());
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (key.clone(), discriminant(request));
        let count = counts.entry(of.clone()).or_default();
        if *count == times {
            counts.remove(&of);
            return None;
        }
        *count += 1;
        Some(fault.what.clone())
    }
}

/// The wrong answer, where it is one at all.
pub(crate) fn on_purpose(wrong: &Wrong) -> Option<Reply> {
    let on_purpose = match wrong {
        Wrong::Refused(status) => OnPurpose::Error(*status),
        Wrong::Status(status) => OnPurpose::Status(*status),
        Wrong::Garbage => OnPurpose::Garbage,
        Wrong::Drops => OnPurpose::Drop,
        Wrong::FailsLater | Wrong::NeverEnds | Wrong::Late(_) => return None,
    };
    Some(Reply::OnPurpose(on_purpose))
}
