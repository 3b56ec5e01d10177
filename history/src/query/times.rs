//! `to_char`, `to_timestamp` and `to_date` with PostgreSQL's templates. One with a `%` in it is DataFusion's, as before.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{DurationMicrosecondType, Int32Type, IntervalMonthDayNanoType, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, StringArray};
use arrow_schema::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::arrow::compute::{DatePart, cast, date_part};
use datafusion::common::{DataFusionError, Result as Answered, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;

use super::templates::{DAY, SECOND, Template, Time, days};
use super::templates_read;

/// Adds them to a session.
pub fn prepare(context: &SessionContext) {
    let state = context.state();
    let functions = state.scalar_functions();
    if let Some(known) = functions.get("to_char") {
        let signature = Signature::user_defined(Volatility::Immutable);
        context.register_udf(ScalarUDF::from(ToChar { inner: known.inner().clone(), signature }));
    }
    for (name, of) in
        [("to_timestamp", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))), ("to_date", DataType::Date32)]
    {
        if let Some(known) = functions.get(name) {
            context.register_udf(ScalarUDF::from(FromText { inner: known.inner().clone(), of }));
        }
    }
}

/// Whether a template is of DataFusion's kind.
fn is_other(template: &str) -> bool {
    template.contains('%')
}

fn told(what: String) -> DataFusionError {
    DataFusionError::Execution(what)
}

/// Does something for each row that has a template, which is understood once as long as it stays the same.
fn each(templates: &ArrayRef, rows: usize, mut of: impl FnMut(usize, &Template) -> Answered<()>) -> Answered<()> {
    let templates = cast(templates, &DataType::Utf8)?;
    let templates = templates.as_string::<i32>();
    let mut last: Option<(&str, Template)> = None;
    for row in 0..rows {
        if templates.is_null(row) {
            continue;
        }
        let text = templates.value(row);
        if last.as_ref().is_none_or(|(known, _)| *known != text) {
            if is_other(text) {
                return exec_err!(
                    "the templates of one statement are either of PostgreSQL's patterns or of %-patterns"
                );
            }
            last = Some((text, Template::parse(text).map_err(told)?));
        }
        if let Some((_, template)) = &last {
            of(row, template)?;
        }
    }
    Ok(())
}

/// Whether all of a column's templates are DataFusion's.
fn others(templates: &ColumnarValue) -> Answered<bool> {
    Ok(match templates {
        ColumnarValue::Scalar(one) => one.try_as_str().flatten().is_some_and(is_other),
        ColumnarValue::Array(all) => {
            let all = cast(all, &DataType::Utf8)?;
            all.as_string::<i32>().iter().flatten().next().is_some_and(is_other)
        }
    })
}

/// One value if there was but one of each argument.
fn answered(made: ArrayRef, arguments: &[ColumnarValue]) -> Answered<ColumnarValue> {
    Ok(match arguments.iter().all(|a| matches!(a, ColumnarValue::Scalar(_))) {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?),
        false => ColumnarValue::Array(made),
    })
}

#[derive(Debug)]
struct ToChar {
    inner: Arc<dyn ScalarUDFImpl>,
    signature: Signature,
}

impl PartialEq for ToChar {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ToChar {}

impl Hash for ToChar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &str {
        "to_char"
    }

    // A session that is made of another takes functions by name, and would find the old one by its other name.
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Answered<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Answered<Vec<DataType>> {
        let [value, template] = arguments else { return plan_err!("to_char takes a time and a template") };
        if !template.is_string() && !template.is_null() {
            return plan_err!("the template of to_char is a text, and this is {template}");
        }
        let value = match value {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                DataType::Timestamp(TimeUnit::Nanosecond, None)
            }
            DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            time if time.is_temporal() => time.clone(),
            other => return plan_err!("to_char writes times only, and this is {other}: use round, lpad or ::text"),
        };
        Ok(vec![value, DataType::Utf8])
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        let [value, template] = arguments.args.as_slice() else {
            return plan_err!("to_char takes a time and a template");
        };
        if others(template)? {
            return self.inner.invoke_with_args(arguments);
        }
        let rows = arguments.number_rows;
        let times = times(&value.to_array(rows)?)?;
        let mut made: Vec<Option<String>> = vec![None; rows];
        let write = |row: usize, template: &Template| -> Answered<()> {
            made[row] = times[row].map(|time| template.write(&time)).transpose().map_err(told)?;
            Ok(())
        };
        each(&template.to_array(rows)?, rows, write)?;
        answered(Arc::new(StringArray::from(made)), &arguments.args)
    }
}

