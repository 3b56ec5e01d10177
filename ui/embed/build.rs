//! Lists the files of `dist`, where `npm run build` puts the web UI, so that the crate includes them. Without `dist` the list is
//! empty: nobody needs Node to build Afterglow.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("dist");
    // Cargo builds anew each time if what it should watch is not there.
    let _ = fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=embed/build.rs");

    let mut files = Vec::new();
    list(&dist, &mut files)?;
    files.sort();
    let mut code = String::from("static FILES: &[File] = &[\n");
    for file in files.iter().filter(|f| !is_packed(f)) {
        let path = file.strip_prefix(&dist)?.to_string_lossy().replace('\\', "/");
        let mut hash = DefaultHasher::new();
        fs::read(file)?.hash(&mut hash);
        writeln!(
            code,
            "    File {{ path: {:?}, hash: \"{:016x}\", plain: include_bytes!({:?}), br: {}, gzip: {} }},",
            format!("/{path}"),
            hash.finish(),
            file.display().to_string(),
            packed(file, "br"),
            packed(file, "gz"),
        )?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("files.rs"), code)?;
    Ok(())
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { list(&path, into)? } else { into.push(path) }
    }
    Ok(())
}

fn is_packed(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "br" || e == "gz")
}

/// The expression for the compressed form of a file, if there is one.
fn packed(file: &Path, extension: &str) -> String {
    let path = format!("{}.{extension}", file.display());
    if Path::new(&path).exists() { format!("Some(include_bytes!({path:?}))") } else { "None".to_owned() }
}
