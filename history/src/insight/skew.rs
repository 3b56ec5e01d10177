//! How uneven the tasks of a stage attempt are: its longest over its median.

use crate::state::{StageAttempt, StageStatus};

/// Why there is no skew to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The stage's output was there already.
    Skipped,
    /// No task has started.
    NotStarted,
    /// No task has succeeded.
    NoneSucceeded,
    /// One is its own median.
    OneTask,
    /// The median task took less than a millisecond, which is what logs count in.
    NoTime,
}

/// The longest successful task over the median one; of a stage that runs, of those that succeeded so far.
pub fn skew(stage: &StageAttempt) -> Result<f64, Unknown> {
    if stage.status == StageStatus::Skipped {
        return Err(Unknown::Skipped);
    }
    match stage.task_times {
        None if stage.tasks() == 0 => Err(Unknown::NotStarted),
        None => Err(Unknown::NoneSucceeded),
        Some(t) if t.tasks < 2 => Err(Unknown::OneTask),
        Some(t) if t.median < 1 => Err(Unknown::NoTime),
        Some(t) => Ok(t.longest as f64 / t.median as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::TaskTimes;

    #[test]
    fn says_why_it_is_not_known() {
        let of = |status, completed_tasks, times: Option<(i64, i64, i64)>| {
            let task_times = times.map(|(tasks, median, longest)| TaskTimes { tasks, median, longest });
            skew(&StageAttempt { status, completed_tasks, task_times, ..StageAttempt::default() })
        };
        let complete = StageStatus::Complete;
        assert_eq!(of(StageStatus::Skipped, 0, None), Err(Unknown::Skipped));
        assert_eq!(of(StageStatus::Pending, 0, None), Err(Unknown::NotStarted));
        assert_eq!(of(StageStatus::Active, 0, None), Err(Unknown::NotStarted));
        assert_eq!(of(StageStatus::Failed, 4, None), Err(Unknown::NoneSucceeded));
        assert_eq!(of(complete, 1, Some((1, 7, 7))), Err(Unknown::OneTask));
        assert_eq!(of(complete, 3, Some((3, 0, 7))), Err(Unknown::NoTime));
        assert_eq!(of(complete, 3, Some((3, 4, 10))), Ok(2.5));
    }
}
