//! Whose a container log is, by the path of its object: application, container, driver or executor.
//!
//! Known layouts, at any depth: YARN and EMR `…/application_T_N/container_…/stdout.gz`, EMR on EKS
//! `…/containers/spark-ID/POD/stderr.gz`, Spark's standalone workers `…/app-…/EXECUTOR/stdout`, and
//! whatever has an application's id in the name of a folder or of a `.log` file.

use crate::log::OTHER_ENDINGS;

/// What kind of process wrote a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Driver,
    Executor,
}

/// What the path of a container log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub app_id: String,
    /// YARN counts attempts of an application in the names of its containers.
    pub attempt: Option<i64>,
    /// Name of the container or pod.
    pub container: String,
    /// None where the path does not tell.
    pub role: Option<Role>,
    pub executor_id: Option<String>,
    /// The file's name without the ending of its compression: `stdout`, `stderr`, `gc.log`.
    pub stream: String,
}

/// What YARN and EMR put beside the streams of a container.
const OTHERS: [&str; 6] = [
    "directory.info",
    "launch_container.sh",
    "prelaunch.out",
    "prelaunch.err",
    "container-localizer-syslog",
    "controller",
];

impl Place {
    /// Reads a path; none for what is no container log of an application.
    pub fn of(path: &str) -> Option<Place> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folders: Vec<&str> = folders.split('/').filter(|f| !f.is_empty()).collect();
        let stream = [".gz", ".zst", ".zstd"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(name);
        let ending = stream.rsplit_once('.').map_or("", |(_, e)| e);
        if stream.is_empty() || OTHERS.contains(&stream) || OTHER_ENDINGS.contains(&ending) {
            return None;
        }
        let rolling = folders.last().is_some_and(|f| f.starts_with("eventlog_v2_"));
        if rolling || is_event_log(stream) {
            return None;
        }
        let yarn = folders.iter().rev().find_map(|f| Some((*f, yarn(f)?)));
        if let Some((container, (app_id, attempt))) = yarn {
            return Some(Place {
                app_id,
                attempt: Some(attempt),
                container: container.to_owned(),
                role: None,
                executor_id: None,
                stream: stream.to_owned(),
            });
        }
        let exact = folders.iter().rposition(|f| id_in(f).is_some_and(|id| id.len() == f.len()));
        let (app_id, container) = match exact.or_else(|| folders.iter().rposition(|f| id_in(f).is_some())) {
            Some(at) => {
                let container = folders.get(at + 1..).and_then(<[&str]>::last).unwrap_or(&folders[at]);
                (id_in(folders[at])?, *container)
            }
            None if ["log", "out", "err", "txt"].contains(&ending) => (id_in(stream)?, stream.rsplit_once('.')?.0),
            None => return None,
        };
        let (role, executor_id) = role(container, app_id);
        Some(Place {
            app_id: app_id.to_owned(),
            attempt: None,
            container: container.to_owned(),
            role,
            executor_id,
            stream: stream.to_owned(),
        })
    }
}

/// Whether an object is named as event logs are.
fn is_event_log(name: &str) -> bool {
    let bare = name.strip_suffix(".inprogress").unwrap_or(name);
    let bare = bare.split('.').next().unwrap_or(bare);
    let behind = id_in(bare).and_then(|id| bare.strip_prefix(id));
    behind.is_some_and(|rest| rest.bytes().all(|b| b == b'_' || b.is_ascii_digit()) && !name.ends_with(".log"))
}

