//! Which process wrote a container's log: what its path does not tell, the event log may.

use std::collections::BTreeMap;

use afterglow_ingest::container::{Place, Role};

use crate::state::Executor;

/// Id of the driver among executors.
const DRIVER: &str = "driver";

/// A process, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    pub role: Option<Role>,
    /// Of executors.
    pub executor_id: Option<String>,
    pub host: Option<String>,
}

/// The process behind a place: the executor that the path names, else the one whose attributes or log
/// links name the container.
pub fn process(place: &Place, executors: &BTreeMap<String, Executor>) -> Process {
    let named = |e: &&Executor| {
        let of_links = e.logs.iter().any(|(_, url)| url.split('/').any(|part| part == place.container));
        of_links || e.attributes.iter().any(|(_, value)| *value == place.container)
    };
    let known = match (&place.executor_id, place.role) {
        (Some(id), _) => executors.get(id),
        (None, Some(Role::Driver)) => executors.get(DRIVER),
        (None, _) => executors.values().find(named),
    };
    let role = place.role.or(known.map(|e| if e.id == DRIVER { Role::Driver } else { Role::Executor }));
    let id = place.executor_id.clone().or_else(|| known.map(|e| e.id.clone()));
    let host = known.map(|e| e.hostname().to_owned()).filter(|h| !h.is_empty());
    Process { role, executor_id: id.filter(|_| role == Some(Role::Executor)), host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_event_log_knows_of_containers() {
        let link = |container: &str| {
            vec![(
                "stdout".to_owned(),
                format!("http://h:8042/node/containerlogs/{container}/hadoop/stdout?start=-4096"),
            )]
        };
        let of = |id: &str, host: &str, container: &str| {
            let host = Some(host.to_owned());
            let e = Executor { id: id.to_owned(), host, logs: link(container), ..Executor::default() };
            (id.to_owned(), e)
        };
        let executors =
            BTreeMap::from([of(DRIVER, "d", "container_1_2_01_000001"), of("1", "a", "container_1_2_01_000002")]);
        let place = |container: &str, role, executor_id: Option<&str>| Place {
            app_id: "application_1_2".into(),
            attempt: Some(1),
            container: container.into(),
            role,
            executor_id: executor_id.map(str::to_owned),
            stream: "stdout".into(),
        };
        let is = |role, executor_id: Option<&str>, host: Option<&str>| Process {
            role,
            executor_id: executor_id.map(str::to_owned),
            host: host.map(str::to_owned),
        };
        let (driver, executor) = (Some(Role::Driver), Some(Role::Executor));
        for (of, wanted) in [
            (place("container_1_2_01_000001", None, None), is(driver, None, Some("d"))),
            (place("container_1_2_01_000002", None, None), is(executor, Some("1"), Some("a"))),
            (place("container_1_2_01_000009", None, None), is(None, None, None)),
            (place("x-exec-1", executor, Some("1")), is(executor, Some("1"), Some("a"))),
            (place("x-exec-7", executor, Some("7")), is(executor, Some("7"), None)),
            (place("x-driver", driver, None), is(driver, None, Some("d"))),
        ] {
            assert_eq!(process(&of, &executors), wanted, "{of:?}");
        }
    }
}
