//! Reads the settings: a TOML file, then the variables of OpenTelemetry, then `AFTERGLOW_SECTION__KEY`, then flags; the later wins.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::sources::{DEFAULT_CLUSTER, SourceConfig};
use super::{Config, otel};

/// File that is read when none is named.
pub const DEFAULT_FILE: &str = "afterglow.toml";
const PREFIX: &str = "AFTERGLOW_";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{file}: {source}: name another file with --config")]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{file}:{line}: {message}")]
    Toml { file: PathBuf, line: usize, message: String },
    #[error("{variable}: {message}")]
    Environment { variable: String, message: String },
    #[error("{0}")]
    Flag(String),
}

/// The settings in force. `flags` are (section, key, value); `sources` are those of the command
/// line, which replace those of the file.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: &[(&str, &str, String)],
    sources: &[SourceConfig],
) -> Result<Config, ConfigError> {
    let mut table = match file {
        Some(file) => read(file)?,
        None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
        None => Table::new(),
    };
    let environment: Vec<_> = environment.collect();
    let standard =
        otel::standard(&environment).map_err(|(variable, message)| ConfigError::Environment { variable, message })?;
    for (variable, key, value) in standard {
        set(&mut table, "otel", key, value);
        let bad = |message| ConfigError::Environment { variable: variable.to_owned(), message };
        Config::deserialize_from(&table).map_err(bad)?;
    }
    for (variable, value) in environment {
        let Some(key) = variable.strip_prefix(PREFIX).and_then(|k| k.split_once("__")) else { continue };
        let (section, key) = (key.0.to_ascii_lowercase(), key.1.to_ascii_lowercase());
        set(&mut table, &section, &key, typed(&value));
        if Config::deserialize_from(&table).is_err() {
            // What looks like a number may be meant as text.
            set(&mut table, &section, &key, Value::String(value.clone()));
        }
        Config::deserialize_from(&table).map_err(|message| ConfigError::Environment { variable, message })?;
    }
    for (section, key, value) in flags {
        set(&mut table, section, key, typed(value));
        let flag = key.replace('_', "-");
        Config::deserialize_from(&table).map_err(|m| ConfigError::Flag(format!("--{flag}: {m}")))?;
    }
    let mut config = Config::deserialize_from(&table).map_err(ConfigError::Flag)?;
    if !sources.is_empty() {
        config.source = sources.to_vec();
    }
    for source in &mut config.source {
        if source.cluster.is_empty() {
            DEFAULT_CLUSTER.clone_into(&mut source.cluster);
        }
    }
    Ok(config)
}

/// A file's table, once its text was checked as settings so that errors have a line.
fn read(file: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    let fail = |e: toml::de::Error| {
        let at = e.span().map_or(0, |s| s.start).min(text.len());
        let line = text[..at].lines().count().max(1) + usize::from(text[..at].ends_with('\n'));
        ConfigError::Toml { file: file.to_owned(), line, message: remedy(e.message()) }
    };
    toml::from_str::<Config>(&text).map_err(fail)?;
    toml::from_str(&text).map_err(fail)
}

fn remedy(message: &str) -> String {
    let message = message.replace('\n', " ");
    if message.contains("unknown field") {
        format!("{message}; docs/configuration.md lists every key")
    } else {
        message
    }
}

