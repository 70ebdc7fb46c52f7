//! What the run itself has under way at the target, so that a refusal which is due
//! to it can be told from one that is not.

use super::call::{Call, Resource};
use crate::exchange::Request;

/// What else is under way when something is sent, the most telling last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Around {
    /// Nothing.
    Nothing,
    /// Requests or operations that are about other instances.
    Others,
    /// An operation on the very instance.
    Own,
}

/// The requests that change something and have not been answered, and the
/// operations that have not been told to have ended.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    requests: Vec<Resource>,
    operations: Vec<Resource>,
}

impl Activity {
    /// Enters a request that is about to be sent.
    pub(crate) fn begin(&mut self, call: &Call, request: &Request) {
        if let Some(resource) = changed(call, request) {
            self.requests.push(resource.clone());
        }
    }

    /// Enters what a request has come to: its answer, if there is one, by its status
    /// and the state that it tells.
    pub(crate) fn end(
        &mut self,
        call: &Call,
        request: &Request,
        told: Option<(u16, Option<&str>)>,
    ) {
        let sent = changed(call, request);
        if let Some(resource) = sent
            && let Some(at) = self.requests.iter().position(|other| other == resource)
        {
            self.requests.swap_remove(at);
        }
        let (Some(resource), Some((status, state))) = (&call.resource, told) else {
            return;
        };
        let is_poll = call.endpoint.is_poll();
        let (is_under_way, is_over) = match (status, state) {
            (200, Some("in progress")) => (is_poll, false),
            (202, _) => (sent.is_some(), false),
            (404 | 410, _) | (200, Some("succeeded" | "failed")) => (false, is_poll),
            _ => (false, false),
        };
        if is_under_way && !self.operations.contains(resource) {
            // Polls that are wrong on purpose may have said that it is not.
            self.operations.push(resource.clone());
        } else if is_over {
            self.operations.retain(|other| other != resource);
        }
    }

    /// Forgets these instances, which nobody follows any more.
    pub(crate) fn forget(&mut self, instances: &[String]) {
        let operations = &mut self.operations;
        operations.retain(|resource| !instances.contains(&resource.instance));
    }

    /// What is under way besides a call that is not being answered now.
    pub(crate) fn around(&self, call: &Call) -> Around {
        let own = call.resource.as_ref().map(|resource| &resource.instance);
        let is_own = |resource: &Resource| Some(&resource.instance) == own;
        if self.operations.iter().any(is_own) {
            Around::Own
        } else if self.operations.is_empty() && self.requests.is_empty() {
            Around::Nothing
        } else {
            Around::Others
        }
    }
}

/// What a request may change.
fn changed<'a>(call: &'a Call, request: &Request) -> Option<&'a Resource> {
    call.resource.as_ref().filter(|_| request.method != "GET")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::call::{Endpoint, Work};

    #[test]
    fn an_operation_is_under_way_until_a_poll_tells_its_end() {
        let (one, other) = (Resource::instance("one"), Resource::instance("other"));
        let provision = Call::on(Endpoint::Provision, &one);
        let bind = Call::on(Endpoint::Bind, &one.with_binding("b"));
        let elsewhere = Call::on(Endpoint::Provision, &other);
        let poll = Call::on(Endpoint::PollInstance(Work::Create), &one);
        let mut activity = Activity::default();
        let sent = |call: &Call| call.request(&[], None);

        activity.begin(&provision, &sent(&provision));
        assert_eq!(activity.around(&elsewhere), Around::Others);
        activity.end(&provision, &sent(&provision), Some((202, None)));
        assert_eq!(activity.around(&bind), Around::Own);
        assert_eq!(activity.around(&elsewhere), Around::Others);
        for told in [(200, Some("in progress")), (503, None)] {
            activity.end(&poll, &sent(&poll), Some(told));
            assert_eq!(activity.around(&bind), Around::Own);
        }
        // A poll for something that there never was.
        activity.end(&poll, &sent(&poll), Some((404, None)));
        activity.end(&poll, &sent(&poll), Some((200, Some("in progress"))));
        assert_eq!(activity.around(&bind), Around::Own);
        activity.end(&poll, &sent(&poll), Some((200, Some("succeeded"))));
        assert_eq!(activity.around(&bind), Around::Nothing);
    }
}
