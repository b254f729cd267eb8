"""What can be set of the web server: its doors, and the clips that it takes."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from ccmusicd.tables import NotNegative, PathText, Positive, Table


class WebSettings(Table):
    """[web]."""

    max_clients: Annotated[int, Field(ge=1)]
    allowed_origins: list[str]
    allowed_hosts: list[str]
    token: SecretStr | None = None
    token_file: PathText
    token_for_all: bool
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$")]
    tls_certificate: PathText
    tls_key: PathText

    @field_validator("token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None:
            check_token(token.get_secret_value())
        return token

    @field_validator("tls_key")
    @classmethod
    def _with_its_certificate(cls, key: str, info: ValidationInfo) -> str:
        if bool(key) != bool(info.data.get("tls_certificate")):
            raise ValueError("tls_certificate and tls_key come together")
        return key


class ClipsSettings(Table):
    """[clips]. 0 megabytes: none are taken."""

    megabytes: NotNegative
    minutes: Annotated[Positive, Field(le=60)]


def check_token(token: str) -> None:
    """`ValueError` when it could not stand in a header, or is soon guessed."""
    if not re.fullmatch(r"[!-~]{12,256}", token):
        raise ValueError("a token is 12 to 256 characters of ASCII without spaces")
