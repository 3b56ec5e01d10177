//! Structured Streaming queries; their progress reports leave as rows.

use afterglow_ingest::event::{ProgressHead, QueryIdle, QueryStarted, QueryTerminated};

use super::{Attempt, Progress, StreamingQuery};

impl Attempt {
    fn query(&mut self, id: &str, run_id: &str) -> &mut StreamingQuery {
        self.changed.queries.insert(run_id.to_owned());
        self.queries.entry(run_id.to_owned()).or_insert_with(|| StreamingQuery {
            id: id.to_owned(),
            run_id: run_id.to_owned(),
            ..StreamingQuery::default()
        })
    }

    pub(super) fn query_started(&mut self, e: &QueryStarted<'_>) {
        let name = e.name.as_ref().map(|n| self.redactor.text(n).into_owned());
        let query = self.query(&e.id, &e.run_id);
        query.name = name;
        query.start_timestamp = e.timestamp.to_string();
        query.last_timestamp = e.timestamp.to_string();
    }

    pub(super) fn query_progress(&mut self, e: &ProgressHead<'_>, json: &str) {
        let name = e.name.as_ref().map(|n| self.redactor.text(n).into_owned());
        let query = self.query(&e.id, &e.run_id);
        query.name = name.clone().or(query.name.take());
        if query.start_timestamp.is_empty() {
            query.start_timestamp = e.timestamp.to_string();
        }
        query.last_timestamp = e.timestamp.to_string();
        query.last_batch_id = Some(e.batch_id);
        query.progress_reports += 1;
        let json = self.redactor.text(json).into_owned();
        self.rows.progress.push(Progress {
            query_id: e.id.to_string(),
            run_id: e.run_id.to_string(),
            name,
            batch_id: e.batch_id,
            timestamp: e.timestamp.to_string(),
            json,
        });
    }

    pub(super) fn query_idle(&mut self, e: &QueryIdle<'_>) {
        let query = self.query(&e.id, &e.run_id);
        query.last_timestamp = e.timestamp.to_string();
        query.idle_reports += 1;
    }

    pub(super) fn query_terminated(&mut self, e: &QueryTerminated<'_>) {
        let exception = e.exception.as_ref().map(|x| self.redactor.text(x).into_owned());
        let query = self.query(&e.id, &e.run_id);
        query.terminated = true;
        query.exception = exception;
    }
}
