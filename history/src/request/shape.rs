//! What shape a value of a request has to have: whoever reads the request refuses any other.

use super::document::{Data, Node};
use super::{MANY, Problem};

/// Longer names were not meant for another one.
const NAME: usize = 64;

/// Keys of an object that nobody knows, each with the known one that was probably meant.
pub fn fields(node: &Node, of: &str, known: &[&str], problems: &mut Vec<Problem>) {
    if !object(node, of, problems) {
        return;
    }
    for (key, _) in node.entries() {
        let Some(name) = key.text() else {
            problems.push(key.problem(format!("{} is no name of a field of {of}", key.shape())));
            continue;
        };
        if !known.contains(&name) {
            let meant = if problems.len() < MANY { near(name, known) } else { None };
            let meant = meant.map(|k| format!(": `{k}` is meant?")).unwrap_or_default();
            problems.push(key.problem(format!("`{name}` is no field of {of}{meant}")));
        }
    }
}

/// The one of some names that a wrong one is for.
pub fn near<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = name.to_ascii_lowercase();
    let is_near = |k: &&&str| strsim::damerau_levenshtein(&k.to_ascii_lowercase(), &lower) <= 2;
    if name.len() > NAME { None } else { known.iter().find(is_near).copied() }
}

/// Whether it is an object; told if not.
pub fn object(node: &Node, of: &str, problems: &mut Vec<Problem>) -> bool {
    let is = matches!(node.data, Data::Map(_));
    if !is {
        problems.push(node.problem(format!("{of} must be an object with fields, and this is {}", node.shape())));
    }
    is
}

/// The items of what must be a list; told if it is none.
pub fn list<'n>(node: &'n Node, of: &str, problems: &mut Vec<Problem>) -> &'n [Node] {
    if !matches!(node.data, Data::List(_)) {
        problems.push(node.problem(format!("{of} must be a list, and this is {}: write it in [ ]", node.shape())));
    }
    node.items()
}

/// What must be a text; told if it is none. The value itself is not told: it may be a secret.
pub fn text<'n>(node: &'n Node, of: &str, problems: &mut Vec<Problem>) -> Option<&'n str> {
    let remedy = match &node.data {
        Data::Text(_) => return node.text(),
        Data::Number(_) | Data::Bool(_) => "write it in quotes",
        Data::Null => "write one in quotes, or leave it out",
        Data::Map(_) | Data::List(_) => "write one text in quotes",
    };
    problems.push(node.problem(format!("{of} must be a text, and this is {}: {remedy}", node.shape())));
    node.text()
}

/// What must be a whole number.
pub fn whole<'n>(node: &'n Node, of: &str, problems: &mut Vec<Problem>) -> Option<&'n str> {
    let number = node.text().is_some_and(|t| t.parse::<i64>().is_ok());
    if !number {
        problems.push(node.problem(format!("{of} must be a whole number, and this is {}", said(node))));
        return None;
    }
    if !matches!(node.data, Data::Number(_)) {
        problems.push(node.problem(format!("{of} must be a number, and this is a text: write it without quotes")));
    }
    node.text()
}

/// What must be true or false.
pub fn boolean<'n>(node: &'n Node, of: &str, problems: &mut Vec<Problem>) -> Option<&'n str> {
    if !matches!(node.data, Data::Bool(_)) {
        problems.push(node.problem(format!("{of} must be true or false without quotes, and this is {}", said(node))));
    }
    node.text()
}

fn said(node: &Node) -> String {
    node.text().map_or_else(|| node.shape().to_owned(), |t| format!("{} (`{t}`)", node.shape()))
}

/// Entries of an object of texts.
pub fn texts<'n>(node: &'n Node, of: &str, problems: &mut Vec<Problem>) -> Vec<(&'n str, &'n str, &'n Node)> {
    object(node, of, problems);
    let mut all = Vec::new();
    for (key, value) in node.entries() {
        let value_of = format!("a value of {of}");
        if let (Some(key), Some(text)) = (key.text(), text(value, &value_of, problems)) {
            all.push((key, text, value));
        }
    }
    all
}

/// So many of something, in words.
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
