//! Executors: their coming and going, exclusion, and peak metrics. Like Spark, an executor that
//! was removed takes no further updates; one that registers again begins anew, and keeps what it was.

use std::collections::BTreeMap;

use afterglow_ingest::event::ExecutorMetrics;
use afterglow_ingest::event::{
    BlockManagerAdded, Exclusion, ExecutorAdded, ExecutorMetricsUpdate, ExecutorRemoved, StageExecutorMetrics,
};

use super::{Attempt, Executor, MemoryHistory, StageKey, StorageMemory, application::DRIVER, owned};

/// Executors as they worked. Under its id is what an executor was last; what it was before, and what Spark does not
/// show any more, is under the id with a number.
pub fn lives(executors: BTreeMap<String, Executor>) -> BTreeMap<String, Executor> {
    let mut all = BTreeMap::new();
    for (id, mut executor) in executors {
        let ghost = executor.is_ghost();
        let mut earlier = std::mem::take(&mut executor.earlier);
        let last = if ghost { earlier.pop().unwrap_or(executor) } else { executor };
        all.extend((1..).zip(earlier).map(|(n, e)| (format!("{id}#{n}"), e)));
        all.insert(id, last);
    }
    all
}

/// How many of an executor's earlier lives are kept.
const EARLIER: usize = 16;

impl Attempt {
    fn live_executor(&mut self, id: &str, add_time: i64) -> &mut Executor {
        if self.live.executors.insert(id.to_owned()) {
            let fresh = Executor { id: id.to_owned(), add_time, active: true, ..Executor::default() };
            if let Some(mut before) = self.executors.insert(id.to_owned(), fresh)
                && let Some(now) = self.executors.get_mut(id)
            {
                let ghost = before.is_ghost();
                now.earlier = std::mem::take(&mut before.earlier);
                // Of a log that goes on like that forever, the first are kept.
                if !ghost && now.earlier.len() < EARLIER {
                    now.earlier.push(Executor { past: true, ..before });
                }
            }
        }
        self.changed.executors.insert(id.to_owned());
        self.executors.entry(id.to_owned()).or_default()
    }

    /// A live executor that is about to change.
    pub(super) fn executor_mut(&mut self, id: &str) -> Option<&mut Executor> {
        if !self.live.executors.contains(id) {
            return None;
        }
        if !self.changed.executors.contains(id) {
            self.changed.executors.insert(id.to_owned());
        }
        self.executors.get_mut(id)
    }

    pub(super) fn executor_added(&mut self, e: &ExecutorAdded<'_>) {
        self.saw_time(e.time);
        let cpus = self
            .environment
            .resource_profiles
            .iter()
            .find(|p| p.id == e.info.resource_profile_id)
            .and_then(|p| p.task_resources.iter().find(|r| r.key == "cpus"))
            .map(|r| r.amount as i64)
            .or(self.live.cpus_per_task)
            .unwrap_or(1);
        let exec = self.live_executor(&e.executor_id, e.time);
        exec.host = Some(e.info.host.to_string());
        exec.active = true;
        exec.total_cores = e.info.total_cores;
        exec.max_tasks = e.info.total_cores / cpus.max(1);
        exec.logs = owned(&e.info.log_urls);
        exec.attributes = owned(&e.info.attributes);
        exec.resources = e
            .info
            .resources
            .iter()
            .map(|(k, r)| (k.to_string(), r.addresses.iter().map(|a| a.to_string()).collect()))
            .collect();
        exec.resource_profile_id = e.info.resource_profile_id;
    }

    pub(super) fn block_manager_added(&mut self, e: &BlockManagerAdded<'_>) {
        self.saw_time(e.time);
        let id = &e.block_manager_id;
        let exec = self.live_executor(&id.executor_id, e.time);
        exec.host_port = Some(format!("{}:{}", &*id.host, id.port));
        if let Some(on_heap) = e.maximum_on_heap_memory {
            // A block manager that registers (again) reports its blocks afterwards.
            exec.memory = Some(StorageMemory {
                total_on_heap: on_heap,
                total_off_heap: e.maximum_off_heap_memory.unwrap_or(0),
                used_on_heap: 0,
                used_off_heap: 0,
            });
        }
        exec.active = true;
        exec.max_memory = e.maximum_memory;
    }

    pub(super) fn executor_removed(&mut self, e: &ExecutorRemoved<'_>) {
        self.saw_time(e.time);
        if !self.live.executors.contains(&*e.executor_id) {
            return;
        }
        let reason = self.redactor.text(&e.reason).into_owned();
        if let Some(exec) = self.executor_mut(&e.executor_id) {
            exec.active = false;
            exec.remove_time = Some(e.time);
            exec.remove_reason = Some(reason);
        }
        self.live.executors.remove(&*e.executor_id);
        self.forget_blocks_of(&e.executor_id);
    }

    /// Takes in what an executor read of its memory, up to a time.
    pub(super) fn executor_read(&mut self, id: &str, time: i64, reading: &ExecutorMetrics) {
        if !self.memory.contains_key(id) {
            if !self.executors.contains_key(id) || reading.0.iter().all(|v| *v <= 0) {
                return;
            }
            self.memory.insert(id.to_owned(), MemoryHistory::default());
        }
        if let Some(history) = self.memory.get_mut(id) {
            history.take(time, reading);
            if !self.changed.memory.contains(id) {
                self.changed.memory.insert(id.to_owned());
            }
        }
    }

