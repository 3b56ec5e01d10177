//! JSON as a tree with places. `serde_json` says whether it is JSON; this reads what is, and so need not look for errors.

use super::Problem;
use super::document::{DEPTH, Data, Document, Entries, NODES, Node};

/// The tree of a text, and its keys that are there twice.
///
/// # Errors
/// What keeps it from being JSON, with its place.
pub fn read(text: &str) -> Result<Document, Problem> {
    if let Err(e) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let what = e.to_string();
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        // It counts bytes.
        let line = text.lines().nth(e.line().saturating_sub(1)).unwrap_or_default();
        let chars = line.char_indices().take_while(|(at, _)| *at < e.column()).count();
        let column = chars + e.column().saturating_sub(line.len());
        return Err(Problem { line: e.line(), column: column.max(1), what });
    }
    let mut reader = Reader { text, at: 0, line: 1, column: 1, nodes: 0, twice: Vec::new() };
    let node = reader.value(0)?;
    Ok((node, reader.twice))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
    nodes: usize,
    twice: Vec<Problem>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(c)
    }

    /// The next character that means something.
    fn ahead(&mut self) -> Option<char> {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.take();
        }
        self.peek()
    }

    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        let first = self.ahead();
        let mut node = Node { line: self.line, column: self.column, data: Data::Null };
        if depth > DEPTH {
            return Err(node.problem(format!("nests deeper than {DEPTH} levels")));
        }
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(node.problem(format!("has more than {NODES} values")));
        }
        let end = || node.problem("does not end");
        node.data = match first {
            Some('{') => {
                self.take();
                let mut all = Entries::default();
                loop {
                    match self.ahead().ok_or_else(end)? {
                        '"' => {}
                        c => {
                            self.take();
                            if c == '}' {
                                break all.into_data();
                            }
                            continue;
                        }
                    }
                    let key = self.value(depth + 1)?;
                    self.ahead();
                    self.take();
                    let value = self.value(depth + 1)?;
                    all.push(key, value, &mut self.twice);
                }
            }
            Some('[') => {
                self.take();
                let mut all = Vec::new();
                loop {
                    match self.ahead().ok_or_else(end)? {
                        ']' => break,
                        ',' => {
                            self.take();
                        }
                        _ => all.push(self.value(depth + 1)?),
                    }
                }
                self.take();
                Data::List(all)
            }
            Some('"') => Data::Text(self.string().map_err(|what| node.problem(what))?),
            _ => {
                let from = self.at;
                while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
                    self.take();
                }
                match &self.text[from..self.at] {
                    "null" => Data::Null,
                    word @ ("true" | "false") => Data::Bool(word.to_owned()),
                    number => Data::Number(number.to_owned()),
                }
            }
        };
        Ok(node)
    }

    fn string(&mut self) -> Result<String, String> {
        let from = self.at;
        self.take();
        loop {
            match self.take() {
                Some('\\') => {
                    self.take();
                }
                Some('"') => break,
                Some(_) => {}
                None => return Err("does not end".into()),
            }
        }
        let read = serde_json::from_str(&self.text[from..self.at]);
        read.map_err(|e| e.to_string().split(" at line ").next().unwrap_or_default().to_owned())
    }
}
