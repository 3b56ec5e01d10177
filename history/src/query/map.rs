//! Maps as texts: CSV has no maps, nor has PostgreSQL.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, MapArray, RecordBatch, StringArray};
use arrow_json::WriterBuilder;
use arrow_json::writer::JsonArray;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use datafusion::common::{Result as Answered, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::Expr;
use serde_json::value::RawValue;

/// Each map as a JSON object.
fn texts(maps: &MapArray) -> Result<StringArray, ArrowError> {
    let schema = Schema::new(vec![Field::new("m", maps.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(maps.clone())])?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    #[derive(serde::Deserialize)]
    struct Row {
        m: Box<RawValue>,
    }
    let rows: Vec<Row> =
        serde_json::from_slice(&writer.into_inner()).map_err(|e| ArrowError::JsonError(e.to_string()))?;
    Ok(rows.iter().enumerate().map(|(i, row)| maps.is_valid(i).then(|| row.m.get())).collect())
}

/// A batch whose maps are texts.
pub fn without(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| match column.as_any().downcast_ref::<MapArray>() {
        None => Ok((field.name().clone(), column.clone())),
        Some(maps) => Ok((field.name().clone(), Arc::new(texts(maps)?) as ArrayRef)),
    });
    // Two columns may have one name.
    let (names, columns): (Vec<_>, Vec<_>) = columns.collect::<Result<Vec<_>, ArrowError>>()?.into_iter().unzip();
    let fields = names.into_iter().zip(&columns).map(|(name, c)| Field::new(name, c.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)
}

/// A plan whose answer has texts where the answer of `plan` has maps.
pub fn as_texts(plan: LogicalPlan) -> Answered<LogicalPlan> {
    let is_map = |kind: &DataType| matches!(kind, DataType::Map(..));
    if !plan.schema().fields().iter().any(|f| is_map(f.data_type())) {
        return Ok(plan);
    }
    let function = to_json();
    let columns = plan.schema().iter().map(|(table, field)| {
        let column = Expr::Column((table, field).into());
        if is_map(field.data_type()) { function.call(vec![column]).alias(field.name()) } else { column }
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// `to_json(map)`: a map as the text of a JSON object.
pub fn to_json() -> ScalarUDF {
    ToJson { signature: Signature::any(1, Volatility::Immutable) }.into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToJson {
    signature: Signature,
}

impl ScalarUDFImpl for ToJson {
    fn name(&self) -> &str {
        "to_json"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Answered<DataType> {
        match arguments {
            [DataType::Map(..)] => Ok(DataType::Utf8),
            other => exec_err!("to_json takes a map, not {other:?}"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        let [argument] = &arguments.args[..] else { return exec_err!("to_json takes one map") };
        let array = argument.to_array(arguments.number_rows)?;
        match array.as_any().downcast_ref::<MapArray>() {
            Some(maps) => Ok(ColumnarValue::Array(Arc::new(texts(maps)?))),
            None => exec_err!("to_json takes a map, not {}", array.data_type()),
        }
    }
}
