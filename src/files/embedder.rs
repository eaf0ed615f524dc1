//! An embedder by its name, where the name may be a folder.

use std::path::Path;

use crate::embed::{EmbedError, Embedder, ModelFolder, from_name};

/// The embedder called `name`: one of [`from_name`]'s, or `dir:PATH` for a model folder.
///
/// # Errors
/// [`EmbedError::Unknown`] names what there is; [`EmbedError::Model`] says what is wrong with a folder.
pub fn open_embedder(name: &str) -> Result<Box<dyn Embedder>, EmbedError> {
    match name.trim().strip_prefix("dir:") {
        Some(path) => read_folder(Path::new(path))?.open(),
        None => from_name(name),
    }
}

/// Reads those files of a model folder that are there; a file that is there and cannot be read is an
/// error, because a model without one of its files is another model.
fn read_folder(path: &Path) -> Result<ModelFolder, EmbedError> {
    let shown = path.display().to_string();
    let refuse = |reason: String| EmbedError::Model { path: shown.clone(), reason };
    if !path.is_dir() {
        return Err(refuse("there is no such folder".to_owned()));
    }
    let mut folder = ModelFolder { path: shown.clone(), ..ModelFolder::default() };
    for name in ModelFolder::FILES {
        match std::fs::read(path.join(name)) {
            Ok(bytes) => folder = folder.with_file(name, bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(format!("`{name}` cannot be read: {error}"))),
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_can_be_opened_from_its_folder_too() {
        let opened = open_embedder("dir:data/static-256-int8").expect("a model2vec folder");
        let embedded = open_embedder("static").expect("compiled in");
        let texts = ["works as a nurse", "drives a lorry"];
        assert_eq!(opened.embed(&texts).expect("embeds"), embedded.embed(&texts).expect("embeds"));
        // The names differ in how they came, and end in the same digest of the same files.
        assert_eq!(opened.name().split('@').next_back(), embedded.name().split('@').next_back());
    }

    #[test]
    fn folders_that_hold_no_model_are_refused_by_path() {
        let missing = open_embedder("dir:no/such/folder").map(|_| ()).unwrap_err().to_string();
        assert_eq!(missing, "embedding model `no/such/folder`: there is no such folder");
        let empty = tempfile::tempdir().expect("temporary folder");
        let name = format!("dir:{}", empty.path().display());
        let error = open_embedder(&name).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("there is no tokenizer"), "{error}");
    }
}
