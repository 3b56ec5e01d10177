//! What clients of PostgreSQL take for granted: names of columns, arrays, templates of times, what pools say, what tools
//! look up.

use std::path::Path;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::postgres::{connected, has_psql, psql, start, store};
use crate::server::{stderr, stdout};
use crate::{logs, skip};

/// Names and rows as the simple protocol gives them.
async fn simple(client: &Client, statement: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let all = client.simple_query(statement).await.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for message in all {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                names = columns.iter().map(|c| c.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|i| row.get(i).unwrap_or("NULL").to_owned()).collect());
            }
            _ => {}
        }
    }
    (names, rows)
}

#[test]
fn columns_have_the_names_that_postgres_gives_them() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        for (statement, names, first) in [
            ("SELECT 1, 1", "?column? ?column?", "1 1"),
            ("SELECT count(*) FROM applications", "count", "2"),
            ("SELECT 1 AS x, 2 AS x", "x x", "1 2"),
            ("SELECT cluster AS x, status AS x FROM applications ORDER BY cluster", "x x", "first failed"),
            ("SELECT DISTINCT cluster, cluster FROM applications ORDER BY cluster", "cluster cluster", "first first"),
            (
                "SELECT timestamp '2024-01-05 13:07:09'::date, timestamp '2024-01-05 13:07:09'::time",
                "date time",
                "2024-01-05 13:07:09.000000",
            ),
            (
                "SELECT t::date, t::time FROM (VALUES (timestamp '2024-01-05 13:07:09')) v(t)",
                "t t",
                "2024-01-05 13:07:09.000000",
            ),
            ("SELECT max(a), max(b) FROM (VALUES (1, 2)) v(a, b)", "max max", "1 2"),
            ("SELECT *, a FROM (VALUES (1, 2)) v(a, b)", "a b a", "1 2 1"),
            ("SELECT v.a, v.*, v.b AS \"B c\" FROM (VALUES (1, 2)) v(a, b)", "a a b B_c", "1 1 2 2"),
            ("SELECT 1, 1 UNION ALL SELECT 2, 2 ORDER BY 1 DESC", "?column? ?column?", "2 2"),
            (
                "SELECT 'x'::text, 1::bigint, coalesce(1, 2), CASE WHEN true THEN 1 END",
                "text int8 coalesce case",
                "x 1 1 1",
            ),
            ("SELECT current_user, session_user", "current_user session_user", "postgres postgres"),
            ("SELECT extract(year FROM date '2024-01-05'), lower('A'), -1", "extract lower ?column?", "2024 a -1"),
            (
                "SELECT cluster, count(*) FROM applications GROUP BY 1 ORDER BY count DESC, cluster",
                "cluster count",
                "first 1",
            ),
            ("SELECT (SELECT count(*) FROM applications WHERE cluster = a.cluster) AS n FROM applications a", "n", "1"),
        ] {
            let (named, rows) = simple(client, statement).await;
            let named: Vec<_> = named.iter().map(|n| n.replace(' ', "_")).collect();
            assert_eq!(named.join(" "), names, "{statement}");
            assert_eq!(rows[0].join(" "), first, "{statement}");
            // Prepared, it is described by the same names.
            let prepared = client.prepare(statement).await.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
            let described: Vec<_> = prepared.columns().iter().map(|c| c.name().replace(' ', "_")).collect();
            assert_eq!(described.join(" "), names, "{statement}");
        }
    });
    // Over REST names are DataFusion's.
    let statement = "SELECT 1, 1, cluster AS x, status AS x FROM applications ORDER BY cluster";
    let asked = serde_json::json!({ "query": statement }).to_string();
    let answer = server.client().send("POST", "/api/afterglow/v1/sql", asked.as_bytes()).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    let names: Vec<_> = answer["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Int64(1)", "Int64(1)", "x", "x"]);
    assert_eq!(answer["rows"][0], serde_json::json!([1, 1, "first", "failed"]));
}

