"""Puts a page together: one file of HTML that needs no network.

Style, scripts and data stand in it. Its policy allows the scripts and styles of these very bytes,
pictures and videos of the same place, and nothing else. Data stands in the page as JSON and base64
that no script runs; names get into the page only as text.
"""

import base64
import hashlib
from importlib.resources import files

PAGE = files(__package__) / "page"
"""The folder of the page's parts."""


def build_page(
    name: str,
    *,
    facts: bytes,
    times: str = "",
    packed: str = "",
    outlines: str = "",
    connect: str = "'none'",
) -> str:
    """A page of one file.

    Args:
        name: Which page: the names of its parts are in the first line of ``NAME.html``.
        facts: JSON for its script.
        times: Base64 for its script: what it needs first.
        packed: Base64 for its script: what it needs then.
        outlines: Base64 for its script: what it can do without.
        connect: Where its script may send requests, as the policy says it.
    """
    template = _part(f"{name}.html")
    first, _, template = template.partition("\n")
    parts = first.removeprefix("<!-- parts: ").removesuffix(" -->").split()
    style = "\n".join(_part(part) for part in parts if part.endswith(".css"))
    script = "\n".join(_part(part) for part in parts if part.endswith(".js"))
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "img-src 'self' data: file:",
            "media-src 'self' file:",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    # in one pass: what one part says cannot be taken for the place of another
    found = {
        "POLICY": policy,
        "STYLE": style,
        "SCRIPT": script,
        "FACTS": facts.decode().replace("<", "\\u003c"),
        "TIMES": times,
        "PACKED": packed,
        "OUTLINES": outlines,
    }
    pieces = template.split("@@")
    return "".join(found[piece] if odd % 2 else piece for odd, piece in enumerate(pieces))


def _part(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
