//! Carries out requests: decides, stores, calls the echo service, and so on
//! until there is a reply.

use serving::{Id, StartError};

use crate::Config;
use crate::decide::{Next, Request, Subject, decide, resume};
use crate::echo::EchoClient;
use crate::reply::Reply;
use crate::store::{Memory, Store};

/// What carries out requests.
pub(crate) struct Lifecycle {
    store: Box<dyn Store>,
    echo: EchoClient,
    echo_public_url: String,
}

impl Lifecycle {
    pub(crate) fn new(config: &Config) -> Result<Lifecycle, StartError> {
        Ok(Lifecycle {
            store: Box::new(Memory::default()),
            echo: EchoClient::new(config.echo_url.as_str(), config.echo_timeout)?,
            echo_public_url: config.echo_public_url().to_string(),
        })
    }

    /// Carries out `request` for the instance `id`.
    pub(crate) async fn carry_out(&self, id: &Id, request: &Request) -> Reply {
        let subject = Subject {
            id,
            echo_public_url: &self.echo_public_url,
        };
        let mut next = self
            .store
            .step(id, &mut |stored| decide(subject, stored, request));
        loop {
            let work = match next {
                Next::Reply(reply) => return reply,
                Next::Work(work) => work,
            };
            let done = self.echo.perform(id, &work).await;
            next = self.store.step(id, &mut |stored| {
                resume(subject, stored, request, &work, done.clone())
            });
        }
    }
}