#[test]
fn times_are_written_and_read_by_postgres_templates() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        for (expression, expected) in [
            ("to_char(timestamp '2024-01-05 13:07:09', 'YYYY-MM-DD HH24:MI')", "2024-01-05 13:07"),
            (
                "to_char(timestamp '2024-01-05 13:07:09', 'FMDay, FMDDth \"of\" FMMonth YY, HH12 am')",
                "Friday, 5th of January 24, 01 pm",
            ),
            ("to_char(timestamp '2024-01-05 13:07:09', '%H/%M')", "13/07"),
            ("TO_TIMESTAMP('2024-01-05 13:07:09.250000', 'YYYY-MM-DD HH24:MI:SS.US')", "2024-01-05 13:07:09.250000+00"),
            ("TO_DATE('2024-01-05', 'YYYY-MM-DD')", "2024-01-05"),
        ] {
            let (_, rows) = simple(client, &format!("SELECT {expression}")).await;
            assert_eq!(rows[0][0].trim_end_matches(":00"), expected, "{expression}");
        }
        let since = "SELECT count(*) FROM applications WHERE start_time >= TO_TIMESTAMP('2001-01-01 00:00:00.000000', \
                     'YYYY-MM-DD HH24:MI:SS.US') AND start_time < TO_TIMESTAMP('2099-01-01', 'YYYY-MM-DD')";
        assert_eq!(simple(client, since).await.1, [["2"]]);
        // Rows are written as one value is.
        let (_, rows) = simple(client, "SELECT to_char(start_time, 'YYYY-MM-DD'), date::text FROM applications").await;
        assert!(rows.len() == 2 && rows.iter().all(|r| r[0] == r[1]), "{rows:?}");
        let unknown = client.simple_query("SELECT to_char(now(), 'YYYY-foo')").await.unwrap_err();
        assert!(unknown.as_db_error().unwrap().message().contains("\"foo\""), "{unknown:?}");
    });
}

#[test]
fn pools_give_connections_on_and_transactions_have_savepoints() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        let show = async |name: &str| simple(client, &format!("SHOW {name}")).await;
        for (name, column, value) in [
            ("timezone", "TimeZone", "UTC"),
            ("TIME ZONE", "TimeZone", "UTC"),
            ("server_version", "server_version", "16.6"),
            ("standard_conforming_strings", "standard_conforming_strings", "on"),
            ("transaction isolation level", "transaction_isolation", "read committed"),
            ("statement_timeout", "statement_timeout", "0"),
        ] {
            assert_eq!(show(name).await, (vec![column.to_owned()], vec![vec![value.to_owned()]]), "{name}");
        }
        let unknown = client.simple_query("SHOW nothing_of_the_kind").await.unwrap_err();
        assert_eq!(unknown.as_db_error().unwrap().code().code(), "42704", "{unknown:?}");
        for reset in ["DISCARD ALL", "RESET ALL", "RESET statement_timeout"] {
            client.batch_execute("SET statement_timeout = '300ms'").await.unwrap();
            assert_eq!(show("statement_timeout").await.1, [["300ms"]]);
            client.execute(reset, &[]).await.unwrap();
            assert_eq!(show("statement_timeout").await.1, [["0"]], "{reset}");
        }
        // asyncpg's pool, before it gives a connection to the next.
        let given_on = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;";
        client.batch_execute(given_on).await.unwrap();
        client.batch_execute("SET TIME ZONE 'Europe/Berlin'; RESET timezone").await.unwrap();
        assert_eq!(show("timezone").await.1, [["UTC"]]);
        let asked = simple(client, "SELECT pg_advisory_unlock_all(), set_config('jit', 'off', false)").await;
        assert_eq!(asked.0, ["pg_advisory_unlock_all", "set_config"]);
        assert_eq!(asked.1, [["", "off"]]);
        // What failed behind a savepoint is forgotten, and the transaction goes on.
        client.batch_execute("BEGIN; SAVEPOINT a").await.unwrap();
        client.simple_query("SELECT nothing").await.unwrap_err();
        let aborted = client.simple_query("SELECT 1").await.unwrap_err();
        assert_eq!(aborted.as_db_error().unwrap().code().code(), "25P02");
        client.batch_execute("ROLLBACK TO SAVEPOINT a").await.unwrap();
        assert_eq!(simple(client, "SELECT 7").await.1, [["7"]]);
        client.batch_execute("RELEASE SAVEPOINT a; COMMIT").await.unwrap();
        let outside = client.simple_query("SAVEPOINT a").await.unwrap_err();
        assert_eq!(outside.as_db_error().unwrap().code().code(), "25P01");
    });
}

