//! What those answer whom we send something over HTTP: read as far as anybody looks, and when they want to be asked again.
//!
//! Invariant: nobody's answer takes more memory than [`MOST`], however long it is. That it ends in time is up to the client's timeout.

use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Bytes of an answer that are read.
pub const MOST: usize = 64 << 10;
/// Nobody is asked again later than that, whatever he says.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The first bytes of an answer, up to [`MOST`]; what came, if it broke off.
pub async fn head(mut answer: Response) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        let room = MOST - read.len();
        read.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() >= room {
            break;
        }
    }
    read
}

/// The same as text.
pub async fn text(answer: Response) -> String {
    String::from_utf8_lossy(&head(answer).await).into_owned()
}

/// How long the answer's sender wants to be left alone: `Retry-After`, as seconds or as a date, and [`LONGEST`] at most.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit()) {
        // More than a number holds is more than the longest.
        Duration::from_secs(said.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(said).ok()?;
        // By the sender's own clock, if he says what it shows.
        let now = headers.get(DATE).and_then(|d| httpdate::parse_http_date(d.to_str().ok()?).ok()).unwrap_or_else(now);
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[expect(clippy::disallowed_methods, reason = "a date in an answer means something at the present only")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn waits_as_it_is_told() {
        let date = "Mon, 30 Nov 2026 10:00:00 GMT";
        let wait = |said: &str| {
            let headers = [(RETRY_AFTER, said.parse().unwrap()), (DATE, date.parse().unwrap())].into_iter().collect();
            retry_after(&headers).map(|w| w.as_secs())
        };
        for (said, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("999999999999999999999999", Some(86_400)),
            ("Mon, 30 Nov 2026 10:07:00 GMT", Some(420)),
            ("Monday, 30-Nov-26 10:07:00 GMT", Some(420)),
            ("Mon, 30 Nov 2026 09:00:00 GMT", Some(0)),
            ("Mon, 30 Nov 2099 09:00:00 GMT", Some(86_400)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            assert_eq!(wait(said), seconds, "{said}");
        }
        // Without a clock of the sender's: by ours.
        let later = httpdate::fmt_http_date(now() + Duration::from_secs(3_000));
        let headers = [(RETRY_AFTER, later.parse().unwrap())].into_iter().collect();
        let wait = retry_after(&headers).unwrap().as_secs();
        assert!((2_900..=3_000).contains(&wait), "{wait}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_read_so_far() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            assert!(socket.read(&mut [0; 4096]).unwrap() > 0);
            socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            // A gigabyte, or until nobody reads any more.
            let sent = (0..1024).take_while(|_| socket.write_all(&[b'x'; 1 << 20]).is_ok());
            sent.count()
        });
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let answer = client.get(format!("http://{address}/")).send().await.unwrap();
        assert_eq!(text(answer).await, "x".repeat(MOST));
        // Beside the runtime, whose thread has to close the connection.
        let sent = tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
        assert!(sent < 64, "megabytes were taken");
    }
}
