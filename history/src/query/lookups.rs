//! What clients of PostgreSQL look up before they ask: its catalog, its functions, its version.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::common::{Result as Answered, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;

/// Begins as PostgreSQL's own does: clients read the number behind it, and choose by it what to ask.
const VERSION: &str = concat!("PostgreSQL 16.6 (Afterglow ", env!("CARGO_PKG_VERSION"), ")");

/// Settings that clients ask for in statements; Grafana's query builder the first of them.
const SETTINGS: [(&str, &str); 5] = [
    ("server_version", "16.6"),
    ("server_version_num", "160006"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("search_path", "public"),
];

/// Adds them to a session whose tables are in `catalog`.
pub fn prepare(context: &SessionContext, catalog: &str) -> Answered<()> {
    setup_pg_catalog(context, catalog, EmptyContextProvider).map_err(|e| *e)?;
    let version = Arc::new(|_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(VERSION.into())))));
    context.register_udf(create_udf("version", Vec::new(), DataType::Utf8, Volatility::Stable, version));
    let setting = Arc::new(|arguments: &[ColumnarValue]| match arguments {
        [ColumnarValue::Scalar(ScalarValue::Utf8(name))] => {
            Ok(ColumnarValue::Scalar(ScalarValue::Utf8(name.as_deref().map(setting).transpose()?.map(Into::into))))
        }
        _ => exec_err!("current_setting takes the name of one setting"),
    });
    let text = vec![DataType::Utf8];
    context.register_udf(create_udf("current_setting", text, DataType::Utf8, Volatility::Stable, setting));
    Ok(())
}

fn setting(name: &str) -> Answered<&'static str> {
    let found = SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map_or_else(|| exec_err!("unrecognized configuration parameter \"{name}\""), |(_, value)| Ok(*value))
}
