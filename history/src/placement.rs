//! Which cluster and which labels an application gets: what its source says, and what its log says where the source asks for
//! that. It is decided anew whenever the rules of a source change, from what the store has of an application.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::Serialize;

use crate::state::{Application, Environment};

/// Labels of an application at most, and characters of one: lists count them by value.
const MAX_LABELS: usize = 32;
const MAX_LABEL: usize = 128;
/// Bytes of a cluster's name as names of files have it: these take 255, with more than the cluster in them.
pub const MAX_CLUSTER: usize = 200;
/// What neither a path of ours nor a key of an object store has as it is.
pub const NOT_IN_CLUSTERS: &str = "/?#%\"\\{}[]<>^`|~*";
/// Settings whose pairs are labels unless a source says otherwise.
pub const LABELS_FROM: [&str; 2] = ["spark.yarn.tags", "spark.kubernetes.driver.label.*"];
/// Labels of Kubernetes that differ from run to run, and those of Spark itself: as labels they would only grow lists.
const OF_ONE_RUN: [&str; 9] = [
    "spark-app-selector",
    "spark-app-name",
    "spark-role",
    "spark-version",
    "run_id",
    "try_number",
    "map_index",
    "execution_date",
    "logical_date",
];
/// Of places that say it no way else, those whose applications are queued by YuniKorn wait here.
const YUNIKORN_QUEUE: &str = "root.default";
/// Where resource managers say in which queue an application runs; Kubernetes has none of its own.
const QUEUES: [&str; 6] = [
    "spark.yarn.queue",
    "spark.kubernetes.driver.annotation.yunikorn.apache.org/queue",
    "spark.kubernetes.driver.label.yunikorn.apache.org/queue",
    "spark.kubernetes.driver.label.queue",
    "spark.kubernetes.driver.annotation.scheduling.volcano.sh/queue-name",
    "spark.kubernetes.driver.label.kueue.x-k8s.io/queue-name",
];

/// What settings may name.
const FIELDS: &str = "write app.name, app.id, app.user, path, a setting of Spark (spark.…) or a system property of its driver (system.…)";

/// A part of a log that says where its application belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Field {
    /// A setting of Spark, by its name.
    Property(String),
    /// A system property of the driver's JVM: Amazon EMR has its ids there.
    System(String),
    Name,
    Id,
    User,
    /// The log's path below the source.
    Path,
}

impl Field {
    /// As settings write it.
    ///
    /// # Errors
    /// What may be written instead.
    pub fn parse(text: &str) -> Result<Field, String> {
        Ok(match text {
            "app.name" => Field::Name,
            "app.id" => Field::Id,
            "app.user" => Field::User,
            "path" => Field::Path,
            key if key.starts_with("spark.") => Field::Property(key.to_owned()),
            other => match other.strip_prefix("system.") {
                Some(key) => Field::System(key.to_owned()),
                None => return Err(format!("`{other}` is nothing of a log: {FIELDS}")),
            },
        })
    }

    fn of<'a>(&self, told: &Told<'a>) -> Option<&'a str> {
        match self {
            Field::Property(key) => told.environment.spark_property(key),
            Field::System(key) => told.environment.system_property(key),
            Field::Name => Some(&told.application.name),
            Field::Id => Some(&told.application.id),
            Field::User => Some(&told.application.user),
            Field::Path => Some(told.path),
        }
    }
}

/// What a name stands for in a file of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Named {
    pub cluster: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// A rule of a source.
#[derive(Debug, Clone)]
pub struct Rule {
    pub from: Field,
    /// Its group `cluster` names the cluster, every other named group is a label.
    pub regex: Regex,
    /// What names stand for; a rule that finds one which is not here says nothing.
    pub names: Option<BTreeMap<String, Named>>,
}

impl Rule {
    /// # Errors
    /// If the expression is none, or names nothing.
    pub fn new(from: Field, regex: &str, names: Option<BTreeMap<String, Named>>) -> Result<Rule, String> {
        let regex = Regex::new(regex).map_err(|e| e.to_string().replace('\n', " "))?;
        if regex.capture_names().flatten().next().is_none() {
            return Err(format!("`{regex}` names nothing: write a named group, as in (?<cluster>[a-z-]+)"));
        }
        Ok(Rule { from, regex, names })
    }
}

