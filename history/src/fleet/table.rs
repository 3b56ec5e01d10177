//! A table under construction: typed columns, filled row by row, ended as a Parquet file.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::schema::{TableName, Type, VERSION};

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
    schema: SchemaRef,
    columns: Vec<Column>,
    /// The earliest and latest time of each column that has any.
    times: BTreeMap<&'static str, (i64, i64)>,
    names: Vec<&'static str>,
    rows: usize,
}

impl Table {
    pub fn new(name: TableName) -> Self {
        let column = |kind: Type| match kind {
            Type::Text => Column::Text(StringBuilder::new()),
            Type::Int => Column::Int(Int64Builder::new()),
            Type::Real => Column::Real(Float64Builder::new()),
            Type::Bool => Column::Bool(BooleanBuilder::new()),
            Type::Time => Column::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
        };
        Table {
            schema: name.schema(),
            columns: name.columns().map(|(_, kind, _)| column(kind)).collect(),
            times: BTreeMap::new(),
            names: name.columns().map(|(name, _, _)| name).collect(),
            rows: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row: one cell for each column of the schema, in its order and type.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        for ((column, name), cell) in self.columns.iter_mut().zip(&self.names).zip(cells) {
            if let Cell::Time(Some(t)) = cell {
                let (first, last) = self.times.entry(name).or_insert((*t, *t));
                (*first, *last) = ((*first).min(*t), (*last).max(*t));
            }
            match (column, cell) {
                (Column::Text(b), Cell::Text(v)) => b.append_option(*v),
                (Column::Int(b), Cell::Int(v)) => b.append_option(*v),
                (Column::Real(b), Cell::Real(v)) => b.append_option(*v),
                (Column::Bool(b), Cell::Bool(v)) => b.append_value(*v),
                (Column::Time(b), Cell::Time(v)) => b.append_option(*v),
                (column, _) => {
                    debug_assert!(false, "a cell is of another type than its column");
                    column.append_null();
                }
            }
        }
        self.rows += 1;
    }

    /// The earliest and latest time of each column that has any, epoch milliseconds.
    pub fn times(&self) -> BTreeMap<String, (i64, i64)> {
        self.times.iter().map(|(name, span)| ((*name).to_owned(), *span)).collect()
    }

    /// The rows so far.
    pub fn batch(mut self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(self.schema, self.columns.iter_mut().map(Column::finish).collect())
    }

    /// The table as a Parquet file.
    pub fn parquet(self) -> Result<Vec<u8>, ParquetError> {
        let batch = self.batch()?;
        let version = KeyValue::new("afterglow.schema_version".to_owned(), VERSION.to_string());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(Some(vec![version]))
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
        writer.write(&batch)?;
        writer.into_inner()
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
