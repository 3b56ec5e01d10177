//! `sql`: answer one statement about a store, and end.

use std::io::Write as _;
use std::process::ExitCode;

use afterglow_history::query::Ask;
use afterglow_history::query::output::Format;
use afterglow_history::viewer::Viewer;

use super::{engine, fail, open_existing};
use crate::cli::SqlFormat;
use crate::config::Config;

pub async fn run(config: Config, statement: String, format: SqlFormat) -> ExitCode {
    match answer(&config, &statement, format).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}

async fn answer(config: &Config, statement: &str, format: SqlFormat) -> Result<(), String> {
    let opened = open_existing(config).await?;
    let format = match format {
        SqlFormat::Table => Format::Table,
        SqlFormat::Json => Format::Json,
        SqlFormat::Csv => Format::Csv,
    };
    let engine = engine(config, &opened)?;
    let answer = engine.query(&Viewer::everything(), Ask::Sql(statement.to_owned()), None).await;
    engine.close();
    opened.catalog.close().await;
    let answer = answer.map_err(|e| e.to_string())?;
    let mut out = answer.write(format).map_err(|e| e.to_string())?;
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    for note in &answer.notes {
        eprintln!("note: {note}");
    }
    // Who reads may have stopped, as `head` does.
    let _ = std::io::stdout().write_all(&out);
    Ok(())
}
