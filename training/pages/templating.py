"""Fills the templates of a page: a package's own, and those that every page is made of."""

from typing import Any

import jinja2


def render(package: str, template: str, **context: Any) -> str:
    """Fill a template of a package; whatever is no `Markup` is escaped.

    Args:
        package: the package with a folder `templates`. Templates of this one can be used in it too.
        template: the file's name there.
        context: what the template reads.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader(package, "templates"),
                jinja2.PackageLoader("training.pages", "templates"),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = _percent
    environment.filters["interval"] = _interval
    return environment.get_template(template).render(**context)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def _interval(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
