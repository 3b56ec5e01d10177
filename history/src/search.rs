//! Full-text search over applications: a tantivy index on this machine's disk that follows the
//! catalog by its sequence, and is rebuilt from it at will.

use std::path::Path;
use std::sync::Mutex;

use tantivy::collector::{Collector, Count, SegmentCollector, TopDocs};
use tantivy::columnar::Column;
use tantivy::query::{AllQuery, BooleanQuery, FuzzyTermQuery, Occur, Query, QueryParser, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value,
};
use tantivy::{
    DocAddress, DocId, Index, IndexReader, IndexWriter, Order, ReloadPolicy, Score, SegmentOrdinal, SegmentReader,
    TantivyDocument, TantivyError, Term, doc,
};

use crate::catalog::{AttemptRow, Catalog, CatalogError};

/// Version of the index: another one is built anew.
const VERSION: u32 = 3;
/// Memory of the writer.
const BUDGET: usize = 32 << 20;
/// How deep parentheses and negations of a query may nest: its parser goes as deep on the stack.
const DEPTH: usize = 50;
/// Bytes of words that the index leaves out. To look for one that begins so takes memory for each.
const LONG: usize = 40;
/// Attempts taken from the catalog at a time.
const BATCH: i64 = 2000;

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("search index: {0}")]
    Index(#[from] TantivyError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("search index: {0}")]
    Folder(#[from] std::io::Error),
    #[error("cannot search for that: {0}: quote the text, or leave out special characters")]
    Query(String),
}

#[derive(Clone, Copy)]
struct Fields {
    row: Field,
    ended: Field,
    cluster: Field,
    user: Field,
    status: Field,
    app: Field,
    text: Field,
}

/// What to search for.
#[derive(Debug, Clone, Default)]
pub struct SearchQuery {
    pub text: String,
    pub cluster: Option<String>,
    pub user: Option<String>,
    pub status: Option<String>,
    pub offset: usize,
    pub limit: usize,
}

/// The index.
pub struct Search {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    writer: Mutex<Option<IndexWriter>>,
}

impl Search {
    /// Opens or creates the index in a folder that is its own.
    pub fn open(folder: &Path) -> Result<Self, SearchError> {
        let mut schema = Schema::builder();
        let fields = Fields {
            row: schema.add_i64_field("row", INDEXED | STORED | FAST),
            ended: schema.add_i64_field("ended", FAST),
            cluster: schema.add_text_field("cluster", STRING),
            user: schema.add_text_field("user", STRING),
            status: schema.add_text_field("status", STRING),
            app: schema.add_text_field("app", STRING),
            text: schema.add_text_field("text", words()),
        };
        let schema = schema.build();
        let folder = folder.join(format!("v{VERSION}"));
        std::fs::create_dir_all(&folder)?;
        let open = |folder: &Path| -> Result<Index, SearchError> {
            let directory = tantivy::directory::MmapDirectory::open(folder).map_err(TantivyError::from)?;
            Ok(Index::open_or_create(directory, schema.clone())?)
        };
        let index = open(&folder).or_else(|e| {
            // It can be rebuilt: a damaged one must not keep the server from starting.
            tracing::warn!("building the search index anew: {e}");
            std::fs::remove_dir_all(&folder)?;
            std::fs::create_dir_all(&folder)?;
            open(&folder)
        })?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Search { index, reader, fields, writer: Mutex::new(None) })
    }

    /// How far the index has followed: catalog sequence and removals.
    fn followed(&self) -> (i64, i64) {
        let payload = self.index.load_metas().ok().and_then(|m| m.payload).unwrap_or_default();
        let mut numbers = payload.split(' ').map(|n| n.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// Number of the catalog's last change that the index has.
    pub fn sequence(&self) -> i64 {
        self.followed().0
    }

    /// Takes in what changed in the catalog since the last time; gives how many attempts.
    /// Only one process can write an index: another one's lock makes this do nothing.
    pub async fn follow(&self, catalog: &Catalog) -> Result<usize, SearchError> {
        // Another process may be the one that writes: take over what it wrote.
        self.reader.reload()?;
        let (mut sequence, removals) = self.followed();
        let removed = catalog.removals().await?;
        let mut keep = None;
        if removed != removals {
            keep = Some(catalog.attempt_ids().await?);
        }
        let mut taken = 0;
        loop {
            let changed = catalog.changed_since(sequence, BATCH).await?;
            let Some(last) = changed.last() else {
                if let Some(keep) = keep.take() {
                    self.forget_others(&keep, sequence, removed)?;
                }
                return Ok(taken);
            };
            sequence = last.sequence;
            taken += changed.len();
            match self.write(&changed, sequence, removals) {
                Err(SearchError::Index(TantivyError::LockFailure(..))) => return Ok(0),
                written => written?,
            }
        }
    }

    fn with_writer<T>(&self, work: impl FnOnce(&mut IndexWriter) -> Result<T, SearchError>) -> Result<T, SearchError> {
        let mut held = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let writer = match held.as_mut() {
            Some(w) => w,
            None => held.insert(self.index.writer_with_num_threads(1, BUDGET)?), // fails while another process writes
        };
        work(writer)
    }

    fn write(&self, attempts: &[AttemptRow], sequence: i64, removals: i64) -> Result<(), SearchError> {
        let f = self.fields;
        self.with_writer(|writer| {
            for a in attempts {
                writer.delete_term(Term::from_field_i64(f.row, a.id));
                let labels: Vec<String> = a.labels.iter().map(|(k, v)| format!("{k} {v}")).collect();
                let text = [&a.app_id, &a.name, &a.user, &a.cluster, &labels.join(" "), &a.search_text]
                    .map(String::as_str)
                    .join("\n");
                writer.add_document(doc!(
                    f.row => a.id,
                    f.ended => a.last_event_time,
                    f.cluster => a.cluster.as_str(),
                    f.user => a.user.as_str(),
                    f.status => a.status.text(),
                    f.app => a.app_id.as_str(),
                    f.text => text,
                ))?;
            }
            commit(writer, sequence, removals)
        })?;
        self.reader.reload()?;
        Ok(())
    }

    /// Drops attempts that the catalog has no more.
    fn forget_others(&self, keep: &[i64], sequence: i64, removals: i64) -> Result<(), SearchError> {
        let keep: std::collections::HashSet<i64> = keep.iter().copied().collect();
        let searcher = self.reader.searcher();
        let mut gone = Vec::new();
        for segment in searcher.segment_readers() {
            let store = segment.get_store_reader(64)?;
            for doc in segment.doc_ids_alive() {
                let row = store.get::<TantivyDocument>(doc)?.get_first(self.fields.row).and_then(|v| v.as_i64());
                gone.extend(row.filter(|r| !keep.contains(r)));
            }
        }
        self.with_writer(|writer| {
            for row in gone {
                writer.delete_term(Term::from_field_i64(self.fields.row, row));
            }
            commit(writer, sequence, removals)
        })?;
        self.reader.reload()?;
        Ok(())
    }

    /// What a text asks for: attempts with all its words, or with that id.
    fn words(&self, text: &str) -> Result<Box<dyn Query>, SearchError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Box::new(AllQuery));
        }
        if depth(text) > DEPTH {
            return Err(SearchError::Query(format!("nested deeper than {DEPTH} levels")));
        }
        let mut parser = QueryParser::for_index(&self.index, vec![self.fields.text]);
        parser.set_conjunction_by_default();
        let parse = |text: &str| parser.parse_query(text).map_err(|e| SearchError::Query(e.to_string()));
        let id = TermQuery::new(Term::from_field_text(self.fields.app, text), IndexRecordOption::Basic);
        let mut any: Vec<Box<dyn Query>> = vec![parse(text)?, Box::new(id)];
        if let Some((before, begun)) = being_typed(text) {
            let begun = Term::from_field_text(self.fields.text, &begun.to_lowercase());
            let begun: Box<dyn Query> = Box::new(FuzzyTermQuery::new_prefix(begun, 0, true));
            any.push(match before {
                "" => begun,
                before => Box::new(BooleanQuery::intersection(vec![parse(before)?, begun])),
            });
        }
        Ok(Box::new(BooleanQuery::union(any)))
    }

    /// Catalog ids of all attempts that match, ascending.
    pub fn matches(&self, text: &str) -> Result<Vec<i64>, SearchError> {
        let mut ids = self.reader.searcher().search(&self.words(text)?, &Rows)?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// Catalog ids of attempts that match, latest first; with the number of all matches.
    pub fn search(&self, q: &SearchQuery) -> Result<(usize, Vec<i64>), SearchError> {
        let f = self.fields;
        let mut all = vec![(Occur::Must, self.words(&q.text)?)];
        for (field, value) in [(f.cluster, &q.cluster), (f.user, &q.user), (f.status, &q.status)] {
            if let Some(value) = value {
                all.push((
                    Occur::Must,
                    Box::new(TermQuery::new(Term::from_field_text(field, value), IndexRecordOption::Basic)),
                ));
            }
        }
        let (searcher, query) = (self.reader.searcher(), BooleanQuery::new(all));
        // A collector makes room for all that it skips and gives: never for more than there is.
        let limit = q.limit.min((searcher.num_docs() as usize).saturating_sub(q.offset));
        if limit == 0 {
            return Ok((searcher.search(&query, &Count)?, Vec::new()));
        }
        let page = TopDocs::with_limit(limit).and_offset(q.offset).order_by_fast_field::<i64>("ended", Order::Desc);
        let (total, found) = searcher.search(&query, &(Count, page))?;
        let row = |at: DocAddress| -> Result<Option<i64>, SearchError> {
            Ok(searcher.doc::<TantivyDocument>(at)?.get_first(f.row).and_then(|v| v.as_i64()))
        };
        let mut ids = Vec::new();
        for (_, at) in found {
            ids.extend(row(at)?);
        }
        Ok((total, ids))
    }
}

