//! What clients say about their session beside `SET` and `BEGIN`: what pools send before a connection is given to the
//! next, savepoints, and settings.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{CloseCursor, DiscardObject, Reset, Statement};
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::api::{ClientInfo, Type};
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use futures::stream;

use super::session::error;
use crate::query::lookups;

/// What a session may have set, as it is kept with its client.
const SET: [&str; 7] = [
    "statement_timeout_ms",
    "timezone",
    "datestyle",
    "intervalstyle",
    "bytea_output",
    "extra_float_digits",
    "search_path",
];

/// That what failed was rolled back to a savepoint: pgwire has no way from a failed transaction back into it.
const ROLLED_BACK: &str = "rolled_back_to_savepoint";

/// A transaction's state for what is asked in it.
pub fn status(client: &(impl ClientInfo + ?Sized)) -> TransactionStatus {
    match client.transaction_status() {
        TransactionStatus::Error if client.metadata().contains_key(ROLLED_BACK) => TransactionStatus::Transaction,
        status => status,
    }
}

/// Something failed, or the transaction ended.
pub fn forget_rollback(client: &mut (impl ClientInfo + ?Sized)) {
    client.metadata_mut().remove(ROLLED_BACK);
}

/// Answers what is of this kind.
pub fn answer<C: ClientInfo>(client: &mut C, statement: &Statement) -> Option<PgWireResult<Response>> {
    let done = |tag: &str| Some(Ok(Response::Execution(Tag::new(tag))));
    let outside = |what: &str| Some(Err(error("25P01", format!("{what} can only be used in transaction blocks"))));
    match (statement, status(client)) {
        (Statement::Savepoint { .. }, TransactionStatus::Idle) => outside("SAVEPOINT"),
        (Statement::Savepoint { .. }, TransactionStatus::Transaction) => done("SAVEPOINT"),
        (Statement::ReleaseSavepoint { .. }, TransactionStatus::Idle) => outside("RELEASE SAVEPOINT"),
        (Statement::ReleaseSavepoint { .. }, TransactionStatus::Transaction) => done("RELEASE"),
        (Statement::Rollback { savepoint: Some(_), .. }, TransactionStatus::Idle) => outside("ROLLBACK TO SAVEPOINT"),
        // The transaction goes on, whatever failed since.
        (Statement::Rollback { savepoint: Some(_), .. }, _) => {
            client.metadata_mut().insert(ROLLED_BACK.into(), String::new());
            Some(Ok(Response::Execution(Tag::new("ROLLBACK"))))
        }
        (
            Statement::Discard { .. } | Statement::Reset(_) | Statement::ShowVariable { .. },
            TransactionStatus::Error,
        )
        | (Statement::Savepoint { .. } | Statement::ReleaseSavepoint { .. }, TransactionStatus::Error) => {
            let what = "current transaction is aborted, commands are ignored until its end";
            Some(Err(error("25P02", what.into())))
        }
        (Statement::Discard { object_type: DiscardObject::ALL }, TransactionStatus::Transaction) => {
            Some(Err(error("25001", "DISCARD ALL cannot run inside a transaction block".into())))
        }
        (Statement::Discard { object_type }, _) => {
            if *object_type == DiscardObject::ALL {
                SET.iter().for_each(|name| forget(client, name));
            }
            done(&format!("DISCARD {object_type}"))
        }
        // There are neither cursors nor channels.
        (Statement::Close { cursor: CloseCursor::All }, _) => done("CLOSE CURSOR ALL"),
        (Statement::UNLISTEN { .. }, _) => done("UNLISTEN"),
        (Statement::Reset(of), _) => {
            match &of.reset {
                Reset::ALL => SET.iter().for_each(|name| forget(client, name)),
                Reset::ConfigurationParameter(name) => match name.to_string().to_lowercase().as_str() {
                    "statement_timeout" => forget(client, "statement_timeout_ms"),
                    name => forget(client, name),
                },
            }
            done("RESET")
        }
        (Statement::ShowVariable { variable }, _) => {
            let name = lookups::shown(variable);
            let key = name.to_lowercase();
            let value = match key.as_str() {
                "statement_timeout" => Some(match client.metadata().get("statement_timeout_ms") {
                    Some(ms) => format!("{ms}ms"),
                    None => "0".into(),
                }),
                // What nobody sets is known where it is asked.
                "bytea_output" | "extra_float_digits" | "application_name" => {
                    client.metadata().get(&key).cloned().or(Some(match key.as_str() {
                        "bytea_output" => "hex".into(),
                        "extra_float_digits" => "1".into(),
                        _ => String::new(),
                    }))
                }
                _ => client.metadata().get(&key).cloned().or_else(|| lookups::known(&name).map(|(_, v)| v.to_owned())),
            };
            let unknown = || error("42704", format!("unrecognized configuration parameter \"{name}\""));
            Some(value.ok_or_else(unknown).and_then(|value| shown(&name, &value)))
        }
        (Statement::StartTransaction { .. } | Statement::Commit { .. } | Statement::Rollback { .. }, _) => {
            forget_rollback(client);
            None
        }
        _ => None,
    }
}

fn forget<C: ClientInfo>(client: &mut C, name: &str) {
    client.metadata_mut().remove(name);
}

fn shown(name: &str, value: &str) -> PgWireResult<Response> {
    let fields = Arc::new(vec![FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text)]);
    let mut row = DataRowEncoder::new(fields.clone());
    row.encode_field(&Some(value))?;
    let row = Ok(row.take_row());
    Ok(Response::Query(QueryResponse::new(fields, stream::iter([row]))))
}
