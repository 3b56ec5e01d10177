//! What an application uses beside Spark itself, as its settings tell: whose Spark it is, where it runs, catalogs and table
//! formats, lineage, accelerators, shuffle services. Each names the setting that it is known by.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::state::Environment;

/// One thing that is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Used {
    pub kind: Kind,
    /// As its makers write it.
    pub name: String,
    /// More about it; empty if there is nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The setting by which it is known; `version` is Spark's version.
    pub setting: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Distribution,
    ResourceManager,
    Accelerator,
    TableFormat,
    Catalog,
    Lineage,
    Shuffle,
    Kafka,
}

const CATALOG: &str = "spark.sql.catalog.";
/// What settings of EMR Serverless begin with.
const SERVERLESS: &str = "spark.emr-serverless.";

/// Parts of class names, and whose they are.
const FORMATS: [(&str, &str); 5] = [
    ("org.apache.iceberg.", "Apache Iceberg"),
    ("io.delta.", "Delta Lake"),
    ("org.apache.spark.sql.delta.", "Delta Lake"),
    ("org.apache.spark.sql.hudi.", "Apache Hudi"),
    ("org.apache.paimon.", "Apache Paimon"),
];
const CATALOGS: [(&str, &str); 7] = [
    ("GlueCatalog", "AWS Glue"),
    ("UCSingleCatalog", "Unity Catalog"),
    ("S3TablesCatalog", "Amazon S3 Tables"),
    ("NessieCatalog", "Nessie"),
    ("RESTCatalog", "Iceberg REST"),
    ("HiveCatalog", "Hive Metastore"),
    ("HadoopCatalog", "Hadoop"),
];
/// What `spark.sql.catalog.NAME.type` may say, as Iceberg has it.
const CATALOG_TYPES: [(&str, &str); 6] = [
    ("glue", "AWS Glue"),
    ("rest", "Iceberg REST"),
    ("hive", "Hive Metastore"),
    ("hadoop", "Hadoop"),
    ("nessie", "Nessie"),
    ("jdbc", "JDBC"),
];
const PLUGINS: [(&str, &str); 6] = [
    ("com.nvidia.spark.SQLPlugin", "RAPIDS Accelerator"),
    ("org.apache.gluten.GlutenPlugin", "Apache Gluten"),
    ("io.glutenproject.GlutenPlugin", "Apache Gluten"),
    ("org.apache.spark.CometPlugin", "Apache DataFusion Comet"),
    ("org.apache.spark.sql.blaze.", "Blaze"),
    ("org.apache.spark.sql.auron.", "Apache Auron"),
];
/// Accelerators that are there and do nothing while these say `false`.
const SWITCHES: [(&str, &str); 3] = [
    ("RAPIDS Accelerator", "spark.rapids.sql.enabled"),
    ("Apache DataFusion Comet", "spark.comet.enabled"),
    ("Apache Gluten", "spark.gluten.enabled"),
];
const SHUFFLES: [(&str, &str); 3] = [
    ("org.apache.spark.shuffle.celeborn.", "Apache Celeborn"),
    ("org.apache.spark.shuffle.RssShuffleManager", "Apache Uniffle"),
    ("org.apache.spark.shuffle.RssSparkShuffleManager", "Apache Uniffle"),
];

