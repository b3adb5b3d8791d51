"""The page at `/docs`: the OpenAPI document as plain HTML, made here.

No script and nothing from another host, so that it works where there is no network, and so that no
foreign code runs on the origin that has the API keys.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from service.page.policy import Page, digest

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
details { border: 1px solid #8886; border-radius: .4rem; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid #8884; padding: .25rem .5rem; text-align: left; vertical-align: top; }
"""


def build_reference(document: Mapping[str, Any], root_path: str = "") -> Page:
    """Return the page for an OpenAPI document of a service below `root_path`."""
    groups: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = operation.get("tags", ["other"])[0]
            groups.setdefault(tag, []).append(_operation(method, root_path + path, operation))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}: calls</title><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>{escape(document['info'].get('description', ''))} "
        'For programs: <a href="openapi.json">openapi.json</a>. To try a model: '
        '<a href=".">the page</a>. Where keys are set, send '
        "<code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code>.</p>"
        f"{sections}</body></html>"
    )
    return Page.with_policy(
        html, f"default-src 'none'; style-src '{digest(_STYLE)}'; img-src data:"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    head = f"<code><b>{method.upper()}</b> {escape(path)}</code>"
    summary = escape(operation.get("description") or operation.get("summary", ""))
    return (
        f"<details><summary>{head} {summary}</summary>{_bodies(operation)}"
        f"{_table('Parameter', _parameters(operation))}{_table('Answer', _answers(operation))}"
        "</details>"
    )


def _bodies(operation: Mapping[str, Any]) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
    return f"<p>{escape(body.get('description', ''))} Body: {kinds}</p>"


def _parameters(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in operation.get("parameters", []):
        schema = parameter.get("schema", {})
        default = schema.get("default")
        shown = "" if default is None else f" Default: {default}."
        text = parameter.get("description") or schema.get("description") or schema.get("title", "")
        yield parameter["name"], f"{text}{shown} ({parameter['in']})"


def _answers(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for status, answer in sorted(operation.get("responses", {}).items()):
        kinds = ", ".join(answer.get("content", {}))
        yield status, answer["description"] + (f" ({kinds})" if kinds else "")


def _table(title: str, rows: Iterator[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<table><tr><th>{title}</th><th></th></tr>{lines}</table>" if lines else ""
