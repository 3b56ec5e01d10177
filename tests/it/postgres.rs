//! The PostgreSQL protocol, asked by clients that people use: psql, psycopg, tokio-postgres.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::server::{self, TestServer, stderr, stdout};
use crate::{logs, skip};

/// A store with a finished streaming application and others.
pub fn store(dir: &Path) -> std::path::PathBuf {
    let store = dir.join("store");
    let cases = [logs::case("3.5.9", "streaming-rocksdb"), logs::case("4.3.0", "sql")];
    let sources = [format!("first={}", cases[0].display()), format!("second={}", cases[1].display())];
    server::ingest(&store, &[&sources[0], &sources[1]]);
    store
}

pub fn start(store: &Path) -> server::Builder {
    TestServer::role("history", store).env("AFTERGLOW_POSTGRES__LISTEN", "127.0.0.1:0")
}

/// Does something with a connection.
pub fn connected<T>(server: &TestServer, with: impl AsyncFnOnce(&Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = server.postgres();
        let settings = format!("host={} port={} user=tests dbname=afterglow", address.ip(), address.port());
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let result = with(&client).await;
        drop(client);
        connection.await.unwrap().unwrap();
        result
    })
}

#[test]
fn typed_columns_and_parameters_say_what_rest_says() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    let apps = server.json("/api/v1/applications");
    let expected = apps.as_array().unwrap().len() as i64;
    connected(&server, async |client| {
        let count: i64 = client.query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
        assert_eq!(count, expected);
        for app in apps.as_array().unwrap() {
            let (id, attempt) = (app["id"].as_str().unwrap(), &app["attempts"][0]);
            let row = client
                .query_one(
                    "SELECT app_name, duration_ms, (extract(epoch FROM start_time) * 1000)::bigint AS start, damaged,
                         executor_run_time_ms / 1000.0 AS seconds, exit_code
                     FROM applications WHERE app_id = $1 AND duration_ms >= $2",
                    &[&id, &0i64],
                )
                .await
                .unwrap();
            assert_eq!(row.get::<_, &str>("app_name"), app["name"].as_str().unwrap());
            assert_eq!(row.get::<_, i64>("duration_ms"), attempt["duration"].as_i64().unwrap());
            assert_eq!(row.get::<_, i64>("start"), attempt["startTimeEpoch"].as_i64().unwrap());
            assert!(!row.get::<_, bool>("damaged"));
            assert!(row.get::<_, f64>("seconds") > 0.0);
        }
        // A statement that is prepared is run with other values, too.
        let prepared = client.prepare("SELECT count(*) FROM stages WHERE cluster = $1").await.unwrap();
        let mut sum = 0;
        for cluster in ["first", "second", "third"] {
            sum += client.query_one(&prepared, &[&cluster]).await.unwrap().get::<_, i64>(0);
        }
        let all: i64 = client.query_one("SELECT count(*) FROM stages", &[]).await.unwrap().get(0);
        assert!(sum == all && all > 0, "{sum} {all}");
        // A map is a text to PostgreSQL's clients, and its values are numbers.
        let row = client
            .query_one(
                "SELECT custom_metrics, custom_metrics['rocksdbPutCount'] AS puts FROM state_operator_metrics
                 WHERE custom_metrics['rocksdbPutCount'] > 0 LIMIT 1",
                &[],
            )
            .await
            .unwrap();
        let metrics: serde_json::Value = serde_json::from_str(row.get(0)).unwrap();
        assert_eq!(metrics["rocksdbPutCount"], json!(row.get::<_, i64>("puts")));
    });
}

#[test]
fn nothing_is_written_and_bounds_hold() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).env("AFTERGLOW_SQL__ROWS", "5").start();
    connected(&server, async |client| {
        for (statement, code, told) in [
            ("DROP TABLE applications", "25006", "only"),
            ("INSERT INTO applications (cluster) VALUES ('x')", "25006", "only"),
            ("DELETE FROM applications", "25006", "only"),
            ("CREATE TABLE x AS SELECT 1", "25006", "only"),
            ("COPY applications TO '/tmp/x'", "25006", "only"),
            ("DECLARE c CURSOR FOR SELECT 1", "25006", "only"),
            ("SELECT nothing FROM applications", "42000", "nothing"),
            ("SELECT * FROM nowhere", "42000", "nowhere"),
            ("SELEC 1", "42601", "SELEC"),
        ] {
            let simple = client.simple_query(statement).await.unwrap_err();
            let simple = simple.as_db_error().unwrap_or_else(|| panic!("{statement}: {simple:?}"));
            assert!(simple.code().code() == code && simple.message().contains(told), "{statement}: {simple:?}");
            let extended = client.query(statement, &[]).await.unwrap_err();
            assert!(extended.as_db_error().is_some(), "{statement}: {extended:?}");
        }
        let rows = client.query("SELECT stage_id FROM stages", &[]).await.unwrap();
        assert_eq!(rows.len(), 5);
        // What is set in a session is answered, and the timeout is kept.
        client.batch_execute("SET statement_timeout = '300ms'; BEGIN; SELECT 1; COMMIT").await.unwrap();
        let slow = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a.value + b.value = 7";
        let e = client.simple_query(slow).await.unwrap_err();
        assert_eq!(e.as_db_error().unwrap().code().code(), "57014", "{e:?}");
        let rows = client.simple_query("SELECT 1; SELECT 2").await.unwrap();
        assert_eq!(rows.iter().filter(|m| matches!(m, SimpleQueryMessage::Row(_))).count(), 2);
    });
}

