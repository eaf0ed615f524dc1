//! Endpoints that embed: each dialect is a pure pair of functions, a request out of texts and vectors
//! out of a reply. Sending, retrying and storing is for the shell.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::EmbedError;

/// How an endpoint wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// `POST /embeddings` (below `/v1`) of `OpenAI` and of all who imitate it (vLLM, llama.cpp, LM Studio).
    Openai,
    /// `POST /api/embed` of Ollama.
    Ollama,
    /// `POST /embed` of Text Embeddings Inference.
    Tei,
}

/// Characters of a text that are sent; what is longer is cut there. Models read 512 to 8,192 tokens, so
/// no more than this is ever looked at, and some endpoints refuse it.
const LONGEST: usize = 24_000;

/// An endpoint and its model: what its vectors depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteModel {
    /// The name that becomes part of a run's identity, and under which vectors are kept: another name is
    /// another model.
    pub name: String,
    /// How it is asked.
    pub dialect: Dialect,
    /// The model's name at the endpoint; Text Embeddings Inference serves one and is not told.
    pub model: String,
    /// Components to ask for, where the endpoint can shorten its vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

impl RemoteModel {
    /// Where below the endpoint's base the request goes.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self.dialect {
            Dialect::Openai => "/embeddings",
            Dialect::Ollama => "/api/embed",
            Dialect::Tei => "/embed",
        }
    }

    /// The body of the request. Empty texts are sent as one blank, because endpoints refuse them, and of
    /// long ones only the first 24,000 characters.
    #[must_use]
    pub fn encode(&self, texts: &[&str]) -> Value {
        let texts: Vec<&str> = texts.iter().map(|text| sendable(text)).collect();
        let mut body = match self.dialect {
            Dialect::Openai => json!({"model": self.model, "input": texts, "encoding_format": "float"}),
            Dialect::Ollama => json!({"model": self.model, "input": texts, "truncate": true}),
            Dialect::Tei => json!({"inputs": texts, "normalize": true, "truncate": true}),
        };
        if let (Some(dimensions), Dialect::Openai | Dialect::Ollama) = (self.dimensions, self.dialect) {
            body["dimensions"] = json!(dimensions);
        }
        body
    }

    /// The vectors of a reply of status 200, in the order of the texts.
    ///
    /// # Errors
    /// [`EmbedError::Reply`] for a body of another form, which includes an error inside a 200;
    /// [`EmbedError::Count`] for fewer or more vectors than texts; [`EmbedError::Ragged`] for vectors of
    /// different lengths.
    pub fn decode(&self, body: &[u8], texts: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let refuse = |reason: String| EmbedError::Reply { embedder: self.name.clone(), reason };
        let vectors = match self.dialect {
            Dialect::Openai => serde_json::from_slice(body).and_then(|reply: OpenaiReply| reply.vectors()),
            Dialect::Ollama => serde_json::from_slice(body).map(|reply: OllamaReply| reply.embeddings),
            Dialect::Tei => serde_json::from_slice(body),
        };
        let vectors = vectors.map_err(|error| refuse(format!("not the expected form ({error})")))?;
        if vectors.len() != texts {
            return Err(EmbedError::Count { embedder: self.name.clone(), vectors: vectors.len(), texts });
        }
        let expected = self.dimensions.or_else(|| vectors.first().map(Vec::len)).unwrap_or_default();
        match vectors.iter().map(Vec::len).find(|found| *found != expected || *found == 0) {
            Some(found) => Err(EmbedError::Ragged { embedder: self.name.clone(), expected, found }),
            None => Ok(vectors),
        }
    }
}

fn sendable(text: &str) -> &str {
    if text.trim().is_empty() {
        return " ";
    }
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

#[derive(Deserialize)]
struct OpenaiReply {
    data: Vec<OpenaiVector>,
}

#[derive(Deserialize)]
struct OpenaiVector {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenaiReply {
    /// Endpoints may answer out of order; `index` says which text a vector belongs to.
    fn vectors(mut self) -> Result<Vec<Vec<f32>>, serde_json::Error> {
        self.data.sort_by_key(|vector| vector.index);
        match self.data.iter().enumerate().find(|(place, vector)| *place != vector.index) {
            Some((place, _)) => Err(serde::de::Error::custom(format!("no vector has the index {place}"))),
            None => Ok(self.data.into_iter().map(|vector| vector.embedding).collect()),
        }
    }
}

#[derive(Deserialize)]
struct OllamaReply {
    embeddings: Vec<Vec<f32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(dialect: Dialect) -> RemoteModel {
        RemoteModel { name: "x:m".to_owned(), dialect, model: "m".to_owned(), dimensions: None }
    }

    #[test]
    fn every_dialect_asks_in_its_own_words() {
        let asked = |dialect| (remote(dialect).path(), remote(dialect).encode(&["a", ""]));
        assert_eq!(
            asked(Dialect::Openai),
            ("/embeddings", json!({"model": "m", "input": ["a", " "], "encoding_format": "float"}))
        );
        assert_eq!(
            asked(Dialect::Ollama),
            ("/api/embed", json!({"model": "m", "input": ["a", " "], "truncate": true}))
        );
        assert_eq!(
            asked(Dialect::Tei),
            ("/embed", json!({"inputs": ["a", " "], "normalize": true, "truncate": true}))
        );
        let short = RemoteModel { dimensions: Some(2), ..remote(Dialect::Openai) };
        assert_eq!(short.encode(&["a"])["dimensions"], json!(2));
        let long = "ä".repeat(LONGEST + 1);
        assert_eq!(short.encode(&[&long])["input"][0], json!("ä".repeat(LONGEST)));
    }

    #[test]
    fn vectors_come_back_in_the_order_of_the_texts() {
        let expected = vec![vec![1.0, 2.0], vec![3.0, 4.0]];
        let openai = br#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":2}}"#;
        assert_eq!(remote(Dialect::Openai).decode(openai, 2).expect("fits"), expected);
        let ollama = br#"{"model":"m","embeddings":[[1,2],[3,4]],"total_duration":1}"#;
        assert_eq!(remote(Dialect::Ollama).decode(ollama, 2).expect("fits"), expected);
        assert_eq!(remote(Dialect::Tei).decode(b"[[1,2],[3,4]]", 2).expect("fits"), expected);
    }

    #[test]
    fn a_reply_that_does_not_fit_its_question_is_refused() {
        let error = |dialect, body: &[u8], texts| remote(dialect).decode(body, texts).unwrap_err();
        assert!(matches!(error(Dialect::Tei, b"[[1,2]]", 2), EmbedError::Count { vectors: 1, texts: 2, .. }));
        assert!(matches!(
            error(Dialect::Tei, b"[[1,2],[1]]", 2),
            EmbedError::Ragged { expected: 2, found: 1, .. }
        ));
        assert!(matches!(error(Dialect::Tei, b"[[],[]]", 2), EmbedError::Ragged { found: 0, .. }));
        for (dialect, body) in [
            (Dialect::Openai, &br#"{"error":{"message":"no such model"}}"#[..]),
            (Dialect::Openai, br#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#),
            (Dialect::Ollama, br#"{"error":"model not found"}"#),
            (Dialect::Tei, b"[[1,null]]"),
            (Dialect::Tei, b"<html>"),
        ] {
            assert!(matches!(error(dialect, body, 2), EmbedError::Reply { .. }));
        }
    }
}
