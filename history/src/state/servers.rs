//! Sessions and operations of Spark Connect and of the Thrift server.

use afterglow_ingest::event::{OperationEvent, OperationStep, Server, SessionEvent};

use super::{Attempt, Job, Operation, OperationState, ServerKind, Session};

fn kind(server: Server) -> ServerKind {
    match server {
        Server::Connect => ServerKind::Connect,
        Server::Thrift => ServerKind::Thrift,
    }
}

impl Attempt {
    pub(super) fn session_started(&mut self, server: Server, e: &SessionEvent<'_>) {
        self.saw_time(e.event_time);
        let session = Session {
            server: kind(server),
            session_id: e.session_id.to_string(),
            user_id: e.user_id.to_string(),
            start_time: e.event_time,
            ..Session::default()
        };
        self.changed.sessions.insert(session.session_id.clone());
        self.sessions.insert(session.session_id.clone(), session);
    }

    pub(super) fn session_closed(&mut self, e: &SessionEvent<'_>) {
        self.saw_time(e.event_time);
        if let Some(session) = self.sessions.get_mut(&*e.session_id) {
            session.finish_time = Some(e.event_time);
            self.changed.sessions.insert(session.session_id.clone());
        }
    }

    pub(super) fn operation(&mut self, server: Server, step: OperationStep, e: &OperationEvent<'_>) {
        self.saw_time(e.event_time);
        let tag = if e.job_tag.is_empty() { &e.operation_id } else { &e.job_tag };
        if step == OperationStep::Started {
            if let Some(session) = self.sessions.get_mut(&*e.session_id) {
                session.total_executions += 1;
                self.changed.sessions.insert(session.session_id.clone());
            }
            let user = if e.user_id.is_empty() { &e.user_name } else { &e.user_id };
            let operation = Operation {
                server: kind(server),
                job_tag: tag.to_string(),
                operation_id: e.operation_id.to_string(),
                session_id: e.session_id.to_string(),
                user_id: user.to_string(),
                statement: self.redactor.text(&e.statement_text).into_owned(),
                start_time: e.event_time,
                session_tags: e.spark_session_tags.iter().map(|t| t.to_string()).collect(),
                ..Operation::default()
            };
            self.operations.insert(tag.to_string(), operation);
        } else if let Some(op) = self.operations.get_mut(&**tag) {
            match step {
                OperationStep::Started => {}
                OperationStep::Compiled => op.state = OperationState::Compiled,
                OperationStep::Ready => op.state = OperationState::Ready,
                OperationStep::Finished => finish(op, OperationState::Finished, e.event_time),
                OperationStep::Canceled => finish(op, OperationState::Canceled, e.event_time),
                OperationStep::TimedOut => finish(op, OperationState::TimedOut, e.event_time),
                OperationStep::Failed => {
                    finish(op, OperationState::Failed, e.event_time);
                    op.detail = self.redactor.text(&e.error_message).into_owned();
                }
                OperationStep::Closed => {
                    op.state = OperationState::Closed;
                    op.close_time = Some(e.event_time);
                }
            }
        } else {
            return;
        }
        self.changed.operations.insert(tag.to_string());
    }

    /// Ties a job to the Connect operation whose tag it carries.
    pub(super) fn operation_job(&mut self, job: &Job) {
        for tag in job.job_tags.iter().chain(&job.job_group) {
            if let Some(op) = self.operations.get_mut(tag) {
                op.job_ids.push(job.id);
                self.changed.operations.insert(tag.clone());
                if let Some(sql) = job.sql_execution_id
                    && !op.sql_ids.contains(&sql)
                {
                    op.sql_ids.push(sql);
                }
            }
        }
    }

    /// Ties a SQL execution to the Connect operation whose tag it carries.
    pub(super) fn operation_sql(&mut self, execution: i64, tags: &[String]) {
        for tag in tags {
            if let Some(op) = self.operations.get_mut(tag)
                && !op.sql_ids.contains(&execution)
            {
                op.sql_ids.push(execution);
                self.changed.operations.insert(tag.clone());
            }
        }
    }
}

fn finish(op: &mut Operation, state: OperationState, time: i64) {
    op.state = state;
    op.finish_time = Some(time);
}
