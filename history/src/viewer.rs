//! Who asks. Every path that reads takes a [`Viewer`], so that no answer leaves unasked.

/// Somebody who reads. Until authentication arrives there is one who sees everything.
#[derive(Debug, Clone)]
pub struct Viewer {
    sees: Sees,
}

#[derive(Debug, Clone)]
enum Sees {
    Everything,
}

impl Viewer {
    /// Sees every application of every cluster.
    pub fn everything() -> Self {
        Viewer { sees: Sees::Everything }
    }

    /// Whether all applications of `cluster` may be seen, whoever runs them.
    pub fn may_see_all_of(&self, _cluster: &str) -> bool {
        match self.sees {
            Sees::Everything => true,
        }
    }

    /// Whether the applications of `cluster` that `owner` runs may be seen.
    pub fn may_see(&self, _cluster: &str, _owner: &str) -> bool {
        match self.sees {
            Sees::Everything => true,
        }
    }
}
