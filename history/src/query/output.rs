//! Answers as bytes: JSON, CSV, Arrow's stream, or a table for people.

use std::io::Write as _;

use arrow_array::RecordBatch;
use arrow_cast::display::FormatOptions;
use arrow_json::writer::JsonArray;
use arrow_json::{StructMode, WriterBuilder};
use arrow_schema::{ArrowError, DataType};
use serde::Serialize;

use super::{Answer, QueryError, map};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    /// `application/vnd.apache.arrow.stream`
    Arrow,
    Table,
}

/// How times are written: ISO 8601 in UTC, milliseconds.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// How errors of Arrow's writer of JSON begin.
const ERROR: &[u8] = b"ERROR: ";

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    r#type: String,
}

impl From<ArrowError> for QueryError {
    fn from(e: ArrowError) -> Self {
        QueryError::Internal(e.to_string())
    }
}

/// A type's name as PostgreSQL's clients know it.
pub fn type_name(of: &DataType) -> String {
    match of {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint".into(),
        DataType::Int32 | DataType::UInt16 => "integer".into(),
        DataType::Int64 | DataType::UInt32 => "bigint".into(),
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double precision".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".into(),
        DataType::Map(..) => "map".into(),
        DataType::List(item) | DataType::LargeList(item) => format!("{}[]", type_name(item.data_type())),
        other => other.to_string().to_lowercase(),
    }
}

impl Answer {
    /// The answer as bytes.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, QueryError> {
        match format {
            Format::Json => self.json(),
            Format::Csv => {
                let mut writer =
                    arrow_csv::WriterBuilder::new().with_timestamp_tz_format(TIME.into()).build(Vec::new());
                self.whole()?.iter().try_for_each(|b| writer.write(&map::without(b)?))?;
                Ok(writer.into_inner())
            }
            Format::Arrow => {
                let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &self.schema)?;
                self.batches.iter().try_for_each(|b| writer.write(b))?;
                Ok(writer.into_inner()?)
            }
            Format::Table => {
                let options = FormatOptions::new().with_timestamp_tz_format(Some(TIME));
                let table = arrow_cast::pretty::pretty_format_batches_with_options(&self.whole()?, &options)?;
                Ok(format!("{table}\n").into_bytes())
            }
        }
    }

    /// The batches, one without rows if there are none: its columns are named all the same.
    fn whole(&self) -> Result<Vec<RecordBatch>, QueryError> {
        Ok(if self.batches.is_empty() {
            vec![RecordBatch::new_empty(self.schema.clone())]
        } else {
            self.batches.clone()
        })
    }

    fn json(&self) -> Result<Vec<u8>, QueryError> {
        let told = |e: serde_json::Error| QueryError::Internal(e.to_string());
        let columns = self.schema.fields().iter();
        let columns: Vec<_> = columns.map(|f| Column { name: f.name(), r#type: type_name(f.data_type()) }).collect();
        let mut rows = WriterBuilder::new()
            .with_struct_mode(StructMode::ListOnly)
            .with_explicit_nulls(true)
            .with_timestamp_tz_format(TIME.into())
            .build::<_, JsonArray>(Vec::new());
        rows.write_batches(&self.batches.iter().collect::<Vec<_>>())?;
        rows.finish()?;
        let rows = rows.into_inner();
        // The writer puts what it has no text for between quotes as it is.
        if rows.windows(ERROR.len()).any(|w| w == ERROR)
            && let Err(e) = serde_json::from_slice::<serde::de::IgnoredAny>(&rows)
        {
            return Err(QueryError::Statement(format!(
                "a value of the answer has no text: cast it to another type; {e}"
            )));
        }
        let mut out = Vec::with_capacity(rows.len() + 256);
        let io = |e: std::io::Error| QueryError::Internal(e.to_string());
        write!(out, "{{\"columns\":{},\"rows\":", serde_json::to_string(&columns).map_err(told)?).map_err(io)?;
        out.extend_from_slice(if rows.is_empty() { b"[]" } else { &rows });
        let notes = serde_json::to_string(&self.notes).map_err(told)?;
        write!(out, ",\"truncated\":{},\"notes\":{notes}}}", self.truncated).map_err(io)?;
        Ok(out)
    }
}
