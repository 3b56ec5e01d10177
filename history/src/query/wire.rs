//! What goes between the process that is asked and the one that answers: messages of a head in JSON and a body of
//! bytes, each
//! with its length before it.
//!
//! Bodies are texts of statements one way and Arrow's streams the other.

use std::io;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Ask, Kind, Parameter, Parsed, QueryError};

/// Bytes of a head at most.
const HEAD: u32 = 16 << 20;
/// Bytes of a body at most: rows are sent a batch at a time.
const BODY: u32 = 2 << 30;

/// To the process that answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Asked {
    /// The first of all: what it is to open.
    Open(serde_json::Value),
    /// The body is the text; behind it, from `text` bytes on, the values of its parameters.
    Run {
        id: u64,
        postgres: Option<usize>,
        text: usize,
    },
    /// The body is the text.
    Parse {
        id: u64,
        planned: bool,
        /// PostgreSQL's numbers of the types that its client gave.
        types: Vec<u32>,
    },
    Cancel {
        id: u64,
    },
}

/// From the process that answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    /// It has opened what it was to open.
    Ready,
    /// It cannot, and ends.
    Unfit(String),
    /// The body is a piece of the stream of rows.
    Rows {
        id: u64,
    },
    /// All rows were sent.
    Ended {
        id: u64,
        truncated: bool,
        notes: Vec<String>,
        damage: Damage,
    },
    /// The body has their columns and parameters.
    Parsed {
        id: u64,
        all: Vec<Statement>,
        damage: Damage,
    },
    Failed {
        id: u64,
        error: Error,
        damage: Damage,
    },
    /// The last of all: it was answered or cancelled, and nothing of it runs any more.
    Gone {
        id: u64,
    },
}

/// What was found damaged on the way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Damage {
    /// Objects of the store, to be made anew from logs.
    pub objects: Vec<String>,
    /// Batches of the fleet tables, to be written anew.
    pub batches: Vec<i64>,
}

/// See [`Parsed`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Statement {
    text: String,
    /// Its first word, if it is neither a query nor about the session.
    other: Option<String>,
    session: bool,
    oids: Vec<u32>,
    /// Bytes of its columns in the body, and of its parameters.
    bytes: (usize, usize),
}

/// See [`QueryError`].
#[derive(Debug, Serialize, Deserialize)]
pub enum Error {
    Syntax(String),
    Statement(String),
    Timeout(Duration, bool),
    Busy,
    Cluster(String),
    Internal(String),
}

impl From<QueryError> for Error {
    fn from(e: QueryError) -> Self {
        match e {
            QueryError::Syntax(what) => Error::Syntax(what),
            QueryError::Statement(what) => Error::Statement(what),
            QueryError::Timeout(after, own) => Error::Timeout(after, own),
            QueryError::Busy => Error::Busy,
            QueryError::Cluster(what) => Error::Cluster(what),
            QueryError::Internal(what) => Error::Internal(what),
        }
    }
}

impl From<Error> for QueryError {
    fn from(e: Error) -> Self {
        match e {
            Error::Syntax(what) => QueryError::Syntax(what),
            Error::Statement(what) => QueryError::Statement(what),
            Error::Timeout(after, own) => QueryError::Timeout(after, own),
            Error::Busy => QueryError::Busy,
            Error::Cluster(what) => QueryError::Cluster(what),
            Error::Internal(what) => QueryError::Internal(what),
        }
    }
}

/// Sends a message.
pub async fn send<H: Serialize>(to: &mut (impl AsyncWrite + Unpin), head: &H, body: &[u8]) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    let large = || io::Error::new(io::ErrorKind::InvalidData, "a message is too large");
    let length = |bytes: &[u8], most: u32| u32::try_from(bytes.len()).ok().filter(|n| *n <= most).ok_or_else(large);
    let mut first = Vec::with_capacity(8 + head.len());
    first.extend_from_slice(&length(&head, HEAD)?.to_le_bytes());
    first.extend_from_slice(&length(body, BODY)?.to_le_bytes());
    first.extend_from_slice(&head);
    to.write_all(&first).await?;
    to.write_all(body).await?;
    to.flush().await
}

/// Receives a message; none if nobody sends any more.
pub async fn receive<H: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(H, Vec<u8>)>> {
    let head = match from.read_u32_le().await {
        Ok(n) => n,
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    };
    let body = from.read_u32_le().await?;
    if head > HEAD || body > BODY {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too large"));
    }
    let mut bytes = vec![0; head as usize];
    from.read_exact(&mut bytes).await?;
    let head = serde_json::from_slice(&bytes)?;
    let mut bytes = vec![0; body as usize];
    from.read_exact(&mut bytes).await?;
    Ok(Some((head, bytes)))
}

/// A question without its number, and its body.
pub fn asked(ask: &Ask) -> Result<(impl Fn(u64) -> Asked + Clone + use<>, Vec<u8>), ArrowError> {
    let (text, postgres, values) = match ask {
        Ask::Sql(text) => (text, None, None),
        Ask::Postgres { text, number, values } => (text, Some(*number), Some(values)),
    };
    let mut body = text.as_bytes().to_vec();
    let text = body.len();
    if let Some(values) = values.filter(|v| !v.is_empty()) {
        let columns = values.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>, _>>()?;
        let field = |(i, c): (usize, &arrow_array::ArrayRef)| Field::new(i.to_string(), c.data_type().clone(), true);
        let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
        body.extend(stream(&schema, Some(&RecordBatch::try_new(schema.clone().into(), columns)?))?);
    }
    Ok((move |id| Asked::Run { id, postgres, text }, body))
}

