"""The web page: three files put together as one, so that it needs no further request."""

from html import escape
from importlib.resources import files

from service.page.policy import Page, digest


def build_page(root_path: str = "") -> Page:
    """Put the page together. Its policy lets run only what is in it, by hash.

    Its links are relative to where it is, or below `root_path` where that is known: the page is then also
    right at an address without a slash at its end.
    """
    folder = files(__name__)
    style = (folder / "style.css").read_text(encoding="utf-8")
    script = (folder / "app.js").read_text(encoding="utf-8")
    html = (folder / "index.html").read_text(encoding="utf-8")
    base = f'<base href="{escape(root_path)}/">' if root_path else ""
    return Page.with_policy(
        html.replace("<!--BASE-->", base).replace("/*STYLE*/", style).replace("/*SCRIPT*/", script),
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "img-src blob: data:; connect-src 'self'",
        base="'self'" if base else "'none'",
    )
