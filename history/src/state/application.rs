//! The application's start and its environment.

use afterglow_ingest::event::{ApplicationStart, EnvironmentUpdate, MiscellaneousProcessAdded, ResourceProfileAdded};

use super::{Attempt, ExecutorResource, Process, ResourceProfile, TaskResource, owned};

pub(super) const DRIVER: &str = "driver";

impl Attempt {
    pub(super) fn application_start(&mut self, e: &ApplicationStart<'_>) {
        let Some(id) = e.id.as_deref().filter(|id| !id.is_empty()) else { return };
        let app = &mut self.application;
        app.id = id.to_owned();
        app.attempt_id = e.attempt_id.as_deref().filter(|a| !a.is_empty()).map(str::to_owned);
        app.name = self.redactor.text(&e.name).into_owned();
        app.user = e.user.to_string();
        app.start_time = Some(e.time);
        // A log that was read while it was young may have been named by its file.
        self.completeness.no_start = false;
        self.saw_time(e.time);
        if let (Some(driver), Some(logs)) = (self.executors.get_mut(DRIVER), &e.driver_logs) {
            driver.logs = owned(logs);
            driver.attributes = e.driver_attributes.as_ref().map(|a| owned(a)).unwrap_or_default();
            self.changed.executors.insert(DRIVER.to_owned());
        }
    }

    pub(super) fn environment_update(&mut self, e: &EnvironmentUpdate<'_>) {
        let redact = &self.redactor;
        let sorted = |pairs: &[_]| {
            let mut pairs = redact.properties(owned(pairs));
            pairs.sort();
            pairs
        };
        let env = &mut self.environment;
        env.java_version = e.jvm_information.value("Java Version").map(|v| v.to_string());
        env.java_home = e.jvm_information.value("Java Home").map(|v| v.to_string());
        env.scala_version = e.jvm_information.value("Scala Version").map(|v| v.to_string());
        env.spark_properties = sorted(&e.spark_properties);
        env.hadoop_properties = sorted(&e.hadoop_properties);
        env.system_properties = sorted(&e.system_properties);
        env.metrics_properties = sorted(&e.metrics_properties);
        env.classpath_entries = {
            let mut entries = owned(&e.classpath_entries);
            entries.sort();
            entries
        };
        let cpus = e.spark_properties.value("spark.task.cpus").and_then(|v| v.parse().ok());
        self.live.cpus_per_task = cpus.or(self.live.cpus_per_task);
        self.changed.environment = true;
    }

    pub(super) fn resource_profile_added(&mut self, e: &ResourceProfileAdded<'_>) {
        let profile = ResourceProfile {
            id: e.id,
            executor_resources: e
                .executor_resources
                .iter()
                .map(|(key, r)| ExecutorResource {
                    key: key.to_string(),
                    name: r.resource_name.to_string(),
                    amount: r.amount,
                    discovery_script: r.discovery_script.to_string(),
                    vendor: r.vendor.to_string(),
                })
                .collect(),
            task_resources: e
                .task_resources
                .iter()
                .map(|(key, r)| TaskResource {
                    key: key.to_string(),
                    name: r.resource_name.to_string(),
                    amount: r.amount,
                })
                .collect(),
        };
        let profiles = &mut self.environment.resource_profiles;
        match profiles.binary_search_by_key(&e.id, |p| p.id) {
            Ok(at) => profiles[at] = profile,
            Err(at) => profiles.insert(at, profile),
        }
        self.changed.environment = true;
    }

    pub(super) fn process_added(&mut self, e: &MiscellaneousProcessAdded<'_>) {
        let process = Process {
            id: e.process_id.to_string(),
            host_port: e.info.host_port.to_string(),
            cores: e.info.cores,
            add_time: e.time,
            logs: owned(&e.info.log_url_info),
        };
        self.changed.processes.insert(process.id.clone());
        self.processes.insert(process.id.clone(), process);
    }
}
