//! A JSON or YAML text as trees whose nodes know where they stand, and whether a value is a text, a number or a boolean.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Problem, json};

/// How deep a document may nest, and how many nodes a file may have once its aliases stand for what they mean.
pub(super) const DEPTH: usize = 64;
pub(super) const NODES: usize = 100_000;
/// What pages of the web have in the place of blanks, and no parser takes for one.
const NO_BREAK_SPACE: char = '\u{a0}';
/// The key of YAML whose value's entries are its map's own, unless the map has them.
const MERGE: &str = "<<";

/// A value and its place, both counted from 1.
#[derive(Debug, Clone)]
pub struct Node {
    pub line: usize,
    pub column: usize,
    pub data: Data,
}

#[derive(Debug, Clone)]
pub enum Data {
    /// Keys with their places, in their order; a key may be there twice.
    Map(Vec<(Node, Node)>),
    List(Vec<Node>),
    Text(String),
    /// As it was written.
    Number(String),
    Bool(String),
    Null,
}

impl Node {
    /// The value of a key; none where it is null, which is the same to those who read requests.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let (_, value) = self.entries().find(|(k, _)| k.text() == Some(key))?;
        (!matches!(value.data, Data::Null)).then_some(value)
    }

    /// Keys and values of a map.
    pub fn entries(&self) -> impl Iterator<Item = &(Node, Node)> {
        match &self.data {
            Data::Map(all) => all.iter(),
            _ => [].iter(),
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.data {
            Data::List(all) => all,
            _ => &[],
        }
    }

    /// A single value, as it was written.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) | Data::Number(text) | Data::Bool(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    pub fn shape(&self) -> &'static str {
        match &self.data {
            Data::Map(_) => "an object",
            Data::List(_) => "a list",
            Data::Text(_) => "a text",
            Data::Number(_) => "a number",
            Data::Bool(_) => "a boolean",
            Data::Null => "nothing",
        }
    }

    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem { line: self.line, column: self.column, what: what.into() }
    }
}

/// A document, and its keys that are there twice.
pub type Document = (Node, Vec<Problem>);

/// The documents that a text holds: one of JSON, any number of YAML.
///
/// # Errors
/// What keeps it from being JSON or YAML, with its place.
pub fn parse(text: &str) -> Result<Vec<Document>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = if text.trim_start().starts_with(['{', '[']) {
        json::read(text).map(|document| vec![document])
    } else {
        let events = Parser::new_from_str(text);
        Reader { events, anchors: HashMap::new(), nodes: 0, twice: Vec::new() }.documents()
    };
    found.map_err(|e| hinted(text, e))
}

/// A problem, with what is often behind it.
fn hinted(text: &str, mut problem: Problem) -> Problem {
    let lines = || text.lines().enumerate().take(problem.line).skip(problem.line.saturating_sub(2));
    let found = lines().filter(|(_, line)| line.contains(NO_BREAK_SPACE)).map(|(i, _)| i + 1).last();
    let broken = lines().filter(|(_, line)| line.trim_end().ends_with('\\')).map(|(i, _)| i + 1).last();
    if let Some(line) = found {
        problem.what.push_str(&format!(
            "; line {line} has a no-break space (U+00A0), as texts copied from web pages do: replace it by a blank"
        ));
    } else if let Some(line) = broken {
        problem.what.push_str(&format!(
            "; line {line} ends with a backslash, which goes on in the next line for a shell only: write the text in one line"
        ));
    }
    problem
}

/// Entries of a map that is being read.
#[derive(Default)]
pub(super) struct Entries {
    all: Vec<(Node, Node)>,
    lines: HashMap<String, usize>,
}

impl Entries {
    pub fn push(&mut self, key: Node, value: Node, twice: &mut Vec<Problem>) {
        if let Some(name) = key.text() {
            match self.lines.get(name) {
                Some(line) => twice.push(key.problem(format!("`{name}` is there twice, on line {line}, too"))),
                None => {
                    self.lines.insert(name.to_owned(), key.line);
                }
            }
        }
        self.all.push((key, value));
    }

    pub fn into_data(self) -> Data {
        Data::Map(self.all)
    }

