//! Why an executor went, told from the text of the reason that Spark logs.

/// The kinds of reasons for which executors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was asked to leave, and moved its blocks away first.
    Decommission,
    /// Its node was lost: taken back by the cloud, broken, or drained.
    NodeLoss,
    OutOfMemory,
    /// Dynamic allocation gave it back.
    Idle,
    /// The driver or the application ended.
    DriverExit,
    /// Something killed it, on purpose or from outside.
    Killed,
    /// It was not heard of for too long.
    Heartbeat,
    Other,
}

/// Texts, in lower case, by what they mean; the first that occurs decides.
const WORDS: &[(Removal, &[&str])] = &[
    // Spark adds why: "Executor decommission: worker lost" went in order all the same.
    (Removal::Decommission, &["executor decommission"]),
    (
        Removal::OutOfMemory,
        &[
            "oomkilled",
            "outofmemory",
            "out of memory",
            "beyond the 'physical' memory limit",
            "beyond the 'virtual' memory limit",
            "exceeding memory limits",
            "exceeding physical memory",
            "exceeding virtual memory",
            "memory limit exceeded",
            "beyond physical memory",
            "exit code 52",
            "exit status: 52",
            "code 52 ",
            "exited with code 52",
        ],
    ),
    (
        Removal::NodeLoss,
        &[
            "node lost",
            "host lost",
            "lost node",
            "instance termination",
            "spot interruption",
            "preempted",
            "preemption",
            "node was terminated",
            "node unhealthy",
            "released on a *lost* node",
            "worker lost",
            "worker shut",
            "nodelost",
            "node shutdown",
            "evicted",
            "the node was low on resource",
            "killed because the node",
        ],
    ),
    (Removal::Decommission, &["decommission"]),
    (Removal::Heartbeat, &["heartbeat", "timed out after"]),
    (Removal::Idle, &["idle", "request to remove", "killed by driver", "dynamic allocation"]),
    (
        Removal::DriverExit,
        &[
            "driver stopped",
            "driver commanded",
            "driver exit",
            "application finished",
            "application is stopped",
            "sparkcontext stopped",
            "sparkcontext is stopp",
            "shutting down",
            "stopping",
        ],
    ),
    (
        Removal::Killed,
        &[
            "sigkill",
            "sigterm",
            "code 137",
            "code 143",
            "exit status: 137",
            "exit status: 143",
            "signal 9",
            "signal 15",
            "killed",
            "deleted by a user or the framework",
            "explicit termination request",
            "exit code 137",
            "exit code 143",
        ],
    ),
];

/// The kind of a removal reason.
pub fn class(reason: &str) -> Removal {
    let reason = reason.to_lowercase();
    let found = WORDS.iter().find(|(_, words)| words.iter().any(|w| reason.contains(w)));
    found.map_or(Removal::Other, |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_spark_writes() {
        let cases = [
            ("Executor decommission: spark scale down", Removal::Decommission),
            ("Executor decommission finished.", Removal::Decommission),
            ("Executor decommission: spot interruption", Removal::Decommission),
            ("Executor decommission: worker lost", Removal::Decommission),
            ("Executor decommission: Executor 1 is decommissioned.", Removal::Decommission),
            (
                "Executor decommission: worker decommissioned because of kill request from HTTP endpoint (data migration disabled).",
                Removal::Decommission,
            ),
            ("Finished decommissioning", Removal::Decommission),
            ("Executor killed by driver.", Removal::Idle),
            (
                "Executor for container container_1 exited because of a YARN event (e.g., preemption) and not because of an error in the running job.",
                Removal::NodeLoss,
            ),
            ("Container container_1 exited from explicit termination request.", Removal::Killed),
            ("Container killed by the ApplicationMaster.", Removal::Killed),
            (
                "Container killed by YARN for exceeding virtual memory limits. 5.6 GB of 5.5 GB virtual memory used.",
                Removal::OutOfMemory,
            ),
            (
                "Container marked as failed: container_1 on host: h. Exit status: 143. Possible causes: (SIGTERM, possible container eviction) Diagnostics: [2026-11-21] Container killed on request. Exit code is 143.",
                Removal::Killed,
            ),
            (
                "Container marked as failed: container_1 on host: h. Exit status: 1. Diagnostics: Exception from container-launch.",
                Removal::Other,
            ),
            ("The executor with id 3 was deleted by a user or the framework.", Removal::Killed),
            (
                "The executor with ID 3 (registered at 1 ms) was not found in the cluster at the polling time (2 ms) which is after the accepted detect delta time.",
                Removal::Other,
            ),
            (
                "The executor with id 3 exited with exit code 143(SIGTERM, possible container eviction).",
                Removal::Killed,
            ),
            (
                "The executor with id 3 exited with exit code -1(unexpected).\n The API gave the following brief reason: Evicted",
                Removal::NodeLoss,
            ),
            (
                "Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues. Check driver logs for WARN messages.",
                Removal::Other,
            ),
            ("Command exited with code 52", Removal::OutOfMemory),
            ("worker lost: 10.0.0.1:7078 got disassociated", Removal::NodeLoss),
            ("Executor decommission: Worker 3 is being preempted", Removal::Decommission),
            ("Container released on a *lost* node, which was decommissioned", Removal::NodeLoss),
            (
                "Container from a bad node: container_e01_1_1_01_000002 on host: h. Exit status: 143. Diagnostics: killed by external signal",
                Removal::Killed,
            ),
            ("Container container_1 on host: h was preempted.", Removal::NodeLoss),
            (
                "Container marked as failed: container_1 on host: h. Exit status: -100. Diagnostics: Container released on a *lost* node.",
                Removal::NodeLoss,
            ),
            (
                "Container killed by YARN for exceeding physical memory limits. 5.6 GB of 5.5 GB physical memory used.",
                Removal::OutOfMemory,
            ),
            ("The executor with id 3 exited with exit code 137(SIGKILL, possible container OOM).", Removal::Killed),
            ("The executor with id 3 exited with exit code 52(JVM OOM).", Removal::OutOfMemory),
            (
                "\nThe executor with id 12 exited with exit code 137.\n\n\n\nThe API gave the following container statuses:\n container state: terminated, termination reason: OOMKilled",
                Removal::OutOfMemory,
            ),
            ("Command exited with code 137", Removal::Killed),
            ("Executor Process Lost", Removal::Other),
            ("Executor heartbeat timed out after 130552 ms", Removal::Heartbeat),
            ("Executor 2 idle for more than 60 seconds", Removal::Idle),
            ("Driver stopped", Removal::DriverExit),
            ("Worker lost", Removal::NodeLoss),
            ("", Removal::Other),
        ];
        for (reason, expected) in cases {
            assert_eq!(class(reason), expected, "{reason}");
        }
    }
}
