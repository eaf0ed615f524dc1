//! Named tensors of `model.safetensors` become matrices of the shapes that the configuration promises.

use ndarray::{Array1, Array2, Axis, concatenate};
use safetensors::SafeTensors;

use super::config::Config;
use super::layers::{Layer, Linear, Norm};
use crate::embed::table_file::numbers;

/// Reads tensors, with or without the prefix `bert.`.
pub(super) struct Reader<'a> {
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a [u8]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(file)
            .map_err(|error| format!("`model.safetensors` cannot be read: {error}"))?;
        let prefixed = tensors.tensor("bert.embeddings.word_embeddings.weight").is_ok();
        Ok(Self { tensors, prefix: if prefixed { "bert." } else { "" } })
    }

    fn vector(&self, name: &str, length: usize) -> Result<Array1<f32>, String> {
        let (values, shape) = self.tensor(name)?;
        if shape != [length] {
            return Err(format!(
                "tensor `{name}` has shape {shape:?}; the configuration asks for [{length}]"
            ));
        }
        Ok(Array1::from(values))
    }

    /// A matrix of `columns`; and of `rows`, where the configuration knows them.
    pub(super) fn matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<Array2<f32>, String> {
        let (values, shape) = self.tensor(name)?;
        match shape[..] {
            [count, width] if width == columns && rows.is_none_or(|rows| rows == count) => {
                Array2::from_shape_vec((count, width), values).map_err(|error| error.to_string())
            }
            _ => Err(format!(
                "the dimension does not fit: tensor `{name}` has shape {shape:?}; the configuration asks for {columns} columns"
            )),
        }
    }

    fn tensor(&self, name: &str) -> Result<(Vec<f32>, Vec<usize>), String> {
        let view = self
            .tensors
            .tensor(&format!("{}{name}", self.prefix))
            .map_err(|_| format!("`model.safetensors` has no tensor `{name}`"))?;
        let values = numbers(&view)?;
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(format!("tensor `{name}` holds `{value}`")),
            None => Ok((values, view.shape().to_vec())),
        }
    }

    pub(super) fn norm(&self, name: &str, config: &Config) -> Result<Norm, String> {
        Ok(Norm {
            scale: self.vector(&format!("{name}.weight"), config.hidden)?,
            shift: self.vector(&format!("{name}.bias"), config.hidden)?,
            epsilon: config.epsilon,
        })
    }

    fn linear(&self, name: &str, from: usize) -> Result<Linear, String> {
        let weight = self.matrix(&format!("{name}.weight"), None, from)?;
        let bias = self.vector(&format!("{name}.bias"), weight.nrows())?;
        Ok(Linear { weight, bias })
    }

    pub(super) fn layer(&self, place: usize, config: &Config) -> Result<Layer, String> {
        let name = |rest: &str| format!("encoder.layer.{place}.{rest}");
        let part = |which: &str| self.linear(&name(&format!("attention.self.{which}")), config.hidden);
        let (query, key, value) = (part("query")?, part("key")?, part("value")?);
        let joined = |error: ndarray::ShapeError| error.to_string();
        let rows = [query.weight.view(), key.weight.view(), value.weight.view()];
        let bias = [query.bias.view(), key.bias.view(), value.bias.view()];
        let widen = self.linear(&name("intermediate.dense"), config.hidden)?;
        let narrow = self.linear(&name("output.dense"), widen.weight.nrows())?;
        let mixed = self.linear(&name("attention.output.dense"), config.hidden)?;
        let fits = [&query, &key, &value, &mixed, &narrow].iter().all(|l| l.weight.nrows() == config.hidden);
        if !fits {
            return Err(format!("the dimension does not fit: layer {place} is not {} wide", config.hidden));
        }
        Ok(Layer {
            attend: Linear {
                weight: concatenate(Axis(0), &rows).map_err(joined)?,
                bias: concatenate(Axis(0), &bias).map_err(joined)?,
            },
            mixed,
            after_attention: self.norm(&name("attention.output.LayerNorm"), config)?,
            widen,
            narrow,
            after_output: self.norm(&name("output.LayerNorm"), config)?,
        })
    }
}
