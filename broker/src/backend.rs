//! What stands behind the offerings: the services of the echo service, and
//! the paths of their resources.

use serde::{Deserialize, Serialize};
use serving::Id;

/// One of the services of the echo service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Sends messages back.
    #[default]
    Echo,
    /// Sends messages back inverted.
    Invert,
}

impl Backend {
    fn segment(self) -> &'static str {
        match self {
            Backend::Echo => "echo",
            Backend::Invert => "invert",
        }
    }

    /// The path of an instance, or of one of its bindings.
    pub fn path(self, instance: &Id, binding: Option<&Id>) -> String {
        let instance = format!("/{}/{}", self.segment(), instance.encoded());
        match binding {
            Some(binding) => format!("{instance}/{}", binding.encoded()),
            None => instance,
        }
    }

    /// The path of the page that shows an instance.
    pub fn dashboard_path(self, instance: &Id) -> String {
        format!("/{}/dashboard/{}", self.segment(), instance.encoded())
    }
}
