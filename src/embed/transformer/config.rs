//! What the folder's files say about the model.

use serde::Deserialize;
use serde_json::Value;

use crate::embed::{EmbedError, ModelFolder};

/// How token vectors become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// That of `[CLS]`.
    Cls,
    /// The largest of each component.
    Max,
}

/// The activation between the two layers of a feed-forward block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    /// x Φ(x), exactly.
    Gelu,
    /// The positive part.
    Relu,
}

/// Shape and habits of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) epsilon: f32,
    pub(super) activation: Activation,
    pub(super) pooling: Pooling,
    /// Tokens, the two special ones included, beyond which a text is cut.
    pub(super) longest: usize,
}

#[derive(Deserialize)]
struct BertForm {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn epsilon() -> f32 {
    1e-12
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl Config {
    pub(super) fn read(folder: &ModelFolder) -> Result<Self, EmbedError> {
        let value = folder.config()?.ok_or_else(|| folder.refuse("there is no `config.json`".to_owned()))?;
        let form: BertForm = serde_json::from_value(value)
            .map_err(|error| folder.refuse(format!("`config.json` cannot be used: {error}")))?;
        if form.model_type != "bert" || form.position_embedding_type != "absolute" {
            return Err(folder.refuse(format!(
                "`config.json` names a `{}` with {} positions; only `bert` with absolute positions is read",
                form.model_type, form.position_embedding_type
            )));
        }
        let activation = match form.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "relu" => Activation::Relu,
            other => {
                return Err(
                    folder.refuse(format!("the activation `{other}` is not known; there are gelu, relu"))
                );
            }
        };
        if form.num_attention_heads == 0 || !form.hidden_size.is_multiple_of(form.num_attention_heads) {
            return Err(folder.refuse(format!(
                "the dimension does not fit: {} components cannot be shared by {} heads",
                form.hidden_size, form.num_attention_heads
            )));
        }
        check_modules(folder)?;
        Ok(Self {
            hidden: form.hidden_size,
            layers: form.num_hidden_layers,
            heads: form.num_attention_heads,
            epsilon: form.layer_norm_eps,
            activation,
            pooling: pooling(folder)?,
            longest: longest(folder)?.unwrap_or(usize::MAX).min(form.max_position_embeddings).max(3),
        })
    }
}

fn longest(folder: &ModelFolder) -> Result<Option<usize>, EmbedError> {
    let Some(bytes) = folder.sentence_bert.as_deref() else { return Ok(None) };
    let value = folder.json("sentence_bert_config.json", bytes)?;
    Ok(value.get("max_seq_length").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok()))
}

/// Mean pooling unless the folder says otherwise, as in sentence-transformers.
fn pooling(folder: &ModelFolder) -> Result<Pooling, EmbedError> {
    let Some(bytes) = folder.pooling.as_deref() else { return Ok(Pooling::Mean) };
    let value = folder.json("1_Pooling/config.json", bytes)?;
    let chosen: Vec<&str> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| name.starts_with("pooling_mode_") && **value == Value::Bool(true))
        .map(|(name, _)| name.as_str())
        .collect();
    match chosen[..] {
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
        ["pooling_mode_max_tokens"] => Ok(Pooling::Max),
        _ => Err(folder.refuse(format!(
            "`1_Pooling/config.json` asks for `{}`; one of mean_tokens, cls_token, max_tokens is read",
            chosen.join("` and `")
        ))),
    }
}

/// Only transformer, pooling and normalisation are computed; a dense layer after them would be lost.
fn check_modules(folder: &ModelFolder) -> Result<(), EmbedError> {
    let Some(bytes) = folder.modules.as_deref() else { return Ok(()) };
    let value = folder.json("modules.json", bytes)?;
    for module in value.as_array().into_iter().flatten() {
        let kind = module.get("type").and_then(Value::as_str).unwrap_or_default();
        let name = kind.rsplit('.').next().unwrap_or_default();
        if !["Transformer", "Pooling", "Normalize"].contains(&name) {
            return Err(folder.refuse(format!(
                "`modules.json` names a module `{kind}`; only Transformer, Pooling and Normalize are computed"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type":"bert","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":32}"#;

    fn folder(config: &str) -> ModelFolder {
        ModelFolder { path: "folder".to_owned(), ..ModelFolder::default() }
            .with_file("config.json", config.as_bytes().to_vec())
    }

    #[test]
    fn the_folder_decides_pooling_and_length() {
        let config = Config::read(&folder(BERT)).expect("valid");
        assert_eq!(
            (config.pooling, config.longest, config.activation),
            (Pooling::Mean, 32, Activation::Gelu)
        );
        let told = folder(BERT)
            .with_file(
                "1_Pooling/config.json",
                br#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#.to_vec(),
            )
            .with_file("sentence_bert_config.json", br#"{"max_seq_length":16}"#.to_vec());
        let config = Config::read(&told).expect("valid");
        assert_eq!((config.pooling, config.longest), (Pooling::Cls, 16));
    }

    #[test]
    fn what_is_not_known_is_refused_and_not_guessed() {
        let refusal = |folder: &ModelFolder| Config::read(folder).map(|_| ()).unwrap_err().to_string();
        assert!(refusal(&folder(&BERT.replace("\"bert\"", "\"t5\""))).contains("`t5`"));
        assert!(
            refusal(&folder(&BERT.replace(":8", ":9"))).contains("9 components cannot be shared by 2 heads")
        );
        assert!(refusal(&ModelFolder::default()).contains("no `config.json`"));
        let dense = folder(BERT)
            .with_file("modules.json", br#"[{"type":"sentence_transformers.models.Dense"}]"#.to_vec());
        assert!(refusal(&dense).contains("models.Dense"));
        let both = folder(BERT).with_file(
            "1_Pooling/config.json",
            br#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true}"#.to_vec(),
        );
        assert!(refusal(&both).contains("pooling_mode_cls_token` and `pooling_mode_mean_tokens"));
        let broken = folder(BERT).with_file("modules.json", b"[".to_vec());
        assert!(refusal(&broken).contains("`modules.json` cannot be read"));
    }
}
