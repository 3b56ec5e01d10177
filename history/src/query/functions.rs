//! Functions that make much of little are asked first how much: what is larger than a bound is refused before it is
//! there.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, FieldRef};
use datafusion::arrow::compute::cast;
use datafusion::common::{Result as Answered, ScalarValue, exec_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::{Expr, SessionContext};

/// How much a function makes: given its arguments, bytes of all rows together.
type Made = fn(&Arguments<'_>) -> f64;

/// The functions, each with what it makes.
const FUNCTIONS: [(&str, Made); 9] = [
    ("repeat", |a| a.sum(|row| a.length(0, row) * a.number(1, row))),
    ("lpad", |a| a.sum(|row| a.number(1, row))),
    ("rpad", |a| a.sum(|row| a.number(1, row))),
    ("array_repeat", |a| a.sum(|row| a.size(0, row) * a.number(1, row))),
    ("array_resize", |a| a.sum(|row| a.size(2, row) * a.number(1, row))),
    ("generate_series", steps),
    ("range", steps),
    // Each place may become the whole of the third.
    ("replace", |a| a.sum(|row| (a.length(0, row) + 1.0) * a.length(2, row) / a.length(1, row).max(1.0))),
    ("array_to_string", |a| a.sum(|row| a.size(0, row) / 4.0 * a.length(1, row))),
];

/// Numbers from one to another, or up to one; steps of time are counted in days.
fn steps(a: &Arguments<'_>) -> f64 {
    a.sum(|row| {
        let (from, to) = if a.all.len() == 1 { (0.0, a.number(0, row)) } else { (a.number(0, row), a.number(1, row)) };
        let step = if a.all.len() > 2 { a.number(2, row) } else { 1.0 };
        let n = if step == 0.0 { to - from } else { (to - from) / step };
        n.max(0.0) * 8.0
    })
}

/// Has those of a session refuse what is larger than `most` bytes.
pub fn bound(context: &SessionContext, most: u64) {
    let state = context.state();
    let functions = state.scalar_functions();
    for (name, made) in FUNCTIONS {
        if let Some(known) = functions.get(name) {
            context.register_udf(ScalarUDF::from(Bound { inner: known.inner().clone(), made, most }));
        }
    }
}

/// What a function is given.
struct Arguments<'a> {
    all: &'a [ColumnarValue],
    rows: usize,
}

impl Arguments<'_> {
    fn sum(&self, of: impl Fn(usize) -> f64) -> f64 {
        let constant = self.all.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        (0..if constant { 1 } else { self.rows }).map(|row| of(row).max(0.0)).sum()
    }

    /// A number; of a time the days.
    fn number(&self, at: usize, row: usize) -> f64 {
        match self.all.get(at) {
            Some(ColumnarValue::Scalar(value)) => number(&value.to_array().unwrap_or_else(|_| nothing()), 0),
            Some(ColumnarValue::Array(array)) => number(array, row),
            None => 0.0,
        }
    }

    /// Bytes of a text.
    fn length(&self, at: usize, row: usize) -> f64 {
        let text = |array: &ArrayRef, row: usize| {
            let value = ScalarValue::try_from_array(array, row).ok();
            value.and_then(|v| v.try_as_str().flatten().map(str::len)).unwrap_or_default() as f64
        };
        match self.all.get(at) {
            Some(ColumnarValue::Scalar(value)) => value.try_as_str().flatten().map_or(0.0, |t| t.len() as f64),
            Some(ColumnarValue::Array(array)) => text(array, row),
            None => 0.0,
        }
    }

    /// Bytes of a value, about.
    fn size(&self, at: usize, row: usize) -> f64 {
        let size = match self.all.get(at) {
            Some(ColumnarValue::Scalar(value)) => value.size(),
            Some(ColumnarValue::Array(array)) => array.get_array_memory_size() / array.len().max(1),
            None => 8,
        };
        let _ = row;
        size.max(8) as f64
    }
}