/// What a log says of its application.
pub struct Told<'a> {
    pub application: &'a Application,
    pub environment: &'a Environment,
    /// The log's path below its source.
    pub path: &'a str,
}

/// Where an application belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub cluster: String,
    pub labels: BTreeMap<String, String>,
    /// The rule that gave the cluster, by its number from 0; none if the source did.
    pub rule: Option<usize>,
    /// Fingerprint of all rules.
    pub by: String,
}

/// Where the applications of a source belong.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// Of applications for which no rule says anything.
    pub cluster: String,
    pub labels: BTreeMap<String, String>,
    /// In order: the first that gives a cluster or a label counts.
    pub rules: Vec<Rule>,
    /// Settings with labels as `name=value`, separated by commas; one that ends in `*` has one label for each setting.
    pub labels_from: Vec<String>,
    fingerprint: OnceLock<String>,
}

impl Placement {
    /// Those of a source, its rules in their order.
    pub fn new(
        cluster: &str,
        labels: BTreeMap<String, String>,
        rules: Vec<Rule>,
        labels_from: Vec<String>,
    ) -> Placement {
        Placement { cluster: cluster.to_owned(), labels, rules, labels_from, fingerprint: OnceLock::new() }
    }

    /// Changes whenever applications might be placed otherwise.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| {
            let rules: Vec<_> = self.rules.iter().map(|r| (&r.from, r.regex.as_str(), &r.names)).collect();
            let all = serde_json::to_vec(&(&self.cluster, &self.labels, rules, &self.labels_from)).unwrap_or_default();
            format!("{:08x}", crc32fast::hash(&all))
        })
    }

    /// Where the application belongs.
    pub fn place(&self, told: &Told<'_>) -> Placed {
        let (mut cluster, mut by_rule) = (None, None);
        let mut labels = BTreeMap::new();
        for (i, rule) in self.rules.iter().enumerate() {
            let Some(found) = rule.from.of(told).and_then(|text| rule.regex.captures(text)) else { continue };
            let group = found.name("cluster").map(|m| m.as_str());
            let named = match &rule.names {
                None => Named::default(),
                Some(names) => match names.get(group.unwrap_or(&found[0]).trim()) {
                    None => continue,
                    Some(named) => named.clone(),
                },
            };
            let groups = rule.regex.capture_names().flatten().filter(|name| *name != "cluster");
            let groups = groups.filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned())));
            for (name, value) in named.labels.into_iter().chain(groups) {
                if !value.trim().is_empty() {
                    labels.entry(name).or_insert(value);
                }
            }
            let name = named.cluster.as_deref().or(group).map(as_cluster).filter(|name| !name.is_empty());
            if let (None, Some(name)) = (&cluster, name) {
                (cluster, by_rule) = (Some(name), Some(i));
            }
        }
        for (name, value) in self.labels.clone().into_iter().chain(self.pairs(told.environment)) {
            labels.entry(name).or_insert(value);
        }
        let labels = labels.into_iter().take(MAX_LABELS).map(|(k, v)| (cut(&k), cut(&v))).collect();
        let cluster = cluster.unwrap_or_else(|| self.cluster.clone());
        Placed { cluster, labels, rule: by_rule, by: self.fingerprint().to_owned() }
    }

    /// Labels that settings have.
    fn pairs<'a>(&'a self, environment: &'a Environment) -> impl Iterator<Item = (String, String)> + 'a {
        self.labels_from.iter().flat_map(move |from| {
            let own = environment.spark_properties.iter();
            match from.strip_suffix('*') {
                Some(prefix) => own.filter_map(|(key, value)| label(key.strip_prefix(prefix)?, value)).collect(),
                None => own.filter(|(key, _)| key == from).flat_map(|(_, value)| pairs(value)).collect::<Vec<_>>(),
            }
        })
    }
}

/// A label by its own setting, unless it says of what run it is, or whose it is: names with a slash are of tools.
fn label(name: &str, value: &str) -> Option<(String, String)> {
    let named = !name.is_empty() && !name.contains('/') && !OF_ONE_RUN.contains(&name) && !value.trim().is_empty();
    named.then(|| (name.to_owned(), value.trim().to_owned()))
}

