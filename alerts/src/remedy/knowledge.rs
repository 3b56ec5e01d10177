//! The knowledge base: runbooks in Markdown, the pages of rules, and how advice turned out before; searched with tantivy.
//!
//! It is small and can be built anew in a moment, so it is held in memory, and made again when a file changed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _};
use tantivy::{Index, IndexReader, TantivyDocument, Term, doc};

use super::case::Passage;
use super::follow_up::{Outcome, Verdict};
use super::mask::Mask;
use super::retrieve::Retriever;
use crate::rules;

/// Runbooks that are read at most, and bytes of one.
const FILES: usize = 10_000;
const FILE: u64 = 1 << 20;
/// Characters of a passage.
const LONG: usize = 1_500;
/// Memory of the writer.
const BUDGET: usize = 20 << 20;
/// How much more a passage counts that is about the rule itself.
const ABOUT: f32 = 6.0;

/// Why there is no knowledge base.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    #[error("runbooks: {}", shown(.0))]
    Store(#[from] object_store::Error),
    #[error("runbooks: {0}")]
    Index(#[from] tantivy::TantivyError),
    #[error("remediation.runbooks: {0}")]
    Place(String),
}

/// An error of a store, without what its address may have of secrets.
fn shown(e: &object_store::Error) -> String {
    afterglow_ingest::source::masked(&e.to_string())
}

/// A piece of text, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// The rule that it is about; may be empty.
    rule: String,
    title: String,
    text: String,
    from: String,
}

#[derive(Clone, Copy)]
struct Fields {
    rule: Field,
    title: Field,
    text: Field,
    from: Field,
}

/// What is searched at a time.
struct Shelf {
    index: Index,
    reader: IndexReader,
    fields: Fields,
}

/// What is in the knowledge base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Runbooks, and the passages that they were cut into.
    pub files: usize,
    pub passages: usize,
    /// The runbook that was changed last, and when: epoch milliseconds.
    pub newest: Option<(String, i64)>,
    /// Pages of rules.
    pub rules: usize,
    /// Past incidents.
    pub past: usize,
    /// Why the place could not be read the last time.
    pub error: Option<String>,
}

/// Where runbooks are, and what is known of them.
pub struct Knowledge {
    place: Option<(Arc<dyn ObjectStore>, Path)>,
    mask: Arc<Mask>,
    /// A knowledge base of Bedrock, beside them.
    remote: Option<Retriever>,
    shelf: RwLock<Arc<Shelf>>,
    state: RwLock<Contents>,
    /// What the shelf was made of: versions of files, and number and time of the newest of outcomes.
    made_of: tokio::sync::Mutex<(BTreeMap<Path, String>, (usize, i64))>,
}

impl Knowledge {
    /// The pages of the rules, and, after the first [`Knowledge::refresh`], the runbooks of a folder or bucket.
    ///
    /// # Errors
    /// If there is no such place.
    pub async fn open(
        url: &str,
        options: &BTreeMap<String, String>,
        mask: Arc<Mask>,
    ) -> Result<Knowledge, KnowledgeError> {
        let place = if url.is_empty() {
            None
        } else {
            let opened = afterglow_ingest::source::open(url, options).await;
            let (_, store, root) = opened.map_err(|e| KnowledgeError::Place(e.to_string()))?;
            Some((store, root))
        };
        let shelf = RwLock::new(Arc::new(Shelf::of(shipped())?));
        let state = RwLock::new(Contents { rules: rules::all().count(), ..Contents::default() });
        Ok(Knowledge { place, mask, remote: None, shelf, state, made_of: tokio::sync::Mutex::default() })
    }

    /// Has a knowledge base of Bedrock asked as well.
    pub fn with(self, remote: Option<Retriever>) -> Knowledge {
        Knowledge { remote, ..self }
    }

