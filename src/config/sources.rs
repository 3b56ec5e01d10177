//! Settings of sources: where logs lie, and which cluster and labels their applications get.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use afterglow_history::placement::{self, Field, MAX_CLUSTER, NOT_IN_CLUSTERS, Named, Placement, Rule, stored};
use afterglow_ingest::{SourceKind, source};
use serde::{Deserialize, Serialize};

use super::shown_url;

/// A place with logs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// Of applications for which no rule names another.
    pub cluster: String,
    pub url: String,
    /// What it holds: event logs, unless this says container logs.
    pub kind: SourceKind,
    pub labels: BTreeMap<String, String>,
    /// Settings of applications whose pairs are labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_from: Option<Vec<String>>,
    pub options: BTreeMap<String, String>,
    /// What logs say of their cluster and labels; the first that does counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub derive: Vec<DeriveConfig>,
}

/// What a log says of its cluster and labels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeriveConfig {
    /// A setting of Spark, `system.` and a system property of its driver, `app.name`, `app.id`, `app.user` or `path`.
    pub from: String,
    /// With named groups: `cluster`, and a label each.
    pub regex: String,
    /// A TOML file of what names stand for.
    #[serde(skip_serializing_if = "PathIsEmpty::path_is_empty")]
    pub names: PathBuf,
}

trait PathIsEmpty {
    fn path_is_empty(&self) -> bool;
}

impl PathIsEmpty for PathBuf {
    fn path_is_empty(&self) -> bool {
        self.as_os_str().is_empty()
    }
}

impl Default for DeriveConfig {
    fn default() -> Self {
        DeriveConfig { from: String::new(), regex: "(?<cluster>.+)".into(), names: PathBuf::new() }
    }
}

/// A kind of logs, the options that say where they are, and their address.
type Place<'a> = (SourceKind, BTreeSet<(&'a str, &'a str)>, String);

/// Cluster of a source that names none.
pub const DEFAULT_CLUSTER: &str = "default";
/// Cluster of container logs that are of whichever application has their id.
pub const ANY_CLUSTER: &str = "*";

impl SourceConfig {
    /// `[CLUSTER=]URL`, as on the command line.
    pub fn parse(text: &str) -> SourceConfig {
        let (cluster, url) = match text.split_once('=') {
            Some((c, u)) if !c.contains(['/', ':', '?']) => (c.trim(), u),
            _ => (DEFAULT_CLUSTER, text),
        };
        SourceConfig { cluster: cluster.to_owned(), url: url.to_owned(), ..SourceConfig::default() }
    }

    /// Where its applications belong; reads the files of names.
    ///
    /// # Errors
    /// The rule and what is wrong with it.
    pub fn placement(&self) -> Result<Placement, String> {
        let rules = self.derive.iter().enumerate().map(|(i, rule)| {
            let names = (!rule.names.path_is_empty()).then(|| names(&rule.names)).transpose();
            names.and_then(|names| rule.rule(names)).map_err(|e| format!("source {}: derive[{i}].{e}", self.cluster))
        });
        let labels_from = self.labels_from.clone();
        let labels_from = labels_from.unwrap_or_else(|| placement::LABELS_FROM.map(str::to_owned).to_vec());
        Ok(Placement::new(&self.cluster, self.labels.clone(), rules.collect::<Result<_, _>>()?, labels_from))
    }

    fn problems(&self, key: &str) -> Vec<String> {
        let mut out = Vec::new();
        if self.url.trim().is_empty() {
            out.push(format!("{key}.url: empty: name a folder or s3://bucket/prefix"));
        }
        let any = self.kind == SourceKind::ContainerLogs && self.cluster == ANY_CLUSTER;
        let unfit = |c: char| c.is_control() || NOT_IN_CLUSTERS.contains(c);
        let dots = self.cluster.chars().all(|c| c == '.');
        if !any && (dots || self.cluster.contains(unfit) || stored(&self.cluster) > MAX_CLUSTER) {
            out.push(format!(
                "{key}.cluster: `{}` cannot be part of a path: use letters, digits, dots and dashes",
                self.cluster
            ));
        }
        for (i, rule) in self.derive.iter().enumerate() {
            out.extend(rule.rule(None).err().map(|e| format!("{key}.derive[{i}].{e}")));
            if self.kind == SourceKind::ContainerLogs && !matches!(rule.from.as_str(), "path" | "app.id") {
                out.push(format!(
                    "{key}.derive[{i}].from: a container's log has no `{}`: use path or app.id",
                    rule.from
                ));
            }
        }
        for from in self.labels_from.iter().flatten().filter(|from| !from.starts_with("spark.")) {
            out.push(format!("{key}.labels_from: `{from}` is no setting of Spark: write spark.… (`*` at its end)"));
        }
        out
    }

