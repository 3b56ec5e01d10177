//! `check`: are the settings right, does every source answer?

use std::process::ExitCode;

use afterglow_ingest::source::{self, explain};
use futures::StreamExt as _;

use super::{open, sources};
use crate::config::{Config, shown_url};

pub async fn run(config: Config, print: bool) -> ExitCode {
    if print {
        print!("{}", config.print());
        return ExitCode::SUCCESS;
    }
    let mut ok = true;
    if is_new(&config) {
        println!("store {}: not there yet; serve and ingest create it", shown_url(&config.store.url));
    } else {
        match open(&config).await {
            Ok(opened) => println!("store {}: ok (catalog in {})", shown_url(&config.store.url), opened.dir.display()),
            Err(e) => {
                ok = false;
                println!("{e}");
            }
        }
    }
    let (good, bad) = sources(&config).await;
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

/// The store is a folder that nobody has made yet: checking must not.
fn is_new(config: &Config) -> bool {
    let url = source::normalize(&config.store.url).ok().filter(|u| u.scheme() == "file");
    url.and_then(|u| u.to_file_path().ok()).is_some_and(|folder| !folder.exists())
}
