//! What clients of PostgreSQL look up before they ask: its catalog, its functions, its version.

use std::sync::Arc;

use arrow_array::StringArray;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_schema::DataType;
use datafusion::common::{Result as Answered, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility, create_udf,
};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Ident;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;

use super::arrays;

/// Begins as PostgreSQL's own does: clients read the number behind it, and choose by it what to ask.
const VERSION: &str = concat!("PostgreSQL 16.6 (Afterglow ", env!("CARGO_PKG_VERSION"), ")");

/// Settings that clients ask for in statements; Grafana's query builder the first of them.
const SETTINGS: [(&str, &str); 25] = [
    ("server_version", "16.6"),
    ("server_version_num", "160006"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("search_path", "public"),
    ("standard_conforming_strings", "on"),
    ("integer_datetimes", "on"),
    ("transaction_isolation", "read committed"),
    ("default_transaction_isolation", "read committed"),
    // Nothing is written, as on a standby.
    ("transaction_read_only", "on"),
    ("default_transaction_read_only", "on"),
    ("in_hot_standby", "off"),
    ("is_superuser", "off"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("max_index_keys", "32"),
    ("max_identifier_length", "63"),
    ("block_size", "8192"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("synchronize_seqscans", "on"),
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
    context.register_udf(arrays::equals_any());
    for (name, signature, value) in constants() {
        context.register_udf(ScalarUDF::from(Constant { name, signature, value }));
    }
    // A function knows no session: what would change one is said there.
    let set = Arc::new(|arguments: &[ColumnarValue]| match arguments {
        [ColumnarValue::Scalar(name), value, _] => match name.try_as_str().flatten() {
            Some(name) if matches!(name, "statement_timeout" | "TimeZone" | "timezone") => {
                exec_err!("set_config does not set {name} here: use SET {name}")
            }
            _ => Ok(value.clone()),
        },
        _ => exec_err!("set_config takes the name of one setting, its value and whether it is local"),
    });
    let types = vec![DataType::Utf8, DataType::Utf8, DataType::Boolean];
    context.register_udf(create_udf("set_config", types, DataType::Utf8, Volatility::Volatile, set));
    // Drivers look for types that extensions bring; there are none.
    let type_of = Arc::new(|arguments: &[ColumnarValue]| match arguments {
        [ColumnarValue::Scalar(name)] => match name.try_as_str().flatten() {
            None | Some("hstore" | "citext" | "ltree" | "geometry" | "geography" | "vector") => {
                Ok(ColumnarValue::Scalar(ScalarValue::Int32(None)))
            }
            Some(name) => exec_err!("to_regtype does not know {name:?} here: ask pg_catalog.pg_type by typname"),
        },
        _ => exec_err!("to_regtype takes the name of one type"),
    });
    let text = vec![DataType::Utf8];
    context.register_udf(create_udf("to_regtype", text, DataType::Int32, Volatility::Stable, type_of));
    let size = Arc::new(|arguments: &[ColumnarValue]| {
        let sizes = ColumnarValue::values_to_arrays(arguments)?.remove(0);
        let sizes = sizes.as_primitive::<Int64Type>();
        Ok(ColumnarValue::Array(Arc::new(sizes.iter().map(|s| s.map(pretty)).collect::<StringArray>())))
    });
    context.register_udf(create_udf(
        "pg_size_pretty",
        vec![DataType::Int64],
        DataType::Utf8,
        Volatility::Immutable,
        size,
    ));
    Ok(())
}

fn setting(name: &str) -> Answered<&'static str> {
    let found = known(name);
    found.map_or_else(|| exec_err!("unrecognized configuration parameter \"{name}\""), |(_, value)| Ok(value))
}

/// A setting, its name as PostgreSQL writes it.
pub fn known(name: &str) -> Option<(&'static str, &'static str)> {
    SETTINGS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// The setting that a SHOW asks for.
pub fn shown(words: &[Ident]) -> String {
    let words: Vec<_> = words.iter().map(|w| w.value.to_lowercase()).collect();
    let name = match words.join(" ").as_str() {
        "time zone" => "timezone".to_owned(),
        "transaction isolation level" => "transaction_isolation".to_owned(),
        _ => words.join("."),
    };
    known(&name).map_or(name, |(known, _)| known.to_owned())
}

/// Functions about what there is none of here, each with its arguments and what it gives.
fn constants() -> Vec<(&'static str, Signature, ScalarValue)> {
    let text = |value: Option<&str>| ScalarValue::Utf8(value.map(Into::into));
    let any = |n: &[usize]| {
        let of = n.iter().map(|n| if *n == 0 { TypeSignature::Nullary } else { TypeSignature::Any(*n) });
        Signature::one_of(of.collect(), Volatility::Stable)
    };
    let truth = |value| ScalarValue::Boolean(Some(value));
    vec![
        // There are no locks; what gives nothing in PostgreSQL is an empty text.
        ("pg_advisory_unlock_all", any(&[0]), text(Some(""))),
        ("pg_is_in_recovery", any(&[0]), truth(false)),
        ("pg_is_wal_replay_paused", any(&[0]), truth(false)),
        ("current_user", any(&[0]), text(Some("postgres"))),
        ("obj_description", any(&[1, 2]), text(None)),
        ("col_description", any(&[2]), text(None)),
        ("shobj_description", any(&[2]), text(None)),
        ("pg_function_is_visible", any(&[1]), truth(true)),
        ("pg_type_is_visible", any(&[1]), truth(true)),
        ("pg_operator_is_visible", any(&[1]), truth(true)),
        ("pg_collation_is_visible", any(&[1]), truth(true)),
        ("pg_get_function_result", any(&[1]), text(None)),
        ("pg_get_function_arguments", any(&[1]), text(None)),
        ("pg_get_function_identity_arguments", any(&[1]), text(None)),
        ("pg_get_indexdef", any(&[1, 3]), text(None)),
        ("pg_get_viewdef", any(&[1, 2]), text(None)),
        ("pg_get_ruledef", any(&[1, 2]), text(None)),
        ("pg_get_triggerdef", any(&[1, 2]), text(None)),
        ("pg_get_serial_sequence", any(&[2]), text(None)),
        ("pg_tablespace_location", any(&[1]), text(None)),
        // Nobody has counted them.
        ("pg_table_size", any(&[1]), ScalarValue::Int64(None)),
        ("pg_indexes_size", any(&[1]), ScalarValue::Int64(None)),
        ("pg_database_size", any(&[1]), ScalarValue::Int64(None)),
        ("pg_tablespace_size", any(&[1]), ScalarValue::Int64(None)),
    ]
}

/// Bytes as PostgreSQL writes them.
fn pretty(bytes: i64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let (mut n, mut unit) = (bytes, 0);
    // One bit more than is shown, for rounding.
    let mut half = false;
    while unit + 1 < units.len() && n.unsigned_abs() >= if half { 20 * 1024 - 1 } else { 10 * 1024 } {
        n = if half { n >> 10 } else { n >> 9 };
        half = true;
        unit += 1;
    }
    if half {
        n = (n + n.signum()) / 2;
    }
    format!("{n} {}", units[unit])
}

/// A function that gives always the same.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    signature: Signature,
    value: ScalarValue,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Answered<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_postgres_writes_them() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (1_048_576, "1024 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (123_456_789_012, "115 GB"),
            (-20_480, "-20 kB"),
        ] {
            assert_eq!(pretty(bytes), expected, "{bytes}");
        }
    }
}
