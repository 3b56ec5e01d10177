//! `check`: are the settings right, does every source answer?

use std::process::ExitCode;

use afterglow_ingest::source::explain;
use futures::StreamExt as _;

use super::{open, sources};
use crate::config::{Config, shown_url};

pub async fn run(config: Config, print: bool) -> ExitCode {
    if print {
        print!("{}", config.print());
        return ExitCode::SUCCESS;
    }
    let mut ok = true;
    match open(&config).await {
        Ok(opened) => println!("store {}: ok (catalog in {})", shown_url(&config.store.url), opened.dir.display()),
        Err(e) => {
            ok = false;
            println!("{e}");
        }
    }
    let (good, bad) = sources(&config);
    for (source, e) in bad {
        ok = false;
        println!("source {}={}: {e}", source.cluster, shown_url(&source.url));
    }
    for source in good {
        let root = (!source.root.as_ref().is_empty()).then_some(&source.root);
        match source.store.list(root).next().await {
            Some(Err(e)) => {
                ok = false;
                println!("source {source:?}: {}", explain(&e));
            }
            Some(Ok(first)) => println!("source {source:?}: ok (first object: {})", first.location),
            None => println!("source {source:?}: answers, and holds nothing yet"),
        }
    }
    if config.source.is_empty() {
        println!("no sources: name them with --logs [CLUSTER=]URL or as [[source]]");
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
