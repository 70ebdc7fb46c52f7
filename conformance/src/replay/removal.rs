//! What an example has created, and its removal.

use fixtures::{Creates, Step};

use super::{End, Player, names, poll};
use crate::bindings::{Bindings, Unplayable};
use crate::exchange::{Answer, Role};
use crate::ledger::{Entry, is_removed, is_same_call};
use crate::run::{Leftover, Reason};

impl Player<'_> {
    /// Finds out what an answer to a creation means for the ledger.
    ///
    /// 200 and 409 may mean that the id is taken, by somebody else's resource,
    /// which is not to be touched. The same request with a fresh id tells: if
    /// that one is answered as expected, the id is taken.
    pub(super) async fn account_for(
        &mut self,
        step: &Step,
        creates: &Creates,
        answer: &Answer,
        bindings: &Bindings,
    ) -> Result<(), End> {
        let as_expected = |status| {
            let expected = step.expect.as_ref();
            expected.is_none_or(|expected| expected.status.contains(status))
                || names(&step.unless, status)
        };
        if !matches!(answer.status, 200 | 409) || as_expected(answer.status) {
            if !(400..500).contains(&answer.status) {
                self.enter(step, creates, Some(answer), bindings)?;
            }
            return Ok(());
        }
        let id = bindings.value(&creates.id)?;
        if self.left_behind.contains(id.as_str()) {
            return Err(End::Not(Reason::LeftBehind { id }));
        }
        let fresh = bindings.with_fresh(&creates.id);
        let request = bindings.request(&step.request)?;
        let control = self.request_of(step, &fresh)?;
        let result = self.send(&control, Role::Control).await;
        let created = match &result {
            Ok(answer) => !(400..500).contains(&answer.status),
            Err(failure) => failure.may_have_arrived(),
        };
        if created {
            self.enter(step, creates, result.as_ref().ok(), &fresh)?;
        }
        match result {
            Ok(control) if as_expected(control.status) => Err(End::Not(Reason::Taken {
                id,
                request: self.shown(&request),
                status: answer.status,
                control: control.status,
            })),
            // The target answers every creation so: this one has created it.
            Ok(control) if control.status == 200 && answer.status == 200 => {
                Ok(self.enter(step, creates, Some(answer), bindings)?)
            }
            Ok(_) => Ok(()),
            Err(failure) => Err(End::Not(self.no_answer(&control, failure))),
        }
    }

    pub(super) fn enter(
        &mut self,
        step: &Step,
        creates: &Creates,
        answer: Option<&Answer>,
        bindings: &Bindings,
    ) -> Result<(), Unplayable> {
        let poll = step
            .poll
            .as_ref()
            .map(|poll| bindings.request(&poll.request));
        self.ledger.enter(Entry {
            id: bindings.value(&creates.id)?,
            undo: bindings.request(&creates.undo)?,
            poll: poll.transpose()?,
            operation: answer.and_then(poll::operation),
        });
        Ok(())
    }

    /// Removes what has been created, the latest first, and gives what could
    /// not be removed.
    pub(super) async fn clean_up(&mut self) -> Vec<Leftover> {
        let mut failed: Vec<(Entry, String)> = Vec::new();
        while let Some(entry) = self.ledger.take_latest() {
            match self.remove(&entry).await {
                // Another way of removing the same may have failed.
                Ok(()) => failed.retain(|(other, _)| !is_same_call(&other.undo, &entry.undo)),
                Err(instead) => failed.push((entry, instead)),
            }
        }
        let leftover = |(entry, instead): (Entry, String)| Leftover {
            request: self.shown(&entry.undo),
            id: entry.id,
            instead,
        };
        failed.into_iter().map(leftover).collect()
    }

    /// Removes something; an error says in words what came of that.
    async fn remove(&mut self, entry: &Entry) -> Result<(), String> {
        let mut result = self.send(&entry.undo, Role::CleanUp).await;
        if let (Ok(answer), Some(poll)) = (&result, &entry.poll)
            && answer.status == 422
        {
            // It may be refused only while another operation is in progress.
            self.wait_for(poll, entry.operation.as_deref()).await;
            result = self.send(&entry.undo, Role::CleanUp).await;
        }
        match (result, &entry.poll) {
            (Ok(answer), Some(poll)) if answer.status == 202 => {
                self.wait_for_deletion(poll, &answer).await
            }
            (Ok(answer), _) if is_removed(answer.status) => Ok(()),
            (Ok(answer), _) => Err(format!("was answered {}", self.describe(&answer))),
            (Err(failure), _) => Err(failure.to_string()),
        }
    }
}
