//! Times that no calendar here reaches: writers of answers have no text for them, so they are null, and a note says so.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationSecondType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampSecondType,
};
use arrow_array::{Array as _, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

/// Days from 1970 on, before and after: about 257,000 years.
const DAYS: i64 = 94_000_000;
const DAY: i64 = 86_400;

/// A schema whose times may be null.
pub fn nullable(schema: &SchemaRef) -> SchemaRef {
    let field = |f: &Arc<Field>| match f.data_type().is_temporal() && !f.is_nullable() {
        true => Arc::new(f.as_ref().clone().with_nullable(true)),
        false => f.clone(),
    };
    Arc::new(Schema::new_with_metadata(
        schema.fields().iter().map(field).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

/// A batch with null where a time is out of range, and how many there were.
pub fn within(schema: &SchemaRef, batch: &RecordBatch) -> Result<(RecordBatch, usize), ArrowError> {
    let mut out = 0;
    let columns = batch.columns().iter().map(|column| {
        let within = column_within(column);
        out += within.null_count() - column.null_count();
        within
    });
    let columns = columns.collect();
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok((RecordBatch::try_new_with_options(schema.clone(), columns, &options)?, out))
}

fn column_within(column: &ArrayRef) -> ArrayRef {
    use DataType::{Date32, Date64, Duration, Time32, Time64, Timestamp};
    let seconds = DAYS * DAY;
    match column.data_type() {
        Date32 => of::<Date32Type>(column, |v| i64::from(v).abs() <= DAYS),
        Date64 => of::<Date64Type>(column, |v| v.unsigned_abs() <= (seconds * 1000) as u64),
        Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(column, |v| v.unsigned_abs() <= seconds as u64),
        Timestamp(TimeUnit::Millisecond, _) => {
            of::<TimestampMillisecondType>(column, |v| v.unsigned_abs() <= (seconds * 1000) as u64)
        }
        Timestamp(TimeUnit::Microsecond, _) => {
            of::<TimestampMicrosecondType>(column, |v| v.unsigned_abs() <= (seconds * 1_000_000) as u64)
        }
        Time32(TimeUnit::Second) => of::<Time32SecondType>(column, |v| (0..DAY).contains(&i64::from(v))),
        Time32(_) => of::<Time32MillisecondType>(column, |v| (0..DAY * 1000).contains(&i64::from(v))),
        Time64(TimeUnit::Microsecond) => of::<Time64MicrosecondType>(column, |v| (0..DAY * 1_000_000).contains(&v)),
        Time64(_) => of::<Time64NanosecondType>(column, |v| (0..DAY * 1_000_000_000).contains(&v)),
        Duration(TimeUnit::Second) => of::<DurationSecondType>(column, |v| v.unsigned_abs() <= seconds as u64),
        Duration(TimeUnit::Millisecond) => {
            of::<DurationMillisecondType>(column, |v| v.unsigned_abs() <= (seconds * 1000) as u64)
        }
        Duration(TimeUnit::Microsecond) => {
            of::<DurationMicrosecondType>(column, |v| v.unsigned_abs() <= (seconds * 1_000_000) as u64)
        }
        _ => column.clone(),
    }
}

fn of<T: ArrowPrimitiveType>(column: &ArrayRef, good: impl Fn(T::Native) -> bool) -> ArrayRef {
    let Some(array) = column.as_any().downcast_ref::<PrimitiveArray<T>>() else { return column.clone() };
    if array.iter().flatten().all(&good) {
        return column.clone();
    }
    let kept: PrimitiveArray<T> = array.iter().map(|v| v.filter(|v| good(*v))).collect();
    Arc::new(kept.with_data_type(array.data_type().clone()))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Date32Array, Int64Array, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn what_has_no_text_is_null() {
        let times = TimestampMillisecondArray::from(vec![Some(0), Some(i64::MAX), None, Some(i64::MIN)]);
        let columns: [ArrayRef; 3] = [
            Arc::new(times.with_timezone("UTC")),
            Arc::new(Date32Array::from(vec![1, i32::MAX, 2, i32::MIN])),
            Arc::new(Int64Array::from(vec![i64::MAX; 4])),
        ];
        let field = |(i, c): (usize, &ArrayRef)| Field::new(i.to_string(), c.data_type().clone(), i == 0);
        let schema: SchemaRef = Arc::new(Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(schema.clone(), columns.to_vec()).unwrap();
        let (kept, out) = within(&nullable(&schema), &batch).unwrap();
        assert_eq!(out, 4);
        let nulls: Vec<_> = kept.columns().iter().map(|c| (0..4).map(|i| c.is_null(i)).collect::<Vec<_>>()).collect();
        assert_eq!(nulls[0], [false, true, true, true]);
        assert_eq!(nulls[1], [false, true, false, true]);
        assert_eq!(nulls[2], [false; 4]);
        assert!(!kept.schema().field(2).is_nullable());
    }
}
