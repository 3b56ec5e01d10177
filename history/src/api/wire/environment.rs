//! `ApplicationEnvironmentInfo`: what `environment` answers. Properties are arrays of
//! `[name, value]`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::state::{Environment, Pairs, ResourceProfile};

/// The settings an attempt ran with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationEnvironmentInfo {
    pub runtime: RuntimeInfo,
    pub spark_properties: Pairs,
    pub hadoop_properties: Pairs,
    pub system_properties: Pairs,
    pub metrics_properties: Pairs,
    pub classpath_entries: Pairs,
    pub resource_profiles: Vec<ResourceProfileInfo>,
}

impl ApplicationEnvironmentInfo {
    pub fn new(environment: &Environment) -> Self {
        ApplicationEnvironmentInfo {
            runtime: RuntimeInfo {
                java_version: environment.java_version.clone(),
                java_home: environment.java_home.clone(),
                scala_version: environment.scala_version.clone(),
            },
            spark_properties: environment.spark_properties.clone(),
            hadoop_properties: environment.hadoop_properties.clone(),
            system_properties: environment.system_properties.clone(),
            metrics_properties: environment.metrics_properties.clone(),
            classpath_entries: environment.classpath_entries.clone(),
            resource_profiles: environment.resource_profiles.iter().map(ResourceProfileInfo::new).collect(),
        }
    }
}

/// The software underneath.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub java_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub java_home: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scala_version: Option<String>,
}

/// What executors and tasks of a resource profile ask for, by resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceProfileInfo {
    pub id: i64,
    pub executor_resources: BTreeMap<String, ExecutorResourceRequest>,
    pub task_resources: BTreeMap<String, TaskResourceRequest>,
}

impl ResourceProfileInfo {
    pub fn new(profile: &ResourceProfile) -> Self {
        let of_executor = profile.executor_resources.iter().map(|r| {
            let request = ExecutorResourceRequest {
                resource_name: r.name.clone(),
                amount: r.amount,
                discovery_script: r.discovery_script.clone(),
                vendor: r.vendor.clone(),
            };
            (r.key.clone(), request)
        });
        let of_task = profile
            .task_resources
            .iter()
            .map(|r| (r.key.clone(), TaskResourceRequest { resource_name: r.name.clone(), amount: r.amount }));
        ResourceProfileInfo {
            id: profile.id,
            executor_resources: of_executor.collect(),
            task_resources: of_task.collect(),
        }
    }
}

/// How much of a resource each executor asks for, and who finds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorResourceRequest {
    pub resource_name: String,
    pub amount: i64,
    pub discovery_script: String,
    pub vendor: String,
}

/// How much of a resource each task asks for; a part of one, too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResourceRequest {
    pub resource_name: String,
    pub amount: f64,
}
