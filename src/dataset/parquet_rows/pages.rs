//! Pages of a column, unpacked within bounds.
//!
//! The `parquet` crate is told that nothing is compressed, and the packed pages are unpacked here: its own codecs
//! unpack gzip for as long as there is something, and zstd would need a C compiler.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::RowGroupReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::LARGEST_PAGE;

/// A row group whose pages are unpacked here.
pub(super) struct Group<'a> {
    pub(super) file: Arc<Bytes>,
    pub(super) metadata: &'a RowGroupMetaData,
}

impl RowGroupReader for Group<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.metadata
    }

    fn num_columns(&self) -> usize {
        self.metadata.num_columns()
    }

    fn get_column_page_reader(&self, place: usize) -> Result<Box<dyn PageReader>> {
        let column = self.metadata.column(place);
        let plain = column.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let rows =
            usize::try_from(self.metadata.num_rows()).map_err(|_| refuse("negative number of rows"))?;
        Ok(Box::new(Pages {
            packed: SerializedPageReader::new(Arc::clone(&self.file), &plain, rows, None)?,
            codec: column.compression(),
            column: column.column_path().string(),
            values_left: u64::try_from(column.num_values()).unwrap_or(0),
            has_dictionary: false,
        }))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

fn refuse(reason: &str) -> ParquetError {
    ParquetError::General(reason.to_owned())
}

/// Why a column chunk cannot be read at all: what its description says is impossible or not known.
pub(super) fn refusal(column: &ColumnChunkMetaData) -> Option<String> {
    let begin = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let codec = match column.compression() {
        Compression::BROTLI(_) => "Brotli",
        Compression::LZO => "LZO",
        Compression::LZ4 => "the old LZ4",
        _ if begin < 0 || column.compressed_size() < 0 || column.num_values() < 0 => {
            return Some("its footer is damaged; write it again".to_owned());
        }
        _ if column.file_path().is_some() => {
            return Some("its columns stand in other files; write it as one file".to_owned());
        }
        _ => return None,
    };
    let path = column.column_path().string();
    Some(format!("column `{path}` is compressed with {codec}; save the file with snappy, zstd, gzip or none"))
}

struct Pages {
    packed: SerializedPageReader<Bytes>,
    codec: Compression,
    column: String,
    /// Values that were announced and have not come yet.
    values_left: u64,
    /// Whether the dictionary has come: the crate asserts that it stands before whatever refers to it.
    has_dictionary: bool,
}

impl Pages {
    fn unpacked(&mut self, mut page: Page) -> Result<Page> {
        match &mut page {
            Page::DictionaryPage { buf, num_values, .. } => {
                *buf = self.inflate(buf)?;
                self.has_dictionary = true;
                if u64::from(*num_values) > buf.len() as u64 {
                    return Err(refuse("a dictionary announces more values than it has bytes"));
                }
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                self.check(*num_values, *encoding)?;
                *buf = self.inflate(buf)?;
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                ..
            } => {
                self.check(*num_values, *encoding)?;
                // The levels stand before the values and are never compressed.
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                if levels > buf.len() {
                    return Err(refuse("the levels of a page are longer than the page"));
                }
                if std::mem::replace(is_compressed, false) && self.codec != Compression::UNCOMPRESSED {
                    let values = self.inflate(&buf.slice(levels..))?;
                    *buf = [&buf[..levels], &values].concat().into();
                }
            }
        }
        Ok(page)
    }

    fn check(&mut self, values: u32, encoding: Encoding) -> Result<()> {
        if matches!(encoding, Encoding::DELTA_BYTE_ARRAY | Encoding::DELTA_LENGTH_BYTE_ARRAY) {
            let column = &self.column;
            let reason = format!("column `{column}` has the encoding {encoding}; save the file without it");
            return Err(ParquetError::General(reason));
        }
        if matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY) && !self.has_dictionary {
            return Err(refuse("a page refers to a dictionary that is not there"));
        }
        let left = self.values_left.checked_sub(u64::from(values));
        self.values_left = left.ok_or_else(|| refuse("a column has more values than it announces"))?;
        Ok(())
    }

    fn inflate(&self, packed: &Bytes) -> Result<Bytes> {
        if packed.is_empty() || self.codec == Compression::UNCOMPRESSED {
            return Ok(packed.clone());
        }
        inflate(self.codec, packed).map(Bytes::from).map_err(|reason| {
            ParquetError::General(format!("a page of column `{}` cannot be unpacked ({reason})", self.column))
        })
    }
}

/// Unpacks a page that is no longer than [`LARGEST_PAGE`] then.
fn inflate(codec: Compression, packed: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let too_long = || format!("longer than {LARGEST_PAGE} bytes");
    match codec {
        Compression::SNAPPY => {
            let length = snap::raw::decompress_len(packed).map_err(|error| error.to_string())?;
            if length > LARGEST_PAGE {
                return Err(too_long());
            }
            snap::raw::Decoder::new().decompress_vec(packed).map_err(|error| error.to_string())
        }
        Compression::GZIP(_) => drain(flate2::read::MultiGzDecoder::new(packed)),
        Compression::ZSTD(_) => {
            drain(ruzstd::decoding::StreamingDecoder::new(packed).map_err(|error| error.to_string())?)
        }
        Compression::LZ4_RAW => {
            // A byte of LZ4 stands for 255 at most; the length is not told.
            let room = packed.len().saturating_mul(255).min(LARGEST_PAGE);
            let mut values = vec![0; room];
            let length = lz4_flex::block::decompress_into(packed, &mut values);
            values.truncate(length.map_err(|error| error.to_string())?);
            values.shrink_to_fit();
            Ok(values)
        }
        other => Err(format!("the codec {other} is not known")),
    }
}

fn drain(reader: impl Read) -> std::result::Result<Vec<u8>, String> {
    let mut values = Vec::new();
    reader.take(LARGEST_PAGE as u64 + 1).read_to_end(&mut values).map_err(|error| error.to_string())?;
    if values.len() > LARGEST_PAGE { Err(format!("longer than {LARGEST_PAGE} bytes")) } else { Ok(values) }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match self.packed.get_next_page()? {
            Some(page) => self.unpacked(page).map(Some),
            None => Ok(None),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parquet::basic::GzipLevel;

    use super::*;

    #[test]
    fn a_page_that_unpacks_to_more_than_its_limit_is_refused_before_the_memory_is_full() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..=256 {
            packed.write_all(&zeros).expect("memory");
        }
        let packed = packed.finish().expect("memory");
        assert!(packed.len() < 1024 * 1024, "a bomb is small: {}", packed.len());
        let reason = inflate(Compression::GZIP(GzipLevel::default()), &packed).unwrap_err();
        assert!(reason.contains("longer than 268435456 bytes"), "{reason}");
        // Snappy tells the length first: 2^32 - 1, as a varint.
        let reason = inflate(Compression::SNAPPY, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap_err();
        assert!(reason.contains("longer than"), "{reason}");
    }
}
