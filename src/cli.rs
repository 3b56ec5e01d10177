//! The command line.

use std::path::PathBuf;

use afterglow_ingest::SourceKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::sources::SourceConfig;

/// One place for the event logs of all Spark clusters.
///
/// Reads the event logs that Spark writes to object storage, indexes every application once, and
/// answers everything Spark's History Server answers, at any log size.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Index logs and serve them, in one process
    ///
    /// Example: afterglow serve --logs analytics=s3://bucket/spark-events/ --logs science=/data/events
    Serve {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        logs: Logs,
        #[command(flatten)]
        listen: Listen,
    },
    /// Index logs into a store
    ///
    /// With --once the exit status is 0 if nothing was damaged, 3 if all was indexed and
    /// something was damaged, and 1 if something failed.
    Ingest {
        /// Index what is there, print a summary, and end
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        logs: Logs,
    },
    /// Serve a store that is there
    History {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        listen: Listen,
    },
    /// Serve the bundled sample logs, written by real Spark
    Demo {
        #[command(flatten)]
        listen: Listen,
    },
    /// Answer a SQL statement about a store's fleet tables
    ///
    /// Example: afterglow sql "SELECT cluster, count(*) FROM applications GROUP BY cluster".
    /// SHOW TABLES lists the tables; docs/sql.md has every column.
    Sql {
        /// The statement; it can only read
        statement: String,
        /// How to print the answer
        #[arg(long, value_enum, default_value_t)]
        format: SqlFormat,
        #[command(flatten)]
        common: Common,
    },
    /// Answer statements for another process of Afterglow, which starts this one
    #[command(hide = true)]
    SqlEngine,
    /// Judge event logs on the spot: what is wrong, what it costs, and what to change
    ///
    /// Example: afterglow findings s3://bucket/spark-events/application_1700000000000_0001. Nothing is kept, and no server is needed.
    Findings {
        /// Event logs, or folders of them: paths or URLs
        #[arg(required = true, value_name = "LOG")]
        logs: Vec<String>,
        /// Print a JSON list
        #[arg(long)]
        json: bool,
        /// Settings file [default: afterglow.toml, if it is there]
        #[arg(long, value_name = "FILE", env = "AFTERGLOW_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Watch a store that others fill, and tell who wants to know what is wrong
    ///
    /// `serve` does so, too. `alerts test` sends a sample and prints what went where. See docs/alerts.md.
    #[command(args_conflicts_with_subcommands = true)]
    Alerts {
        #[command(subcommand)]
        what: Option<AlertsCommand>,
        #[command(flatten)]
        common: Common,
    },
    /// Evaluate the rules of the settings file once, and say what holds
    ///
    /// For writing rules ([[rule]], see docs/custom-rules.md): a condition that must hold for some time is pending.
    Rules {
        /// Evaluate as of this time [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Print a JSON list
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Send applications to other systems
    Export {
        #[command(subcommand)]
        to: Export,
    },
    /// Check the settings, and reach every source
    ///
    /// Says what is wrong: the file and line, the key, and the remedy.
    Check {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        logs: Logs,
        #[command(flatten)]
        listen: Listen,
        /// Print the settings in force, secrets masked, and end
        #[arg(long)]
        print: bool,
        /// Check a request to run an application instead: a StartJobRun of Amazon EMR, or a manifest of the Kubernetes operator
        ///
        /// Says with line and column what is wrong in it, and which setting wins where several say the same.
        #[arg(long, value_name = "FILE", conflicts_with = "print")]
        request: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Send a sample incident where the routes say, and print what went where
    ///
    /// Example: afterglow alerts test --route severity=critical --route cluster=analytics
    Test {
        /// A label that the sample has; repeat it or separate by commas
        #[arg(long = "route", value_name = "LABEL=VALUE", value_delimiter = ',')]
        labels: Vec<String>,
        /// Only print where it would go
        #[arg(long)]
        dry_run: bool,
        /// Settings file [default: afterglow.toml, if it is there]
        #[arg(long, value_name = "FILE", env = "AFTERGLOW_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Print what a model would be told about the findings of event logs; nothing is sent
    ///
    /// One JSON document a line: instructions, message and form of the answer, exactly as Bedrock would get them.
    Prompt {
        #[command(flatten)]
        about: About,
    },
    /// Save what can be read of a damaged alerts.db into a new one, and keep the damaged file beside it
    ///
    /// Stop the processes that have it open first.
    Recover {
        #[command(flatten)]
        common: Common,
    },
    /// Ask the model of [remediation] about the findings of event logs, and print what it says and what was left out
    ///
    /// Asks whether or not remediation.enabled is set. Budgets hold, and requests are kept, in the store's alerts.db.
    Advise {
        #[command(flatten)]
        about: About,
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct About {
    /// Event logs, or folders of them: paths or URLs
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<String>,
    /// Only findings of this rule
    #[arg(long)]
    pub rule: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Subcommand)]
pub enum Export {
    /// Send applications as traces, metrics and events, over OTLP
    ///
    /// Example: afterglow export otel --application analytics/application_1700000000000_0001 --endpoint http://collector:4317.
    /// Sending one twice does no harm: its trace and spans have the same ids. See docs/opentelemetry.md.
    Otel {
        /// Which; all attempts without ATTEMPT; repeat it or separate by commas
        #[arg(long = "application", value_name = "CLUSTER/APP[/ATTEMPT]", value_delimiter = ',', required = true)]
        applications: Vec<String>,
        #[command(flatten)]
        receiver: Receiver,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
pub struct Receiver {
    /// Address of the receiver, e.g. http://collector:4317 [default: otel.endpoint, OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// grpc or http/protobuf [default: grpc for port 4317, http/protobuf else]
    #[arg(long)]
    pub protocol: Option<String>,
    /// Slowest tasks of each stage attempt that become spans [default: 20]
    #[arg(long, value_name = "N")]
    pub tasks: Option<usize>,
}

impl Receiver {
    pub fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        let tasks = self.tasks.map(|n| n.to_string());
        let all = [("endpoint", &self.endpoint), ("protocol", &self.protocol), ("tasks", &tasks)];
        all.into_iter().filter_map(|(key, value)| Some(("otel", key, value.clone()?))).collect()
    }
}

/// How `sql` prints an answer.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum SqlFormat {
    #[default]
    Table,
    Json,
    Csv,
}

#[derive(Debug, Args)]
pub struct Common {
    /// Settings file [default: afterglow.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "AFTERGLOW_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where indexed applications are kept: a folder, or s3://bucket/prefix [default: afterglow-data]
    #[arg(long, value_name = "FOLDER|URL")]
    pub store: Option<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Where event logs lie: s3://, s3a://, gs://, az://, file:// or a folder, at any depth below; repeat it or separate by commas
    #[arg(long, value_name = "[CLUSTER=]URL", env = "AFTERGLOW_LOGS", value_delimiter = ',')]
    pub logs: Vec<String>,
    /// Where container logs lie (stdout and stderr of drivers and executors): as for --logs
    #[arg(long, value_name = "[CLUSTER=]URL", env = "AFTERGLOW_CONTAINER_LOGS", value_delimiter = ',')]
    pub container_logs: Vec<String>,
    /// Threads that parse [default: one a core]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
}

#[derive(Debug, Args)]
pub struct Listen {
    /// Address to serve on [default: 127.0.0.1:18080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Allow an address that other machines can reach, though there is no authentication yet
    #[arg(long)]
    pub allow_remote: bool,
}

impl Common {
    pub fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        self.store.iter().map(|s| ("store", "url", s.clone())).collect()
    }
}

impl Logs {
    /// The sources that are named.
    pub fn sources(&self) -> Vec<SourceConfig> {
        let of_kind = |urls: &[String], kind| {
            urls.iter().map(|l| SourceConfig { kind, ..SourceConfig::parse(l) }).collect::<Vec<_>>()
        };
        let events = of_kind(&self.logs, SourceKind::EventLogs);
        [events, of_kind(&self.container_logs, SourceKind::ContainerLogs)].concat()
    }

    pub fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        self.workers.iter().map(|n| ("ingest", "workers", n.to_string())).collect()
    }
}

impl Listen {
    pub fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        let listen = self.listen.iter().map(|l| ("server", "listen", l.clone()));
        listen.chain(self.allow_remote.then(|| ("server", "allow_remote", "true".into()))).collect()
    }
}
