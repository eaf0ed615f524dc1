//! The embedders that need nothing but their name.

use super::{EmbedError, Embedder, HashingEmbedder, StaticEmbedder};

/// What embedders there are, for messages; those with a colon are opened by the shell.
pub(crate) const KNOWN: &str = "`static` (the default), `hashing`, `hashing-N` with N components, `dir:PATH`, \
                                `openai:MODEL`, `ollama:MODEL`, and `tei:MODEL@URL` or any other endpoint's \
                                `NAME:MODEL@URL`";

/// The embedder of that name: `static` (the table that is compiled in), `hashing` (1,024
/// components) or `hashing-N`. Folders (`dir:PATH`) and endpoints are opened by the shell.
///
/// # Errors
/// [`EmbedError::Unknown`] names what there is; [`EmbedError::Dimension`] for an N out of range.
pub fn from_name(name: &str) -> Result<Box<dyn Embedder>, EmbedError> {
    match name.trim() {
        "static" => Ok(Box::new(StaticEmbedder::embedded()?)),
        "hashing" => Ok(Box::new(HashingEmbedder::default())),
        other => {
            let dimension = other.strip_prefix("hashing-").and_then(|number| number.parse().ok());
            let unknown = || EmbedError::Unknown { name: other.to_owned(), known: KNOWN.to_owned() };
            Ok(Box::new(HashingEmbedder::new(dimension.ok_or_else(unknown)?)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_embedder_or_the_list_of_them() {
        assert!(from_name("static").expect("shipped").name().starts_with("static-256-int8@"));
        assert_eq!(from_name("hashing").expect("known").name(), "hashing-1024");
        assert_eq!(from_name("hashing-512").expect("known").dimension(), 512);
        for name in ["hashing-x", "glove", ""] {
            let error = from_name(name).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && error.contains("dir:PATH"), "{error}");
        }
    }
}