    /// What no two sources may have in common.
    fn place(&self) -> Option<Place<'_>> {
        let elsewhere = |key: &str| key.contains("endpoint") || key.contains("account");
        let options = self.options.iter().filter(|(k, _)| elsewhere(k));
        let options = options.map(|(k, v)| (k.strip_prefix("aws_").unwrap_or(k), v.trim_end_matches('/')));
        let url = source::normalize(&self.url).ok()?;
        let url = match url.to_file_path() {
            // As it is on disk: two links may lead to one folder.
            Ok(path) if url.scheme() == "file" => path.canonicalize().unwrap_or(path).display().to_string(),
            _ => source::shown(&url),
        };
        Some((self.kind, options.collect(), format!("{}/", url.trim_end_matches('/'))))
    }
}

impl DeriveConfig {
    fn rule(&self, names: Option<BTreeMap<String, Named>>) -> Result<Rule, String> {
        let from = Field::parse(&self.from).map_err(|e| format!("from: {e}"))?;
        Rule::new(from, &self.regex, names).map_err(|e| format!("regex: {e}"))
    }
}

/// What a name stands for, as files write it: a cluster, or that with labels.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Cluster(String),
    Whole(Whole),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    cluster: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn names(file: &Path) -> Result<BTreeMap<String, Named>, String> {
    let fail = |e: String| format!("names: {}: {e}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| fail(format!("{e}: name a file that can be read")))?;
    let all: BTreeMap<String, Name> = toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(1, |s| text[..s.start.min(text.len())].lines().count().max(1));
        let form = "write \"NAME\" = \"cluster\" or \"NAME\" = { cluster = \"…\", labels = { … } }";
        fail(format!("line {line}: {}: {form}", e.message().replace('\n', " ")))
    })?;
    let named = |name| match name {
        Name::Cluster(cluster) => Named { cluster: Some(cluster), ..Named::default() },
        Name::Whole(Whole { cluster, labels }) => Named { cluster, labels },
    };
    Ok(all.into_iter().map(|(key, name)| (key, named(name))).collect())
}

