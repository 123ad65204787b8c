"""Which requests a program on this machine answers: those of the page that it opened itself.

Other programs and pages can reach an address of this machine, too. A request must name this address
as its host, or somebody's name was pointed at this machine; it must not come from another page; and
it must carry the token of this session, which only who sees the terminal knows.
"""

import secrets
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import CookieError, SimpleCookie

from posetube.errors import InputError

HEADER = "X-Posetube-Token"
"""A header in which programs may send the token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """Decides which requests are answered."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers give the cookies of all ports to each."""
        return f"posetube-{self.port}"

    @property
    def address(self) -> str:
        """What to open; the token is in it once, then in a cookie."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def set_cookie(self) -> str:
        """The header that gives the browser the token."""
        return f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"

    def check_sender(self, headers: Message, *, writes: bool) -> None:
        """Refuse requests for another host, or from another page.

        Args:
            headers: Of the request.
            writes: Whether it would change something; then it must say where it comes from.

        Raises:
            InputError: If it is one.
        """
        hosts = {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost")}
        if headers.get("Host", "") not in hosts:
            raise InputError("this address answers only under its own name")
        origin = headers.get("Origin")
        if (origin is not None or writes) and origin not in {f"http://{host}" for host in hosts}:
            raise InputError("requests from other pages are not answered")
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise InputError("requests from other pages are not answered")

    def knows(self, given: str) -> bool:
        """Whether this is the token."""
        return secrets.compare_digest(given.encode(), self.token.encode())

    def check_token(self, headers: Message) -> None:
        """Refuse requests without the token.

        Raises:
            InputError: If it is missing or another.
        """
        try:
            cookies = SimpleCookie(headers.get("Cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        kept = cookies[self.cookie].value if self.cookie in cookies else ""
        if not self.knows(headers.get(HEADER, kept)):
            raise InputError("open the address that `posetube review` printed: it has the token")
