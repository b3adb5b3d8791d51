"""A page and the policy it is sent with: only what is in it runs, told by hash."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

_NOWHERE: Final = "form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The HTML and the headers it is sent with."""

    html: str
    headers: dict[str, str]

    @classmethod
    def with_policy(cls, html: str, policy: str, *, base: str = "'none'") -> "Page":
        """Return a page with a content security policy and no way out; `base` is its base-uri."""
        return cls(
            html=html,
            headers={
                "Content-Security-Policy": f"{policy}; base-uri {base}; {_NOWHERE}",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-cache",
            },
        )


def digest(text: str) -> str:
    """Return a script's or style's hash as a policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