/// What cannot work, each with its key and the remedy.
pub(super) fn problems(sources: &[SourceConfig]) -> Vec<String> {
    let mut out: Vec<_> = sources.iter().enumerate().flat_map(|(i, s)| s.problems(&format!("source[{i}]"))).collect();
    let places: Vec<_> = sources.iter().map(SourceConfig::place).collect();
    for (i, one) in places.iter().enumerate() {
        for (j, other) in places.iter().enumerate().take(i) {
            let (Some((kind, options, url)), Some((their_kind, theirs, their_url))) = (one, other) else { continue };
            let overlap = url.starts_with(their_url.as_str()) || their_url.starts_with(url.as_str());
            if (kind, options) == (their_kind, theirs) && overlap {
                let named = |i: usize| format!("source[{i}] ({}={})", sources[i].cluster, shown_url(&sources[i].url));
                out.push(format!(
                    "{} and {} hold the same objects, so that each application would be there twice: keep one, and tell clusters apart by [[source.derive]] (docs/sources.md)",
                    named(j),
                    named(i)
                ));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn two_sources_over_the_same_objects_are_told() {
        let problems = |a: &str, b: &str| {
            let all = config(&format!("[[source]]\ncluster = \"a\"\n{a}\n[[source]]\ncluster = \"b\"\n{b}"));
            all.problems()
        };
        for (a, b) in [
            ("url = \"s3://b/p\"", "url = \"s3a://b/p/\""),
            ("url = \"s3://b/p\"", "url = \"s3://b/p/sub\""),
            ("url = \"s3://b\"", "url = \"s3://b/p\""),
            ("url = \"/no/such/place\"", "url = \"file:///no/such/place\""),
        ] {
            let told = problems(a, b);
            assert!(
                told.len() == 1 && told[0].contains("source[0] (a=") && told[0].contains("source[1] (b="),
                "{told:?}"
            );
        }
        let kind = "\nkind = \"container-logs\"";
        for (a, b) in [
            ("url = \"s3://b/p\"", "url = \"s3://b/pq\"".to_owned()),
            ("url = \"s3://b/p\"", format!("url = \"s3://b/p\"{kind}")),
            ("url = \"s3://b/p\"", "url = \"s3://b/p\"\noptions = { aws_endpoint = \"http://other:9000\" }".to_owned()),
        ] {
            assert_eq!(problems(a, &b), [""; 0]);
        }
    }

    #[test]
    fn rules_are_checked_when_settings_are() {
        let problem = |rule: &str| {
            let all = config(&format!("[[source]]\ncluster = \"a\"\nurl = \"/x\"\n{rule}")).problems();
            all.join("; ")
        };
        assert_eq!(problem("[[source.derive]]\nfrom = \"spark.kubernetes.namespace\""), "");
        assert!(
            problem("[[source.derive]]\nfrom = \"namespace\"")
                .contains("source[0].derive[0].from: `namespace` is nothing")
        );
        assert!(
            problem("[[source.derive]]\nfrom = \"path\"\nregex = \"x\"")
                .contains("source[0].derive[0].regex: `x` names")
        );
        assert!(problem("labels_from = [\"tags\"]").contains("source[0].labels_from: `tags` is no setting"));
        let container = "kind = \"container-logs\"\n[[source.derive]]\nfrom = \"app.name\"";
        assert!(problem(container).contains("a container's log has no `app.name`"));
    }

    #[test]
    fn names_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("names.toml");
        let placement = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let rule = DeriveConfig { from: "path".into(), names: file.clone(), ..DeriveConfig::default() };
            let source =
                SourceConfig { cluster: "a".into(), url: "/x".into(), derive: vec![rule], ..SourceConfig::default() };
            source.placement()
        };
        let good = placement("\"j-1\" = \"etl\"\nj-2 = { labels = { team = \"ads\" } }").unwrap();
        let names = good.rules[0].names.as_ref().unwrap();
        assert_eq!(names["j-1"], Named { cluster: Some("etl".into()), ..Named::default() });
        assert_eq!(names["j-2"].labels["team"], "ads");
        let wrong = placement("\"j-1\" = \"etl\"\n\"j-2\" = 7").unwrap_err();
        assert!(wrong.contains("source a: derive[0].names: ") && wrong.contains("line 2"), "{wrong}");
        for wrong in ["a = { lables = { team = \"x\" } }", "a.b = \"x\""] {
            assert!(placement(wrong).is_err(), "{wrong}");
        }
        assert_ne!(placement("a = \"b\"").unwrap().fingerprint(), placement("a = \"c\"").unwrap().fingerprint());
    }

    #[test]
    fn clusters_are_parts_of_paths() {
        let problems = |cluster: &str| {
            let source = SourceConfig { cluster: cluster.into(), url: "/logs".into(), ..SourceConfig::default() };
            Config { source: vec![source], ..Config::default() }.problems()
        };
        for good in ["analytics", "a.b-c_1", "it's", "größe"] {
            assert_eq!(problems(good), [""; 0], "{good}");
        }
        for bad in ["", "..", "a/b", "a\"b", "a{b", "a~b", "a\nb"] {
            assert!(problems(bad)[0].contains("source[0].cluster"), "{bad}");
        }
    }

    #[test]
    fn sources_on_the_command_line() {
        for (text, cluster, url) in [
            ("analytics=s3://b/p", "analytics", "s3://b/p"),
            ("/data/events", "default", "/data/events"),
            ("s3://b/p?x=1", "default", "s3://b/p?x=1"),
            ("science=/data/a=b", "science", "/data/a=b"),
        ] {
            let s = SourceConfig::parse(text);
            assert_eq!((s.cluster.as_str(), s.url.as_str()), (cluster, url));
        }
    }
}
