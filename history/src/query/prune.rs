//! Which batches and attempts a statement need not look at: what the catalog knows of them shows
//! that no row of theirs can match.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Date32Array, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result as Answered, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{Guarantee, LiteralGuarantee};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use crate::catalog::{AttemptRow, AttemptSpan, Batch};
use crate::date::instant;
use crate::fleet::schema::in_range;

/// What is known of some rows.
pub struct Candidate<'c> {
    /// Days since 1970.
    pub day: Option<i32>,
    /// The value that a text column has in all rows.
    texts: BTreeMap<&'static str, &'c str>,
    /// The earliest and latest time of each column that has any; none if that is not known.
    times: Option<&'c BTreeMap<String, (i64, i64)>>,
}

impl<'c> Candidate<'c> {
    pub fn of_batch(batch: &'c Batch, times: &'c BTreeMap<String, (i64, i64)>) -> Self {
        Candidate { day: day(&batch.day), texts: BTreeMap::from([("cluster", &*batch.cluster)]), times: Some(times) }
    }

    pub fn of_span(a: &'c AttemptSpan, times: &'c BTreeMap<String, (i64, i64)>) -> Self {
        let texts = [("cluster", &*a.cluster), ("app_id", &a.app_id), ("app_name", &a.name), ("user_name", &a.user)];
        Candidate { day: day_of(a.start_time), texts: BTreeMap::from(texts), times: Some(times) }
    }

    pub fn of_attempt(a: &'c AttemptRow) -> Self {
        let texts = [("cluster", &*a.cluster), ("app_id", &a.app_id), ("app_name", &a.name), ("user_name", &a.user)];
        Candidate { day: day_of(a.start_time), texts: BTreeMap::from(texts), times: None }
    }
}

/// Days from 1970 to a time, if the tables have it.
fn day_of(time: i64) -> Option<i32> {
    i32::try_from(in_range(time)?.div_euclid(86_400_000)).ok()
}

/// Days from 1970 to `yyyy-mm-dd`.
pub fn day(text: &str) -> Option<i32> {
    day_of(instant(&format!("{text}T00:00:00Z"))?)
}

/// The values that a text column must have one of where the predicate holds; none if any will do.
pub fn values(predicate: &Arc<dyn PhysicalExpr>, column: &str) -> Option<Vec<String>> {
    let of = |g: &LiteralGuarantee| g.column.name() == column && g.guarantee == Guarantee::In;
    let found = LiteralGuarantee::analyze(predicate).into_iter().find(of)?;
    found.literals.iter().map(|v| v.try_as_str()?.map(str::to_owned)).collect()
}

/// Which candidates may have rows for which the predicate holds.
pub fn may_match(
    predicate: Option<&Arc<dyn PhysicalExpr>>,
    schema: &SchemaRef,
    candidates: &[&Candidate<'_>],
) -> Answered<Vec<bool>> {
    match predicate {
        None => Ok(vec![true; candidates.len()]),
        Some(predicate) => PruningPredicateBuilder::new()
            .with_file_schema(schema.clone())
            .try_build(predicate.clone())?
            .prune(&Known { schema: schema.clone(), candidates }),
    }
}

struct Known<'c> {
    schema: SchemaRef,
    candidates: &'c [&'c Candidate<'c>],
}

impl Known<'_> {
    /// One end of what a column holds; null where nothing is known.
    fn bounds(&self, column: &Column, end: fn(&(i64, i64)) -> i64) -> Option<ArrayRef> {
        let name = column.name();
        let all = self.candidates.iter();
        Some(match self.schema.field_with_name(name).ok()?.data_type() {
            DataType::Date32 => Arc::new(all.map(|c| c.day).collect::<Date32Array>()),
            DataType::Utf8 => Arc::new(all.map(|c| c.texts.get(name)).collect::<StringArray>()),
            DataType::Timestamp(..) => {
                let times = all.map(|c| c.times.and_then(|t| t.get(name)).map(end));
                Arc::new(times.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
            }
            _ => return None,
        })
    }
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |(first, _)| *first)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |(_, last)| *last)
    }

    fn num_containers(&self) -> usize {
        self.candidates.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::DFSchema;
    use datafusion::execution::context::SessionContext;
    use datafusion::logical_expr::{Expr, col, lit};

    use super::*;
    use crate::fleet::schema::TableName;

    #[test]
    fn values_are_what_must_be_and_no_others() {
        let schema = DFSchema::try_from(TableName::Applications.schema()).unwrap();
        let of = |predicate: Expr| {
            let predicate = SessionContext::new().create_physical_expr(predicate, &schema).unwrap();
            let mut found = values(&predicate, "app_id");
            found.iter_mut().for_each(|all| all.sort());
            found
        };
        let is = |app: &str| col("app_id").eq(lit(app));
        assert_eq!(of(is("a").and(col("cluster").eq(lit("x")))), Some(vec!["a".to_owned()]));
        assert_eq!(
            of(col("app_id").in_list(vec![lit("b"), lit("a")], false)),
            Some(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(of(is("a").or(is("b"))), Some(vec!["a".to_owned(), "b".to_owned()]));
        for any in [
            is("a").or(col("cluster").eq(lit("x"))),
            col("app_id").not_eq(lit("a")),
            col("app_id").in_list(vec![lit("a")], true),
            is("a").or(col("app_id").is_null()),
            col("app_id").like(lit("a%")),
        ] {
            assert_eq!(of(any.clone()), None, "{any}");
        }
    }
}
