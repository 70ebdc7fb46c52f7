//! What a run has created on the target and has to remove.

use crate::exchange::Request;

/// What has been created and not removed yet, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Vec<Entry>);

/// Something that may have been created.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its id.
    pub(crate) id: String,
    /// The request that removes it.
    pub(crate) undo: Request,
    /// The request that tells how an operation on it is getting on.
    pub(crate) poll: Option<Request>,
    /// The operation that created it.
    pub(crate) operation: Option<String>,
}

impl Ledger {
    /// Operations on what is entered already are followed in the same way.
    pub(crate) fn enter(&mut self, mut entry: Entry) {
        if entry.poll.is_none() {
            let mut known = self.0.iter();
            let known = known.find(|known| is_same_call(&known.undo, &entry.undo));
            entry.poll = known.and_then(|known| known.poll.clone());
        }
        self.0.push(entry);
    }

    /// Strikes off what an answered request has removed.
    pub(crate) fn note(&mut self, request: &Request, status: u16) {
        if (200..300).contains(&status) {
            self.0.retain(|entry| !is_same_call(&entry.undo, request));
        }
    }

    /// The latest entry, which is to be removed first.
    pub(crate) fn take_latest(&mut self) -> Option<Entry> {
        self.0.pop()
    }
}

/// Whether the answer to a removal means that nothing is left.
pub(crate) fn is_removed(status: u16) -> bool {
    matches!(status, 200..=299 | 404 | 410)
}

/// Whether two requests name the same resource by the same verb; the query only
/// holds hints.
pub(crate) fn is_same_call(one: &Request, other: &Request) -> bool {
    let path = |request: &Request| {
        let (path, _) = request.path.split_once('?').unwrap_or((&request.path, ""));
        path.to_owned()
    };
    one.method == other.method && path(one) == path(other)
}
