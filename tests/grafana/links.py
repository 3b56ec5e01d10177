"""Where the links of tables lead: pages of Afterglow that there are, and dashboards with the variables that they set."""
import urllib.parse

import dashboards
import world
from complaints import check

PAGES = dashboards.ui_pages()
LED = {}


def follow(place, address):
    """Remembers where a link leads; each is looked up once."""
    LED.setdefault(address, place)


def lead_somewhere(base):
    found = dashboards.all_of_them()
    by_uid = {d["uid"]: {v["name"] for v in d["templating"]["list"]} for d in found.values()}
    for address, place in LED.items():
        if "${" in address or "None" in address:
            check(place, f"a link is not expanded: {address}")
        elif address.startswith("/d/"):
            path, _, rest = address.partition("?")
            names = {k.removeprefix("var-") for k, _ in urllib.parse.parse_qsl(rest) if k.startswith("var-")}
            check(place, not names <= by_uid.get(path.removeprefix("/d/"), set()) and f"leads nowhere: {address}")
        else:
            parts = address.removeprefix(base + "/apps/").split("/")
            if parts == [address]:
                check(place, f"is no address of an application: {address}")
                continue
            app = world.get(f"{base}/clusters/{parts[0]}/api/v1/applications/{parts[1]}")
            rest = parts[2:]
            if rest and rest[0] in {a.get("attemptId") for a in app["attempts"]}:
                rest = rest[1:]
            check(place, not any(page.fullmatch("/".join(rest)) for page in PAGES) and f"is no page: {address}")
    check("links", len(LED) < 20 and f"only {len(LED)} links")