/// `a=x, b=y` in any spacing, or Databricks' `[{"key":"a","value":"x"}]`; what is no pair is none.
fn pairs(text: &str) -> Vec<(String, String)> {
    if text.trim_start().starts_with('[') {
        let all: Vec<BTreeMap<String, String>> = serde_json::from_str(text).unwrap_or_default();
        return all.iter().filter_map(|tag| label(tag.get("key")?, tag.get("value")?)).collect();
    }
    text.split(',').filter_map(|pair| pair.split_once('=')).filter_map(|(k, v)| label(k.trim(), v)).collect()
}

/// A text as a cluster's name: what cannot be part of a path becomes a dash.
fn as_cluster(text: &str) -> String {
    let unseen =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && !unseen(c) && !NOT_IN_CLUSTERS.contains(c);
    let mut name: String = text.trim().chars().take(MAX_CLUSTER).map(|c| if fits(c) { c } else { '-' }).collect();
    while stored(&name) > MAX_CLUSTER {
        name.pop();
    }
    if name.chars().all(|c| c == '.' || c == '-') { String::new() } else { name }
}

/// Bytes of a cluster's name in the store.
pub fn stored(name: &str) -> usize {
    object_store::path::Path::from_iter([name]).as_ref().len()
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_LABEL).collect()
}