#[test]
fn a_statement_is_cancelled_when_its_client_says_so() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        let cancel = client.cancel_token();
        let slow = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a.value + b.value = 7";
        let cancelled = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            cancel.cancel_query(NoTls).await.unwrap();
        };
        let (answer, ()) = futures::future::join(client.simple_query(slow), cancelled).await;
        assert_eq!(answer.unwrap_err().as_db_error().unwrap().code().code(), "57014");
        let one: i64 = client.query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
        assert!(one > 0);
    });
}

#[test]
fn too_many_clients_are_told_so_and_half_open_ones_take_no_place() {
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    let address = server.postgres();
    // Clients that only connect, and clients that begin to start.
    let mut half: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(address).unwrap()).collect();
    for one in half.iter_mut().skip(100) {
        one.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = format!("host={} port={} user=tests dbname=afterglow", address.ip(), address.port());
        let mut open = Vec::new();
        for _ in 0..100 {
            let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
            tokio::spawn(connection);
            open.push(client);
        }
        let refused = tokio_postgres::connect(&settings, NoTls).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.as_db_error().map(|e| e.code().code()), Some("53300"), "{refused:?}");
        let one: i64 = open[99].query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
        assert_eq!(one, 2);
        open.pop();
        let mut tries = 0;
        while let Err(e) = tokio_postgres::connect(&settings, NoTls).await {
            tries += 1;
            assert!(tries < 100, "{e:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let last = half.last_mut().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut said = Vec::new();
    last.read_to_end(&mut said).unwrap();
    assert_eq!(said, b"N", "closed before 15 s have passed");
}

pub fn psql(server: &TestServer, settings: &str, env: &[(&str, &str)], statement: &str) -> Output {
    let address = server.postgres();
    let target =
        format!("host=localhost hostaddr={} port={} dbname=afterglow {settings}", address.ip(), address.port());
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", &target, "-c", statement]);
    command.envs(env.iter().copied()).output().expect("psql runs")
}

pub fn has_psql() -> bool {
    let there = Command::new("psql").arg("--version").output().is_ok();
    if !there {
        skip::unprepared("PostgreSQL's own client (tests/it/postgres.rs): no psql: run tests/prepare.sh");
    }
    there
}

#[test]
fn psql_lists_tables_and_reads_them() {
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
    assert_eq!(psql("SELECT count(*) FROM applications WHERE cluster = 'first'").trim(), "1");
    let tables = psql("\\dt");
    assert!(["applications", "stages", "executor_samples"].iter().all(|t| tables.contains(t)), "{tables}");
    let columns = psql("\\d applications");
    assert!(columns.contains("app_name") && columns.contains("start_time"), "{columns}");
    assert!(psql("SELECT version()").starts_with("PostgreSQL 16.6 (Afterglow "));
    assert!(psql("SELECT pg_catalog.version()").starts_with("PostgreSQL 16.6"));
    assert!(psql("SHOW TABLES").contains("executor_samples"));
}

/// Grafana's query builder: the version, the tables, and the columns of the one that was chosen.
#[test]
fn a_query_builder_finds_tables_and_columns() {
    const PATH: &str = r#"SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
        FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1),
             array_upper(string_to_array(current_setting('search_path'),','),1)) as i,
             string_to_array(current_setting('search_path'),',') s"#;
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    connected(&server, async |client| {
        let text = async |statement: &str| -> Vec<String> {
            let rows = client.query(statement, &[]).await.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
            rows.iter().map(|r| r.get(0)).collect()
        };
        let version = "SELECT current_setting('server_version_num')::int / 100 AS version";
        let version: i64 =
            client.query_one(&format!("SELECT version::bigint FROM ({version})"), &[]).await.unwrap().get(0);
        assert_eq!(version, 1600);
        let unknown = client.simple_query("SELECT current_setting('nothing')").await.unwrap_err();
        assert!(unknown.as_db_error().unwrap().message().contains("nothing"), "{unknown:?}");
        let tables = text(&format!(
            "SELECT CASE WHEN quote_ident(table_schema) IN ({PATH}) THEN quote_ident(table_name)
             ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS \"table\" FROM information_schema.tables
             WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')
             ORDER BY CASE WHEN quote_ident(table_schema) IN ({PATH}) THEN 0 ELSE 1 END, 1"
        ))
        .await;
        assert!(tables.iter().any(|t| t == "public.executor_samples") && tables.len() >= 10, "{tables:?}");
        let columns = text(&format!(
            "SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\" FROM information_schema.columns
             WHERE CASE WHEN array_length(parse_ident('public.stages'),1) = 2
               THEN quote_ident(table_schema) = (parse_ident('public.stages'))[1]
                 AND quote_ident(table_name) = (parse_ident('public.stages'))[2]
               ELSE quote_ident(table_name) = 'public.stages' AND quote_ident(table_schema) IN ({PATH}) END"
        ))
        .await;
        assert!(columns.contains(&"stage_id".to_owned()) && !columns.contains(&"exit_code".to_owned()), "{columns:?}");
    });
}

