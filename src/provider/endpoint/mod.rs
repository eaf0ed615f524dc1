//! From `provider:model` to a checked endpoint.
//!
//! A name is looked up in a table of known providers, or an own endpoint is described in full.
//! An [`Endpoint`] that exists is safe to be sent its key: over TLS or to this machine, and only to
//! the host that the key is meant for.

mod checked;
mod dialect;
mod known;
mod reference;

pub use checked::{Endpoint, EndpointError, EndpointOptions};
pub use dialect::Dialect;
pub use known::{KNOWN_PROVIDERS, KnownProvider};
pub use reference::{ModelReference, ModelReferenceError};
