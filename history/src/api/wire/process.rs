//! `ProcessSummary`: a process beside driver and executors, as `allmiscellaneousprocess` answers it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Date;
use crate::state::Process;

/// A process, e.g. YARN's application master.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessSummary {
    pub id: String,
    pub host_port: String,
    /// Always: no event tells of a process's end.
    pub is_active: bool,
    pub total_cores: i64,
    pub add_time: Date,
    pub process_logs: BTreeMap<String, String>,
}

impl ProcessSummary {
    pub fn new(process: &Process) -> Self {
        ProcessSummary {
            id: process.id.clone(),
            host_port: process.host_port.clone(),
            is_active: true,
            total_cores: process.cores,
            add_time: Date(process.add_time),
            process_logs: process.logs.iter().cloned().collect(),
        }
    }
}
