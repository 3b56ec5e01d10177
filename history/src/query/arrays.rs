//! Arrays as PostgreSQL's clients write them: `column = ANY($1)`, `'{a,"b c",NULL}'::text[]`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_schema::{DataType, Field};
use datafusion::common::{Result as Answered, ScalarValue, plan_err};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::prelude::Expr;

/// What `column = ANY(array)` is planned as.
pub const ANY: &str = "equals_any";

/// The elements of an array's text, none for NULL.
///
/// # Errors
/// What is wrong with it.
pub fn elements(text: &str) -> Result<Vec<Option<String>>, String> {
    let odd = |what: &str| format!("malformed array literal: {text:?}: {what}");
    let inner = text.trim().strip_prefix('{').ok_or_else(|| odd("it must begin with {"))?;
    let inner = inner.strip_suffix('}').ok_or_else(|| odd("it must end with }"))?;
    let mut all = Vec::new();
    let mut chars = inner.chars().peekable();
    if inner.trim().is_empty() {
        return Ok(all);
    }
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let (mut one, mut quoted) = (String::new(), false);
        if chars.next_if_eq(&'"').is_some() {
            quoted = true;
            loop {
                match chars.next().ok_or_else(|| odd("a quote is missing"))? {
                    '"' => break,
                    '\\' => one.push(chars.next().ok_or_else(|| odd("it ends with \\"))?),
                    c => one.push(c),
                }
            }
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                match c {
                    '{' | '}' => return Err(odd("arrays of arrays are not supported")),
                    '"' => return Err(odd("a quote stands inside an element")),
                    '\\' => one.push(chars.next().ok_or_else(|| odd("it ends with \\"))?),
                    c => one.push(c),
                }
            }
            one.truncate(one.trim_end().len());
            if one.is_empty() {
                return Err(odd("an element is missing"));
            }
        }
        all.push((quoted || !one.eq_ignore_ascii_case("null")).then_some(one));
        match chars.next() {
            None => return Ok(all),
            Some(',') => {}
            Some(_) => return Err(odd("a comma is missing")),
        }
    }
}

/// An array of a type from its text.
///
/// # Errors
/// If it is none, or an element does not fit.
pub fn array(text: &str, of: &DataType) -> Result<ScalarValue, String> {
    let mut all = Vec::new();
    for element in elements(text)? {
        all.push(match element {
            None => ScalarValue::try_from(of).map_err(|e| e.to_string())?,
            Some(text) => {
                let fits = ScalarValue::try_from_string(text.clone(), of);
                fits.map_err(|_| format!("invalid input for an array of {of}: {text:?}"))?
            }
        });
    }
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&all, of)))
}

/// `value = ANY(array)`: null if nothing is equal and something is null, as with IN.
#[derive(Debug)]
struct EqualsAny(Signature);

/// See [`ANY`].
pub fn equals_any() -> ScalarUDF {
    ScalarUDF::from(EqualsAny(Signature::user_defined(Volatility::Immutable)))
}

impl PartialEq for EqualsAny {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for EqualsAny {}

impl Hash for EqualsAny {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ANY.hash(state);
    }
}

/// The type of an array's elements; of a text it is that of the value.
fn element(array: &DataType, value: &DataType) -> Answered<DataType> {
    match array {
        DataType::List(e) | DataType::LargeList(e) | DataType::FixedSizeList(e, _) => Ok(e.data_type().clone()),
        DataType::Null => Ok(value.clone()),
        other => plan_err!("op ANY/ALL (array) requires an array on its right side, and this is {other}"),
    }
}