/// Collects the catalog ids of all that match.
struct Rows;

struct RowsOfSegment {
    rows: Column<i64>,
    found: Vec<i64>,
}

impl Collector for Rows {
    type Fruit = Vec<i64>;
    type Child = RowsOfSegment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<RowsOfSegment> {
        Ok(RowsOfSegment { rows: segment.fast_fields().i64("row")?, found: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, found: Vec<Vec<i64>>) -> tantivy::Result<Vec<i64>> {
        Ok(found.concat())
    }
}

impl SegmentCollector for RowsOfSegment {
    type Fruit = Vec<i64>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.found.extend(self.rows.first(doc));
    }

    fn harvest(self) -> Vec<i64> {
        self.found
    }
}

/// The last word of plain words, which may be the beginning of a longer one: people watch the list while they type.
fn being_typed(text: &str) -> Option<(&str, &str)> {
    let (before, word) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
    let plain = text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "-_.".contains(c));
    let long_enough = word.chars().count() > 1 && word.len() < LONG;
    (plain && long_enough && word.chars().all(char::is_alphanumeric)).then_some((before.trim(), word))
}

/// How deep a query nests at most. Quotes do not count: too much is better than too little.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0usize, 0);
    for c in text.bytes() {
        match c {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest + text.matches("NOT").count()
}

/// Words by their stems: who looks for "executor" means "executors", too.
fn words() -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("en_stem")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    TextOptions::default().set_indexing_options(indexing)
}