/// The queue that an application runs in; empty if it says none.
pub fn queue(environment: &Environment) -> &str {
    let yunikorn = || {
        let scheduler = environment.spark_property("spark.kubernetes.scheduler.name");
        scheduler.is_some_and(|s| s.eq_ignore_ascii_case("yunikorn")).then_some(YUNIKORN_QUEUE)
    };
    QUEUES.iter().find_map(|key| environment.spark_property(key)).or_else(yunikorn).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(of: &[(&str, &str)]) -> Environment {
        let pairs: Vec<_> = of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Environment { spark_properties: pairs, ..Environment::default() }
    }

    fn placed(placement: &Placement, of: &[(&str, &str)], path: &str) -> (String, String) {
        let application = Application { id: "app-1".into(), name: "nightly load".into(), ..Application::default() };
        let environment = environment(of);
        let found = placement.place(&Told { application: &application, environment: &environment, path });
        let labels: Vec<_> = found.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (found.cluster, labels.join(" "))
    }

    fn rule(from: &str, regex: &str) -> Rule {
        Rule::new(Field::parse(from).unwrap(), regex, None).unwrap()
    }

    fn fallback(rules: Vec<Rule>) -> Placement {
        Placement { cluster: "rest".into(), rules, ..Placement::default() }
    }

    #[test]
    fn the_first_rule_that_finds_a_cluster_counts() {
        let of = fallback(vec![
            rule("spark.kubernetes.namespace", "^(?<cluster>data-[a-z]+)(-(?<env>prod|dev))?$"),
            rule("path", "^(?<cluster>[^/]+)/"),
            rule("app.name", "^(?<kind>[a-z]+) "),
        ]);
        let namespace = |name| [("spark.kubernetes.namespace", name)];
        let is = |cluster: &str, labels: &str| (cluster.to_owned(), labels.to_owned());
        assert_eq!(placed(&of, &namespace("data-science-prod"), "emr/a"), is("data-science", "env=prod kind=nightly"));
        assert_eq!(placed(&of, &namespace("data-science"), "emr/a"), is("data-science", "kind=nightly"));
        assert_eq!(placed(&of, &namespace("other"), "emr/a"), is("emr", "kind=nightly"));
        assert_eq!(placed(&of, &[], "a"), is("rest", "kind=nightly"));
    }

    #[test]
    fn names_stand_for_what_a_file_says() {
        let named = |cluster: &str, team: &str| Named {
            cluster: Some(cluster.into()),
            labels: BTreeMap::from([("team".into(), team.into())]),
        };
        let names = BTreeMap::from([("j-1".into(), named("etl", "core")), ("j-2".into(), named("ads/eu", "ads"))]);
        let from = Field::parse("path").unwrap();
        let of = fallback(vec![
            Rule::new(from, "^(?<cluster>j-[0-9]+)/", Some(names)).unwrap(),
            rule("path", "(?<cluster>z)"),
        ]);
        let is = |cluster: &str, labels: &str| (cluster.to_owned(), labels.to_owned());
        assert_eq!(placed(&of, &[], "j-1/a"), is("etl", "team=core"));
        assert_eq!(placed(&of, &[], "j-2/a"), is("ads-eu", "team=ads"));
        assert_eq!(placed(&of, &[], "j-3/a"), is("rest", ""), "it stands for nothing");
        assert_eq!(placed(&of, &[], "j-3/z"), is("z", ""), "and leaves it to the next");
    }

    #[test]
    fn pairs_in_tags_and_labels_of_pods_are_labels() {
        let from = LABELS_FROM.map(str::to_owned).to_vec();
        let of = Placement {
            labels: BTreeMap::from([("owner".into(), "us".into())]),
            labels_from: from,
            ..fallback(vec![])
        };
        let labels = |key: &str, value: &str| placed(&of, &[(key, value)], "a").1;
        let tags = "project=sqlbasedetl, owner=myowner , costcenter = 66666,livy-session-7,=x,y=";
        assert_eq!(labels("spark.yarn.tags", tags), "costcenter=66666 owner=us project=sqlbasedetl");
        assert_eq!(labels("spark.kubernetes.driver.label.team", "risk "), "owner=us team=risk");
        for unique in ["spark-app-selector", "run_id", "emr-containers.amazonaws.com/job.id"] {
            assert_eq!(labels(&format!("spark.kubernetes.driver.label.{unique}"), "1"), "owner=us", "{unique}");
        }
        let tags = "spark.databricks.clusterUsageTags.clusterAllTags";
        let of = Placement { labels_from: vec![tags.into()], ..fallback(vec![]) };
        let json = r#"[{"key":"Vendor","value":"Databricks"},{"key":"team","value":"x"},{"key":1}]"#;
        assert_eq!(placed(&of, &[(tags, json)], "a").1, "", "not the form that it has");
        assert_eq!(placed(&of, &[(tags, &json.replace(r#",{"key":1}"#, ""))], "a").1, "Vendor=Databricks team=x");
    }

    #[test]
    fn hostile_names_are_names() {
        let of = fallback(vec![rule("app.user", "(?<cluster>.*)"), rule("path", "(?<cluster>.*)")]);
        let cluster = |path: &str| placed(&of, &[], path).0;
        assert_eq!(cluster("../a b/\u{7}c"), "..-a-b--c");
        assert_eq!(cluster(".."), "rest");
        assert_eq!(cluster(&"x".repeat(1000)).len(), MAX_CLUSTER);
        assert_eq!(cluster(&"集".repeat(1000)).chars().count(), MAX_CLUSTER / 9);
        let many: Vec<_> = (0..100).map(|i| format!("k{i}={}", "v".repeat(1000))).collect();
        let of = Placement { labels_from: vec!["spark.yarn.tags".into()], ..fallback(vec![]) };
        let labels = placed(&of, &[("spark.yarn.tags", &many.join(","))], "a").1;
        assert_eq!((labels.split(' ').count(), labels.split(' ').all(|l| l.len() < 140)), (MAX_LABELS, true));
    }

    #[test]
    fn rules_that_name_nothing_are_told() {
        let wrong = |from: &str, regex: &str| Field::parse(from).and_then(|f| Rule::new(f, regex, None)).unwrap_err();
        assert!(wrong("path", "[a-z]+").contains("write a named group"));
        assert!(wrong("path", "(?<cluster>").contains("unclosed group"));
        assert!(wrong("namespace", "(?<cluster>.+)").contains("`namespace` is nothing of a log"));
    }

    #[test]
    fn queues_of_resource_managers() {
        let of = |all: &[(&str, &str)]| queue(&environment(all)).to_owned();
        assert_eq!(of(&[("spark.yarn.queue", "etl")]), "etl");
        let annotation = "spark.kubernetes.driver.annotation.yunikorn.apache.org/queue";
        let yunikorn = ("spark.kubernetes.scheduler.name", "yunikorn");
        assert_eq!(of(&[yunikorn, (annotation, "root.analytics-queue")]), "root.analytics-queue");
        assert_eq!(of(&[yunikorn]), "root.default");
        assert_eq!(of(&[("spark.kubernetes.scheduler.name", "volcano")]), "");
    }
}
