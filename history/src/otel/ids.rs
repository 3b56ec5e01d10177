//! Ids of traces and spans: hashes of what they are about, the same at every export.

use twox_hash::{XxHash3_64, XxHash3_128};

use crate::state::StageKey;

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Application,
    Sql(i64),
    Job(i64),
    Stage(StageKey),
    /// With the task's id.
    Task(StageKey, i64),
}

/// The ids of one attempt.
#[derive(Debug, Clone)]
pub struct Ids {
    trace: [u8; 16],
}

impl Ids {
    pub fn new(cluster: &str, app: &str, attempt: Option<&str>) -> Self {
        let mut name = Vec::new();
        for text in [cluster, app, attempt.unwrap_or_default()] {
            // With its length: no two names make the same bytes.
            name.extend((text.len() as u64).to_be_bytes());
            name.extend(text.as_bytes());
        }
        // An id of zeros is none.
        Ids { trace: XxHash3_128::oneshot(&name).max(1).to_be_bytes() }
    }

    pub fn trace(&self) -> Vec<u8> {
        self.trace.to_vec()
    }

    pub fn span(&self, of: Of) -> Vec<u8> {
        let numbers = match of {
            Of::Application => [0, 0, 0, 0],
            Of::Sql(id) => [1, id, 0, 0],
            Of::Job(id) => [2, id, 0, 0],
            Of::Stage((id, attempt)) => [3, id, attempt, 0],
            Of::Task((id, attempt), task) => [4, id, attempt, task],
        };
        let mut name = self.trace();
        numbers.iter().for_each(|n| name.extend(n.to_be_bytes()));
        XxHash3_64::oneshot(&name).max(1).to_be_bytes().to_vec()
    }
}

/// Bytes as people write ids.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_for_ever_and_tell_everything_apart() {
        let of = |a, b, c| hex(&Ids::new(a, b, c).trace());
        assert_eq!(of("default", "app-1", None), "e42d89f4109c742c87e58423af79cf4d");
        assert_eq!(hex(&Ids::new("default", "app-1", None).span(Of::Stage((1, 2)))), "9f33fc0afd0a9974");
        let all = [of("a", "b", None), of("ab", "", None), of("a", "b", Some("1")), of("a", "b1", None)];
        assert!(all.iter().all(|x| all.iter().filter(|y| x == *y).count() == 1), "{all:?}");
        let ids = Ids::new("a", "b", None);
        let spans =
            [Of::Application, Of::Sql(0), Of::Job(0), Of::Stage((0, 0)), Of::Task((0, 0), 0), Of::Stage((0, 1))];
        let spans = spans.map(|s| ids.span(s));
        assert!(spans.iter().all(|x| spans.iter().filter(|y| x == *y).count() == 1), "{spans:?}");
    }
}
