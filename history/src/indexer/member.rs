//! This process among those that index into the same store: who it is, that it says so again and again, and which
//! of the others have ended without a word.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::now;
use crate::catalog::{Catalog, CatalogError, IndexerRow, Who};
use crate::viewer::Viewer;

/// For so long after its last word a process counts as there.
const LEASE: Duration = Duration::from_secs(15);
/// Pause between two words.
const WORD: Duration = Duration::from_secs(4);

/// The machine as its processes see it: they can look at each other if it is the same. Empty where there is no `/proc`.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // Containers of one machine number their processes each for itself.
    let numbers = fs::read_link("/proc/self/ns/pid").map(|l| l.display().to_string()).unwrap_or_default();
    if boot.is_empty() || numbers.is_empty() { String::new() } else { format!("{} {numbers}", boot.trim()) }
}

/// When a process of this machine began, in ticks since the machine did; none if there is no such process.
fn began(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?;
    // The name before it, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // One that is dead, and that nobody has asked for its exit status, does nothing any more.
    let dead = matches!(fields.next()?, "Z" | "X");
    fields.nth(18).filter(|_| !dead).map(str::to_owned)
}

/// This process.
fn me(role: &str) -> Who {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this machine" } else { host.trim() };
    let pid = std::process::id();
    let (machine, began) = (machine(), began(&pid.to_string()).unwrap_or_default());
    let birth = if machine.is_empty() || began.is_empty() { String::new() } else { format!("{machine} {began}") };
    Who { role: role.to_owned(), host: host.to_owned(), pid: pid.into(), birth }
}

/// Whether a process has ended for certain, as those on its machine can see.
fn is_gone(who: &Who, machine: &str) -> bool {
    let Some(then) = who.birth.strip_prefix(machine).filter(|_| !machine.is_empty()) else { return false };
    began(&who.pid.to_string()).as_deref() != Some(then.trim_start())
}

/// This process's place among the others.
pub(super) struct Member {
    who: Who,
    machine: String,
    entered: Mutex<Option<Entered>>,
}

struct Entered {
    id: i64,
    telling: JoinHandle<()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

impl Member {
    pub(super) fn new(role: &str) -> Member {
        Member { who: me(role), machine: machine(), entered: Mutex::default() }
    }

    /// The number under which it claims.
    pub(super) fn id(&self) -> i64 {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |e| e.id)
    }

    /// Enters it, and has it say from now on that it is there. Gives the others.
    pub(super) async fn enter(&self, catalog: &Catalog) -> Result<Vec<IndexerRow>, CatalogError> {
        let (since, lease) = (now(), LEASE.as_millis() as i64);
        let mut others = catalog.indexers(&Viewer::everything(), since).await?;
        others.retain(|o| !is_gone(&o.who, &self.machine));
        let id = catalog.join(&self.who, since, since + lease).await?;
        let telling = tokio::spawn({
            let (catalog, who) = (catalog.clone(), self.who.clone());
            async move {
                loop {
                    tokio::time::sleep(WORD).await;
                    if let Err(e) = catalog.still_there(id, &who, since, now() + lease).await {
                        tracing::warn!("cannot say that this process still indexes: {e}");
                    }
                }
            }
        });
        let before = self.entered.lock().unwrap_or_else(PoisonError::into_inner).replace(Entered { id, telling });
        if let Some(before) = before {
            catalog.leave(before.id).await?;
        }
        Ok(others)
    }

    /// Takes it out; what it claimed is free.
    pub(super) async fn leave(&self, catalog: &Catalog) -> Result<(), CatalogError> {
        let entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner).take();
        match &entered {
            Some(entered) => catalog.leave(entered.id).await,
            None => Ok(()),
        }
    }

    /// Claims what nobody has; of the others gives who has them.
    pub(super) async fn claim(
        &self,
        catalog: &Catalog,
        names: &[String],
    ) -> Result<Vec<Option<IndexerRow>>, CatalogError> {
        catalog.claim(self.id(), names, now(), |who| is_gone(who, &self.machine)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_machine_see_each_other_end() {
        let machine = machine();
        let me = me("ingest");
        assert!(!machine.is_empty() && me.birth.starts_with(&machine), "{me:?}");
        assert!(!is_gone(&me, &machine));
        // Its number has another by now, or nobody.
        assert!(is_gone(&Who { birth: format!("{machine} 1"), ..me.clone() }, &machine));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id();
        let birth = format!("{machine} {}", began(&pid.to_string()).unwrap());
        let other = Who { pid: pid.into(), birth, ..me.clone() };
        assert!(!is_gone(&other, &machine));
        child.kill().unwrap();
        while !is_gone(&other, &machine) {
            // SIGKILL takes a moment; that nobody waits for the process must not matter.
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait().unwrap();
        assert!(is_gone(&other, &machine));
        // Of other machines nobody knows.
        assert!(!is_gone(&other, "another"));
        assert!(!is_gone(&Who { birth: String::new(), ..other.clone() }, &machine));
        assert!(!is_gone(&other, ""));
    }
}