    /// Takes up what changed since the last time; whether anything did. On an error the old ones stay in use.
    ///
    /// # Errors
    /// If the runbooks cannot be listed or read.
    pub async fn refresh(&self, outcomes: &[(i64, Outcome)]) -> Result<bool, KnowledgeError> {
        let done = self.take_up(outcomes).await;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.error = done.as_ref().err().map(ToString::to_string);
        drop(state);
        done
    }

    /// What is in it.
    pub fn contents(&self) -> Contents {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn take_up(&self, outcomes: &[(i64, Outcome)]) -> Result<bool, KnowledgeError> {
        let mut made_of = self.made_of.lock().await;
        let mut versions = BTreeMap::new();
        let mut newest: Option<(String, i64)> = None;
        if let Some((store, root)) = &self.place {
            let mut list = store.list(Some(root));
            while let Some(meta) = list.try_next().await? {
                let markdown = meta.location.extension().is_some_and(|e| e.eq_ignore_ascii_case("md"));
                if markdown && meta.size <= FILE && versions.len() < FILES {
                    let version = format!("{} {} {:?}", meta.size, meta.last_modified, meta.e_tag);
                    let at = meta.last_modified.timestamp_millis();
                    if newest.as_ref().is_none_or(|(_, newest)| at > *newest) {
                        newest = Some((name_of(&meta.location, root), at));
                    }
                    versions.insert(meta.location, version);
                }
            }
        }
        let now = (versions, (outcomes.len(), outcomes.iter().map(|(at, _)| *at).max().unwrap_or(0)));
        if *made_of == now {
            return Ok(false);
        }
        let mut pieces = shipped();
        let shipped = pieces.len();
        if let Some((store, root)) = &self.place {
            for path in now.0.keys() {
                let bytes = store.get(path).await?.bytes().await?;
                pieces.extend(runbook(&name_of(path, root), &String::from_utf8_lossy(&bytes), &self.mask));
            }
        }
        let cut = pieces.len() - shipped;
        pieces.extend(outcomes.iter().filter_map(|(_, o)| past(o)));
        let past = pieces.len() - shipped - cut;
        let shelf = Arc::new(Shelf::of(pieces)?);
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = shelf;
        let files = now.0.len();
        *self.state.write().unwrap_or_else(PoisonError::into_inner) =
            Contents { files, passages: cut, newest, rules: rules::all().count(), past, error: None };
        *made_of = now;
        Ok(true)
    }

    /// Passages about a question of a rule: our own, and in place of the last of them, up to half, those of Bedrock.
    ///
    /// # Errors
    /// If the index cannot be searched.
    pub async fn find(&self, rule: &str, question: &str, limit: usize) -> Result<Vec<Passage>, KnowledgeError> {
        let mut found = self.search(rule, question, limit)?;
        if let Some(remote) = &self.remote {
            let more = remote.ask(question, limit / 2, &self.mask).await;
            found.truncate(limit - more.len());
            found.extend(more);
        }
        Ok(found)
    }

    /// The passages that are nearest to a question about a rule, best first.
    ///
    /// # Errors
    /// If the index cannot be searched.
    pub fn search(&self, rule: &str, question: &str, limit: usize) -> Result<Vec<Passage>, KnowledgeError> {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(shelf.search(rule, question, limit)?)
    }
}

impl Shelf {
    fn of(pieces: Vec<Piece>) -> Result<Shelf, tantivy::TantivyError> {
        let words = || {
            let indexing =
                TextFieldIndexing::default().set_tokenizer("en_stem").set_index_option(IndexRecordOption::WithFreqs);
            TextOptions::default().set_indexing_options(indexing).set_stored()
        };
        let mut schema = Schema::builder();
        let fields = Fields {
            rule: schema.add_text_field("rule", STRING),
            title: schema.add_text_field("title", words()),
            text: schema.add_text_field("text", words()),
            from: schema.add_text_field("from", STORED),
        };
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads(1, BUDGET)?;
        for p in pieces {
            writer.add_document(doc!(
                fields.rule => p.rule, fields.title => p.title, fields.text => p.text, fields.from => p.from,
            ))?;
        }
        writer.commit()?;
        Ok(Shelf { reader: index.reader()?, index, fields })
    }