/// `container_[eE_]T_N_A_C`: the application, and its attempt.
fn yarn(folder: &str) -> Option<(String, i64)> {
    let rest = folder.strip_prefix("container_")?;
    let mut numbers: Vec<&str> = rest.split('_').collect();
    if numbers.first().is_some_and(|n| n.strip_prefix('e').is_some_and(is_digits)) {
        numbers.remove(0);
    }
    let [cluster, number, attempt, container] = numbers[..] else { return None };
    let all = [cluster, number, attempt, container].iter().all(|n| is_digits(n));
    all.then_some(())?;
    Some((format!("application_{cluster}_{number}"), attempt.parse().ok()?))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Driver or executor by the name of a pod, or of a standalone worker's folder.
fn role(container: &str, app_id: &str) -> (Option<Role>, Option<String>) {
    if let Some((_, id)) = container.rsplit_once("-exec-").filter(|(_, id)| is_digits(id)) {
        return (Some(Role::Executor), Some(id.to_owned()));
    }
    if container == "driver" || container.ends_with("-driver") || app_id.starts_with("local-") {
        return (Some(Role::Driver), None);
    }
    if app_id.starts_with("app-") && is_digits(container) {
        return (Some(Role::Executor), Some(container.to_owned()));
    }
    (None, None)
}

/// The application's id in a name, standing alone in it.
fn id_in(name: &str) -> Option<&str> {
    let starts = name.char_indices().filter(|(at, _)| !name[..*at].ends_with(|c: char| c.is_ascii_alphanumeric()));
    starts.map(|(at, _)| &name[at..]).find_map(id_at)
}

/// The application's id that a text begins with.
fn id_at(text: &str) -> Option<&str> {
    let alone = |len: usize| text.get(..len).filter(|_| !text[len..].starts_with(|c: char| c.is_ascii_alphanumeric()));
    let run = |from: usize, of: fn(&u8) -> bool| text.as_bytes()[from..].iter().take_while(|b| of(b)).count();
    if text.starts_with("application_") {
        let cluster = run(12, u8::is_ascii_digit);
        text[12 + cluster..].strip_prefix('_').filter(|_| cluster > 0)?;
        let number = run(13 + cluster, u8::is_ascii_digit);
        return alone(13 + cluster + number).filter(|_| number > 0);
    }
    if text.starts_with("spark-") {
        let id = run(6, |b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let hex = id == 32 && run(6, u8::is_ascii_hexdigit) == 32;
        let base36 = id == 19 && text[6..25].bytes().any(|b| b.is_ascii_digit());
        return alone(6 + id).filter(|_| hex || base36);
    }
    if text.starts_with("app-") {
        let number = text.get(18..).and_then(|t| t.strip_prefix('-')).filter(|_| run(4, u8::is_ascii_digit) == 14)?;
        return alone(19 + number.bytes().take_while(u8::is_ascii_digit).count()).filter(|id| id.len() >= 23);
    }
    if text.starts_with("local-") {
        let digits = run(6, u8::is_ascii_digit);
        return alone(6 + digits).filter(|_| digits == 13);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(app: &str, container: &str, role: Option<Role>, executor: Option<&str>, stream: &str) -> Option<Place> {
        Some(Place {
            app_id: app.into(),
            attempt: None,
            container: container.into(),
            role,
            executor_id: executor.map(str::to_owned),
            stream: stream.into(),
        })
    }

    #[test]
    fn paths_as_platforms_make_them() {
        let yarn = |attempt, container: &str, stream: &str| {
            let of = place("application_1430917381535_0003", container, None, None, stream);
            of.map(|p| Place { attempt: Some(attempt), ..p })
        };
        let (driver, executor) = (Some(Role::Driver), Some(Role::Executor));
        let eks = "spark-000000030abcdef1234";
        let hex = "spark-0123456789abcdef0123456789abcdef";
        for (path, wanted) in [
            (
                "logs/j-2AXXXXXXGAPLF/containers/application_1430917381535_0003/container_1430917381535_0003_01_000001/stdout.gz".to_owned(),
                yarn(1, "container_1430917381535_0003_01_000001", "stdout"),
            ),
            (
                "x/container_e17_1430917381535_0003_02_000004/stderr".to_owned(),
                yarn(2, "container_e17_1430917381535_0003_02_000004", "stderr"),
            ),
            (
                format!("p/vc/jobs/000000030abcdef1234/containers/{eks}/{eks}-driver/stderr.gz"),
                place(eks, &format!("{eks}-driver"), driver, None, "stderr"),
            ),
            (
                format!("p/vc/jobs/000000030abcdef1234/containers/{eks}/pi-6a1b2c-exec-12/stdout.gz"),
                place(eks, "pi-6a1b2c-exec-12", executor, Some("12"), "stdout"),
            ),
            (format!("k8s/{hex}/etl-0f-driver/driver.log"), place(hex, "etl-0f-driver", driver, None, "driver.log")),
            (format!("k8s/{hex}-driver.log.zst"), place(hex, &format!("{hex}-driver"), driver, None, &format!("{hex}-driver.log"))),
            (
                "work/app-20161115172038-0000/3/stdout".to_owned(),
                place("app-20161115172038-0000", "3", executor, Some("3"), "stdout"),
            ),
            ("local-1430917381535/stderr".to_owned(), place("local-1430917381535", "local-1430917381535", driver, None, "stderr")),
        ] {
            assert_eq!(Place::of(&path), wanted, "{path}");
        }
    }

    #[test]
    fn what_is_no_container_log_of_an_application() {
        for path in [
            "stdout.gz",
            "steps/s-1/stderr.gz",
            "events/application_1430917381535_0003",
            "events/application_1430917381535_0003_1.zstd",
            "events/local-1430917381535.inprogress",
            "application_1430917381535_0003/application_1430917381535_0003_1",
            "events/eventlog_v2_application_1430917381535_0003_1/events_1_application_1430917381535_0003_1.zstd",
            "application_1430917381535_0003/container_1430917381535_0003_01_000001/directory.info",
            "application_1430917381535_0003/container_1430917381535_0003_01_000001/launch_container.sh",
            "app-20161115172038-0000/job.jar",
            "spark-warehouse/stdout",
            "application_x_1/stdout",
            "local-12/stdout",
        ] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_taken(path in "\\PC{0,60}", id in "(application_|spark-|app-|local-|container_)[0-9a-f_é-]{0,40}") {
            let _ = Place::of(&path);
            let _ = Place::of(&format!("{path}/{id}/stdout"));
            let _ = Place::of(&format!("{id}.log"));
        }
    }
}
