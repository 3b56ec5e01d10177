//! `StartJobRun` of Amazon EMR on EKS and of EMR Serverless.

use super::document::Node;
use super::shape::{fields, list, object, text, texts};
use super::submit::{self, Program};
use super::{Kind, Problem, Setting};

const ON_EKS: [&str; 11] = [
    "name",
    "virtualClusterId",
    "clientToken",
    "executionRoleArn",
    "releaseLabel",
    "jobDriver",
    "configurationOverrides",
    "tags",
    "jobTemplateId",
    "jobTemplateParameters",
    "retryPolicyConfiguration",
];
const SERVERLESS: [&str; 11] = [
    "applicationId",
    "clientToken",
    "executionRoleArn",
    "executionIamPolicy",
    "jobDriver",
    "configurationOverrides",
    "tags",
    "executionTimeoutMinutes",
    "name",
    "mode",
    "retryPolicy",
];
/// Those of both that are texts.
const TEXTS: [&str; 8] = [
    "name",
    "virtualClusterId",
    "applicationId",
    "clientToken",
    "executionRoleArn",
    "releaseLabel",
    "jobTemplateId",
    "mode",
];
const OVERRIDES: [&str; 3] = ["applicationConfiguration", "monitoringConfiguration", "diskEncryptionConfiguration"];
const CLASSIFICATION: [&str; 3] = ["classification", "properties", "configurations"];
const DEFAULTS: &str = "spark-defaults";

/// Which of the two a document is, if it is one.
pub fn kind(document: &Node) -> Option<Kind> {
    if document.get("applicationId").is_some() {
        Some(Kind::EmrServerless)
    } else if ["virtualClusterId", "jobDriver", "jobTemplateId"].iter().any(|key| document.get(key).is_some()) {
        let serverless = document.get("jobDriver").is_some_and(|driver| driver.get("sparkSubmit").is_some());
        Some(if serverless { Kind::EmrServerless } else { Kind::EmrOnEks })
    } else {
        None
    }
}

/// What the request sets, those that win last.
pub fn settings(document: &Node, kind: Kind, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let (known, needed): (&[&str], &[&str]) = match kind {
        Kind::EmrServerless => (&SERVERLESS, &["applicationId", "executionRoleArn", "jobDriver"]),
        _ => (&ON_EKS, &["virtualClusterId", "executionRoleArn", "releaseLabel", "jobDriver"]),
    };
    fields(document, "StartJobRun", known, problems);
    for key in needed {
        // A template has what the request leaves out; it must still say where to run.
        let by_template = document.get("jobTemplateId").is_some() && *key != "virtualClusterId";
        if document.get(key).is_none() && !by_template {
            problems.push(document.problem(format!("`{key}` is missing: StartJobRun needs it")));
        }
    }
    for key in TEXTS {
        if let Some(value) = document.get(key) {
            text(value, key, problems);
        }
    }
    if let Some(tags) = document.get("tags") {
        texts(tags, "tags", problems);
    }
    let mut out = Vec::new();
    if let Some(overrides) = document.get("configurationOverrides") {
        fields(overrides, "configurationOverrides", &OVERRIDES, problems);
        if let Some(all) = overrides.get("applicationConfiguration") {
            configurations(all, "applicationConfiguration", &mut out, problems);
        }
    }
    if let Some(driver) = document.get("jobDriver") {
        job_driver(driver, kind, &mut out, problems);
    }
    out
}

/// Classifications with their properties; settings of Spark are those of `spark-defaults` that is in no other classification.
fn configurations(all: &Node, of: &str, out: &mut Vec<Setting>, problems: &mut Vec<Problem>) {
    for configuration in list(all, of, problems) {
        fields(configuration, of, &CLASSIFICATION, problems);
        let Some(name) = configuration.get("classification") else {
            problems.push(configuration.problem("`classification` is missing: spark-defaults, say"));
            continue;
        };
        let name = text(name, "classification", problems);
        if let Some(properties) = configuration.get("properties") {
            for (key, value, at) in texts(properties, "properties", problems) {
                if name == Some(DEFAULTS) {
                    out.push(Setting::new(key, value, DEFAULTS, at));
                }
            }
        }
        if let Some(nested) = configuration.get("configurations") {
            configurations(nested, "configurations", &mut Vec::new(), problems);
        }
    }
}

fn job_driver(driver: &Node, kind: Kind, out: &mut Vec<Setting>, problems: &mut Vec<Problem>) {
    const SUBMIT: &str = "sparkSubmitParameters";
    const SQL: &str = "sparkSqlParameters";
    let known: &[&str] = match kind {
        Kind::EmrServerless => &["sparkSubmit", "hive"],
        _ => &["sparkSubmitJobDriver", "sparkSqlJobDriver"],
    };
    fields(driver, "jobDriver", known, problems);
    if object_is_empty(driver) {
        problems.push(driver.problem(format!("jobDriver is empty: it needs one of {}", known.join(", "))));
    }
    let programs = [
        ("sparkSubmit", SUBMIT, Program::Submit),
        ("sparkSubmitJobDriver", SUBMIT, Program::Submit),
        ("sparkSqlJobDriver", SQL, Program::Sql),
    ];
    for (key, parameters, program) in programs {
        let Some(submitted) = driver.get(key).filter(|_| known.contains(&key)) else { continue };
        fields(submitted, key, &["entryPoint", "entryPointArguments", parameters], problems);
        match submitted.get("entryPoint") {
            Some(entry) => {
                text(entry, "entryPoint", problems);
            }
            None => problems.push(submitted.problem("`entryPoint` is missing: the script or jar that runs")),
        }
        if let Some(arguments) = submitted.get("entryPointArguments") {
            for argument in list(arguments, "entryPointArguments", problems) {
                text(argument, "an item of entryPointArguments", problems);
            }
        }
        if let Some(line) = submitted.get(parameters) {
            let arguments = submit::arguments(line, program, parameters, problems);
            if arguments.no_defaults {
                submit::without_defaults(line, parameters, out, problems);
            }
            out.extend(arguments.settings);
        }
    }
    if let Some(hive) = driver.get("hive").filter(|_| kind == Kind::EmrServerless) {
        object(hive, "hive", problems);
    }
}

fn object_is_empty(node: &Node) -> bool {
    matches!(node.data, super::document::Data::Map(_)) && node.entries().next().is_none()
}
