"""The page: HTML, CSS and JavaScript modules as the browser gets them, one file of texts a language."""

from pathlib import Path
from typing import Final

PAGE_DIR: Final = Path(__file__).parent
