//! The bytes of a token-embedding table in model2vec's layout become checked rows.

use std::borrow::Cow;

use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// Rows of a table, as they are stored.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// One signed byte per component, and a factor per row.
    Int8 {
        /// All rows, one after the other: borrowed when they are compiled in.
        bytes: Cow<'static, [u8]>,
        /// What a row is multiplied by.
        scales: Vec<f32>,
    },
    /// Components with their weights multiplied in.
    Float(Vec<f32>),
}

/// A table whose every number is finite and whose every token has a row.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) rows: Rows,
    pub(crate) dimension: usize,
}

impl Table {
    /// Reads `model.safetensors`: `embeddings` (int8, float16 or float32), `weights` and `mapping`
    /// where they are present. After a mapping is applied, token `i` has row `i`.
    ///
    /// `lasting` are the same bytes as `file` when they are compiled in; then int8 rows are used where
    /// they lie.
    pub(crate) fn read(file: &[u8], lasting: Option<&'static [u8]>, tokens: usize) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(file)
            .map_err(|error| format!("`model.safetensors` cannot be read: {error}"))?;
        let names = || tensors.names().join("`, `");
        let embeddings = tensors.tensor("embeddings").map_err(|_| {
            format!(
                "`model.safetensors` has no tensor `embeddings`, only `{}`; expected a model2vec folder",
                names()
            )
        })?;
        let &[count, dimension] = embeddings.shape() else {
            return Err(format!(
                "`embeddings` has shape {:?}; expected tokens × components",
                embeddings.shape()
            ));
        };
        if dimension == 0 {
            return Err("`embeddings` has rows of no components".to_owned());
        }
        let mapping = mapping(&tensors, count)?;
        let mapped = mapping.as_ref().map_or(count, Vec::len);
        if mapped != tokens {
            return Err(format!(
                "vocabulary mismatch: the tokenizer knows {tokens} tokens and the table has {mapped} rows; both must come from one model"
            ));
        }
        let weights = weights(&tensors, tokens)?;
        let rows = match embeddings.dtype() {
            Dtype::I8 => {
                let data = embeddings.data();
                let start = data.as_ptr().addr() - file.as_ptr().addr();
                let lying = lasting.and_then(|bytes| bytes.get(start..start + data.len()));
                let bytes = match (mapping, lying) {
                    (Some(mapping), _) => {
                        let row = |&row: &usize| &data[row * dimension..(row + 1) * dimension];
                        Cow::Owned(mapping.iter().flat_map(row).copied().collect())
                    }
                    (None, Some(bytes)) => Cow::Borrowed(bytes),
                    (None, None) => Cow::Owned(data.to_vec()),
                };
                Rows::Int8 { bytes, scales: weights.unwrap_or_else(|| vec![1.0; tokens]) }
            }
            Dtype::F32 | Dtype::F16 => {
                let values = numbers(&embeddings)?;
                float(&values, dimension, weights.as_deref(), mapping.as_deref(), tokens)?
            }
            other => return Err(format!("`embeddings` are {other:?}; expected I8, F16 or F32")),
        };
        Ok(Self { rows, dimension })
    }
}

fn float(
    values: &[f32],
    dimension: usize,
    weights: Option<&[f32]>,
    mapping: Option<&[usize]>,
    tokens: usize,
) -> Result<Rows, String> {
    if let Some(place) = values.iter().position(|value| !value.is_finite()) {
        let (row, column) = (place / dimension, place % dimension);
        return Err(format!("`embeddings` has `{}` in row {row}, column {column}", values[place]));
    }
    let mut rows = Vec::with_capacity(tokens * dimension);
    for token in 0..tokens {
        let row = mapping.map_or(token, |mapping| mapping[token]);
        let weight = weights.map_or(1.0, |weights| weights[token]);
        rows.extend(values[row * dimension..(row + 1) * dimension].iter().map(|value| value * weight));
    }
    Ok(Rows::Float(rows))
}

fn weights(tensors: &SafeTensors<'_>, tokens: usize) -> Result<Option<Vec<f32>>, String> {
    let Ok(view) = tensors.tensor("weights") else { return Ok(None) };
    let weights = numbers(&view)?;
    if weights.len() != tokens {
        return Err(format!("`weights` has {} numbers for {tokens} tokens", weights.len()));
    }
    match weights.iter().position(|weight| !weight.is_finite()) {
        Some(token) => Err(format!("`weights` has `{}` for token {token}", weights[token])),
        None => Ok(Some(weights)),
    }
}

/// Which row each token has, where several tokens share one.
fn mapping(tensors: &SafeTensors<'_>, rows: usize) -> Result<Option<Vec<usize>>, String> {
    let Ok(view) = tensors.tensor("mapping") else { return Ok(None) };
    let width = match view.dtype() {
        Dtype::I32 | Dtype::U32 => 4,
        Dtype::I64 | Dtype::U64 => 8,
        other => return Err(format!("`mapping` is {other:?}; expected whole numbers of 32 or 64 bits")),
    };
    let read = |bytes: &[u8]| {
        // Little-endian, so the missing high bytes of narrow numbers are zeros; a negative number
        // becomes one that no table has.
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(bytes);
        u64::from_le_bytes(wide)
    };
    let mut mapping = Vec::with_capacity(view.data().len() / width);
    for (token, bytes) in view.data().chunks_exact(width).enumerate() {
        match usize::try_from(read(bytes)).ok().filter(|row| *row < rows) {
            Some(row) => mapping.push(row),
            None => {
                return Err(format!("`mapping` sends token {token} to a row that is not among the {rows}"));
            }
        }
    }
    Ok(Some(mapping))
}

/// A tensor of floating-point numbers of any width, as `f32`.
pub(crate) fn numbers(view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = view.data();
    match view.dtype() {
        Dtype::F32 => Ok(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => {
            Ok(data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect())
        }
        Dtype::F64 => {
            #[expect(clippy::cast_possible_truncation, reason = "weights need no more than f32")]
            let narrow = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes) as f32;
            Ok(data.as_chunks().0.iter().map(narrow).collect())
        }
        other => Err(format!("a tensor holds {other:?}; expected F16, F32 or F64")),
    }
}