#[test]
fn users_prove_who_they_are_and_connections_are_encrypted() {
    if !has_psql() {
        return;
    }
    let dir = logs::folder();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = file("server.crt", &made.cert.pem());
    let key = file("server.key", &made.signing_key.serialize_pem());
    let password = file("password", "it's a secret\n");
    let server = start(&store(dir.path()))
        .env("AFTERGLOW_POSTGRES__USERS__GRAFANA", &format!("file:{password}"))
        .env("AFTERGLOW_POSTGRES__CERTIFICATE", &certificate)
        .env("AFTERGLOW_POSTGRES__KEY", &key)
        .start();
    let verified = format!("sslmode=verify-full sslrootcert={certificate}");
    let ask = |user: &str, password: &str| {
        psql(
            &server,
            &format!("user={user} {verified}"),
            &[("PGPASSWORD", password)],
            "SELECT count(*) FROM applications",
        )
    };
    let answer = ask("grafana", "it's a secret");
    assert!(answer.status.success(), "{}", stderr(&answer));
    for (user, password) in [("grafana", "it's a guess"), ("grafana", ""), ("postgres", "it's a secret")] {
        let refused = ask(user, password);
        assert_eq!(refused.status.code(), Some(2), "{user} {password}: {}", stdout(&refused));
    }
    let log = server.log();
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn an_address_for_others_wants_users_and_a_certificate() {
    let dir = logs::folder();
    let out = server::afterglow(&["check", "--store", dir.path().to_str().unwrap()])
        .env("AFTERGLOW_POSTGRES__LISTEN", "0.0.0.0:15432")
        .output()
        .unwrap();
    let told = stderr(&out) + &stdout(&out);
    assert!(
        !out.status.success() && told.contains("postgres.users") && told.contains("postgres.certificate"),
        "{told}"
    );
}

const PSYCOPG: &str = r#"
import datetime, decimal, json, sys, psycopg
with psycopg.connect(sys.argv[1]) as c:
    for binary in (False, True):
        with c.cursor(binary=binary) as cur:
            cur.execute("SELECT app_name, start_time, duration_ms, damaged, end_time IS NULL FROM applications WHERE cluster = %s", ["first"])
            name, start, duration, damaged, running = cur.fetchone()
            assert isinstance(start, datetime.datetime) and start.tzinfo is not None, start
            assert type(duration) is int and damaged is False and running is False
            print(json.dumps([name, int(start.timestamp() * 1000), duration]))
"#;

#[test]
fn psycopg_reads_texts_and_binary_values() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let there = Command::new(&python).args(["-c", "import psycopg"]).output().is_ok_and(|o| o.status.success());
    if !there {
        return skip::unprepared("psycopg (tests/it/postgres.rs): run tests/prepare.sh");
    }
    let dir = logs::folder();
    let server = start(&store(dir.path())).start();
    let address = server.postgres();
    let url = format!("host={} port={} user=tests dbname=afterglow", address.ip(), address.port());
    let out = Command::new(python).args(["-c", PSYCOPG, &url]).output().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    let app = server.json("/clusters/first/api/v1/applications")[0].clone();
    let expected =
        json!([app["name"], app["attempts"][0]["startTimeEpoch"], app["attempts"][0]["duration"]]).to_string();
    let lines: Vec<serde_json::Value> = stdout(&out).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    lines.iter().for_each(|l| assert_eq!(l.to_string(), expected));
}
