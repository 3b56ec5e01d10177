//! Settings of SQL over the fleet tables: what runs statements, and their bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::units::{Size, Time};

/// SQL over the fleet tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sql {
    /// What runs statements: `datafusion`, in this process, or `ballista://HOST:PORT`, on a cluster.
    pub engine: String,
    /// A statement that takes longer is stopped.
    pub timeout: Time,
    /// Memory of all statements together.
    pub memory: Size,
    /// Rows that a statement gives at most.
    pub rows: usize,
}

impl Default for Sql {
    fn default() -> Self {
        let (timeout, memory) = (Time(Duration::from_secs(30)), Size(256 << 20));
        Sql { engine: "datafusion".into(), timeout, memory, rows: 100_000 }
    }
}

/// No statement is answered within less.
const SHORTEST: Duration = Duration::from_millis(100);
/// DataFusion sets 10 MiB aside for each sort before it has sorted anything.
const LEAST: u64 = 16 << 20;

/// The port of a Ballista scheduler that names none.
const BALLISTA_PORT: u16 = 50050;

impl Sql {
    /// The scheduler that runs statements, as `host:port`; none if this process does.
    ///
    /// # Errors
    /// If `sql.engine` says neither.
    pub fn scheduler(&self) -> Result<Option<String>, String> {
        if self.engine == "datafusion" {
            return Ok(None);
        }
        let bad = || format!("sql.engine: `{}` is none: write \"datafusion\" or \"ballista://HOST:PORT\"", self.engine);
        let url = url::Url::parse(&self.engine).map_err(|_| bad())?;
        let rest =
            [url.path().trim_matches('/'), url.query().unwrap_or(""), url.fragment().unwrap_or(""), url.username()];
        match url.host_str().filter(|host| !host.is_empty()) {
            Some(host) if url.scheme() == "ballista" && rest.iter().all(|r| r.is_empty()) => {
                Ok(Some(format!("{host}:{}", url.port().unwrap_or(BALLISTA_PORT))))
            }
            _ => Err(bad()),
        }
    }

    /// What cannot work, each with its key and the remedy.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        match self.scheduler() {
            Err(e) => out.push(e),
            Ok(Some(_)) if !cfg!(feature = "ballista") => out.push(format!(
                "sql.engine: this build cannot ask {}: build it with `cargo build --release --features ballista`, or write \"datafusion\"",
                self.engine
            )),
            Ok(_) => {}
        }
        if self.timeout.0 < SHORTEST {
            out.push(format!("sql.timeout: {} is too short for any statement: write 100ms or more", self.timeout));
        }
        if self.memory.0 < LEAST {
            out.push(format!(
                "sql.memory: {} is too little for any statement: write {} or more",
                self.memory,
                Size(LEAST)
            ));
        }
        if self.rows == 0 {
            out.push("sql.rows: 0 would answer nothing: write 1 or more".into());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_under_which_nothing_works_are_said() {
        let problems = |text: &str| toml::from_str::<Sql>(text).unwrap().problems();
        for (text, said) in [
            ("timeout = \"0s\"", "sql.timeout: 0ms is too short"),
            ("memory = \"0\"", "sql.memory: 0 is too little for any statement: write 16MiB or more"),
            ("memory = \"1MiB\"", "sql.memory: 1MiB is too little"),
            ("rows = 0", "sql.rows: 0 would answer nothing"),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].starts_with(said), "{text}: {found:?}");
        }
        assert_eq!(problems("timeout = \"100ms\"\nmemory = \"16MiB\""), [""; 0]);
    }

    #[test]
    fn engines() {
        let sql = |engine: &str| Sql { engine: engine.into(), ..Sql::default() };
        assert_eq!(Sql::default().problems(), [""; 0]);
        for (engine, scheduler) in [
            ("datafusion", None),
            ("ballista://scheduler:50051", Some("scheduler:50051")),
            ("ballista://scheduler", Some("scheduler:50050")),
            ("ballista://[::1]:1/", Some("[::1]:1")),
        ] {
            assert_eq!(sql(engine).scheduler(), Ok(scheduler.map(str::to_owned)), "{engine}");
        }
        for bad in
            ["", "spark", "ballista", "ballista://", "http://h:1", "ballista://h/path", "ballista://h?x=1", "h:1"]
        {
            let problems = sql(bad).problems();
            assert!(problems.len() == 1 && problems[0].contains("write \"datafusion\" or"), "{bad}: {problems:?}");
        }
        let problems = sql("ballista://h:1").problems();
        assert_eq!(problems.is_empty(), cfg!(feature = "ballista"), "{problems:?}");
        assert!(problems.iter().all(|p| p.contains("--features ballista")), "{problems:?}");
    }
}