fn nothing() -> ArrayRef {
    datafusion::arrow::array::new_null_array(&DataType::Float64, 1)
}

fn number(array: &ArrayRef, row: usize) -> f64 {
    if row >= array.len() || array.is_null(row) {
        return 0.0;
    }
    let one = array.slice(row, 1);
    let one = match one.data_type() {
        // In days.
        DataType::Timestamp(..) | DataType::Date64 => {
            cast(&one, &DataType::Date32).and_then(|d| cast(&d, &DataType::Int32))
        }
        DataType::Date32 => cast(&one, &DataType::Int32),
        // At least a microsecond; what is finer is left to the bound on memory.
        DataType::Interval(_) => return 0.0,
        _ => Ok(one),
    };
    let one = one.and_then(|one| cast(&one, &DataType::Float64)).unwrap_or_else(|_| nothing());
    ScalarValue::try_from_array(&one, 0)
        .ok()
        .and_then(|v| match v {
            ScalarValue::Float64(n) => n,
            _ => None,
        })
        .unwrap_or_default()
}

/// A function that is asked first.
#[derive(Debug)]
struct Bound {
    inner: Arc<dyn ScalarUDFImpl>,
    made: Made,
    most: u64,
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.inner.name() == other.inner.name() && self.most == other.most
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.name().hash(state);
    }
}

impl ScalarUDFImpl for Bound {
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
        self.inner.return_field_from_args(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Answered<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Answered<ExprSimplifyResult> {
        self.inner.simplify(arguments, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        let made = (self.made)(&Arguments { all: &arguments.args, rows: arguments.number_rows });
        if made > self.most as f64 {
            let (name, most) = (self.name(), self.most >> 20);
            return exec_err!("{name} would make more than {most} MiB (a quarter of sql.memory): ask for less of it");
        }
        self.inner.invoke_with_args(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_would_be_large_is_refused_and_the_rest_is_made() {
        let context = SessionContext::new();
        bound(&context, 16 << 20);
        let ask = async |text: &str| context.sql(text).await?.collect().await;
        for large in [
            "SELECT repeat('x', 2000000000)",
            "SELECT repeat('xxxxxxxxxx', v) FROM (VALUES (1), (9000000)) t(v)",
            "SELECT length(lpad('x', 2000000000))",
            "SELECT rpad('x', 100000000, 'yz')",
            "SELECT array_repeat(1, 1000000000)",
            "SELECT array_repeat(array_repeat(1, 1000), 100000)",
            "SELECT array_length(generate_series(1, 1000000000))",
            "SELECT range(1000000000)",
            "SELECT array_resize([1], 1000000000, 0)",
            "SELECT replace(repeat('x', 10000), 'x', repeat('y', 10000))",
        ] {
            let said = ask(large).await.map(|_| ()).unwrap_err().to_string();
            assert!(said.contains("16 MiB (a quarter of sql.memory)"), "{large}: {said}");
        }
        for (small, rows) in [
            ("SELECT repeat('x', 3) AS v", "xxx"),
            ("SELECT repeat(a, b) AS v FROM (VALUES ('ab', 2), (NULL, 1), ('x', NULL)) t(a, b)", "abab"),
            ("SELECT lpad('x', 5, 'ab') AS v", "ababx"),
            ("SELECT array_repeat(7, 2) AS v", "[7, 7]"),
            ("SELECT range(1, 10, 4) AS v", "[1, 5, 9]"),
            ("SELECT array_length(range(date '2024-01-01', date '2024-03-01', interval '1 day')) AS v", "60"),
            ("SELECT replace('banana', 'an', 'o') AS v", "booa"),
            ("SELECT count(*) AS v FROM generate_series(1, 100000000)", "100000000"),
        ] {
            let made = ask(small).await.unwrap_or_else(|e| panic!("{small}: {e}"));
            let shown = arrow_cast::pretty::pretty_format_batches(&made).unwrap().to_string();
            assert!(shown.contains(rows), "{small}: {shown}");
        }
    }
}
