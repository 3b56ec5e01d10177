//! Numbers of things, as sentences have them.

/// `1 stage`, `2 stages`.
pub fn counted(n: i64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}
