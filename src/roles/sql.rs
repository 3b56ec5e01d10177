//! `sql`: answer one statement about a store, and end.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use afterglow_history::query::Ask;
use afterglow_history::query::output::Format;
use afterglow_history::viewer::Viewer;

use super::{engine::engine, fail, open_to_read};
use crate::cli::SqlFormat;
use crate::config::Config;
use crate::terminal::{self, complain};

pub async fn run(config: Config, statement: String, format: SqlFormat) -> ExitCode {
    match answer(&config, &statement, format).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}

async fn answer(config: &Config, statement: &str, format: SqlFormat) -> Result<(), String> {
    let (opened, _scratch) = open_to_read(config).await?;
    let format = match format {
        SqlFormat::Table => Format::Table,
        SqlFormat::Json => Format::Json,
        SqlFormat::Csv => Format::Csv,
    };
    let engine = engine(config, &opened)?;
    let answer = engine.query(&Viewer::everything(), Ask::Sql(statement.to_owned()), None).await;
    engine.close().await;
    opened.catalog.close().await;
    let answer = answer.map_err(|e| e.to_string())?;
    let out = answer.write(format).map_err(|e| e.to_string())?;
    let out = String::from_utf8_lossy(&out);
    for note in &answer.notes {
        complain!("note: {note}");
    }
    let out = out.trim_end_matches('\n');
    match format {
        Format::Json => terminal::json(out),
        // CSV has no escapes: a program gets what there is.
        Format::Csv if !std::io::stdout().is_terminal() => terminal::raw(format!("{out}\n").as_bytes()),
        _ => terminal::out(out),
    }
    Ok(())
}