impl ScalarUDFImpl for EqualsAny {
    fn name(&self) -> &str {
        ANY
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Answered<DataType> {
        Ok(DataType::Boolean)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Answered<Vec<DataType>> {
        let [array, value] = arguments else { return plan_err!("ANY compares one value with one array") };
        let of = element(array, value)?;
        // Elements of unknown type, in quotes, are of the value's.
        let common = match (&of, value) {
            (DataType::Null, v) => v.clone(),
            (e, DataType::Null) => e.clone(),
            (e, v) if e.is_string() && !v.is_string() => v.clone(),
            (e, v) => match comparison_coercion(e, v) {
                Some(common) => common,
                None => return plan_err!("{v} cannot be compared with the elements of an array of {e}"),
            },
        };
        Ok(vec![DataType::List(Arc::new(Field::new_list_field(common.clone(), true))), common])
    }

    fn simplify(&self, mut arguments: Vec<Expr>, _: &SimplifyContext) -> Answered<ExprSimplifyResult> {
        let ([Expr::Literal(array, _), _], Some(_)) = (arguments.as_slice(), arguments.get(1)) else {
            return Ok(ExprSimplifyResult::Original(arguments));
        };
        let list = match array {
            ScalarValue::List(list) => list.clone(),
            _ => return Ok(ExprSimplifyResult::Original(arguments)),
        };
        if array.is_null() {
            return Ok(ExprSimplifyResult::Simplified(lit(ScalarValue::Boolean(None))));
        }
        let of = list.value(0);
        let all = (0..of.len()).map(|i| ScalarValue::try_from_array(&of, i).map(|v| Expr::Literal(v, None)));
        let all = all.collect::<Answered<Vec<_>>>()?;
        let value = arguments.swap_remove(1);
        if all.is_empty() {
            return Ok(ExprSimplifyResult::Simplified(lit(false)));
        }
        Ok(ExprSimplifyResult::Simplified(Expr::InList(InList::new(Box::new(value), all, false))))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        let rows = arguments.number_rows;
        let [array, value] = arguments.args.as_slice() else {
            return plan_err!("ANY compares one value with one array");
        };
        let (arrays, values) = (array.to_array(rows)?, value.to_array(rows)?);
        let mut found: Vec<Option<bool>> = Vec::with_capacity(rows);
        for row in 0..rows {
            let ScalarValue::List(list) = ScalarValue::try_from_array(&arrays, row)? else {
                return plan_err!("ANY compares one value with one array");
            };
            if arrow_array::Array::is_null(list.as_ref(), 0) {
                found.push(None);
                continue;
            }
            let (of, value) = (list.value(0), ScalarValue::try_from_array(&values, row)?);
            let mut equal = Some(false);
            for i in 0..of.len() {
                let one = ScalarValue::try_from_array(&of, i)?;
                if one.is_null() || value.is_null() {
                    equal = None;
                } else if one == value {
                    equal = Some(true);
                    break;
                }
            }
            found.push(equal);
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(found))))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    #[test]
    fn texts_of_arrays_are_read_as_postgres_reads_them() {
        let read = |text: &str| elements(text).map(|all| all.iter().map(|e| e.clone().unwrap_or("-".into())).collect());
        let all = |of: &[&str]| Ok::<Vec<String>, String>(of.iter().map(|e| (*e).to_owned()).collect());
        assert_eq!(read(r#"{"two attempts",retries}"#), all(&["two attempts", "retries"]));
        assert_eq!(
            read(r#" { a , "b,c" ,"d\"e\\f", NULL, "NULL", "" } "#),
            all(&["a", "b,c", "d\"e\\f", "-", "NULL", ""])
        );
        assert_eq!(read("{}"), all(&[]));
        assert_eq!(read("{two attempts,a}"), all(&["two attempts", "a"]));
        for bad in ["", "a", "{a", "{a,}", "{\"a}", "{{a},{b}}", "{\"a\"b}", "{a\\"] {
            assert!(elements(bad).unwrap_err().contains("malformed array literal"), "{bad}");
        }
    }

    #[tokio::test]
    async fn any_is_null_where_in_is() {
        let context = SessionContext::new();
        context.register_udf(equals_any());
        for (array, value, expected) in [
            ("['a', 'b']", "'a'", "true"),
            ("['a', 'b']", "'c'", "false"),
            ("['a', NULL]", "'c'", "NULL"),
            ("['a', NULL]", "'a'", "true"),
            ("['a']", "NULL", "NULL"),
            ("[1, 2]", "2", "true"),
            ("['1', '2']", "2", "true"),
        ] {
            // As a constant, which is folded, and as rows.
            for text in [
                format!("SELECT coalesce(equals_any({array}, {value})::text, 'NULL') AS v"),
                format!(
                    "SELECT coalesce(equals_any(a, b)::text, 'NULL') AS v FROM (SELECT {array} AS a, {value} AS b
                         FROM generate_series(1, 2))"
                ),
                format!(
                    "SELECT coalesce(equals_any({array}, b)::text, 'NULL') AS v FROM (VALUES ({value}), (NULL)) t(b)
                         LIMIT 1"
                ),
            ] {
                let made = context.sql(&text).await.unwrap().collect().await.unwrap();
                let shown = arrow_cast::pretty::pretty_format_batches(&made).unwrap().to_string();
                assert!(shown.contains(&format!("| {expected}")), "{text}: {shown}");
            }
        }
    }
}