/// Everything that is used, by kind.
pub fn used(version: &str, environment: &Environment) -> Vec<Used> {
    let mut out = Vec::new();
    let mut add = |kind, name: &str, detail: String, setting: &str| {
        // The same by another setting says no more.
        if !out.iter().any(|u: &Used| u.kind == kind && u.name == name && u.detail == detail) {
            out.push(Used { kind, name: name.to_owned(), detail, setting: setting.to_owned() });
        }
    };
    let get = |key: &str| environment.spark_property(key).filter(|v| !v.trim().is_empty());
    if let Some((name, detail, setting)) = distribution(version, environment) {
        add(Kind::Distribution, name, detail, setting);
    }
    if let Some((name, setting)) = resource_manager(environment) {
        add(Kind::ResourceManager, name, String::new(), setting);
    }
    let known = |all: &'static [(&str, &'static str)], text: &str| {
        all.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| *name)
    };
    for key in ["spark.plugins", "spark.sql.extensions", "spark.shuffle.manager"] {
        for class in get(key).unwrap_or_default().split(',') {
            let is_on = |name: &&str| {
                let switch = SWITCHES.iter().find(|(of, _)| of == name).and_then(|(_, switch)| get(switch));
                switch.is_none_or(|s| !s.trim().eq_ignore_ascii_case("false"))
            };
            if let Some(name) = known(&PLUGINS, class).filter(is_on) {
                add(Kind::Accelerator, name, String::new(), key);
            }
        }
    }
    if environment.spark_property("spark.databricks.clusterUsageTags.runtimeEngine").is_some_and(|e| e == "PHOTON") {
        add(Kind::Accelerator, "Photon", String::new(), "spark.databricks.clusterUsageTags.runtimeEngine");
    }
    for class in get("spark.sql.extensions").unwrap_or_default().split(',') {
        if let Some(name) = known(&FORMATS, class) {
            add(Kind::TableFormat, name, String::new(), "spark.sql.extensions");
        }
    }
    for (name, settings) in catalogs(environment) {
        let key = format!("{CATALOG}{name}");
        let class = settings.get("").copied().unwrap_or_default();
        let implementation = settings.get("catalog-impl").copied().unwrap_or(class);
        if let Some(format) = known(&FORMATS, class) {
            add(Kind::TableFormat, format, String::new(), &key);
        }
        let by_type = || {
            let said = settings.get("type")?.trim();
            CATALOG_TYPES.iter().find(|(t, _)| said.eq_ignore_ascii_case(t)).map(|(_, name)| *name)
        };
        // A session's catalog of a table format, and nothing else, is no catalog of its own.
        let kind = known(&CATALOGS, implementation).or_else(by_type).or((name != "spark_catalog").then_some(class));
        if let Some(kind) = kind.filter(|k| !k.is_empty()) {
            let place = settings.get("uri").or(settings.get("warehouse")).map_or(String::new(), |p| format!(", {p}"));
            add(Kind::Catalog, kind, format!("{name}{place}"), &key);
        }
    }
    if get("hive.metastore.client.factory.class")
        .or(get("spark.hadoop.hive.metastore.client.factory.class"))
        .is_some_and(|c| c.contains("AWSGlueDataCatalog"))
    {
        add(Kind::Catalog, "AWS Glue", "spark_catalog".into(), "spark.hadoop.hive.metastore.client.factory.class");
    } else if get("spark.sql.catalogImplementation") == Some("hive") {
        add(Kind::Catalog, "Hive Metastore", "spark_catalog".into(), "spark.sql.catalogImplementation");
    }
    if get("spark.extraListeners")
        .is_some_and(|all| all.contains("io.openlineage.spark.agent.OpenLineageSparkListener"))
    {
        add(Kind::Lineage, "OpenLineage", lineage(environment), "spark.extraListeners");
    }
    if let Some(name) = get("spark.shuffle.manager").and_then(|class| known(&SHUFFLES, class)) {
        add(Kind::Shuffle, name, String::new(), "spark.shuffle.manager");
    }
    if get("spark.shuffle.sort.io.plugin.class").is_some_and(|c| c.contains("KubernetesLocalDiskShuffleDataIO")) {
        add(Kind::Shuffle, "Reused volumes", String::new(), "spark.shuffle.sort.io.plugin.class");
    }
    for (key, value) in environment.spark_properties.iter().filter(|(k, _)| k.ends_with("kafka.security.protocol")) {
        let mechanism = key.replace("security.protocol", "sasl.mechanism");
        let mechanism = get(&mechanism).map_or(String::new(), |m| format!(", {m}"));
        add(Kind::Kafka, "Kafka", format!("{value}{mechanism}"), key);
    }
    out
}

/// Whose Spark it is, if it is not the Foundation's own.
fn distribution(version: &str, environment: &Environment) -> Option<(&'static str, String, &'static str)> {
    let property = |key| environment.spark_property(key).filter(|v| !v.is_empty()).map(str::to_owned);
    let databricks = "spark.databricks.clusterUsageTags.sparkVersion";
    let glue = "spark.glue.GLUE_VERSION";
    let release = || environment.system_property("EMR_RELEASE_LABEL").map(str::to_owned);
    let has = |prefix: &str| environment.spark_properties.iter().any(|(key, _)| key.starts_with(prefix));
    if let Some(runtime) = property(databricks) {
        Some(("Databricks Runtime", runtime, databricks))
    } else if let Some(version) = property(glue) {
        Some(("AWS Glue", version, glue))
    } else if has(SERVERLESS) {
        Some(("Amazon EMR Serverless", release().unwrap_or_default(), "spark.emr-serverless"))
    } else if let Some(release) = release() {
        Some(("Amazon EMR", release, "EMR_RELEASE_LABEL"))
    } else if version.contains("-amzn-") {
        Some(("Amazon EMR", version.to_owned(), "version"))
    } else if has("spark.dataproc.") {
        Some(("Google Dataproc", String::new(), "spark.dataproc"))
    } else if version.contains(".cloudera") || version.contains("-cdh") {
        Some(("Cloudera", version.to_owned(), "version"))
    } else {
        None
    }
}