#[test]
fn arrays_are_parameters_in_text_and_binary() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        let all: i64 = client.query_one("SELECT count(*) FROM stages", &[]).await.unwrap().get(0);
        let first: i64 =
            client.query_one("SELECT count(*) FROM stages WHERE cluster = 'first'", &[]).await.unwrap().get(0);
        assert!(first > 0 && first < all);
        let any = client.prepare("SELECT count(*) FROM stages WHERE cluster = ANY($1)").await.unwrap();
        assert_eq!(any.params(), [Type::TEXT_ARRAY]);
        for (values, expected) in [
            (vec![Some("first"), Some("second")], all),
            (vec![Some("first"), Some("a,\"b\\c"), None], first),
            (vec![None], 0),
            (vec![], 0),
        ] {
            let n: i64 = client.query_one(&any, &[&values]).await.unwrap().get(0);
            assert_eq!(n, expected, "{values:?}");
        }
        let none: Option<Vec<String>> = None;
        assert_eq!(client.query_one(&any, &[&none]).await.unwrap().get::<_, i64>(0), 0);
        let not = client.prepare("SELECT count(*) FROM stages WHERE cluster <> ALL($1)").await.unwrap();
        for (values, expected) in [(vec![Some("first")], all - first), (vec![Some("x"), None], 0), (vec![], all)] {
            let n: i64 = client.query_one(&not, &[&values]).await.unwrap().get(0);
            assert_eq!(n, expected, "{values:?}");
        }
        let numbers = client.prepare("SELECT count(*) FROM stages WHERE stage_id = ANY($1)").await.unwrap();
        assert_eq!(numbers.params(), [Type::INT8_ARRAY]);
        let zero: i64 = client.query_one("SELECT count(*) FROM stages WHERE stage_id = 0", &[]).await.unwrap().get(0);
        assert_eq!(client.query_one(&numbers, &[&vec![0i64]]).await.unwrap().get::<_, i64>(0), zero);
        for (statement, expected) in [
            ("SELECT array_length('{\"two attempts\",retries}'::text[], 1)", "2"),
            ("SELECT ('{\"two attempts\",retries}'::text[])[1]", "two attempts"),
            ("SELECT 'two attempts' = ANY('{\"two attempts\",retries}')", "t"),
            ("SELECT 'b,c' = ANY('{a,\"b,c\"}'::text[])", "t"),
            ("SELECT 3 = ANY('{1,2}'::int[])", "f"),
            ("SELECT 2 = ANY(ARRAY[1, 2])", "t"),
            ("SELECT 3 = ANY(ARRAY[1, NULL])", "NULL"),
            ("SELECT count(*) FROM applications WHERE cluster = ANY(SELECT 'first')", "1"),
        ] {
            assert_eq!(simple(client, statement).await.1, [[expected]], "{statement}");
        }
        let odd = client.simple_query("SELECT '{a'::text[]").await.unwrap_err();
        assert!(odd.as_db_error().unwrap().message().contains("malformed array literal"), "{odd:?}");
    });
}

#[test]
fn parameters_without_a_type_have_the_one_they_are_used_with() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        let limit = client.prepare("SELECT cluster FROM applications ORDER BY 1 LIMIT $1 OFFSET $2").await.unwrap();
        assert_eq!(limit.params(), [Type::INT8, Type::INT8]);
        let rows = client.query(&limit, &[&1i64, &1i64]).await.unwrap();
        assert_eq!(rows.iter().map(|r| r.get(0)).collect::<Vec<&str>>(), ["second"]);
        let typed = client.prepare_typed("SELECT timestamp '2024-01-02' - $1 AS t", &[Type::INTERVAL]).await.unwrap();
        assert_eq!(typed.columns()[0].type_(), &Type::TIMESTAMP);
        // A date with a zone, as JDBC writes it.
        assert_eq!(
            simple(client, "SELECT '2024-01-05 +01'::date, date '2024-01-06'").await.1,
            [["2024-01-05", "2024-01-06"]]
        );
    });
}

