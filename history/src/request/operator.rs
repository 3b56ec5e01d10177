//! `SparkApplication` and `ScheduledSparkApplication` of the Kubernetes operator for Spark: which settings it hands to
//! `spark-submit`, in its order.

use super::crd::{
    BEFORE, DRIVER, DRIVER_MAPS, DYNAMIC, EXECUTOR, EXECUTOR_MAPS, Field, OF_DRIVER, OF_DYNAMIC, OF_EXECUTOR, POD,
    RESTART, SCHEDULED, SHUFFLE_TRACKING, SPEC, Shape, TOP,
};
use super::document::{Data, Node};
use super::shape::{boolean, fields, near, text, texts, whole};
use super::{Problem, Setting};

const GROUP: &str = "sparkoperator.k8s.io/";
const VERSION: &str = "sparkoperator.k8s.io/v1beta2";
const ONE: &str = "SparkApplication";
const SCHEDULED_ONE: &str = "ScheduledSparkApplication";
/// What holds others.
const LISTS: [&str; 3] = ["List", "SparkApplicationList", "ScheduledSparkApplicationList"];

fn kind(document: &Node) -> &str {
    document.get("kind").and_then(Node::text).unwrap_or_default()
}

/// Whether the document is a manifest of the operator, or was meant to be one.
pub fn is(document: &Node) -> bool {
    near(kind(document), &[ONE, SCHEDULED_ONE]).is_some()
}

/// The documents that a list of Kubernetes holds.
pub fn items(document: &Node) -> Option<&[Node]> {
    LISTS.contains(&kind(document)).then(|| document.get("items").map_or(&[][..], Node::items))
}

/// What the manifest sets, those that win last.
pub fn settings(document: &Node, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let kind = kind(document);
    if let Some(node) = document.get("kind").filter(|_| ![ONE, SCHEDULED_ONE].contains(&kind)) {
        let meant = near(kind, &[ONE, SCHEDULED_ONE]).unwrap_or(ONE);
        problems.push(node.problem(format!("`kind: {kind}` is unknown: `{meant}` is meant?")));
    }
    match document.get("apiVersion") {
        None => problems.push(document.problem(format!("`apiVersion` is missing: write {VERSION}"))),
        Some(node) => {
            let version = node.text().unwrap_or_default();
            if version != VERSION {
                let what = format!("`apiVersion: {version}`: only manifests of {VERSION} are understood");
                problems.push(node.problem(what));
            }
            if !version.starts_with(GROUP) {
                // Fields of another operator are others.
                return Vec::new();
            }
        }
    }
    fields(document, "the manifest", &TOP, problems);
    let Some(spec) = document.get("spec") else {
        problems.push(document.problem("`spec` is missing"));
        return Vec::new();
    };
    if near(kind, &[ONE]).is_some() {
        return of_spec(spec, document.get("metadata"), problems);
    }
    fields(spec, "spec", &SCHEDULED, problems);
    match spec.get("template") {
        Some(template) => of_spec(template, None, problems),
        None => {
            problems.push(spec.problem("`template` is missing: what is run on schedule"));
            Vec::new()
        }
    }
}