fn commit(writer: &mut IndexWriter, sequence: i64, removals: i64) -> Result<(), SearchError> {
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&format!("{sequence} {removals}"));
    prepared.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(index: &Search, text: &str, offset: usize, limit: usize) -> Result<(usize, Vec<i64>), SearchError> {
        index.search(&SearchQuery { text: text.to_owned(), offset, limit, ..SearchQuery::default() })
    }

    #[test]
    fn no_query_is_too_much() {
        let folder = std::env::temp_dir().join(format!("afterglow-search-{}", std::process::id()));
        let index = Search::open(&folder).unwrap();
        let f = index.fields;
        let add = |n: i64| {
            index.with_writer(|w| Ok(w.add_document(doc!(f.row => n, f.ended => n, f.text => "one word")).map(drop)?))
        };
        (0..3).try_for_each(add).unwrap();
        index.with_writer(|w| commit(w, 0, 0)).unwrap();
        index.reader.reload().unwrap();
        assert_eq!(search(&index, "word", 0, 2).unwrap(), (3, vec![2, 1]));
        assert_eq!(search(&index, "word", 2, 50).unwrap(), (3, vec![0]));
        for (text, found) in
            [("wo", 3), ("one wo", 3), ("WOR", 3), ("word on", 3), ("w", 0), ("ord", 0), ("two wo", 0), ("\"wo\"", 0)]
        {
            assert_eq!(search(&index, text, 0, 1).unwrap().0, found, "{text}");
        }
        // No room is made for what is skipped.
        for (offset, limit) in [(3, 10), (usize::MAX, 1000), (1 << 40, usize::MAX), (0, 0)] {
            assert_eq!(search(&index, "word", offset, limit).unwrap(), (3, vec![]));
        }
        assert_eq!(search(&index, "((one)) -two", 0, usize::MAX).unwrap().0, 3);
        assert_eq!(being_typed("one wor"), Some(("one", "wor")));
        assert_eq!(being_typed(&"w".repeat(60_000)), None);
        for nested in ["(", "(a ", "-(", "a OR (", "NOT ", "NOT (", "text:("] {
            let deep = nested.repeat(50_000);
            assert!(matches!(search(&index, &deep, 0, 1), Err(SearchError::Query(_))), "{nested}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
