//! The panel as a tool for agents, over the Model Context Protocol.
//!
//! A [`Server`] has five tools: `consensus` puts a question to several models ([`crate::consult`]),
//! `generate_personas` asks the server's panel about records, `merge_personas` forms consensus personas
//! out of drafts that the caller brings, `explain` tells what stands behind a persona of a result, and
//! `run_status` how a run stands. It speaks over standard input and output ([`Server::serve_stdio`]) or as
//! streamable HTTP ([`HttpServer`]). Schemas are derived from the types; an answer is given once, at the end,
//! with progress notifications on the way; a cancelled request abandons its calls.
//!
//! # What a caller cannot do
//! Whoever starts the server decides in the [`Configuration`]; a caller can only choose among what stands there.
//! - Only models of the configured panel can be named. There is no field for a base URL or a key, and a field that
//!   does not exist is refused rather than passed over.
//! - Files are read from the allowed folders only, after links and `..` are resolved ([`AllowedFolders`]); without any,
//!   no file is read. What is outside and what is not there get the same answer.
//! - Continuation ids are random numbers, not paths, and nobody can list them.
//! - A plan that costs more than the study's `confirm_above` is refused: there is nobody to confirm it.
//!   The voices and the synthesis of a consultation have one limit of cost together.
//! - Over HTTP, `Host` must be a name of this machine, a browser's `Origin` must be allowed, a server beyond loopback
//!   needs a token. Bodies, connections, sessions, and the time for headers and bodies have limits, and one session has a
//!   quarter of the places for calls.
//!
//! What is *not* here: who may ask how often. That is for what stands before the server.

mod allowed;
mod answer;
mod configuration;
mod connections;
mod consensus;
mod explaining;
mod http;
mod material;
mod personas;
mod place;
mod progress;
mod server;
mod sessions;

pub use allowed::{AllowedFolders, NotAllowed};
pub use configuration::{Configuration, Panel};
pub use http::{HttpOptions, HttpServer, ServeError};
pub use server::Server;