    /// With the entries of what its merge keys name.
    fn merged(self, problems: &mut Vec<Problem>) -> Data {
        if !self.lines.contains_key(MERGE) {
            return self.into_data();
        }
        let mut there: HashSet<String> = self.lines.into_keys().collect();
        let (merges, mut all): (Vec<_>, Vec<_>) = self.all.into_iter().partition(|(k, _)| k.text() == Some(MERGE));
        for (key, value) in merges {
            let maps = match value.data {
                Data::List(maps) => maps,
                data => vec![Node { data, ..value }],
            };
            for map in maps {
                let Data::Map(entries) = map.data else {
                    problems.push(key.problem("`<<` needs an object, or a list of them: `<<: *anchor`"));
                    continue;
                };
                let new = |(k, _): &(Node, Node)| k.text().is_none_or(|name| there.insert(name.to_owned()));
                all.extend(entries.into_iter().filter(new));
            }
        }
        Data::Map(all)
    }
}

struct Reader<E> {
    events: E,
    /// With how many values each is made of.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    twice: Vec<Problem>,
}

type Read<'t> = Result<(Event<'t>, Span), saphyr_parser::ScanError>;

impl<'t, E: Iterator<Item = Read<'t>>> Reader<E> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(e)) => {
                let (line, column) = (e.marker().line(), e.marker().col() + 1);
                Err(Problem { line, column, what: e.info().to_owned() })
            }
            None => Err(Problem { line: 1, column: 1, what: "the document does not end".into() }),
        }
    }

    fn documents(&mut self) -> Result<Vec<Document>, Problem> {
        let mut all = Vec::new();
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Ok(all),
                (event, span) => {
                    let node = self.node(event, span, 0)?;
                    all.push((node, std::mem::take(&mut self.twice)));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Problem> {
        let mut node = Node { line: span.start.line(), column: span.start.col() + 1, data: Data::Null };
        if depth > DEPTH {
            return Err(node.problem(format!("nests deeper than {DEPTH} levels")));
        }
        let before = self.nodes;
        let anchor = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|t| t.suffix == "str");
                node.data = if is_text { Data::Text(text.into_owned()) } else { plain(&text) };
                anchor
            }
            Event::SequenceStart(anchor, _) => {
                let mut all = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    all.push(self.node(event, span, depth + 1)?);
                }
                node.data = Data::List(all);
                anchor
            }
            Event::MappingStart(anchor, _) => {
                let mut all = Entries::default();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::MappingEnd) {
                        break;
                    }
                    let key = self.node(event, span, depth + 1)?;
                    let (event, span) = self.next()?;
                    let value = self.node(event, span, depth + 1)?;
                    all.push(key, value, &mut self.twice);
                }
                node.data = all.merged(&mut self.twice);
                anchor
            }
            Event::Alias(of) => {
                let (meant, size) = self.anchors.get(&of).ok_or_else(|| node.problem("an alias of nothing"))?;
                self.nodes += size;
                if self.nodes <= NODES {
                    node.data = meant.data.clone();
                }
                0
            }
            other => return Err(node.problem(format!("{other:?} is not expected here"))),
        };
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(node.problem(format!("has more than {NODES} values")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }
}

/// What an unquoted value of YAML is to Kubernetes and to the command line of AWS: by YAML 1.1, where `yes` is true.
fn plain(text: &str) -> Data {
    let lower = text.to_ascii_lowercase();
    let cased = text == lower || text == lower.to_ascii_uppercase() || text.get(1..) == lower.get(1..);
    match lower.as_str() {
        "" | "~" | "null" if cased => Data::Null,
        "true" | "yes" | "on" | "y" if cased => Data::Bool("true".into()),
        "false" | "no" | "off" | "n" if cased => Data::Bool("false".into()),
        _ if is_number(&lower) => Data::Number(text.to_owned()),
        _ => Data::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let of_radix = |prefix, radix| unsigned.strip_prefix(prefix).is_some_and(|d| u64::from_str_radix(d, radix).is_ok());
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    matches!(unsigned, ".inf" | ".nan")
        || begins && (unsigned.parse::<f64>().is_ok() || of_radix("0x", 16) || of_radix("0o", 8) || of_radix("0b", 2))
}
