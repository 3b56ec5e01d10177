"""The dashboard of Afterglow itself: its expressions, asked of a real Prometheus that scrapes it."""
import http.server
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import dashboards
import expand
import world
from complaints import check, skip
from expand import Query, Value

#: Expressions that may be empty: what they count did not happen here.
QUIET = {"Failures and damage"}


class Webhook(http.server.BaseHTTPRequestHandler):
    """Takes what incidents are told to."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test(binary):
    program = world.prometheus()
    folders = world.logs()
    world.unpack("4.3.0/derived", folders["batch"])  # has damaged logs
    sources = [arg for name, folder in folders.items() for arg in ("--logs", f"{name}={folder}")]
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    settings = world.WORK / "alerting.toml"
    settings.write_text('[alerts.route]\nreceiver = "hook"\ngroup_wait = "0s"\ngroup_interval = "1s"\n[[alerts.receiver]]\nname = "hook"\n[[alerts.receiver.webhook]]\n'
                        f'url = "http://127.0.0.1:{hook.server_port}/"\n')
    more = {"AFTERGLOW_INGEST__POLL": "1s", "AFTERGLOW_CONFIG": str(settings)}
    with world.afterglow(binary, "serve", world.WORK / "served", *sources, postgres=False, **more) as server:
        base = server.found["http"]
        try:
            urllib.request.urlopen(f"{base}/metrics", timeout=30).close()
        except urllib.error.HTTPError:
            return skip("Prometheus panels of the dashboards (tests/grafana): this binary has no /metrics")
        if not program:
            return skip("Prometheus panels of the dashboards (tests/grafana): no prometheus: run tests/prepare.sh")
        config = world.WORK / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: afterglow\n    static_configs: "
                          f"[{{targets: ['{base.removeprefix('http://')}']}}]\n")
        with world.Process([program, f"--config.file={config}", f"--storage.tsdb.path={world.WORK / 'tsdb'}", "--web.listen-address=127.0.0.1:0"],
                           {"address": r"msg=\"?Listening on\"? address=(\S+)"}) as of:
            api = f"http://{of.found['address']}/api/v1"
            began = int(time.time() * 1000)
            deadline = time.time() + 20
            while time.time() < deadline:  # something to measure
                alert = {"status": "firing", "labels": {"alertname": "cpu", "at": str(time.time())}, "startsAt": "2026-01-01T00:00:00Z"}
                world.get(f"{base}/api/afterglow/v1/intake/grafana", {"alerts": [alert]})
                some = [f"/clusters/executors/api/v1/applications/{app['id']}/stages" for app in world.get(f"{base}/clusters/executors/api/v1/applications")]
                for path in ("/api/v1/applications", "/api/v1/applications/nobody", "/sources", *some):
                    try:
                        urllib.request.urlopen(base + path, timeout=30).read()
                    except urllib.error.HTTPError:
                        pass
                world.get(f"{base}/api/afterglow/v1/sql", {"query": "SELECT count(*) FROM stages"})
                time.sleep(0.5)
            ask_prometheus(api, began)


def ask_prometheus(api, began):
    dashboard = dashboards.all_of_them()["self.json"]
    now = int(time.time() * 1000)
    values = {}
    for v in dashboard["templating"]["list"]:
        if v["type"] == "query":
            query = expand.variables(v["query"], values, expand.prometheus_default)
            metric, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            found = world.get(f"{api}/label/{label}/values?match[]={urllib.parse.quote(metric)}")["data"]
            check(f"self.json: variable {v['name']}", not found and "nothing to choose")
            values[v["name"]] = Value(v["allValue"], multi=True, raw=True) if v["multi"] else Value(found[0] if found else "")
    count = 0
    for p in dashboards.panels(dashboard):
        for target in p["targets"]:
            place = f"self.json: {p['title']} {target['refId']}"
            asked = Query(now - 900_000, now, source_least="1s", values=values)
            text = expand.prometheus(target["expr"], asked, 1000)
            if target["instant"]:
                url = f"{api}/query?" + urllib.parse.urlencode({"query": text, "time": now / 1000})
            else:
                url = f"{api}/query_range?" + urllib.parse.urlencode({"query": text, "start": began / 1000, "end": now / 1000, "step": asked.interval_ms / 1000})
            try:
                answer = world.get(url)["data"]["result"]
            except urllib.error.HTTPError as e:
                check(place, e.read().decode())
                continue
            count += 1
            samples = [s[1] for r in answer for s in r.get("values", [r.get("value")])]
            check(place, not any(s != "NaN" for s in samples) and p["title"] not in QUIET and f"no number: {text}")
            check(place, target["instant"] and len(answer) != 1 and f"{len(answer)} numbers where one is shown: {text}")
            legend = target["legendFormat"]
            for label in re.findall(r"\{\{(\w+)\}\}", legend):
                check(place, any(label not in r["metric"] for r in answer) and f"no label {label} for the legend")
    print(f"prometheus: {count} expressions")
