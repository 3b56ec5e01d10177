//! Full-text search over applications: a tantivy index on this machine's disk that follows the
//! catalog by its sequence, and is rebuilt from it at will: also by itself, when it turns out damaged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tantivy::collector::{Collector, Count, SegmentCollector, TopDocs};
use tantivy::columnar::Column;
use tantivy::directory::{Directory as _, INDEX_WRITER_LOCK, MmapDirectory};
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
const VERSION: u32 = 4;
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
    /// A file of it is not what was written.
    #[error("search index: damaged: {0}")]
    Damaged(String),
    #[error("cannot search for that: {0}: quote the text, or leave out special characters")]
    Query(String),
}

impl SearchError {
    /// Whether it may come from damaged files, rather than from what was asked for.
    fn is_suspicious(&self) -> bool {
        match self {
            SearchError::Index(e) => !matches!(
                e,
                TantivyError::LockFailure(..)
                    | TantivyError::InvalidArgument(_)
                    | TantivyError::FieldNotFound(_)
                    | TantivyError::SchemaError(_)
            ),
            SearchError::Damaged(_) | SearchError::Folder(_) => true,
            SearchError::Catalog(_) | SearchError::Query(_) => false,
        }
    }
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
    /// Where it lies, that of this version.
    folder: PathBuf,
    schema: Schema,
    fields: Fields,
    /// As it is opened; another one once it was built anew.
    open: RwLock<Arc<Open>>,
    /// Something went wrong with it, or nobody has looked at it yet: it is looked at before it follows.
    suspect: AtomicBool,
}

/// An index that is open.
struct Open {
    index: Index,
    reader: IndexReader,
    writer: Mutex<Option<IndexWriter>>,
}

impl Open {
    fn new(folder: &Path, schema: &Schema) -> Result<Self, SearchError> {
        let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
        let index = Index::open_or_create(directory, schema.clone())?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Open { index, reader, writer: Mutex::new(None) })
    }

    /// Whether its files are what was written, and say the same.
    fn check(&self) -> Result<(), SearchError> {
        if let Some(file) = self.index.validate_checksum()?.iter().next() {
            return Err(SearchError::Damaged(format!("{}: not what was written", file.display())));
        }
        self.reader.reload()?;
        let searcher = self.reader.searcher();
        let latest = TopDocs::with_limit(1).order_by_fast_field::<i64>("ended", Order::Desc);
        let (rows, latest) = searcher.search(&AllQuery, &(Rows, latest))?;
        for (_, at) in latest {
            drop(searcher.doc::<TantivyDocument>(at)?);
        }
        if rows.len() as u64 != searcher.num_docs() {
            return Err(SearchError::Damaged(format!("{} of {} applications", rows.len(), searcher.num_docs())));
        }
        Ok(())
    }
}

/// Does what may meet damaged files, at which the library may also panic.
fn guarded<T>(work: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(SearchError::Damaged(said.unwrap_or("cannot be read").to_owned()))
    })
}

