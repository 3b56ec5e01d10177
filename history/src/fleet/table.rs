//! A table under construction: typed columns, filled row by row, ended as rows in memory or as a Parquet file.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, MapBuilder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::schema::{TableName, Type, VERSION, in_range, map_names};

/// A value for a column; none is null.
pub enum Cell<'v> {
    Text(Option<&'v str>),
    Int(Option<i64>),
    Real(Option<f64>),
    Bool(Option<bool>),
    Time(Option<i64>),
    Map(Vec<(&'v str, Option<i64>)>),
}

enum Column {
    Text(StringBuilder),
    Int(Int64Builder),
    Real(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMillisecondBuilder),
    Map(Box<MapBuilder<StringBuilder, Int64Builder>>),
}

pub struct Table {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// The earliest and latest time of each column that has any.
    times: BTreeMap<&'static str, (i64, i64)>,
    names: Vec<&'static str>,
    /// Rows in `columns`.
    waiting: usize,
    done: Done,
    /// What went wrong first; said at the end.
    failed: Option<ParquetError>,
}

/// Where rows go, some thousand at a time.
enum Done {
    Rows(Vec<RecordBatch>),
    /// From the first rows on: a writer takes megabytes for each column, and few of the tables under construction are large.
    File(Option<Box<ArrowWriter<Vec<u8>>>>),
}

/// Rows that are gathered before they are encoded: a file takes the memory of its bytes, not of its rows.
const TOGETHER: usize = 16 << 10;

impl Table {
    /// A table that stays in memory.
    pub fn rows(name: TableName) -> Self {
        Table::new(name, Done::Rows(Vec::new()))
    }

    /// A table that becomes a file.
    pub fn file(name: TableName) -> Self {
        Table::new(name, Done::File(None))
    }

    fn new(name: TableName, done: Done) -> Self {
        let column = |kind: Type| match kind {
            Type::Text => Column::Text(StringBuilder::new()),
            Type::Int => Column::Int(Int64Builder::new()),
            Type::Real => Column::Real(Float64Builder::new()),
            Type::Bool => Column::Bool(BooleanBuilder::new()),
            Type::Time => Column::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
            Type::Map => {
                let (keys, values) = (StringBuilder::new(), Int64Builder::new());
                Column::Map(Box::new(MapBuilder::new(Some(map_names()), keys, values)))
            }
        };
        Table {
            schema: name.schema(),
            columns: name.columns().map(|(_, kind, _)| column(kind)).collect(),
            times: BTreeMap::new(),
            names: name.columns().map(|(name, _, _)| name).collect(),
            waiting: 0,
            done,
            failed: None,
        }
    }

    /// Adds a row: one cell for each column of the schema, in its order and type.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        for ((column, name), cell) in self.columns.iter_mut().zip(&self.names).zip(cells) {
            if let Cell::Time(Some(t)) = cell
                && let Some(t) = in_range(*t)
            {
                let (first, last) = self.times.entry(name).or_insert((t, t));
                (*first, *last) = ((*first).min(t), (*last).max(t));
            }
            match (column, cell) {
                (Column::Text(b), Cell::Text(v)) => b.append_option(*v),
                (Column::Int(b), Cell::Int(v)) => b.append_option(*v),
                (Column::Real(b), Cell::Real(v)) => b.append_option(*v),
                (Column::Bool(b), Cell::Bool(v)) => b.append_option(*v),
                (Column::Time(b), Cell::Time(v)) => b.append_option(v.and_then(in_range)),
                (Column::Map(b), Cell::Map(all)) => {
                    for (key, value) in all {
                        b.keys().append_value(key);
                        b.values().append_option(*value);
                    }
                    // Keys and values are as many: each pair is pushed as one.
                    let _ = b.append(true);
                }
                (column, _) => {
                    debug_assert!(false, "a cell is of another type than its column");
                    column.append_null();
                }
            }
        }
        self.waiting += 1;
        if self.waiting == TOGETHER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        self.waiting = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(ParquetError::from);
        let flushed = batch.and_then(|batch| match &mut self.done {
            Done::Rows(all) => {
                all.push(batch);
                Ok(())
            }
            Done::File(writer) => match writer {
                Some(writer) => writer.write(&batch),
                None => writer.insert(Box::new(new_writer(&self.schema)?)).write(&batch),
            },
        });
        if let Err(e) = flushed {
            self.failed.get_or_insert(e);
        }
    }

    /// The earliest and latest time of each column that has any, epoch milliseconds.
    pub fn times(&self) -> BTreeMap<String, (i64, i64)> {
        self.times.iter().map(|(name, span)| ((*name).to_owned(), *span)).collect()
    }

    /// The rows; of a table that becomes a file, none.
    pub fn batches(mut self) -> Result<Vec<RecordBatch>, ParquetError> {
        self.end()?;
        Ok(match self.done {
            Done::Rows(all) => all,
            Done::File(_) => Vec::new(),
        })
    }

    /// The table as a Parquet file; none without rows, and of a table that stays in memory.
    pub fn parquet(mut self) -> Result<Option<Vec<u8>>, ParquetError> {
        self.end()?;
        match self.done {
            Done::File(Some(writer)) => writer.into_inner().map(Some),
            Done::File(None) | Done::Rows(_) => Ok(None),
        }
    }

    fn end(&mut self) -> Result<(), ParquetError> {
        if self.waiting > 0 {
            self.flush();
        }
        self.failed.take().map_or(Ok(()), Err)
    }
}

fn new_writer(schema: &SchemaRef) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
    let version = KeyValue::new("afterglow.schema_version".to_owned(), VERSION.to_string());
    let properties = WriterProperties::builder()
        // To prepare zstd for a column takes longer than to read it; every engine knows this one.
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![version]))
        .build();
    ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))
}

impl Column {
    fn append_null(&mut self) {
        match self {
            Column::Text(b) => b.append_null(),
            Column::Int(b) => b.append_null(),
            Column::Real(b) => b.append_null(),
            Column::Bool(b) => b.append_null(),
            Column::Time(b) => b.append_null(),
            Column::Map(b) => drop(b.append(false)),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Text(b) => Arc::new(b.finish()),
            Column::Int(b) => Arc::new(b.finish()),
            Column::Real(b) => Arc::new(b.finish()),
            Column::Bool(b) => Arc::new(b.finish()),
            Column::Time(b) => Arc::new(b.finish()),
            Column::Map(b) => Arc::new(b.finish()),
        }
    }
}
