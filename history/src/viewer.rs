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

    /// Whether the applications of `cluster` that `owner` runs may be seen.
    pub fn may_see(&self, _cluster: &str, _owner: &str) -> bool {
        match self.sees {
            Sees::Everything => true,
        }
    }
}