    fn search(&self, rule: &str, question: &str, limit: usize) -> Result<Vec<Passage>, tantivy::TantivyError> {
        let f = self.fields;
        let about = TermQuery::new(Term::from_field_text(f.rule, rule), IndexRecordOption::Basic);
        let about: Box<dyn Query> = Box::new(BoostQuery::new(Box::new(about), ABOUT));
        let mut any = vec![(Occur::Should, about)];
        for field in [f.title, f.text] {
            // Words and not a query: what is asked for has characters that a parser would trip over.
            let mut analyzer = self.index.tokenizer_for_field(field)?;
            let mut stream = analyzer.token_stream(question);
            while let Some(token) = stream.next() {
                if token.text.len() > 2 {
                    let term = Term::from_field_text(field, &token.text);
                    any.push((Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))));
                }
            }
        }
        let searcher = self.reader.searcher();
        let found = searcher.search(&BooleanQuery::new(any), &TopDocs::with_limit(limit.max(1)).order_by_score())?;
        let mut out = Vec::new();
        for (_, at) in found {
            let document: TantivyDocument = searcher.doc(at)?;
            let text = |field| document.get_first(field).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            out.push(Passage { id: String::new(), title: text(f.title), text: text(f.text), from: text(f.from) });
        }
        Ok(out)
    }
}

/// The pages of all rules, which are ours and go as they are.
fn shipped() -> Vec<Piece> {
    let mut out = Vec::new();
    for rule in rules::all() {
        for (title, text) in sections(rule.page) {
            let from = format!("rule {}", rule.name);
            out.push(Piece { rule: rule.name.into(), title: format!("{}: {title}", rule.title), text, from });
        }
    }
    out
}

/// A file's name below the place.
fn name_of(path: &Path, root: &Path) -> String {
    let below = path.prefix_match(root);
    let name = below.map(|parts| parts.map(|p| p.as_ref().to_owned()).collect::<Vec<_>>().join("/"));
    name.filter(|n| !n.is_empty()).unwrap_or_else(|| path.to_string())
}

/// A file's passages, masked. It is about the rule whose name it has.
fn runbook(name: &str, markdown: &str, mask: &Mask) -> Vec<Piece> {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let rule = rules::by_name(stem).map_or(String::new(), |r| r.name.to_owned());
    let all = sections(markdown).into_iter();
    let masked = all.map(|(title, text)| (mask.written(&title), mask.written(&text)));
    let piece = |(title, text): (String, String)| Piece { rule: rule.clone(), title, text, from: name.to_owned() };
    masked.filter(|(_, text)| !text.is_empty()).map(piece).collect()
}

/// How the advice of a rule turned out somewhere, in words; without names of applications.
fn past(o: &Outcome) -> Option<Piece> {
    if !matches!(o.verdict, Verdict::Worked | Verdict::NoEffect | Verdict::Worse) || o.changed.is_empty() {
        return None;
    }
    let of = |v: &Option<String>| v.clone().unwrap_or_else(|| "not set".into());
    let changes: Vec<String> =
        o.changed.iter().map(|c| format!("{} from {} to {}", c.key, of(&c.before), of(&c.after))).collect();
    let result = match o.verdict {
        Verdict::Worked => "it worked: the next run cost less",
        Verdict::Worse => "it made things worse",
        _ => "it had no effect",
    };
    let text = format!("After {} a job changed {}; {result}.", o.rule, changes.join(", "));
    Some(Piece {
        rule: o.rule.clone(),
        title: format!("Past incident of {}", o.rule),
        text,
        from: "past incident".into(),
    })
}