fn of_spec(spec: &Node, metadata: Option<&Node>, problems: &mut Vec<Problem>) -> Vec<Setting> {
    fields(spec, "spec", &SPEC, problems);
    for key in ["type", "sparkVersion", "mainApplicationFile", "driver", "executor"] {
        if spec.get(key).is_none() {
            problems.push(spec.problem(format!("`{key}` is missing: a SparkApplication needs it")));
        }
    }
    for key in ["sparkVersion", "mainApplicationFile", "mainClass"] {
        if let Some(node) = spec.get(key) {
            text(node, key, problems);
        }
    }
    one_of(spec, "type", &["Java", "Python", "Scala", "R"], problems);
    one_of(spec, "mode", &["cluster", "client"], problems);
    if let Some(policy) = spec.get("restartPolicy") {
        fields(policy, "restartPolicy", &RESTART, problems);
        one_of(policy, "type", &["Never", "Always", "OnFailure"], problems);
    }
    let driver_fields = [&POD[..], &DRIVER].concat();
    let executor_fields = [&POD[..], &EXECUTOR].concat();
    let known: [(&str, &[&str]); 3] =
        [("driver", &driver_fields), ("executor", &executor_fields), ("dynamicAllocation", &DYNAMIC)];
    for (place, known) in known {
        if let Some(node) = spec.get(place) {
            fields(node, &format!("spec.{place}"), known, problems);
        }
    }

    let mut out = Vec::new();
    single(Some(spec), "spec", &BEFORE, &mut out, problems);
    entries(Some(spec), "sparkConf", "sparkConf", "", &mut out, problems);
    entries(Some(spec), "hadoopConf", "hadoopConf", "spark.hadoop.", &mut out, problems);
    let pods = [
        ("driver", "spec.driver", "spark.kubernetes.driver", &OF_DRIVER[..], &DRIVER_MAPS[..]),
        ("executor", "spec.executor", "spark.kubernetes.executor", &OF_EXECUTOR[..], &EXECUTOR_MAPS[..]),
    ];
    for (place, from, prefix, of_pod, maps) in pods {
        let pod = spec.get(place);
        // Its own image wins over the common one, and both over `sparkConf`.
        if let Some(image) = spec.get("image").filter(|_| pod.is_none_or(|p| p.get("image").is_none())) {
            let name = format!("{prefix}.container.image");
            out.extend(image.text().map(|value| Setting::new(&name, value, "spec", image)));
        }
        single(pod, from, of_pod, &mut out, problems);
        entries(metadata, "labels", "metadata.labels", &format!("{prefix}.label."), &mut out, problems);
        for (field, prefix) in maps {
            entries(pod, field, from, prefix, &mut out, problems);
        }
    }
    entries(Some(spec), "nodeSelector", "spec", "spark.kubernetes.node.selector.", &mut out, problems);
    if let Some(dynamic) = spec.get("dynamicAllocation") {
        let mut of_dynamic = Vec::new();
        single(Some(dynamic), "spec.dynamicAllocation", &OF_DYNAMIC, &mut of_dynamic, problems);
        let enabled = dynamic.get("enabled").filter(|e| matches!(&e.data, Data::Bool(is) if is == "true"));
        // Nothing is written of what is not enabled, not even that it is not.
        if let Some(enabled) = enabled {
            out.extend(of_dynamic);
            if dynamic.get("shuffleTrackingEnabled").is_none() {
                out.push(Setting::new(SHUFFLE_TRACKING, "true", "the operator's default", enabled));
            }
        }
    }
    out
}

fn one_of(within: &Node, key: &str, allowed: &[&str], problems: &mut Vec<Problem>) {
    let Some(node) = within.get(key) else { return };
    let Some(text) = text(node, key, problems) else { return };
    if !allowed.contains(&text) {
        problems.push(node.problem(format!("`{key}: {text}`: write one of {}", allowed.join(", "))));
    }
}

/// Fields with one value each.
fn single(
    within: Option<&Node>,
    from: &'static str,
    of: &[Field],
    out: &mut Vec<Setting>,
    problems: &mut Vec<Problem>,
) {
    for (field, shape, name) in of {
        let Some(value) = within.and_then(|w| w.get(field)) else { continue };
        let text = match shape {
            Shape::Text => text(value, field, problems),
            Shape::Whole => whole(value, field, problems),
            Shape::Bool => boolean(value, field, problems),
        };
        // An empty text is the same as none.
        out.extend(text.filter(|t| !t.is_empty()).map(|text| Setting::new(name, text, from, value)));
    }
}

/// An object whose entries are settings, by a prefix.
fn entries(
    within: Option<&Node>,
    field: &str,
    from: &'static str,
    prefix: &str,
    out: &mut Vec<Setting>,
    problems: &mut Vec<Problem>,
) {
    if let Some(node) = within.and_then(|w| w.get(field)) {
        let all = texts(node, field, problems);
        out.extend(all.iter().map(|(key, text, at)| Setting::new(&format!("{prefix}{key}"), text, from, at)));
    }
}