impl Search {
    /// Opens or creates the index in a folder that is its own.
    ///
    /// # Errors
    /// If there can be none in the folder. One that is damaged is built anew.
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
        let open = guarded(|| Open::new(&folder, &schema)).or_else(|e| anew(&folder, &schema, &e))?;
        let (open, suspect) = (RwLock::new(Arc::new(open)), AtomicBool::new(true));
        Ok(Search { folder, schema, fields, open, suspect })
    }

    /// The index as it is opened now.
    fn opened(&self) -> Arc<Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something with the index. What goes wrong has it looked at.
    fn with<T>(&self, work: impl FnOnce(&Open) -> Result<T, SearchError>) -> Result<T, SearchError> {
        let open = self.opened();
        let done = guarded(|| work(&open));
        if done.as_ref().is_err_and(|e| e.is_suspicious()) {
            self.suspect.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Looks whether the index is what was written, if there is doubt, and builds it anew if it is not.
    async fn look(&self) -> Result<(), SearchError> {
        if !self.suspect.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let open = self.opened();
        // One that could not be ended says nothing.
        let looked = tokio::task::spawn_blocking(move || guarded(|| open.check())).await;
        let Err(e) = looked.unwrap_or(Ok(())) else { return Ok(()) };
        // Until it could be: what writes it goes first.
        self.suspect.store(true, Ordering::Relaxed);
        let old = self.opened();
        drop(old.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
        let new = anew(&self.folder, &self.schema, &e)?;
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.suspect.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// How far the index has followed: catalog sequence and removals. From the start, if it does not say so beyond doubt.
    fn followed(&self) -> (i64, i64) {
        let payload = self.opened().index.load_metas().ok().and_then(|m| m.payload).unwrap_or_default();
        let Some((said, sum)) = payload.rsplit_once(' ') else { return (0, 0) };
        let mut numbers = said.split(' ').map(str::parse::<i64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(sequence)), Some(Ok(removals))) if sum == checksum(said) => (sequence, removals),
            _ => (0, 0),
        }
    }

    /// Number of the catalog's last change that the index has.
    pub fn sequence(&self) -> i64 {
        self.followed().0
    }

    /// Takes in what changed in the catalog since the last time; gives how many attempts.
    /// Only one process can write an index: another one's lock makes this do nothing.
    pub async fn follow(&self, catalog: &Catalog) -> Result<usize, SearchError> {
        self.look().await?;
        // Another process may be the one that writes: take over what it wrote.
        self.with(|open| Ok(open.reader.reload()?))?;
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

    /// Writes, and reads what was written.
    fn with_writer<T>(&self, work: impl FnOnce(&mut IndexWriter) -> Result<T, SearchError>) -> Result<T, SearchError> {
        self.with(|open| {
            let mut held = open.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let writer = match held.as_mut() {
                Some(w) => w,
                // Fails while another process writes.
                None => held.insert(open.index.writer_with_num_threads(1, BUDGET)?),
            };
            let done = work(writer);
            if done.is_err() {
                // One that failed takes nothing any more.
                drop(held.take());
            }
            let done = done?;
            open.reader.reload()?;
            Ok(done)
        })
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
                    f.status => a.summary.outcome.as_str(),
                    f.app => a.app_id.as_str(),
                    f.text => text,
                ))?;
            }
            commit(writer, sequence, removals)
        })
    }

    /// Drops attempts that the catalog has no more.
    fn forget_others(&self, keep: &[i64], sequence: i64, removals: i64) -> Result<(), SearchError> {
        let keep: std::collections::HashSet<i64> = keep.iter().copied().collect();
        let gone = self.with(|open| {
            let mut gone = open.reader.searcher().search(&AllQuery, &Rows)?;
            gone.retain(|row| !keep.contains(row));
            Ok(gone)
        })?;
        self.with_writer(|writer| {
            for row in gone {
                writer.delete_term(Term::from_field_i64(self.fields.row, row));
            }
            commit(writer, sequence, removals)
        })
    }

    /// What a text asks for: attempts with all its words, or with that id.
    fn words(&self, index: &Index, text: &str) -> Result<Box<dyn Query>, SearchError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Box::new(AllQuery));
        }
        if depth(text) > DEPTH {
            return Err(SearchError::Query(format!("nested deeper than {DEPTH} levels")));
        }
        let mut parser = QueryParser::for_index(index, vec![self.fields.text]);
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
        self.with(|open| {
            let mut ids = open.reader.searcher().search(&self.words(&open.index, text)?, &Rows)?;
            ids.sort_unstable();
            Ok(ids)
        })
    }

    /// Catalog ids of attempts that match, latest first; with the number of all matches.
    pub fn search(&self, q: &SearchQuery) -> Result<(usize, Vec<i64>), SearchError> {
        self.with(|open| self.search_in(open, q))
    }

    fn search_in(&self, open: &Open, q: &SearchQuery) -> Result<(usize, Vec<i64>), SearchError> {
        let f = self.fields;
        let mut all = vec![(Occur::Must, self.words(&open.index, &q.text)?)];
        for (field, value) in [(f.cluster, &q.cluster), (f.user, &q.user), (f.status, &q.status)] {
            if let Some(value) = value {
                all.push((
                    Occur::Must,
                    Box::new(TermQuery::new(Term::from_field_text(field, value), IndexRecordOption::Basic)),
                ));
            }
        }
        let (searcher, query) = (open.reader.searcher(), BooleanQuery::new(all));
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

/// An empty index in the place of one that is damaged: it must not keep the server from starting. The catalog fills it again.
fn anew(folder: &Path, schema: &Schema, why: &SearchError) -> Result<Open, SearchError> {
    tracing::warn!("building the search index anew: {why}");
    let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
    // Whoever writes it keeps it, and finds out as well.
    let _lock = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(|e| TantivyError::LockFailure(e, None))?;
    for file in std::fs::read_dir(folder)?.flatten() {
        if file.file_name() != INDEX_WRITER_LOCK.filepath.as_os_str() {
            std::fs::remove_file(file.path())?;
        }
    }
    Open::new(folder, schema)
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
    let said = format!("{sequence} {removals}");
    prepared.set_payload(&format!("{said} {}", checksum(&said)));
    prepared.commit()?;
    Ok(())
}

/// Of what the index says of itself: its own files have one, that text has not.
fn checksum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
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

    /// An index with three attempts, in two segments, one of which lost one.
    fn made(folder: &Path) -> Search {
        let index = Search::open(folder).unwrap();
        let f = index.fields;
        for n in 0..4i64 {
            let document = doc!(f.row => n, f.ended => n, f.text => "one word");
            index.with_writer(|w| Ok(w.add_document(document).map(drop)?)).unwrap();
            if n > 1 {
                index.with_writer(|w| commit(w, n, 0)).unwrap();
            }
        }
        let one = |w: &mut IndexWriter| {
            w.delete_term(Term::from_field_i64(f.row, 1));
            commit(w, 7, 0)
        };
        index.with_writer(one).unwrap();
        index
    }

    async fn catalog(folder: &Path) -> Catalog {
        Catalog::open(&folder.join("catalog.db")).await.unwrap()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let all = std::fs::read_dir(folder.join(format!("v{VERSION}"))).unwrap().flatten().map(|f| f.path());
        all.filter(|f| f.is_file() && f.extension().is_none_or(|e| e != "lock")).collect()
    }

    #[tokio::test]
    async fn a_damaged_file_has_the_index_built_anew() {
        let place = tempfile::tempdir().unwrap();
        drop(made(&place.path().join("whole")));
        let catalog = catalog(place.path()).await;
        let whole = Search::open(&place.path().join("whole")).unwrap();
        whole.follow(&catalog).await.unwrap();
        assert_eq!((search(&whole, "word", 0, 9).unwrap().0, whole.sequence()), (3, 7), "nothing was wrong with it");
        drop(whole);
        let kept = files(&place.path().join("whole"));
        assert!(kept.len() > 8, "{kept:?}");
        for (n, file) in kept.iter().enumerate() {
            let bytes = std::fs::read(file).unwrap();
            let (middle, half) = (bytes.len() / 2, bytes[..bytes.len() / 2].to_vec());
            let mut flipped = bytes.clone();
            flipped[middle] ^= 1;
            for (how, damaged) in [("flipped", flipped), ("cut", half), ("empty", Vec::new())] {
                let folder = place.path().join(format!("{n}-{how}"));
                std::fs::create_dir_all(folder.join(format!("v{VERSION}"))).unwrap();
                for f in &kept {
                    let name = f.file_name().unwrap();
                    std::fs::copy(f, folder.join(format!("v{VERSION}")).join(name)).unwrap();
                }
                let name = file.file_name().unwrap();
                std::fs::write(folder.join(format!("v{VERSION}")).join(name), damaged).unwrap();
                let index = Search::open(&folder).unwrap_or_else(|e| panic!("{name:?} {how}: {e}"));
                index.follow(&catalog).await.unwrap_or_else(|e| panic!("{name:?} {how}: {e}"));
                // Either it was not damaged in what matters, or the (empty) catalog has filled it.
                let found = search(&index, "word", 0, 9).unwrap_or_else(|e| panic!("{name:?} {how}: {e}"));
                let expected = if index.sequence() == 7 { 3 } else { 0 };
                assert!(found.0 == expected || index.sequence() == 0, "{name:?} {how}: {found:?}");
            }
        }
    }

    #[tokio::test]
    async fn one_that_is_damaged_while_it_is_open_is_built_anew() {
        let place = tempfile::tempdir().unwrap();
        let index = made(&place.path().join("search"));
        let catalog = catalog(place.path()).await;
        index.follow(&catalog).await.unwrap();
        assert_eq!(search(&index, "word", 0, 9).unwrap().0, 3);
        let file = files(&place.path().join("search")).into_iter().find(|f| f.extension().is_some_and(|e| e == "idx"));
        let file = file.unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        // Nobody looks until something goes wrong.
        index.follow(&catalog).await.unwrap();
        assert_eq!(index.sequence(), 7);
        let met = index.with::<()>(|_| panic!("the library met what it did not expect"));
        assert!(matches!(met, Err(SearchError::Damaged(_))), "{met:?}");
        index.follow(&catalog).await.unwrap();
        assert_eq!((search(&index, "word", 0, 9).unwrap().0, index.sequence()), (0, 0));
        index.with_writer(|w| commit(w, 9, 0)).unwrap();
        assert_eq!(index.sequence(), 9);
    }
}
