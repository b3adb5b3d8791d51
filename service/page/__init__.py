"""The web page: three files put together as one, so that it needs no further request."""

from importlib.resources import files

from service.page.policy import Page, digest


def build_page() -> Page:
    """Put the page together. Its policy lets run only what is in it, by hash."""
    folder = files(__name__)
    style = (folder / "style.css").read_text(encoding="utf-8")
    script = (folder / "app.js").read_text(encoding="utf-8")
    html = (folder / "index.html").read_text(encoding="utf-8")
    return Page.with_policy(
        html.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script),
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "img-src blob: data:; connect-src 'self'",
    )