/// Sets a key of a section; `options__aws_region` sets a key of a table inside it.
fn set(table: &mut Table, section: &str, key: &str, value: Value) {
    let Value::Table(section) = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new())) else {
        return;
    };
    if let Some((outer, inner)) = key.split_once("__") {
        if let Value::Table(t) = section.entry(outer.to_owned()).or_insert_with(|| Value::Table(Table::new())) {
            t.insert(inner.to_owned(), Value::String(value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        return;
    }
    section.insert(key.to_owned(), value);
}

/// A value of the type that its text looks like.
fn typed(value: &str) -> Value {
    match (value.parse::<bool>(), value.parse::<i64>(), value.parse::<f64>()) {
        (Ok(b), ..) => Value::Boolean(b),
        (_, Ok(n), _) => Value::Integer(n),
        (.., Ok(x)) if x.is_finite() => Value::Float(x),
        _ => Value::String(value.to_owned()),
    }
}

impl Config {
    fn deserialize_from(table: &Table) -> Result<Config, String> {
        table.clone().try_into().map_err(|e: toml::de::Error| remedy(e.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> std::iter::Empty<(String, String)> {
        std::iter::empty()
    }

    #[test]
    fn flags_stand_over_environment_over_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        std::fs::write(
            &file,
            "[server]\nlisten = \"127.0.0.1:1\"\n[ingest]\npoll = \"7s\"\n[[source]]\nurl = \"s3://b\"\n",
        )
        .unwrap();
        let env =
            [("AFTERGLOW_SERVER__LISTEN", "127.0.0.1:2"), ("AFTERGLOW_INGEST__QUIET", "9h"), ("AFTERGLOW_LOG", "x")];
        let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter();
        let config = load(Some(&file), env, &[("server", "listen", "127.0.0.1:3".into())], &[]).unwrap();
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!((config.ingest.poll.to_string(), config.ingest.quiet.to_string()), ("7s".into(), "9h".into()));
        assert_eq!((config.source[0].cluster.as_str(), config.source[0].url.as_str()), ("default", "s3://b"));
    }

    #[test]
    fn opentelemetry_has_variables_of_its_own() {
        let load = |pairs: &[(&str, &str)]| {
            let env = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            load(None, env.collect::<Vec<_>>().into_iter(), &[], &[]).map(|c| c.otel)
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317");
        let otel = load(&[
            endpoint,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b%3D,y=z"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test, service.name=glow"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("AFTERGLOW_OTEL__TASKS", "5"),
        ])
        .unwrap();
        let settings = otel.settings().unwrap().unwrap();
        assert_eq!(settings.protocol.to_string(), "http/protobuf");
        assert_eq!((settings.endpoint.as_str(), &*settings.service_name), ("http://c:4317/", "glow"));
        assert_eq!((&*settings.headers["x-key"], &*settings.headers["y"]), ("a b=", "z"));
        assert_eq!((settings.attributes.len(), settings.sample, settings.tasks), (1, 0.25, 5));
        let otel = load(&[endpoint, ("AFTERGLOW_OTEL__SAMPLE", "0.5"), ("OTEL_SERVICE_NAME", "x")]).unwrap();
        let settings = otel.settings().unwrap().unwrap();
        assert_eq!((settings.protocol.to_string(), settings.sample), ("grpc".into(), 0.5));
        assert!(load(&[endpoint, ("OTEL_SDK_DISABLED", "true")]).unwrap().settings().unwrap().is_none());
        let e = load(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]).unwrap_err().to_string();
        assert!(e.starts_with("OTEL_EXPORTER_OTLP_PROTOCOL: `http/json` is not spoken here"), "{e}");
        let e = load(&[("OTEL_EXPORTER_OTLP_HEADERS", "secret")]).unwrap_err().to_string();
        assert!(e.starts_with("OTEL_EXPORTER_OTLP_HEADERS: ") && e.contains("key=value"), "{e}");
    }

    #[test]
    fn errors_name_file_line_key_and_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\n\n[ingest]\npol = \"7s\"\n").unwrap();
        let e = load(Some(&file), none(), &[], &[]).unwrap_err().to_string();
        assert!(e.contains("a.toml:5:") && e.contains("pol") && e.contains("docs/configuration.md"), "{e}");
        std::fs::write(&file, "[ingest]\npoll = \"7 parsecs\"\n").unwrap();
        let e = load(Some(&file), none(), &[], &[]).unwrap_err().to_string();
        assert!(e.contains("a.toml:2:") && e.contains("30s or 90d"), "{e}");
        let env = [("AFTERGLOW_STORE__CACHE".to_owned(), "lots".to_owned())].into_iter();
        let e = load(None, env, &[], &[]).unwrap_err().to_string();
        assert!(e.starts_with("AFTERGLOW_STORE__CACHE: ") && e.contains("MiB"), "{e}");
    }
}
