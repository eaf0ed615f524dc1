//! What happens to consensus personas before they are handed over: stages, defined as data.
//!
//! A [`pipeline`] says which stages there are, in which order they go, and which of them go at the same time. It is
//! checked whole before the first call. Who walks it, keeps its state and asks the models is `run::stages`.

pub mod pipeline;
