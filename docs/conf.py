"""Settings of the documentation site: the pages of this folder, the API, pictures of drawn clips.

``make site`` builds it; a warning is an error.
"""

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

project = "posetube"
copyright = "the authors of posetube, Apache-2.0"
release = metadata.version("posetube")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py", "gallery_pictures.py", "settings_table.py"]
html_theme = "furo"
html_title = f"posetube {release}"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True


OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./((?:examples|models3d)[^)#]*)[^)]*\)")
"""Links to pages and folders of the repository that are no part of the site."""


def setup(app: Any) -> None:
    """Draw the gallery before the pages are read; name places outside instead of linking them."""
    app.connect("builder-inited", _draw_gallery)
    app.connect("source-read", _name_places_outside)


def _name_places_outside(app: Any, page: str, source: list[str]) -> None:
    source[0] = OUTSIDE.sub(r"\1 (`\2` in the repository)", source[0])


def _draw_gallery(app: Any) -> None:
    from gallery_pictures import draw_gallery

    draw_gallery(Path(app.srcdir) / "gallery")