const PSYCOPG: &str = r#"
import datetime, psycopg, sys
c = psycopg.connect(sys.argv[1])
def one(q, *p, **k): return c.execute(q, p or None, **k).fetchone()[0]
for binary in (False, True):
    n = lambda v, q="cluster = ANY(%s)": one("SELECT count(*) FROM applications WHERE " + q, v, binary=binary)
    assert n(["first", "second"]) == 2 and n(["first", 'a,"b\\', None, ""]) == 1 and n([]) == 0 and n([None]) == 0
    assert n(None) == 0 and n([0, 1, 2], "tasks = ANY(%s) OR true") == 2
    cur = c.cursor(binary=binary)
    assert cur.execute("SELECT cluster FROM applications ORDER BY 1 LIMIT %s", (1,)).fetchall() == [("first",)]
at = one("SELECT timestamp '2024-01-02 00:00:00' - %s", datetime.timedelta(hours=3))
assert at == datetime.datetime(2024, 1, 1, 21), at
assert one("SELECT count(*) FROM applications WHERE date >= %s", datetime.date(2001, 1, 1)) == 2
with c.transaction():
    with c.transaction():
        assert one("SELECT 1") == 1
print("ok")
"#;

/// What npgsql asks first (without the types that are tables).
const NPGSQL: &str = "SELECT ns.nspname, t.oid::bigint AS oid, t.typname, t.typtype, t.elemtypoid::bigint AS elemtypoid
    FROM (SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, elemtyp.oid AS elemtypoid
        FROM (SELECT typ.oid, typnamespace, typname,
                CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
                CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='r' THEN rngsubtype
                     WHEN typ.typtype='m' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = typ.oid)
                     WHEN typ.typtype='d' THEN typ.typbasetype END AS elemtypoid
            FROM pg_type AS typ LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
            LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ
        LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemtypoid) AS t
    JOIN pg_namespace AS ns ON (ns.oid = typnamespace) WHERE typname IN ('_text', 'int8') ORDER BY typname";

#[test]
fn drivers_find_types_and_patterns_with_their_own_escapes() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        let (_, rows) = simple(client, NPGSQL).await;
        let expected = [["pg_catalog", "1009", "_text", "a", "25"], ["pg_catalog", "20", "int8", "b", "NULL"]];
        assert_eq!(rows, expected);
        let like =
            "SELECT 'a_b' LIKE 'a/_b' ESCAPE '/', 'axb' LIKE 'a/_b' ESCAPE '/', 'a/b' LIKE 'a//' || '_' ESCAPE '/'";
        assert_eq!(simple(client, like).await.1, [["t", "f", "t"]]);
    });
}

#[test]
fn psycopg_sends_lists_and_lengths_of_time() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let has = std::process::Command::new(&python).args(["-c", "import psycopg"]).output();
    if !has.is_ok_and(|o| o.status.success()) {
        skip::unprepared("psycopg (tests/it/postgres_clients.rs): run tests/prepare.sh");
        return;
    }
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    let at = server.postgres();
    let target = format!("host={} port={} dbname=afterglow user=tests", at.ip(), at.port());
    let out = std::process::Command::new(&python).args(["-c", PSYCOPG, &target]).output().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
}

#[test]
fn psql_describes_what_there_is() {
    if !has_psql() {
        return;
    }
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    let psql = |statement: &str| {
        let answer = psql(&server, "user=anybody", &[], statement);
        assert!(answer.status.success(), "{statement}: {}", stderr(&answer));
        stdout(&answer)
    };
    for (asked, has) in [
        ("\\dt+", "executor_samples"),
        ("\\d+ stages", "stage_id"),
        ("\\l+", "afterglow"),
        ("\\dn+", "public"),
        ("SELECT current_user", "postgres"),
        ("SELECT session_user", "postgres"),
        ("SELECT pg_is_in_recovery()", "f"),
        ("SELECT pg_size_pretty(123456789::bigint)", "118 MB"),
        ("SELECT obj_description(1, 'pg_class') IS NULL", "t"),
    ] {
        let said = psql(asked);
        assert!(said.contains(has), "{asked}: {said}");
    }
    psql("\\df");
    psql("\\du");
}
