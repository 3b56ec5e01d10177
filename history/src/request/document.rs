//! A JSON or YAML text as a tree whose nodes know where they stand.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::Problem;

/// How deep a document may nest, and how many nodes it may have once its aliases stand for what they mean.
const DEPTH: usize = 64;
const NODES: usize = 100_000;
/// What pages of the web have in the place of blanks, and no parser takes for one.
const NO_BREAK_SPACE: char = '\u{a0}';

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
    /// A text, a number or a boolean as it was written.
    Text(String),
    Null,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(k, _)| k.text() == Some(key)).map(|(_, v)| v)
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

    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem { line: self.line, column: self.column, what: what.into() }
    }
}

/// The document that a text holds, with keys that are there twice.
///
/// # Errors
/// What keeps it from being one, with its place.
pub fn parse(text: &str) -> Result<(Node, Vec<Problem>), Problem> {
    let is_json = text.trim_start().starts_with('{');
    if is_json && let Err(e) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let what = e.to_string();
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        return Err(hinted(text, Problem { line: e.line(), column: e.column(), what }));
    }
    let mut reader =
        Reader { events: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, twice: Vec::new() };
    match reader.document() {
        Ok(node) => Ok((node, reader.twice)),
        Err(e) => Err(hinted(text, e)),
    }
}

/// A problem, with what is often behind it.
fn hinted(text: &str, mut problem: Problem) -> Problem {
    let lines = text.lines().enumerate().take(problem.line).skip(problem.line.saturating_sub(2));
    let found = lines.filter(|(_, line)| line.contains(NO_BREAK_SPACE)).map(|(i, _)| i + 1).last();
    if let Some(line) = found {
        problem.what.push_str(&format!(
            "; line {line} has a no-break space (U+00A0), as texts copied from web pages do: replace it by a blank"
        ));
    }
    problem
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

    /// The first document of the text.
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Err(Problem { line: 1, column: 1, what: "the file is empty".into() }),
                (event, span) => return self.node(event, span, 0),
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
            Event::Scalar(text, style, anchor, _) => {
                let null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                node.data = if null { Data::Null } else { Data::Text(text.into_owned()) };
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
                let mut all: Vec<(Node, Node)> = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::MappingEnd) {
                        break;
                    }
                    let key = self.node(event, span, depth + 1)?;
                    let before = all.iter().find(|(k, _)| k.text().is_some() && k.text() == key.text());
                    if let Some((before, _)) = before {
                        let name = key.text().unwrap_or_default();
                        self.twice.push(key.problem(format!("`{name}` is there twice, on line {}, too", before.line)));
                    }
                    let (event, span) = self.next()?;
                    all.push((key, self.node(event, span, depth + 1)?));
                }
                node.data = Data::Map(all);
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
