//! A table under construction: typed columns, filled row by row, ended as a Parquet file.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Int,
    Real,
    Bool,
    /// Epoch milliseconds, UTC.
    Time,
}

/// A value for a column; none is null.
pub enum Cell<'v> {
    Text(Option<&'v str>),
    Int(Option<i64>),
    Real(Option<f64>),
    Bool(bool),
    Time(Option<i64>),
}

enum Column {
    Text(StringBuilder),
    Int(Int64Builder),
    Real(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMillisecondBuilder),
}

pub struct Table {
    columns: Vec<(&'static str, Type, Column)>,
    version: u32,
    rows: usize,
}

impl Table {
    pub fn new(schema: &[(&'static str, Type)], version: u32) -> Self {
        let column = |kind: Type| match kind {
            Type::Text => Column::Text(StringBuilder::new()),
            Type::Int => Column::Int(Int64Builder::new()),
            Type::Real => Column::Real(Float64Builder::new()),
            Type::Bool => Column::Bool(BooleanBuilder::new()),
            Type::Time => Column::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
        };
        Table { columns: schema.iter().map(|(name, kind)| (*name, *kind, column(*kind))).collect(), version, rows: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row: one cell for each column of the schema, in its order and type.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        for ((name, _, column), cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (Column::Text(b), Cell::Text(v)) => b.append_option(*v),
                (Column::Int(b), Cell::Int(v)) => b.append_option(*v),
                (Column::Real(b), Cell::Real(v)) => b.append_option(*v),
                (Column::Bool(b), Cell::Bool(v)) => b.append_value(*v),
                (Column::Time(b), Cell::Time(v)) => b.append_option(*v),
                (column, _) => {
                    debug_assert!(false, "a cell of {name} is of another type");
                    column.append_null();
                }
            }
        }
        self.rows += 1;
    }

    /// The table as a Parquet file.
    pub fn parquet(mut self) -> Result<Vec<u8>, ParquetError> {
        let fields: Vec<Field> =
            self.columns.iter().map(|(name, kind, _)| Field::new(*name, kind.arrow(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let arrays = self.columns.iter_mut().map(|(_, _, c)| c.finish()).collect();
        let batch = RecordBatch::try_new(schema.clone(), arrays)?;
        let version = KeyValue::new("afterglow.schema_version".to_owned(), self.version.to_string());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(Some(vec![version]))
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        writer.write(&batch)?;
        writer.into_inner()
    }
}

impl Type {
    fn arrow(self) -> DataType {
        match self {
            Type::Text => DataType::Utf8,
            Type::Int => DataType::Int64,
            Type::Real => DataType::Float64,
            Type::Bool => DataType::Boolean,
            Type::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        }
    }
}

impl Column {
    fn append_null(&mut self) {
        match self {
            Column::Text(b) => b.append_null(),
            Column::Int(b) => b.append_null(),
            Column::Real(b) => b.append_null(),
            Column::Bool(b) => b.append_null(),
            Column::Time(b) => b.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Text(b) => Arc::new(b.finish()),
            Column::Int(b) => Arc::new(b.finish()),
            Column::Real(b) => Arc::new(b.finish()),
            Column::Bool(b) => Arc::new(b.finish()),
            Column::Time(b) => Arc::new(b.finish()),
        }
    }
}
