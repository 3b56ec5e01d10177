//! A topic that posts: signed as SNS signs, by a service of the tests that has its certificate and waits for the subscription to be confirmed.

use serde_json::{Value, json};

use crate::alerts::{ask, line, python, serve, tells};
use crate::logs;
use crate::metrics::sum;
use crate::server::TestServer;

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:grafana";

/// Says its port; then, for each line with an envelope and what is to be wrong with it, the envelope signed. Counts who asks for what.
const SERVICE: &str = "
import base64, datetime, http.server, json, sys, threading
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'sns.amazonaws.com')])
now = datetime.datetime.now(datetime.timezone.utc)
cert = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
cert = cert.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
pem = cert.public_bytes(serialization.Encoding.PEM)
asked = []
class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_response(503 if self.path == '/away.pem' else 200)
        self.end_headers()
        self.wfile.write(pem if self.path == '/cert.pem' else b'<ConfirmSubscriptionResponse/>')
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({'port': server.server_port}), flush=True)
names = {'Notification': ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']}
others = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
for line in sys.stdin:
    what, rest = line.split(' ', 1)
    if what == 'asked':
        print(json.dumps(asked), flush=True)
        continue
    e = json.loads(rest)
    text = ''.join(f'{n}\\n{e[n]}\\n' for n in names.get(e['Type'], others) if n in e)
    how = hashes.SHA1() if e['SignatureVersion'] == '1' else hashes.SHA256()
    by = other if what == 'forged' else key
    e['Signature'] = base64.b64encode(by.sign(text.encode(), padding.PKCS1v15(), how)).decode()
    print(json.dumps(e), flush=True)
";

fn send(server: &TestServer, envelope: &Value) -> (u16, String) {
    let body = envelope.to_string();
    let mut client = server.client();
    client.content = "text/plain; charset=UTF-8";
    let response = client.send("POST", "/api/afterglow/v1/intake/sns", body.as_bytes()).unwrap();
    (response.status, response.text())
}

#[test]
fn a_topic_posts_what_is_signed_and_nothing_else() {
    let Some(python) = python() else { return };
    let (mut service, says) = tells(&python, SERVICE, &[]);
    let at = format!("http://127.0.0.1:{}", line(&says)["port"]);
    let folder = logs::folder();
    let settings = format!("[[alerts.topic]]\narn = \"{TOPIC}\"\nendpoint_url = \"{at}\"\n");
    let server = serve(folder.path(), &settings);
    let alert = |name: &str| {
        json!({ "alerts": [{ "status": "firing", "labels": { "alertname": name, "cluster": "prod" }, "startsAt": "2026-11-21T13:00:00Z" }] })
            .to_string()
    };
    let envelope = |kind: &str, version: &str, message: &str| {
        json!({ "Type": kind, "MessageId": "m-1", "TopicArn": TOPIC, "Message": message, "Timestamp": "2026-11-21T13:00:01.000Z",
                "SignatureVersion": version, "SigningCertURL": format!("{at}/cert.pem") })
    };
    let mut signed = |how: &str, e: &Value| ask(&mut service, &says, &format!("{how} {e}"));

    let mut confirmation = envelope("SubscriptionConfirmation", "2", "You have chosen to subscribe");
    confirmation["Token"] = "t0ken".into();
    confirmation["SubscribeURL"] = format!("{at}/?Action=ConfirmSubscription&Token=t0ken").into();
    let (status, text) = send(&server, &signed("sign", &confirmation));
    assert_eq!(status, 200, "{text}");
    let mut elsewhere = confirmation.clone();
    elsewhere["SubscribeURL"] = "http://127.0.0.1:1/?Action=ConfirmSubscription".into();
    let (status, text) = send(&server, &signed("sign", &elsewhere));
    assert!(status == 400 && text.contains("is no address of SNS"), "{status} {text}");

    for (version, name) in [("1", "a"), ("2", "b")] {
        let mut e = envelope("Notification", version, &alert(name));
        e["Subject"] = "[firing]".into();
        let e = signed("sign", &e);
        for _ in 0..2 {
            let (status, text) = send(&server, &e);
            assert_eq!(status, 200, "{text}");
        }
    }
    let all = server.json("/api/afterglow/v1/incidents");
    assert_eq!(all["total"], 2, "what comes twice is one");
    assert_eq!((&all["incidents"][0]["origin"], &all["incidents"][0]["count"]), (&json!("sns"), &json!(1)));

    let genuine = signed("sign", &envelope("Notification", "2", &alert("c")));
    let with = |key: &str, value: &str| {
        let mut e = genuine.clone();
        e[key] = value.into();
        e
    };
    let bad = [
        (signed("forged", &envelope("Notification", "2", &alert("c"))), "the signature is not that of the message"),
        (with("Message", &alert("d")), "the signature is not that of the message"),
        (with("SignatureVersion", "1"), "the signature is not that of the message"),
        (with("SignatureVersion", "3"), "signature version `3` is not known"),
        (with("TopicArn", "arn:aws:sns:eu-central-1:666:evil"), "not among [[alerts.topic]]"),
        (with("SigningCertURL", "https://evil.example.com/cert.pem"), "is no address of SNS"),
        (with("SigningCertURL", &format!("{at}/none.pem")), "no certificate"),
        (json!({ "alerts": [] }), "raw message delivery is not signed"),
        (signed("sign", &envelope("Notification", "2", "hello")), "no JSON"),
        (signed("sign", &envelope("Other", "2", "hello")), "`Other` is no type"),
    ];
    for (e, why) in &bad {
        let (status, text) = send(&server, e);
        assert!(status == 400 && text.contains(why), "{why}: {status} {text}");
    }
    // SNS that is away may be back: it is asked to send again.
    let (status, text) = send(&server, &with("SigningCertURL", &format!("{at}/away.pem")));
    assert_eq!(status, 503, "{text}");
    let ended = signed("sign", &{
        let mut e = confirmation.clone();
        e["Type"] = "UnsubscribeConfirmation".into();
        e
    });
    assert_eq!(send(&server, &ended).0, 200);
    let asked = ask(&mut service, &says, "asked -");
    let count = |path: &str| asked.as_array().unwrap().iter().filter(|a| *a == path).count();
    assert_eq!(count("/cert.pem"), 1, "a certificate is kept: {asked}");
    assert_eq!(count("/?Action=ConfirmSubscription&Token=t0ken"), 1, "{asked}");
    assert_eq!(server.json("/api/afterglow/v1/incidents")["total"], 2);
    let page = server.get("/metrics").text();
    assert_eq!(sum(&page, "afterglow_intake_refused_total", &["source=\"sns\""]), bad.len() as f64 + 2.0);

    // Nobody posts unless a topic is declared.
    let folder = logs::folder();
    let server = serve(folder.path(), "");
    assert_eq!(send(&server, &genuine).0, 404);
}
