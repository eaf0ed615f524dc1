//! What is true, when several annotators answered the same questions and nobody knows the answers.
//!
//! Categories ([`Labels`]): every method answers a [`Posterior`], a probability per class and task and
//! what each annotator is worth. [`plurality`] counts; [`agreement_weighted`] weighs annotators by how
//! often they side with the rest; [`one_coin`], [`dawid_skene`], [`hierarchical_dawid_skene`] and
//! [`glad`] model how annotators err. [`infer_truth`] is the default: it leans on one or the other as
//! far as the evidence carries. Numbers ([`Numbers`]): [`mean`], [`median`], [`huber`],
//! [`inverse_variance`], [`infer_number`]. Texts ([`Texts`]): [`medoid`], [`rasa`], [`hrrasa`].
//!
//! Everything is a pure function of the answers. Names and the order of annotators change nothing, to
//! the last bit: annotators are kept in an order made of what they answered. What is *not* done here
//! is reading answers for what they mean; equal strings are equal classes.

mod agreement_weighted;
mod correlation;
mod dawid_skene;
mod digamma;
mod em;
mod errors;
mod evidence;
mod glad;
mod hierarchical;
mod hrrasa;
mod huber;
mod inverse_variance;
mod labels;
mod mean_median;
mod medoid;
mod numbers;
mod one_coin;
mod plurality;
mod posterior;
mod rasa;
mod roster;
mod texts;
#[cfg(test)]
mod properties;

pub use agreement_weighted::agreement_weighted;
pub use correlation::error_correlation;
pub use dawid_skene::dawid_skene;
pub use em::EmSettings;
pub use errors::TruthError;
pub use evidence::{Inference, infer_truth};
pub use glad::glad;
pub use hierarchical::hierarchical_dawid_skene;
pub use hrrasa::hrrasa;
pub use huber::huber;
pub use inverse_variance::{infer_number, inverse_variance};
pub use labels::Labels;
pub use mean_median::{mean, median};
pub use medoid::medoid;
pub use numbers::{Estimates, Numbers};
pub use one_coin::one_coin;
pub use plurality::plurality;
pub use posterior::Posterior;
pub use rasa::rasa;
pub use texts::{Choices, Texts};