fn resource_manager(environment: &Environment) -> Option<(&'static str, &'static str)> {
    const MASTER: &str = "spark.master";
    let master = environment.spark_property(MASTER)?;
    let forms =
        [("yarn", "YARN"), ("k8s", "Kubernetes"), ("spark:", "Standalone"), ("mesos", "Mesos"), ("local", "Local")];
    forms.into_iter().find(|(form, _)| master.starts_with(form)).map(|(_, name)| (name, MASTER))
}

/// Settings of each catalog, by what follows its name.
fn catalogs(environment: &Environment) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let mut out: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (key, value) in &environment.spark_properties {
        let Some(rest) = key.strip_prefix(CATALOG) else { continue };
        let (name, setting) = rest.split_once('.').unwrap_or((rest, ""));
        out.entry(name).or_default().insert(setting, value);
    }
    // Options of a catalog that is not there are of none.
    out.retain(|_, settings| settings.contains_key(""));
    out
}

/// How lineage is sent, and to which domain.
fn lineage(environment: &Environment) -> String {
    let get = |key| environment.spark_property(key);
    let transport = get("spark.openlineage.transport.type");
    let to = get("spark.openlineage.transport.domainId").or(get("spark.openlineage.transport.url"));
    [transport, to].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The job run of Amazon EMR on EKS that an application is: ids of both have the same 19 characters. So may others have, of other
/// clusters than Kubernetes' and of EMR Serverless.
pub fn job_run<'a>(app_id: &'a str, environment: &Environment) -> Option<&'a str> {
    let on_kubernetes = environment.spark_property("spark.master").is_some_and(|m| m.starts_with("k8s"));
    let serverless = environment.spark_properties.iter().any(|(key, _)| key.starts_with(SERVERLESS));
    let run = app_id.strip_prefix("spark-")?;
    let fits = run.len() == 19 && run.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    (fits && on_kubernetes && !serverless).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str, spark: &[(&str, &str)], system: &[(&str, &str)]) -> Vec<String> {
        let pairs = |of: &[(&str, &str)]| of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let environment =
            Environment { spark_properties: pairs(spark), system_properties: pairs(system), ..Environment::default() };
        let shown = |u: &Used| if u.detail.is_empty() { u.name.clone() } else { format!("{} ({})", u.name, u.detail) };
        used(version, &environment).iter().map(shown).collect()
    }

    #[test]
    fn distributions() {
        assert_eq!(of("3.5.1-amzn-1", &[], &[("EMR_RELEASE_LABEL", "emr-7.2.0")]), ["Amazon EMR (emr-7.2.0)"]);
        assert_eq!(of("3.5.1-amzn-1", &[], &[]), ["Amazon EMR (3.5.1-amzn-1)"]);
        let runtime = ("spark.databricks.clusterUsageTags.sparkVersion", "15.4.x-scala2.12");
        let photon = ("spark.databricks.clusterUsageTags.runtimeEngine", "PHOTON");
        assert_eq!(of("3.5.0", &[runtime, photon], &[]), ["Databricks Runtime (15.4.x-scala2.12)", "Photon"]);
        assert_eq!(of("3.3.0-amzn-1", &[("spark.glue.GLUE_VERSION", "4.0")], &[]), ["AWS Glue (4.0)"]);
        assert_eq!(of("3.5.6", &[("spark.master", "k8s://https://x")], &[]), ["Kubernetes"]);
        assert_eq!(of("3.5.6", &[], &[]), [""; 0]);
    }

    #[test]
    fn catalogs_and_table_formats() {
        let iceberg = "org.apache.iceberg.spark.SparkCatalog";
        let extension = ("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions");
        let glue = of(
            "3.5.6",
            &[
                extension,
                ("spark.sql.catalog.lake", iceberg),
                ("spark.sql.catalog.lake.catalog-impl", "org.apache.iceberg.aws.glue.GlueCatalog"),
                ("spark.sql.catalog.lake.warehouse", "s3://b/w"),
            ],
            &[],
        );
        assert_eq!(glue, ["Apache Iceberg", "AWS Glue (lake, s3://b/w)"]);
        let rest = [
            ("spark.sql.catalog.r", iceberg),
            ("spark.sql.catalog.r.type", "rest"),
            ("spark.sql.catalog.r.uri", "http://x"),
        ];
        assert_eq!(of("3.5.6", &rest, &[]), ["Apache Iceberg", "Iceberg REST (r, http://x)"]);
        let hadoop = [("spark.sql.catalog.h", iceberg), ("spark.sql.catalog.h.type", "hadoop")];
        assert_eq!(of("3.5.6", &hadoop, &[]), ["Apache Iceberg", "Hadoop (h)"]);
        let typed = |said| of("3.5.6", &[("spark.sql.catalog.t", iceberg), ("spark.sql.catalog.t.type", said)], &[]);
        assert_eq!(typed("Glue"), ["Apache Iceberg", "AWS Glue (t)"]);
        assert_eq!(typed("my-restful"), ["Apache Iceberg", format!("{iceberg} (t)").as_str()]);
        let unity = [("spark.sql.catalog.u", "io.unitycatalog.spark.UCSingleCatalog")];
        assert_eq!(of("3.5.6", &unity, &[]), ["Unity Catalog (u)"]);
        let delta = [
            ("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension"),
            ("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"),
        ];
        assert_eq!(of("3.5.6", &delta, &[]), ["Delta Lake"]);
        assert_eq!(of("3.5.6", &[("spark.sql.catalog.gone.type", "rest")], &[]), [""; 0]);
    }

    #[test]
    fn lineage_accelerators_and_the_rest() {
        let listener = ("spark.extraListeners", "a.B,io.openlineage.spark.agent.OpenLineageSparkListener");
        let zone = [
            listener,
            ("spark.openlineage.transport.type", "amazon_datazone_api"),
            ("spark.openlineage.transport.domainId", "dzd_abc123"),
        ];
        assert_eq!(of("3.5.6", &zone, &[]), ["OpenLineage (amazon_datazone_api, dzd_abc123)"]);
        assert_eq!(of("3.5.6", &zone[1..], &[]), [""; 0], "settings without the listener do nothing");
        let fast = [
            ("spark.plugins", "com.nvidia.spark.SQLPlugin"),
            ("spark.shuffle.manager", "org.apache.spark.shuffle.celeborn.SparkShuffleManager"),
        ];
        assert_eq!(of("3.5.6", &fast, &[]), ["RAPIDS Accelerator", "Apache Celeborn"]);
        for (plugin, switch, name) in [
            ("com.nvidia.spark.SQLPlugin", "spark.rapids.sql.enabled", "RAPIDS Accelerator"),
            ("org.apache.spark.CometPlugin", "spark.comet.enabled", "Apache DataFusion Comet"),
            ("org.apache.gluten.GlutenPlugin", "spark.gluten.enabled", "Apache Gluten"),
        ] {
            let switched = |to| of("3.5.6", &[("spark.plugins", plugin), (switch, to)], &[]);
            assert_eq!(switched("true"), [name]);
            assert_eq!(switched("False"), [""; 0]);
        }
        let kafka =
            [("spark.app.kafka.security.protocol", "SASL_SSL"), ("spark.app.kafka.sasl.mechanism", "AWS_MSK_IAM")];
        assert_eq!(of("3.5.6", &kafka, &[]), ["Kafka (SASL_SSL, AWS_MSK_IAM)"]);
    }

    #[test]
    fn job_runs_of_emr_on_eks() {
        let of = |id: &str, spark: &[(&str, &str)]| {
            let spark_properties = spark.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            job_run(id, &Environment { spark_properties, ..Environment::default() }).map(str::to_owned)
        };
        let master = ("spark.master", "k8s://https://x:443");
        let id = "spark-0000000337okspsc913";
        assert_eq!(of(id, &[master]).as_deref(), Some("0000000337okspsc913"));
        assert_eq!(of("spark-7d1b2c3e4f5a69788796a5b4c3d2e1f0", &[master]), None);
        assert_eq!(of("application_1_2", &[master]), None);
        assert_eq!(of(id, &[("spark.master", "yarn")]), None);
        assert_eq!(of(id, &[]), None);
        assert_eq!(of(id, &[master, ("spark.emr-serverless.driver.disk", "20g")]), None);
    }
}
