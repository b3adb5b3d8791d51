"""Whether a folder looks like one of people, so that the report can caution about it.

A guess by names alone: it may be wrong either way, and the report says what it rests on.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# Words that folders of people are named by, in English and Korean.
_WORD: Final = re.compile(
    r"\b(?:actor|actresse?|celeb|celebrity|celebritie|employee|member|people|person|politician|student)s?\b"
    r"|가수|멤버|배우|(?<!눈)사람|아이돌|얼굴|연예인|인물|직원|학생"
)
# Words that say so alone, but not in "clock face", "record player", "stone idol".
_WHOLE_NAME: Final = re.compile(r"(?:face|human|idol|player|singer)s?")
# "John_Savage", "Ana de Armas", "Martin L. King", and so "Golden_Retriever" and "Red Apple" too
_FULL_NAME: Final = re.compile(
    r"[A-Z][\w'’-]+(?:[ _.](?:[a-z]{1,3}|[A-Z]))*(?:[ _.]+[A-Z][\w'’-]+)+"
)
# Common given names of several languages; none that a plant, a stone, a place or a make is called too.
_BY_GIVEN_NAME: Final = re.compile(
    r"(?:"
    r"aaron|adam|adrian|ahmed|alan|albert|alejandro|alex|alexander|alexandra|ali"
    r"|alice|alison|amanda|amy|ana|andrea|andrei|andrew|andy|angela|anita|ann"
    r"|anna|anne|anthony|antonio|arnold|arthur|barbara|ben|benjamin|bernard|"
    r"betty|bill|bob|brad|brandon|brian|bruce|carl|carla|carlos|carmen|carol|"
    r"caroline|catherine|cathy|charles|charlotte|chris|christian|christina|christine"
    r"|christopher|cindy|claire|claudia|colin|craig|cristina|dan|daniel|daniela|"
    r"david|dean|deborah|dennis|diana|diego|dmitri|donald|donna|doris|dorothy|"
    r"edward|elena|elizabeth|ellen|emily|emma|eric|erik|eva|evelyn|fatima|felix"
    r"|fernando|francesco|francisco|frank|franz|fred|gary|george|gerhard|gloria|"
    r"gordon|greg|gregory|hans|harry|hassan|heidi|heinz|helen|helena|"
    r"henry|howard|ian|ibrahim|igor|ingrid|isabel|isabella|ivan|jacob|jacques|"
    r"james|jamie|jan|jane|janet|jason|javier|jean|jeff|jeffrey|jennifer|jeremy"
    r"|jessica|jesus|jim|jimmy|joan|joe|johan|john|johnny|jonathan|jose|joseph"
    r"|joshua|juan|judith|judy|julia|julian|julie|justin|jürgen|karen|karl|"
    r"kate|katherine|kathleen|keith|kelly|kenneth|kevin|kim|kimberly|klaus|kurt|"
    r"larry|laura|lauren|laurent|leonardo|linda|lisa|louis|louise|luca|lucas|"
    r"lucia|luis|luke|marco|margaret|maria|marie|mario|mark|martha|martin|mary"
    r"|matteo|matthew|megan|melissa|michael|michel|michelle|miguel|mike|mohamed|"
    r"mohammed|monica|muhammad|nancy|natalia|natalie|natasha|nicholas|nicolas|"
    r"nicole|nikolai|nina|olga|oliver|oscar|pablo|pamela|patricia|patrick|paul|"
    r"paula|pedro|peter|philip|pierre|rachel|ralph|ramon|raymond|rebecca|ricardo"
    r"|richard|rita|robert|roberto|roger|ronald|roy|russell|ryan|samantha|samuel"
    r"|sandra|sara|sarah|scott|sean|sergei|sergio|sharon|silvia|simon|sofia|"
    r"sophia|sophie|stefan|stephanie|stephen|steve|steven|stuart|susan|svetlana|"
    r"sylvia|tatiana|ted|teresa|theresa|thomas|tim|timothy|tina|todd|tom|tony|"
    r"valentina|vanessa|veronica|victor|vincent|vladimir|walter|wayne|wendy|werner"
    r"|william|wolfgang|yuri|yusuf"
    r")[ _.].*",
    re.IGNORECASE,
)
# Of the names that are built like full names, so many begin with a given name at least, and this share.
_SEVERAL: Final = 2
_GIVEN_SHARE: Final = 0.2


def looks_like_people(folder: str, labels: Sequence[str]) -> str | None:
    """Return what speaks for it, as the end of a sentence, or None."""
    for name in (Path(folder).stem, *labels):
        words = re.sub(r"[\W_\d]+", " ", name.casefold()).strip()
        if found := _WORD.search(words) or _WHOLE_NAME.fullmatch(words):
            return f"the name {name!r} has the word {found[0]!r} in it"
    names = [label for label in labels if _FULL_NAME.fullmatch(label)]
    given = [name for name in names if _BY_GIVEN_NAME.fullmatch(name)]
    if 2 * len(names) > len(labels) and len(given) >= max(_SEVERAL, _GIVEN_SHARE * len(names)):
        return f"{len(names)} of {len(labels)} class names are built like {given[0]!r}"
    return None
