"""What every table of the configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Table(BaseModel):
    """A table: no unknown key, no NaN or infinity, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)
