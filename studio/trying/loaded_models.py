"""Published models in memory: the last few that were asked."""

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Final

from inference.classifier import Classifier
from inference.repository import Repository
from inference.session import SessionConfig

_KEPT: Final = 2


class LoadedModels:
    """Loads a version when it is first asked, and keeps it while it is among the last."""

    def __init__(self, models_dir: Path) -> None:
        self._repository = Repository(models_dir)
        self._lock = Lock()
        self._loaded: OrderedDict[tuple[str, int], Classifier] = OrderedDict()

    def get(self, name: str, version: int | None) -> Classifier:
        """Return a version of a model, ready; the one that answers by default unless one is named.

        Raises:
            InferenceError: there is no such version, or it cannot be loaded.
        """
        number = self._repository.resolve(name, version)
        with self._lock:
            found = self._loaded.pop((name, number), None)
            if found is None:
                package = self._repository.package(name, number)
                found = Classifier.load(package, session=SessionConfig(provider="auto"))
            self._loaded[name, number] = found
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
            return found
