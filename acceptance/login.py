"""A user's name and password for a server, as HTTP's basic authentication has them."""

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Login:
    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"
