//! Vectors in the form of `NumPy`, so that they can be looked at with one line of Python.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use ndarray::{Array1, Array2, ArrayView2};
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement, WriteNpyExt};

use super::{FilesError, OutputFile};

/// Reads a matrix of `float32` or, rounded to it, `float64`: one row per vector.
///
/// # Errors
/// [`FilesError::Npy`] for a file of another form, which says what it holds.
pub fn read_npy(path: &Path) -> Result<Array2<f32>, FilesError> {
    match Array2::<f32>::read_npy(open(path)?) {
        Err(ReadNpyError::WrongDescriptor(_)) => Array2::<f64>::read_npy(open(path)?)
            .map(|rows| rows.mapv(rounded))
            .map_err(|error| refuse(path, &error)),
        other => other.map_err(|error| refuse(path, &error)),
    }
}

/// Writes a matrix as `float32`, C order, one row per vector; whole or not at all.
///
/// # Errors
/// [`FilesError`] with the path.
pub fn write_npy(path: &Path, rows: ArrayView2<'_, f32>) -> Result<(), FilesError> {
    commit(path, |file| rows.write_npy(file).map_err(|error| refuse(path, &error)))
}

/// Writes labels as `int64`: one per row, −1 for noise, as scikit-learn has it.
///
/// # Errors
/// [`FilesError`] with the path.
pub fn write_labels(path: &Path, labels: &[Option<usize>]) -> Result<(), FilesError> {
    let labels: Array1<i64> = labels
        .iter()
        .map(|label| label.map_or(-1, |label| i64::try_from(label).unwrap_or(i64::MAX)))
        .collect();
    commit(path, |file| labels.write_npy(file).map_err(|error| refuse(path, &error)))
}

/// Reads one integer per row: a one-dimensional array of any integer type of `NumPy`.
///
/// # Errors
/// [`FilesError::Integers`] for a file of another form, which says what it holds.
pub fn read_integers(path: &Path) -> Result<Vec<i64>, FilesError> {
    fn read<T: ReadableElement + Into<i64>>(
        path: &Path,
    ) -> Result<Result<Vec<i64>, ReadNpyError>, FilesError> {
        let found = Array1::<T>::read_npy(open(path)?);
        Ok(found.map(|values| values.into_iter().map(Into::into).collect()))
    }
    let readers = [read::<i64>, read::<i32>, read::<u32>, read::<i16>, read::<u16>, read::<i8>, read::<u8>];
    let mut refused = String::new();
    for reader in readers {
        match reader(path)? {
            Ok(values) => return Ok(values),
            Err(ReadNpyError::WrongDescriptor(form)) => refused = format!("elements of type {form}"),
            Err(error) => {
                return Err(FilesError::Integers { path: path.to_owned(), reason: error.to_string() });
            }
        }
    }
    Err(FilesError::Integers { path: path.to_owned(), reason: refused })
}

#[expect(clippy::cast_possible_truncation, reason = "embeddings carry less than the precision of a f32")]
fn rounded(value: f64) -> f32 {
    value as f32
}

fn open(path: &Path) -> Result<BufReader<File>, FilesError> {
    File::open(path).map(BufReader::new).map_err(|source| FilesError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })
}

fn commit(
    path: &Path,
    write: impl FnOnce(&mut OutputFile) -> Result<(), FilesError>,
) -> Result<(), FilesError> {
    let mut file = OutputFile::create(path)?;
    write(&mut file)?;
    file.flush().map_err(|source| FilesError::Io { path: path.to_owned(), action: "written", source })?;
    file.commit()
}

fn refuse(path: &Path, error: &dyn std::error::Error) -> FilesError {
    FilesError::Npy { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn vectors_come_back_as_they_went_and_doubles_are_rounded() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("vectors.npy");
        let rows = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.5]];
        write_npy(&path, rows.view()).expect("written");
        assert_eq!(read_npy(&path).expect("readable"), rows);
        let doubles = rows.mapv(f64::from);
        commit(&path, |file| doubles.write_npy(file).map_err(|error| refuse(&path, &error)))
            .expect("written");
        assert_eq!(read_npy(&path).expect("readable"), rows);
    }

    #[test]
    fn other_files_are_refused_by_their_path_and_form() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("labels.npy");
        write_labels(&path, &[Some(2), None]).expect("written");
        let labels = Array1::<i64>::read_npy(open(&path).expect("there")).expect("readable");
        assert_eq!(labels, array![2, -1]);
        assert_eq!(read_integers(&path).expect("readable"), [2, -1]);
        commit(&path, |file| array![7_u16, 9].write_npy(file).map_err(|error| refuse(&path, &error)))
            .expect("written");
        assert_eq!(read_integers(&path).expect("readable"), [7, 9]);
        write_npy(&path, array![[1.0_f32]].view()).expect("written");
        let error = read_integers(&path).unwrap_err().to_string();
        assert!(error.contains("<f4") && error.contains("int64"), "{error}");
        write_labels(&path, &[Some(2), None]).expect("written");
        for content in [None, Some("not an array"), Some("")] {
            if let Some(content) = content {
                std::fs::write(&path, content).expect("written");
            }
            let error = read_npy(&path).unwrap_err().to_string();
            assert!(error.contains("labels.npy") && error.contains("float32"), "{error}");
        }
    }
}
