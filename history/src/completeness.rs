//! The completeness note as JSON: the one form in which catalog, REST and UI show it.

use serde_json::{Map, Value, json};

use crate::state::Completeness;

/// Only what is not as it should be; `{}` for a log with nothing missing.
pub fn json(c: &Completeness) -> String {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value, shown: bool| {
        if shown {
            out.insert(key.to_owned(), value);
        }
    };
    put("damagedLines", json!(c.damaged_lines), c.damaged_lines > 0);
    put("damagedBlocks", json!(c.damaged_blocks), c.damaged_blocks > 0);
    put("firstDamage", json!(c.first_damage), c.first_damage.is_some());
    put("mendedLines", json!(c.mended_lines), c.mended_lines > 0);
    put("tornTail", json!(true), c.torn_tail);
    put("missingParts", json!(c.missing_parts), !c.missing_parts.is_empty());
    put("compacted", json!(true), c.compacted);
    put("noApplicationStart", json!(true), c.no_start);
    put("taskEndsWithoutStart", json!(c.task_ends_without_start), c.task_ends_without_start > 0);
    put("tasksWithoutEnd", json!(c.tasks_without_end), c.tasks_without_end > 0);
    put("jobsWithoutEnd", json!(c.jobs_without_end), c.jobs_without_end > 0);
    put("unknownEvents", json!(c.unknown_events), !c.unknown_events.is_empty());
    Value::Object(out).to_string()
}