/// What [`asked`] wrote.
pub fn ask(postgres: Option<usize>, text: usize, body: &[u8]) -> Result<Ask, ArrowError> {
    let odd = |what: &str| ArrowError::ParseError(what.to_owned());
    let (text, rest) = body.split_at_checked(text).ok_or_else(|| odd("a statement that is cut off"))?;
    let text = String::from_utf8(text.to_vec()).map_err(|_| odd("a statement that is no text"))?;
    let Some(number) = postgres else { return Ok(Ask::Sql(text)) };
    let mut values = Vec::new();
    if !rest.is_empty() {
        let batch = StreamReader::try_new(rest, None)?.next().ok_or_else(|| odd("no values"))??;
        for column in batch.columns() {
            values.push(ScalarValue::try_from_array(column, 0)?);
        }
    }
    Ok(Ask::Postgres { text, number, values })
}

fn stream(schema: &Schema, batch: Option<&RecordBatch>) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    if let Some(batch) = batch {
        writer.write(batch)?;
    }
    writer.into_inner()
}

/// Statements, and the body with what they answer and take.
pub fn statements(all: &[Parsed]) -> Result<(Vec<Statement>, Vec<u8>), ArrowError> {
    let mut body = Vec::new();
    let mut heads = Vec::new();
    for p in all {
        let columns = stream(&p.columns, None)?;
        let field = |(i, p): (usize, &Parameter)| {
            // No parameter is without a type in Arrow: what is not known is not nullable.
            Field::new(i.to_string(), p.kind.clone().unwrap_or(DataType::Null), p.kind.is_some())
        };
        let parameters = Schema::new(p.parameters.iter().enumerate().map(field).collect::<Vec<_>>());
        let parameters = stream(&parameters, None)?;
        let bytes = (columns.len(), parameters.len());
        body.extend(columns);
        body.extend(parameters);
        let other = if let Kind::Other(word) = &p.kind { Some(word.clone()) } else { None };
        let oids = p.parameters.iter().map(|p| p.oid).collect();
        heads.push(Statement { text: p.text.clone(), other, session: p.kind == Kind::Session, oids, bytes });
    }
    Ok((heads, body))
}

/// What [`statements`] wrote.
pub fn parsed(all: Vec<Statement>, body: &[u8]) -> Result<Vec<Parsed>, ArrowError> {
    let mut rest = body;
    let mut take = |n: usize| -> Result<SchemaRef, ArrowError> {
        let cut = || ArrowError::ParseError("columns that are cut off".into());
        let (one, behind) = rest.split_at_checked(n).ok_or_else(cut)?;
        rest = behind;
        Ok(StreamReader::try_new(one, None)?.schema())
    };
    let read = all.into_iter().map(|s| {
        let (columns, parameters) = (take(s.bytes.0)?, take(s.bytes.1)?);
        let kind = |f: &Field| f.is_nullable().then(|| f.data_type().clone());
        let parameters = parameters.fields().iter().zip(s.oids);
        let parameters = parameters.map(|(f, oid)| Parameter { kind: kind(f), oid }).collect();
        let kind = match (s.other, s.session) {
            (Some(word), _) => Kind::Other(word),
            (None, true) => Kind::Session,
            (None, false) => Kind::Query,
        };
        Ok(Parsed { text: s.text, kind, columns, parameters })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn messages_come_as_they_were_sent() {
        let values =
            vec![ScalarValue::Utf8(Some("a".into())), ScalarValue::Int64(None), ScalarValue::Boolean(Some(true))];
        for sent in [
            Ask::Sql("SELECT 'ä'".into()),
            Ask::Postgres { text: "SELECT 1; SELECT $1".into(), number: 1, values },
            Ask::Postgres { text: String::new(), number: 0, values: Vec::new() },
        ] {
            let (head, body) = asked(&sent).unwrap();
            let mut bytes = Vec::new();
            send(&mut bytes, &head(7), &body).await.unwrap();
            let mut from = &bytes[..];
            let (head, body) = receive::<Asked>(&mut from).await.unwrap().unwrap();
            let Asked::Run { id: 7, postgres, text } = head else { panic!("{head:?}") };
            assert_eq!(format!("{:?}", ask(postgres, text, &body).unwrap()), format!("{sent:?}"));
            assert!(receive::<Asked>(&mut from).await.unwrap().is_none());
            assert!(receive::<Asked>(&mut &bytes[..bytes.len() - 1]).await.is_err() || body.is_empty());
        }
        let mut long = vec![255; 8];
        long.extend([0; 8]);
        assert!(receive::<Asked>(&mut &long[..]).await.is_err());
    }

    #[test]
    fn what_statements_take_and_answer_is_kept() {
        let columns = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let parameters = vec![Parameter { kind: Some(DataType::Int64), oid: 20 }, Parameter { kind: None, oid: 705 }];
        let all = [
            Parsed { text: "SELECT a".into(), kind: Kind::Query, columns, parameters },
            Parsed {
                text: "BEGIN".into(),
                kind: Kind::Session,
                columns: Arc::new(Schema::empty()),
                parameters: vec![],
            },
            Parsed {
                text: "DROP".into(),
                kind: Kind::Other("DROP".into()),
                columns: Arc::new(Schema::empty()),
                parameters: vec![],
            },
        ];
        let (heads, body) = statements(&all).unwrap();
        assert_eq!(format!("{:?}", parsed(heads, &body).unwrap()), format!("{:?}", all.to_vec()));
    }
}
