//! `SparkApplication` and `ScheduledSparkApplication` of the Kubernetes operator for Spark.

use super::document::{Data, Node};
use super::{Problem, Setting, fields};

const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
const SPEC: [&str; 31] = [
    "type",
    "sparkVersion",
    "mode",
    "proxyUser",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "mainClass",
    "mainApplicationFile",
    "arguments",
    "sparkConf",
    "hadoopConf",
    "sparkConfigMap",
    "hadoopConfigMap",
    "volumes",
    "driver",
    "executor",
    "deps",
    "restartPolicy",
    "nodeSelector",
    "failureRetries",
    "retryInterval",
    "pythonVersion",
    "memoryOverheadFactor",
    "monitoring",
    "batchScheduler",
    "timeToLiveSeconds",
    "batchSchedulerOptions",
    "sparkUIOptions",
    "driverIngressOptions",
    "dynamicAllocation",
];
/// Fields that came after the others; their operators are newer.
const SPEC_LATER: [&str; 3] = ["suspend", "kerberos", "sparkConnect"];
const SCHEDULED: [&str; 8] = [
    "schedule",
    "timeZone",
    "template",
    "suspend",
    "concurrencyPolicy",
    "successfulRunHistoryLimit",
    "failedRunHistoryLimit",
    "startingDeadlineSeconds",
];
/// Fields and the settings that the operator makes of them: it writes them behind `sparkConf`, so that they win.
const FIELDS: [(&str, &str, &str); 17] = [
    ("", "image", "spark.kubernetes.container.image"),
    ("", "memoryOverheadFactor", "spark.kubernetes.memoryOverheadFactor"),
    ("driver", "cores", "spark.driver.cores"),
    ("driver", "coreRequest", "spark.kubernetes.driver.request.cores"),
    ("driver", "coreLimit", "spark.kubernetes.driver.limit.cores"),
    ("driver", "memory", "spark.driver.memory"),
    ("driver", "memoryOverhead", "spark.driver.memoryOverhead"),
    ("driver", "javaOptions", "spark.driver.extraJavaOptions"),
    ("driver", "serviceAccount", "spark.kubernetes.authenticate.driver.serviceAccountName"),
    ("executor", "cores", "spark.executor.cores"),
    ("executor", "coreRequest", "spark.kubernetes.executor.request.cores"),
    ("executor", "coreLimit", "spark.kubernetes.executor.limit.cores"),
    ("executor", "instances", "spark.executor.instances"),
    ("executor", "memory", "spark.executor.memory"),
    ("executor", "memoryOverhead", "spark.executor.memoryOverhead"),
    ("executor", "javaOptions", "spark.executor.extraJavaOptions"),
    ("dynamicAllocation", "enabled", "spark.dynamicAllocation.enabled"),
];
const DYNAMIC: [(&str, &str); 4] = [
    ("initialExecutors", "spark.dynamicAllocation.initialExecutors"),
    ("minExecutors", "spark.dynamicAllocation.minExecutors"),
    ("maxExecutors", "spark.dynamicAllocation.maxExecutors"),
    ("shuffleTrackingTimeout", "spark.dynamicAllocation.shuffleTracking.timeout"),
];

/// Whether the document is a manifest of the operator.
pub fn is(document: &Node) -> bool {
    document.get("kind").and_then(Node::text).is_some_and(|k| k.ends_with("SparkApplication"))
}

/// What the manifest sets, those that win last.
pub fn settings(document: &Node, problems: &mut Vec<Problem>) -> Vec<Setting> {
    fields(document, "the manifest", &TOP, problems);
    let Some(spec) = document.get("spec") else {
        problems.push(document.problem("`spec` is missing"));
        return Vec::new();
    };
    let scheduled = document.get("kind").and_then(Node::text) == Some("ScheduledSparkApplication");
    let spec = if scheduled {
        fields(spec, "spec", &SCHEDULED, problems);
        let Some(template) = spec.get("template") else {
            problems.push(spec.problem("`template` is missing: what is run on schedule"));
            return Vec::new();
        };
        template
    } else {
        spec
    };
    fields(spec, "spec", &[&SPEC[..], &SPEC_LATER].concat(), problems);
    for key in ["type", "sparkVersion", "mainApplicationFile", "driver", "executor"] {
        if spec.get(key).is_none() {
            problems.push(spec.problem(format!("`{key}` is missing: a SparkApplication needs it")));
        }
    }
    let one_of = |key: &str, allowed: &[&str]| {
        let node = spec.get(key)?;
        let text = node.text().unwrap_or_default();
        (!allowed.contains(&text))
            .then(|| node.problem(format!("`{key}: {text}`: write one of {}", allowed.join(", "))))
    };
    problems.extend(one_of("type", &["Java", "Python", "Scala", "R"]));
    problems.extend(one_of("mode", &["cluster", "client"]));
    let mut out = Vec::new();
    for (place, from, prefix) in [("sparkConf", "sparkConf", ""), ("hadoopConf", "hadoopConf", "spark.hadoop.")] {
        for (key, value) in spec.get(place).into_iter().flat_map(Node::entries) {
            match (key.text(), &value.data) {
                (Some(key), Data::Text(text)) => out.push(Setting::new(&format!("{prefix}{key}"), text, from, value)),
                _ => problems.push(value.problem(format!("values of {place} are texts"))),
            }
        }
    }
    let dynamic = DYNAMIC.iter().map(|(field, name)| ("dynamicAllocation", *field, *name));
    for (place, field, name) in FIELDS.into_iter().chain(dynamic) {
        let within = if place.is_empty() { Some(spec) } else { spec.get(place) };
        let Some(value) = within.and_then(|w| w.get(field)) else { continue };
        let from = match place {
            "driver" => "spec.driver",
            "executor" => "spec.executor",
            "dynamicAllocation" => "spec.dynamicAllocation",
            _ => "spec",
        };
        match value.text() {
            Some(text) => out.push(Setting::new(name, text, from, value)),
            None => problems.push(value.problem(format!("`{field}` is no single value"))),
        }
    }
    out
}
