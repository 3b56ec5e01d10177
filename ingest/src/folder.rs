//! Lists a local folder. What has no name as an object, cannot be looked at, or leads in a circle is passed by, and
//! named: one odd file must not hide the others.
//!
//! Files of a folder come before its subfolders, both by name, which is what [`crate::log::Grouper`] wants.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::time::UNIX_EPOCH;

use object_store::{ObjectMeta, path::Path};
use tokio::sync::mpsc::Sender;

/// Something in a folder that cannot be read as an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Below the source; what cannot be printed is escaped.
    pub name: String,
    pub why: String,
}

/// What a walk gives.
pub(crate) enum Found {
    Object(ObjectMeta),
    Odd(Odd),
}

/// Folders within folders.
const DEPTH: usize = 64;
/// Characters of a name that are shown.
const SHOWN: usize = 200;

/// A text that is no other object's, and safe to print.
fn shown(name: &FilePath) -> String {
    let quoted = format!("{:?}", name.as_os_str());
    let bare = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or(&quoted).replace("\\\"", "\"");
    match bare.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &bare[..at]),
        None => bare,
    }
}

/// As object_store writes it, so that logs that were read through it are known again.
fn etag(meta: &Metadata) -> String {
    let micros = meta.modified().ok().and_then(|m| m.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_micros();
    format!("{:x}-{micros:x}-{:x}", meta.ino(), meta.len())
}

/// Files that end so are uploads of object_store that are under way, and not to be had through it.
fn is_upload(name: &OsStr) -> bool {
    let suffix = name.to_str().and_then(|n| n.split_once('#')).map_or("", |(_, s)| s);
    !suffix.is_empty() && suffix.bytes().all(|b| b.is_ascii_digit())
}

/// Walks `root`, sending what it finds; ends early when nobody listens. Blocks: call from a thread that may.
///
/// # Errors
/// If `root` itself cannot be listed.
pub(crate) fn walk(root: &FilePath, found: &Sender<Found>) -> io::Result<()> {
    let meta = fs::metadata(root)?;
    let mut walk = Walk { root, found, above: vec![(meta.dev(), meta.ino())] };
    let entries = fs::read_dir(root)?;
    walk.entries(root, entries);
    Ok(())
}

struct Walk<'a> {
    root: &'a FilePath,
    found: &'a Sender<Found>,
    /// The folders that this one is in, and itself.
    above: Vec<(u64, u64)>,
}