    pub(super) fn executor_exclusion(&mut self, id: &str, excluded: bool) {
        if let Some(exec) = self.executor_mut(id) {
            exec.excluded = excluded;
        }
    }

    pub(super) fn node_exclusion(&mut self, host: &str, excluded: bool) {
        for id in self.executors_on(host) {
            self.executor_exclusion(&id, excluded);
        }
    }

    fn executors_on(&self, host: &str) -> Vec<String> {
        let on_host =
            |id: &&String| id.as_str() != DRIVER && self.executors.get(*id).is_some_and(|e| e.hostname() == host);
        self.live.executors.iter().filter(on_host).cloned().collect()
    }

    pub(super) fn executor_excluded_for_stage(&mut self, e: &Exclusion<'_>) {
        self.exclude_for_stage((e.stage_id, e.stage_attempt_id), &[e.executor_id.to_string()]);
    }

    pub(super) fn node_excluded_for_stage(&mut self, e: &Exclusion<'_>) {
        let executors = self.executors_on(&e.host_id);
        self.exclude_for_stage((e.stage_id, e.stage_attempt_id), &executors);
    }

    fn exclude_for_stage(&mut self, key: StageKey, executors: &[String]) {
        if let Some(live) = self.live.stages.get_mut(&key) {
            live.excluded_executors.extend(executors.iter().cloned());
            for id in executors {
                let name = self.name(id);
                if let Some(stage) = self.stages.get_mut(&key) {
                    stage.executors.entry(name).or_default().excluded = true;
                }
            }
            self.changed.stages.insert(key);
        }
        for id in executors {
            if let Some(exec) = self.executor_mut(id) {
                exec.excluded_in_stages.insert(key.0);
            }
        }
    }

    /// Spark writes heartbeats of the driver only; peaks are all that history takes from them.
    pub(super) fn executor_metrics_update(&mut self, e: &ExecutorMetricsUpdate<'_>) {
        for update in &e.executor_updates {
            if let Some(exec) = self.executor_mut(&e.executor_id) {
                exec.peaks.raise(&update.metrics);
            }
            self.raise_stage_peaks((update.stage_id, update.stage_attempt_id), &e.executor_id, &update.metrics);
        }
    }

    pub(super) fn stage_executor_metrics(&mut self, e: &StageExecutorMetrics<'_>) {
        // Written after the stage: the executor may be gone by then and still counts.
        if let Some(exec) = self.executors.get_mut(&*e.executor_id) {
            exec.peaks.raise(&e.metrics);
            self.changed.executors.insert(exec.id.clone());
        }
        // Of executors the ends of their tasks have told already, and when.
        if &*e.executor_id == DRIVER {
            self.executor_read(DRIVER, self.last_time(), &e.metrics);
        }
        self.raise_stage_peaks((e.stage_id, e.stage_attempt_id), &e.executor_id, &e.metrics);
    }

    fn raise_stage_peaks(&mut self, key: StageKey, executor: &str, reading: &ExecutorMetrics) {
        if !self.live.stages.contains_key(&key) {
            return;
        }
        let name = self.name(executor);
        if let Some(stage) = self.stages.get_mut(&key) {
            stage.peaks.raise(reading);
            stage.executors.entry(name).or_default().peaks.raise(reading);
            self.changed.stages.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use afterglow_ingest::event;

    use super::*;

    fn attempt(lines: &[&str]) -> Attempt {
        let mut attempt = Attempt::new(std::sync::Arc::new(crate::redact::Redactor::new("secret").unwrap()));
        lines.iter().for_each(|l| attempt.apply(&event::parse(l.as_bytes()).unwrap()));
        attempt
    }

    #[test]
    fn an_executor_keeps_what_it_was() {
        let added = r#"{"Event":"SparkListenerExecutorAdded","Timestamp":10,"Executor ID":"1","Executor Info":{"Host":"h","Total Cores":4,"Log Urls":{}}}"#;
        let again = added.replace(":10,", ":30,").replace(":4,", ":8,");
        let removed = r#"{"Event":"SparkListenerExecutorRemoved","Timestamp":20,"Executor ID":"1","Removed Reason":"worker lost"}"#;
        let block_manager = r#"{"Event":"SparkListenerBlockManagerAdded","Block Manager ID":{"Executor ID":"1","Host":"h","Port":1},"Maximum Memory":5,"Timestamp":25}"#;
        let told = |lines: &[&str]| {
            let attempt = attempt(lines);
            let told = |(id, e): (String, Executor)| (id, e.total_cores, e.add_time, e.remove_time, e.past);
            let last = &attempt.executors["1"];
            (last.add_time, lives(attempt.executors.clone()).into_iter().map(told).collect::<Vec<_>>())
        };
        let first = |id: &str| (id.to_owned(), 4, 10, Some(20), true);
        assert_eq!(told(&[added, removed, block_manager]), (25, vec![first("1")]), "a ghost shows in REST alone");
        let second = ("1".to_owned(), 8, 30, None, false);
        assert_eq!(told(&[added, removed, &again]), (30, vec![second.clone(), first("1#1")]));
        // A ghost that is removed, too, was nobody.
        let all = [added, removed, block_manager, removed, &again];
        assert_eq!(told(&all), (30, vec![second.clone(), first("1#1")]));
        let forever: Vec<&str> = [added, removed].into_iter().cycle().take(200).chain([&*again]).collect();
        assert_eq!(told(&forever).1.len(), EARLIER + 1);
    }
}
