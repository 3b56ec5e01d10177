//! What the command line writes for people, and the one place that does: text that comes out of logs and settings may have control
//! characters, with which it would say more to a terminal than to its reader. They are shown as `\x1b`, and in JSON as
//! JSON has it. Only [`raw`] lets pass what it gets: for programs.

use std::io::Write as _;

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::out(&format!($($text)*)) };
}

/// A line on standard error.
macro_rules! complain {
    ($($text:tt)*) => { $crate::terminal::error(&format!($($text)*)) };
}

pub(crate) use {complain, say};

/// Whether a character would do something else to a terminal than to be seen: controls, but for the end of a line and the tabulator,
/// and what turns the direction of the text around it.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text as a terminal may have it.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !acts(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    out
}

/// Writes a line on standard output. Who reads may have stopped, as `head` does.
pub fn out(line: &str) {
    let _ = writeln!(std::io::stdout(), "{}", plain(line));
}

/// Writes a line on standard error.
pub fn error(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", plain(line));
}

/// Writes JSON on standard output, and ends the line. It stays the same JSON: what acts is inside of strings, where it can be escaped.
pub fn json(text: &str) {
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if acts(c) { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out.push('\n');
    raw(out.as_bytes());
}

/// Writes what a program reads on standard output, as it is.
pub fn raw(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_acts_is_seen() {
        for (text, seen) in [
            ("größe\t1\n", "größe\t1\n"),
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
            ("50%\r100%", "50%\\x0d100%"),
            ("\u{9b}2J\u{7f}", "\\x9b2J\\x7f"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(plain(text), seen);
        }
    }
}
