//! What clients of PostgreSQL look up before they ask: its catalog, its functions, its version.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::common::{Result as Answered, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;

/// Begins as PostgreSQL's own does: clients read the number behind it, and choose by it what to ask.
const VERSION: &str = concat!("PostgreSQL 16.6 (Afterglow ", env!("CARGO_PKG_VERSION"), ")");

/// Adds them to a session whose tables are in `catalog`.
pub fn prepare(context: &SessionContext, catalog: &str) -> Answered<()> {
    setup_pg_catalog(context, catalog, EmptyContextProvider).map_err(|e| *e)?;
    let version = Arc::new(|_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(VERSION.into())))));
    context.register_udf(create_udf("version", Vec::new(), DataType::Utf8, Volatility::Stable, version));
    Ok(())
}
