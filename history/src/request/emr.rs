//! `StartJobRun` of Amazon EMR on EKS and of EMR Serverless.

use super::document::{Data, Node};
use super::{Kind, Problem, Setting, fields, submit};

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
const OVERRIDES: [&str; 3] = ["applicationConfiguration", "monitoringConfiguration", "diskEncryptionConfiguration"];
const CLASSIFICATION: [&str; 3] = ["classification", "properties", "configurations"];
const PARAMETERS: &str = "sparkSubmitParameters";
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
    let (known, driver_key, needed): (&[&str], &str, &[&str]) = match kind {
        Kind::EmrServerless => (&SERVERLESS, "sparkSubmit", &["applicationId", "executionRoleArn", "jobDriver"]),
        _ => (&ON_EKS, "sparkSubmitJobDriver", &["virtualClusterId", "executionRoleArn", "releaseLabel", "jobDriver"]),
    };
    fields(document, "StartJobRun", known, problems);
    for key in needed {
        // A template has what the request leaves out; it must still say where to run.
        let by_template = document.get("jobTemplateId").is_some() && *key != "virtualClusterId";
        if document.get(key).is_none() && !by_template {
            problems.push(document.problem(format!("`{key}` is missing: StartJobRun needs it")));
        }
    }
    let mut out = Vec::new();
    if let Some(overrides) = document.get("configurationOverrides") {
        fields(overrides, "configurationOverrides", &OVERRIDES, problems);
        let all = overrides.get("applicationConfiguration").map_or(&[][..], Node::items);
        for configuration in all {
            fields(configuration, "applicationConfiguration", &CLASSIFICATION, problems);
            let Some(name) = configuration.get("classification").and_then(Node::text) else {
                problems.push(configuration.problem("`classification` is missing: spark-defaults, say"));
                continue;
            };
            for (key, value) in configuration.get("properties").into_iter().flat_map(Node::entries) {
                match (key.text(), &value.data) {
                    (Some(key), Data::Text(text)) if name == DEFAULTS => {
                        out.push(Setting::new(key, text, DEFAULTS, value));
                    }
                    (_, Data::Text(_)) => {}
                    _ => problems.push(value.problem("values of properties are texts")),
                }
            }
        }
    }
    let Some(driver) = document.get("jobDriver") else { return out };
    fields(driver, "jobDriver", &[driver_key, "sparkSqlJobDriver", "hive"], problems);
    if let Some(submitted) = driver.get(driver_key) {
        fields(submitted, driver_key, &["entryPoint", "entryPointArguments", PARAMETERS], problems);
        if submitted.get("entryPoint").is_none() {
            problems.push(submitted.problem("`entryPoint` is missing: the script or jar that runs"));
        }
        if let Some(line) = submitted.get(PARAMETERS) {
            out.extend(submit::settings(line, PARAMETERS, problems));
        }
    }
    out
}
