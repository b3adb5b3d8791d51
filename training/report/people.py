"""Whether a folder looks like one of people, so that the report can caution about it.

A guess by names alone: it may be wrong either way, and the report says what it rests on.
"""

import re
from collections.abc import Sequence
from typing import Final

# Words that folders of people are named by, in English and Korean.
_WORD: Final = re.compile(
    r"\b(?:actor|actresse?|celeb|celebrity|celebritie|employee|face|idol|member|people|person|player"
    r"|politician|singer|student)s?\b|가수|멤버|배우|사람|아이돌|얼굴|연예인|인물|직원|학생"
)
# "John_Savage", "Ana de Armas", "Martin L. King"
_FULL_NAME: Final = re.compile(
    r"[A-Z][\w'’-]+(?:[ _.](?:[a-z]{1,3}|[A-Z]))*(?:[ _.]+[A-Z][\w'’-]+)+"
)


def looks_like_people(folder: str, labels: Sequence[str]) -> str | None:
    """Return what speaks for it, as the end of a sentence, or None."""
    for name in (folder, *labels):
        words = re.sub(r"[\W_\d]+", " ", name.casefold())
        if found := _WORD.search(words):
            return f"the name {name!r} has the word {found[0]!r} in it"
    names = [label for label in labels if _FULL_NAME.fullmatch(label)]
    if 2 * len(names) > len(labels):
        return f"{len(names)} of {len(labels)} class names are built like {names[0]!r}"
    return None
