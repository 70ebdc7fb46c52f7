//! The reference pair behind a door that may change what goes through it: a
//! true broker made wrong in one way.

use std::sync::Arc;

use broker::Config;
use serving::testing::{Door, Keeper, Received, Reply as Answered};
use serving::{Listen, Running};

pub(crate) use serving::testing::Sent;

/// What is sent back.
pub(crate) enum Reply {
    /// The true answer.
    True,
    /// This answer; its body is JSON.
    Instead(u16, String),
    /// These bytes, and then nothing more.
    Bytes(Vec<u8>),
    /// The same bytes for ever, after these.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, until the client gives up.
    Silence,
}

/// A target behind the door.
pub(crate) struct Tampered {
    pub(crate) url: String,
    door: Door,
    /// The true broker.
    pub(crate) broker: Running,
    pub(crate) echo: Running,
}

/// Changes answers.
struct Tampering<F>(F);

impl<F: Fn(&Sent, &Received) -> Reply + Send + Sync> Keeper for Tampering<F> {
    fn leave(&self, sent: &Sent, received: Received) -> Answered {
        match (self.0)(sent, &received) {
            Reply::True => Answered::Answer(received),
            Reply::Instead(status, body) => Answered::Answer(Received::of_json(status, body)),
            Reply::Bytes(bytes) => Answered::Bytes(bytes),
            Reply::Endless(first, then) => Answered::Endless(first, then),
            Reply::Silence => Answered::Silence,
        }
    }
}

/// Keeps requests from the broker.
struct Blocking<F>(F);

impl<F: Fn(&Sent) -> bool + Send + Sync> Keeper for Blocking<F> {
    fn enter(&self, sent: &mut Sent) -> Option<Answered> {
        (self.0)(sent).then(|| Answered::Answer(Received::of_json(403, "{}")))
    }

    fn leave(&self, _: &Sent, received: Received) -> Answered {
        Answered::Answer(received)
    }
}

impl Tampered {
    /// A pair whose broker's answers go through `tamper`.
    pub(crate) async fn broker(
        tamper: impl Fn(&Sent, &Received) -> Reply + Send + Sync + 'static,
    ) -> Tampered {
        Tampered::start(Tampering(tamper)).await
    }

    /// A pair whose broker never sees the requests that `blocked` tells; they
    /// are answered 403.
    pub(crate) async fn blocking(
        blocked: impl Fn(&Sent) -> bool + Send + Sync + 'static,
    ) -> Tampered {
        Tampered::start(Blocking(blocked)).await
    }

    async fn start(keeper: impl Keeper + 'static) -> Tampered {
        let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
        let config = Config::new(echo.url().parse().unwrap());
        let broker = broker::start(Listen::locally(0), &config).await.unwrap();
        let door = Door::open(&broker.url(), Arc::new(keeper)).await.unwrap();
        Tampered {
            url: door.url.clone(),
            door,
            broker,
            echo,
        }
    }

    /// The requests so far, each as verb and path.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent().iter().map(Sent::line).collect()
    }

    /// The requests so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.door.sent()
    }
}
