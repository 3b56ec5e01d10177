//! The one binary: parse, load settings, take the role, end with its exit status.

#![warn(clippy::print_stdout, clippy::print_stderr, reason = "what people read goes through `terminal`")]

mod cli;
mod config;
mod roles;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use afterglow_history::indexer::READINGS;
use clap::Parser;
use cli::{AlertsCommand, Cli, Command, Export};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that block on files and parsing, a core. Few, because each keeps memory for itself; more than readings of logs
/// occupy, because those wait for reads that need a thread, too. Nothing else that has one may wait for another.
const BLOCKING: usize = 2 * READINGS + 4;

/// Stack of runtime threads: a deep SQL plan is walked recursively.
const STACK: usize = 32 << 20;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.enable_all().thread_stack_size(STACK).max_blocking_threads(BLOCKING * cores).build() {
        Ok(runtime) => runtime,
        Err(e) => return roles::fail(&format!("cannot start: {e}")),
    };
    runtime.block_on(run(cli.command))
}

async fn run(command: Command) -> ExitCode {
    let load = |common: &cli::Common, flags: Vec<_>, logs: &[config::sources::SourceConfig]| {
        let all: Vec<_> = common.flags().into_iter().chain(flags).collect();
        config::load(common.config.as_deref(), std::env::vars(), &all, logs)
    };
    match command {
        Command::Serve { common, logs, listen } => {
            let flags = [logs.flags(), listen.flags()].concat();
            roles::with(load(&common, flags, &logs.sources()), roles::serve::run).await
        }
        Command::Ingest { once, common, logs } => {
            let config = load(&common, logs.flags(), &logs.sources());
            if once {
                roles::with(config, roles::ingest::once).await
            } else {
                roles::with(config, roles::ingest::run).await
            }
        }
        Command::History { common, listen } => {
            roles::with(load(&common, listen.flags(), &[]), roles::history::run).await
        }
        Command::Demo { listen } => {
            let config = config::load(None, std::iter::empty(), &listen.flags(), &[]);
            roles::with(config, roles::demo::run).await
        }
        Command::Sql { statement, format, common } => {
            let config = load(&common, Vec::new(), &[]);
            roles::with(config, |c| roles::sql::run(c, statement, format)).await
        }
        Command::Findings { logs, json, config } => {
            let config = config::load(config.as_deref(), std::env::vars(), &[], &[]);
            roles::with(config, |c| roles::findings::run(c, logs, json)).await
        }
        Command::Alerts { what: Some(AlertsCommand::Test { labels, dry_run, config }), .. } => {
            let config = config::load(config.as_deref(), std::env::vars(), &[], &[]);
            roles::with(config, |c| roles::alerts::test(c, labels, dry_run)).await
        }
        Command::Alerts { what: None, common } => roles::with(load(&common, Vec::new(), &[]), roles::alerts::run).await,
        Command::Alerts { what: Some(AlertsCommand::Recover { common }), .. } => {
            roles::with(load(&common, Vec::new(), &[]), roles::alerts::recover).await
        }
        Command::Alerts { what: Some(AlertsCommand::Prompt { about }), .. } => {
            roles::with(load(&about.common, Vec::new(), &[]), |c| roles::advise::prompt(c, about.logs, about.rule))
                .await
        }
        Command::Alerts { what: Some(AlertsCommand::Advise { about, json }), .. } => {
            roles::with(load(&about.common, Vec::new(), &[]), |c| roles::advise::run(c, about.logs, about.rule, json))
                .await
        }
        Command::Rules { at, json, common } => {
            roles::with(load(&common, Vec::new(), &[]), |c| roles::rules::run(c, at, json)).await
        }
        Command::Export { to: Export::Otel { applications, receiver, common } } => {
            // It has no traces of its own, unless somebody asks for them.
            let flags = [receiver.flags(), vec![("otel", "sample", "0".into())]].concat();
            roles::with(load(&common, flags, &[]), |c| roles::export::otel(c, applications)).await
        }
        Command::SqlEngine => roles::engine::run().await,
        Command::Check { common, logs, listen, print, request } => {
            let flags = [logs.flags(), listen.flags()].concat();
            let config = load(&common, flags, &logs.sources());
            match request {
                Some(file) => roles::with(config, async |c| roles::request::run(&c, &file)).await,
                None => roles::with(config, |c| roles::check::run(c, print)).await,
            }
        }
    }
}
