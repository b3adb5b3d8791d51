"""Which folder names mean a split: `train`, `Training`, `test_set`, `seg_train`, `val2017`, `학습`, …"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from training.data.folder import Split

_TRAIN: Final = (
    "train training trains trainset trainingset traindata trainingdata trainimages trn "
    "학습 학습용 훈련 훈련용 訓練 学習 训练 训练集"
)
_VAL: Final = (
    "val valid validation validate validset valset validationset dev devel devset development "
    "검증 검증용 検証 验证 验证集"
)
_TEST: Final = (
    "test testing tests testset testingset testdata testimages tst "
    "테스트 테스트용 시험 テスト 测试 测试集"
)
# The test where none is called so, else the validation.
_EITHER: Final = "eval evaluation evaluate evalset holdout heldout 평가 평가용 評価"
_WORDS: Final[Mapping[str, Split | None]] = {
    **dict.fromkeys(_TRAIN.split(), "train"),
    **dict.fromkeys(_VAL.split(), "val"),
    **dict.fromkeys(_TEST.split(), "test"),
    **dict.fromkeys(_EITHER.split(), None),
}
# They say nothing beside such a word.
_NEUTRAL_WORDS: Final = (
    "set data dataset datasets image images img imgs photo photos pic pics picture pictures split "
    "folder files sample samples example examples subset class classes"
)
_NEUTRAL: Final = frozenset(_NEUTRAL_WORDS.split())
_TOKENS: Final = re.compile(r"[^\W\d_]+|\d+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_HOLD_OUT: Final = re.compile(r"h(?:o|e)ld[-_ ]?out", re.IGNORECASE)


def split_names(names: Iterable[str]) -> dict[str, Split]:
    """Return those of the names of folders beside each other that mean a split, and which.

    Words beside the split's own count only where another split's folder has them too: `seg_train` is a
    split beside `seg_test`, and `train station` is none.
    """
    words: dict[str, tuple[Split | None, frozenset[str]]] = {}
    for name in names:
        tokens = _tokens(name)
        meant = [token for token in tokens if token in _WORDS]
        if meant and len({_WORDS[token] for token in meant}) == 1:
            words[name] = _WORDS[meant[0]], _rest(tokens, meant)
    plain = {name: split for name, (split, rest) in words.items() if not rest}
    shared = {
        name: split
        for name, (split, rest) in words.items()
        if rest and any(other != split and same == rest for other, same in words.values())
    }
    return _with_either(plain | shared)


def says_nothing(name: str) -> bool:
    """Whether a folder's name is no class within a split: a split's own, or such as `images`."""
    return bool(split_names([name])) or _NEUTRAL.issuperset(_tokens(name))


def _rest(tokens: Iterable[str], meant: Iterable[str]) -> frozenset[str]:
    others = frozenset(tokens) - _NEUTRAL - set(meant)
    return frozenset(token for token in others if not token.isdecimal())


def _tokens(name: str) -> list[str]:
    text = _CAMEL.sub(" ", unicodedata.normalize("NFC", name))
    return _TOKENS.findall(_HOLD_OUT.sub("holdout", text).casefold())


def _with_either(found: Mapping[str, Split | None]) -> dict[str, Split]:
    either: Split = "val" if "test" in found.values() else "test"
    return {name: split or either for name, split in found.items()}
