"""What every table of the configuration has in common."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def check_path(text: str) -> str:
    """`text`, which can name a file. Raises `ValueError` for what the system would not even look for."""
    if "\0" in text:
        raise ValueError("holds a NUL, which no path does")
    try:
        Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text!r} has no home folder: there is no such user") from None
    return text


PathText = Annotated[str, AfterValidator(check_path)]
Days = Annotated[float, Field(ge=0, le=1_000_000)]
"""As many as still are microseconds of 64 bits."""

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Table(BaseModel):
    """A table: no unknown key, no NaN or infinity, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)