/// Markdown cut at its headings and, where a section is long, at its paragraphs; each with the headings above it.
fn sections(markdown: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut headings: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut fenced = false;
    let flush = |headings: &[String], text: &mut String, out: &mut Vec<(String, String)>| {
        for part in cut(std::mem::take(text).trim()) {
            out.push((headings.join(" / "), part));
        }
    };
    for line in markdown.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let level = line.bytes().take_while(|b| *b == b'#').count();
        match line.get(level..).and_then(|rest| rest.strip_prefix(' ')) {
            Some(heading) if !fenced && (1..=6).contains(&level) => {
                flush(&headings, &mut text, &mut out);
                headings.truncate(level - 1);
                headings.push(heading.trim().to_owned());
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    flush(&headings, &mut text, &mut out);
    out
}

/// Text in parts of at most [`LONG`] characters, at the ends of paragraphs where there are some.
fn cut(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    for paragraph in text.split("\n\n") {
        let mut rest: Vec<char> = paragraph.trim().chars().collect();
        let held = out.last().map_or(0, |l| l.chars().count());
        if held > 0 && held + rest.len() > LONG {
            out.push(String::new());
        }
        while rest.len() > LONG {
            let more = rest.split_off(LONG);
            out.push(rest.into_iter().collect());
            rest = more;
        }
        if let Some(last) = out.last_mut().filter(|l| l.chars().count() + rest.len() <= LONG) {
            if !last.is_empty() {
                last.push_str("\n\n");
            }
            last.extend(rest);
        } else {
            out.push(rest.into_iter().collect());
        }
    }
    out.retain(|p| !p.trim().is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::case::tests::mask;

    #[test]
    fn markdown_is_cut_at_headings_and_bounds() {
        let text = format!("intro\n\n# A\none\n## B\ntwo\n```\n# no heading\n```\n# C\n{}", "x".repeat(2 * LONG + 10));
        let all = sections(&text);
        let shown: Vec<(&str, usize)> = all.iter().map(|(t, x)| (t.as_str(), x.len())).collect();
        assert_eq!(shown, [("", 5), ("A", 3), ("A / B", 24), ("C", LONG), ("C", LONG), ("C", 10)]);
    }

    #[tokio::test]
    async fn runbooks_are_found_masked_and_taken_up_as_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let none = BTreeMap::new();
        let knowledge = Knowledge::open(folder.path().to_str().unwrap(), &none, Arc::new(mask())).await.unwrap();
        let search = |q: &str| knowledge.search("gc-pressure", q, 3).unwrap();
        assert!(search("garbage collection")[0].from.starts_with("rule gc-pressure"));
        assert!(!knowledge.refresh(&[]).await.unwrap());
        let page = "# Zebra clusters\nAsk for zebra nodes; password = hunter2, or look into /etc/zebra/conf";
        std::fs::write(folder.path().join("zebra.md"), page).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "zebra").unwrap();
        assert!(knowledge.refresh(&[]).await.unwrap());
        assert!(!knowledge.refresh(&[]).await.unwrap());
        let has = knowledge.contents();
        assert_eq!((has.files, has.passages, has.past, has.error), (1, 1, 0, None));
        assert_eq!(has.newest.unwrap().0, "zebra.md");
        let found = knowledge.search("other", "zebras?! (AND:", 3).unwrap();
        assert_eq!(found[0].from, "zebra.md");
        assert!(found[0].text.contains("zebra nodes"), "{found:?}");
        assert!(!found[0].text.contains("hunter2") && !found[0].text.contains("etc"), "{found:?}");
        std::fs::write(folder.path().join("zebra.md"), "# Zebra clusters\nThere are none any more").unwrap();
        assert!(knowledge.refresh(&[]).await.unwrap());
        assert!(knowledge.search("other", "zebra", 3).unwrap()[0].text.contains("none any more"));
        std::fs::remove_file(folder.path().join("zebra.md")).unwrap();
        assert!(knowledge.refresh(&[]).await.unwrap());
        assert!(knowledge.search("other", "zebra", 3).unwrap().iter().all(|p| p.from != "zebra.md"));
    }
}