impl Walk<'_> {
    /// Whether somebody still listens.
    fn send(&self, found: Found) -> bool {
        self.found.blocking_send(found).is_ok()
    }

    fn odd(&self, path: &FilePath, why: impl Into<String>) -> bool {
        let name = shown(path.strip_prefix(self.root).unwrap_or(path));
        self.send(Found::Odd(Odd { name, why: why.into() }))
    }

    fn cannot(&self, path: &FilePath, e: &io::Error) -> bool {
        // What went away meanwhile, and links to nothing, are not there.
        e.kind() == io::ErrorKind::NotFound || self.odd(path, format!("cannot be read: {e}"))
    }

    fn entries(&mut self, folder: &FilePath, entries: fs::ReadDir) -> bool {
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                // The others are not to be had.
                Err(e) => {
                    if !self.cannot(folder, &e) {
                        return false;
                    }
                    break;
                }
            }
        }
        paths.sort_unstable();
        let mut folders = Vec::new();
        for path in paths {
            let more = match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => {
                    folders.push((path, (meta.dev(), meta.ino())));
                    true
                }
                Ok(meta) if meta.is_file() => self.file(&path, &meta),
                // Sockets, pipes and devices hold nothing.
                Ok(_) => true,
                Err(e) => self.cannot(&path, &e),
            };
            if !more {
                return false;
            }
        }
        folders.into_iter().all(|(path, id)| self.folder(&path, id))
    }

    fn file(&self, path: &FilePath, meta: &Metadata) -> bool {
        if path.file_name().is_some_and(is_upload) {
            return true;
        }
        let modified = match meta.modified() {
            Ok(modified) => modified,
            Err(e) => return self.cannot(path, &e),
        };
        let below = path.strip_prefix(self.root).unwrap_or(path);
        let Some(text) = below.to_str() else {
            return self.odd(path, "its name is no UTF-8: rename it");
        };
        match Path::parse(text) {
            Ok(location) => self.send(Found::Object(ObjectMeta {
                location,
                last_modified: modified.into(),
                size: meta.len(),
                e_tag: Some(etag(meta)),
                version: None,
            })),
            Err(_) => self.odd(path, "its name has characters that no object's name may have: rename it"),
        }
    }

    fn folder(&mut self, path: &FilePath, id: (u64, u64)) -> bool {
        if self.above.contains(&id) {
            return self.odd(path, "a link to a folder that it is in: remove it");
        }
        if self.above.len() >= DEPTH {
            return self.odd(path, format!("more than {DEPTH} folders deep: name it as a source of its own"));
        }
        match fs::read_dir(path) {
            Ok(entries) => {
                self.above.push(id);
                let more = self.entries(path, entries);
                self.above.pop();
                more
            }
            Err(e) => self.cannot(path, &e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn list(root: &FilePath) -> (Vec<String>, Vec<(String, String)>) {
        let (tx, mut rx) = tokio::sync::mpsc::channel(1000);
        walk(root, &tx).unwrap();
        let (mut objects, mut odd) = (Vec::new(), Vec::new());
        while let Ok(found) = rx.try_recv() {
            match found {
                Found::Object(meta) => objects.push(meta.location.to_string()),
                Found::Odd(o) => odd.push((o.name, o.why)),
            }
        }
        (objects, odd)
    }

    #[test]
    fn odd_names_and_circles_hide_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        for name in ["a 1.log", "z", "b/x%20y", "b/c/ünï", "up#3", "not#up"] {
            fs::write(root.join(name), "x").unwrap();
        }
        for name in [&b"new\nline"[..], b"tab\tbed", b"\x1b[31mred", b"no\xFFutf8"] {
            fs::write(root.join(OsStr::from_bytes(name)), "x").unwrap();
        }
        symlink(root.join("self"), root.join("self")).unwrap();
        symlink(root, root.join("b/c/up")).unwrap();
        symlink(root.join("nothing"), root.join("dangling")).unwrap();
        symlink(root.join("z"), root.join("also z")).unwrap();
        let (objects, odd) = list(root);
        assert_eq!(objects, ["a 1.log", "also z", "not#up", "z", "b/x%20y", "b/c/ünï"]);
        let names: Vec<&str> = odd.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["\\u{1b}[31mred", "new\\nline", "no\\xFFutf8", "self", "tab\\tbed", "b/c/up"]);
        assert!(odd[3].1.contains("symbolic links"), "{odd:?}");
        assert!(odd[5].1.contains("folder that it is in"), "{odd:?}");
        assert!(walk(&root.join("gone"), &tokio::sync::mpsc::channel(1).0).is_err());
    }

    #[tokio::test]
    async fn objects_are_those_of_object_store() {
        use futures::TryStreamExt as _;
        use object_store::ObjectStore as _;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("b")).unwrap();
        for name in ["a b", "x%20y", "b/ü#x"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let store = object_store::local::LocalFileSystem::new_with_prefix(dir.path()).unwrap();
        let mut theirs: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
        theirs.sort_by(|a, b| a.location.cmp(&b.location));
        let (tx, mut rx) = tokio::sync::mpsc::channel(100);
        let root = dir.path().to_owned();
        tokio::task::spawn_blocking(move || walk(&root, &tx)).await.unwrap().unwrap();
        let mut ours = Vec::new();
        while let Some(Found::Object(meta)) = rx.recv().await {
            ours.push(meta);
        }
        ours.sort_by(|a, b| a.location.cmp(&b.location));
        assert_eq!(ours, theirs);
    }
}