/// A column's times.
fn times(column: &ArrayRef) -> Answered<Vec<Option<Time>>> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    Ok(match column.data_type() {
        DataType::Timestamp(unit, Some(zone)) => {
            let utc = cast(column, &DataType::Timestamp(*unit, Some("+00:00".into())))?;
            let utc = cast(&utc, &DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())))?;
            let utc = utc.as_primitive::<TimestampMicrosecondType>();
            if matches!(zone.as_ref(), "UTC" | "+00:00" | "Z") {
                return Ok(utc.iter().map(|t| t.map(|t| Time::at(t, Some(0)))).collect());
            }
            let part = |of| -> Answered<ArrayRef> { Ok(date_part(column, of)?) };
            let parts = [
                part(DatePart::Year)?,
                part(DatePart::Month)?,
                part(DatePart::Day)?,
                part(DatePart::Hour)?,
                part(DatePart::Minute)?,
                part(DatePart::Second)?,
            ];
            let at = |part: usize, row: usize| i64::from(parts[part].as_primitive::<Int32Type>().value(row));
            let of = |(row, utc): (usize, Option<i64>)| {
                utc.map(|utc| {
                    let day = days(at(0, row), at(1, row), at(2, row)) * DAY;
                    let local = day + (at(3, row) * 3600 + at(4, row) * 60 + at(5, row)) * SECOND;
                    let local = local + utc.rem_euclid(SECOND);
                    Time::at(local, Some((local - utc) / SECOND))
                })
            };
            utc.iter().enumerate().map(of).collect()
        }
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
            let local = cast(column, &micros)?;
            local.as_primitive::<TimestampMicrosecondType>().iter().map(|t| t.map(|t| Time::at(t, None))).collect()
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let part = |of| -> Answered<ArrayRef> { Ok(cast(&date_part(column, of)?, &DataType::Int64)?) };
            let (hours, minutes) = (part(DatePart::Hour)?, part(DatePart::Minute)?);
            let (seconds, nanos) = (part(DatePart::Second)?, part(DatePart::Nanosecond)?);
            let of = |array: &ArrayRef, row| array.as_primitive::<arrow_array::types::Int64Type>().value(row);
            let time = |row: usize| {
                let seconds = of(&hours, row) * 3600 + of(&minutes, row) * 60 + of(&seconds, row);
                let micros = seconds * SECOND + of(&nanos, row) / 1000 % SECOND;
                column.is_valid(row).then(|| Time { micros, ..Time::default() })
            };
            (0..column.len()).map(time).collect()
        }
        DataType::Duration(_) => {
            let lengths = cast(column, &DataType::Duration(TimeUnit::Microsecond))?;
            let of = |micros: i64| Time { day: micros / DAY, micros: micros % DAY, has_days: true, ..Time::default() };
            lengths.as_primitive::<DurationMicrosecondType>().iter().map(|l| l.map(of)).collect()
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let of = |i: arrow_array::types::IntervalMonthDayNano| {
                let (year, month) = (i64::from(i.months) / 12, i64::from(i.months) % 12);
                let (day, micros) = (i64::from(i.days), i.nanoseconds / 1000);
                Time { year, month, day, micros, has_days: true, ..Time::default() }
            };
            column.as_primitive::<IntervalMonthDayNanoType>().iter().map(|i| i.map(of)).collect()
        }
        other => return exec_err!("to_char writes times only, and this is {other}"),
    })
}

/// A function that makes times of texts.
#[derive(Debug)]
struct FromText {
    inner: Arc<dyn ScalarUDFImpl>,
    of: DataType,
}

impl PartialEq for FromText {
    fn eq(&self, other: &Self) -> bool {
        self.of == other.of
    }
}

impl Eq for FromText {}

