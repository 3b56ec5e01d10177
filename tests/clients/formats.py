#!/usr/bin/env python3
"""Holds messages against the forms of the services they are for. Reads lines of JSON, `{"kind", "path", "headers", "body"}`, and prints what is wrong, a JSON list of sentences.

What the services' own packages know is asked of them: blocks of slack_sdk, cards of Microsoft's Teams SDK, alerts of Opsgenie's SDK. The
limits that no package checks are the documented ones. Whether a service takes a message only the service can say.
"""

import json
import re
import sys
import typing

from jsonschema import Draft202012Validator
from microsoft_teams import cards
from opsgenie_sdk import CreateAlertPayload, CloseAlertPayload
from slack_sdk.models.blocks import Block


def units(text):
    """Characters as the services that count most count them."""
    return len(text.encode("utf-16-le")) // 2


def slack(m):
    body = m["body"]
    assert set(body) == {"text", "blocks"}, f"keys {set(body)}"
    assert 0 < units(body["text"]) <= 4000, f"text of {units(body['text'])}"
    assert 0 < len(body["blocks"]) <= 50, f"{len(body['blocks'])} blocks"
    for given, block in zip(body["blocks"], Block.parse_all(body["blocks"]), strict=True):
        block.validate_json()
        made = block.to_dict()
        assert made == given, f"{given} is read as {made}"
        if given["type"] == "section":
            assert 0 < units(given["text"]["text"]) <= 3000, "a section is too long"
            links(given["text"]["text"])
        if given["type"] == "header":
            assert given["text"]["type"] == "plain_text" and 0 < units(given["text"]["text"]) <= 150, "the header is too long"
        if given["type"] == "context":
            assert len(given["elements"]) <= 10
            for element in given["elements"]:
                links(element["text"])


def links(text):
    """Angle brackets and ampersands are Slack's own: links with a text, and the three entities."""
    rest = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text)
    assert not re.search(r"[<>]", rest), f"a bracket: {rest[:200]!r}"
    assert not re.search(r"&(?!amp;|lt;|gt;)", rest), f"half an entity: {rest[-200:]!r}"


def element(given):
    """An element of a card, by the class that Microsoft's package has for its type."""
    kinds = {
        c.model_fields["type"].default: c
        for c in vars(cards).values()
        if isinstance(c, type) and issubclass(c, cards.CardElement | cards.Action) and "type" in c.model_fields
    }
    kind = kinds[given["type"]]
    made = kind.model_validate(given)
    unknown = set(made.model_extra or {}) - {"$schema"}
    assert not unknown, f"{given['type']} has no {unknown}"
    # What an annotation lists is all that may be.
    for name, field in kind.model_fields.items():
        literal = [a for a in typing.get_args(field.annotation) if typing.get_origin(a) is typing.Literal]
        value = getattr(made, name)
        if literal and value is not None:
            assert value in typing.get_args(literal[0]), f"{name}: {value}"


def teams(m):
    body = m["body"]
    assert m["headers"]["content-type"] == "application/json; charset=utf-8", m["headers"]
    assert m["length"] <= 28 * 1024, f"{m['length']} bytes"
    assert body["type"] == "message" and len(body["attachments"]) == 1
    attachment = body["attachments"][0]
    assert set(attachment) == {"contentType", "content"}
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["version"] in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5"), card["version"]
    for one in [{k: v for k, v in card.items() if k not in ("body", "actions")}, *card["body"], *card.get("actions", [])]:
        element(one)
    assert all(b["text"] for b in card["body"])


# https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
TEXT, LINK = {"type": "string"}, {"type": "string", "pattern": "^https?://"}
PAGERDUTY = {
    "type": "object",
    "required": ["routing_key", "event_action", "dedup_key"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": TEXT,
        "client_url": LINK,
        "links": {"type": "array", "items": {"type": "object", "required": ["href"], "additionalProperties": False, "properties": {"href": LINK, "text": TEXT}}},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": TEXT,
                "component": TEXT,
                "group": TEXT,
                "class": TEXT,
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
}

# https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
GRAFANA = {
    "type": "object",
    "required": ["text", "time", "tags"],
    "additionalProperties": False,
    "properties": {
        "dashboardUID": TEXT,
        "panelId": {"type": "integer"},
        "time": {"type": "integer", "minimum": 1_000_000_000_000},
        "timeEnd": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "text": {"type": "string", "minLength": 1, "maxLength": 16_000},
    },
}


def holds(schema, body):
    errors = [e.message[:300] for e in Draft202012Validator(schema).iter_errors(body)]
    assert not errors, errors


def pagerduty(m):
    holds(PAGERDUTY, m["body"])
    assert m["length"] <= 512 * 1024, f"{m['length']} bytes"
    summary = m["body"].get("payload", {}).get("summary", "")
    assert units(summary) <= 1024 and "\n" not in summary, f"summary of {units(summary)}"


def opsgenie(m):
    body = m["body"]
    assert m["headers"]["authorization"] == "GenieKey k", m["headers"]
    if "/close" in m["path"]:
        assert m["path"].endswith("/close?identifierType=alias"), m["path"]
        known = CloseAlertPayload
    else:
        assert m["path"].endswith("/v2/alerts"), m["path"]
        known = CreateAlertPayload
    names = {there: here for here, there in known.attribute_map.items()}
    unknown = set(body) - set(names)
    assert not unknown, f"no {unknown}"
    # It refuses what it knows to be wrong: no message, another priority.
    known(**{names[k]: v for k, v in body.items()})
    assert units(body["source"]) <= 100
    if known is CreateAlertPayload:
        assert 0 < units(body["message"]) <= 130, f"message of {units(body['message'])}"
        assert 0 < units(body["alias"]) <= 512
        assert units(body["description"]) <= 15_000, f"description of {units(body['description'])}"
        assert len(body["tags"]) <= 20 and all(0 < units(t) <= 50 for t in body["tags"]), body["tags"]
        assert all(isinstance(v, str) for v in body["details"].values())
        assert sum(units(k) + units(v) for k, v in body["details"].items()) <= 8_000
        assert all(set(r) == {"name", "type"} and r["type"] == "team" for r in body["responders"])
    else:
        assert 0 < len(m["path"].split("/")[-2]) <= 512


def grafana(m):
    assert m["path"] == "/grafana/api/annotations", m["path"]
    holds(GRAFANA, m["body"])
    length = 1 + sum(len(t.encode()) + 3 for t in m["body"]["tags"])
    assert length <= 500, f"tags of {length}"


def main():
    wrong, seen = [], {}
    for line in sys.stdin:
        m = json.loads(line)
        seen[m["kind"]] = seen.get(m["kind"], 0) + 1
        try:
            globals()[m["kind"]](m)
        except Exception as e:  # whatever a package says is what is wrong
            wrong.append(f"{m['kind']}: {type(e).__name__}: {e}"[:600])
    print(json.dumps({"wrong": wrong, "seen": seen}))


main()