impl Hash for FromText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for FromText {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Answered<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Answered<FieldRef> {
        if let [_, Some(template)] = arguments.scalar_arguments
            && template.try_as_str().flatten().is_some_and(|t| !is_other(t))
        {
            return Ok(Arc::new(Field::new(self.name(), self.of.clone(), true)));
        }
        self.inner.return_field_from_args(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Answered<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        let [value, template] = arguments.args.as_slice() else { return self.inner.invoke_with_args(arguments) };
        if !value.data_type().is_string() || others(template)? {
            return self.inner.invoke_with_args(arguments);
        }
        let rows = arguments.number_rows;
        let texts = cast(&value.to_array(rows)?, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let mut made: Vec<Option<i64>> = vec![None; rows];
        let read = |row: usize, template: &Template| -> Answered<()> {
            if texts.is_valid(row) {
                made[row] = Some(templates_read::read(template, texts.value(row)).map_err(told)?);
            }
            Ok(())
        };
        each(&template.to_array(rows)?, rows, read)?;
        let made = arrow_array::TimestampMicrosecondArray::from(made);
        let made: ArrayRef = match arguments.return_field.data_type() {
            DataType::Timestamp(_, Some(zone)) => Arc::new(made.with_timezone(zone.clone())),
            _ => Arc::new(made),
        };
        answered(cast(&made, arguments.return_field.data_type())?, &arguments.args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn times_are_written_and_read_by_either_kind_of_template() {
        let context = SessionContext::new();
        prepare(&context);
        let ask = async |text: &str| {
            let made = context.sql(text).await?.collect().await?;
            Ok::<_, DataFusionError>(arrow_cast::pretty::pretty_format_batches(&made)?.to_string())
        };
        for (expression, expected) in [
            ("to_char(timestamp '2024-01-05 13:07:09.5', 'YYYY-MM-DD HH24:MI:SS.MS')", "2024-01-05 13:07:09.500"),
            (
                "to_char(arrow_cast('2024-01-05T13:07:09Z', 'Timestamp(ms, \"UTC\")'), 'YYYY-MM-DD HH24:MI TZ')",
                "2024-01-05 13:07 UTC",
            ),
            (
                "to_char(arrow_cast('2024-01-05T13:07:09Z', 'Timestamp(ms, \"+05:30\")'), 'YYYY-MM-DD HH24:MI OF')",
                "2024-01-05 18:37 +05:30",
            ),
            ("to_char(date '2024-01-05', 'Dy DD Mon')", "Fri 05 Jan"),
            ("to_char(time '13:07:09', 'HH24:MI:SS')", "13:07:09"),
            ("to_char(interval '30 hours', 'HH24:MI')", "30:00"),
            ("to_char(timestamp '2024-01-05 13:00:00' - timestamp '2024-01-03 12:00:00', 'DD HH24')", "02 01"),
            ("to_char(timestamp '2024-01-05 13:07:09', '%Y/%m')", "2024/01"),
            ("to_char(t, 'YYYY') || f FROM (VALUES (timestamp '2024-01-05', 'x')) v(t, f)", "2024x"),
            ("to_char(t, f) FROM (VALUES (timestamp '2024-01-05', 'YYYY'), (NULL, 'YY')) v(t, f) LIMIT 1", "2024"),
            ("to_timestamp('2024-01-05 13:07:09.25', 'YYYY-MM-DD HH24:MI:SS.US')", "2024-01-05T13:07:09.250Z"),
            ("to_timestamp('05/01/2024', '%d/%m/%Y')", "2024-01-05T00:00:00"),
            ("to_date('2024-01-05', 'YYYY-MM-DD')", "2024-01-05"),
            ("to_timestamp('2024-01-05T00:00:00')", "2024-01-05T00:00:00"),
            ("arrow_typeof(to_timestamp('2024', 'YYYY'))", "Timestamp(ns, \"UTC\")"),
            ("coalesce(to_char(NULL, 'YYYY'), 'null')", "null"),
        ] {
            let shown = ask(&format!("SELECT {expression}")).await.unwrap_or_else(|e| panic!("{expression}: {e}"));
            assert!(shown.contains(expected), "{expression}: {shown}");
        }
        for (expression, what) in [
            ("to_char(timestamp '2024-01-05', 'YYYY-foo')", "\"foo\""),
            ("to_char(1.5, '999D9')", "to_char writes times only"),
            ("to_timestamp('x', 'YYYY')", "invalid value \"x\" for \"YYYY\""),
        ] {
            let said = ask(&format!("SELECT {expression}")).await.unwrap_err().to_string();
            assert!(said.contains(what), "{expression}: {said}");
        }
    }
}
