"""Types of fields that several messages have."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601 with its offset, as 2026-01-31T12:00:00.250Z."""

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Probability
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Decibels = Annotated[float, Field(ge=-120, le=20)]

Probabilities = dict[str, Probability]
"""By the slug of the label."""

Ranked = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}],
            "minItems": 2,
            "maxItems": 2,
        }
    ),
]
"""A label's slug and its probability."""

Range = Annotated[
    list[float],
    WithJsonSchema(
        {
            "type": "array",
            "prefixItems": [{"type": "number"}, {"type": "number"}],
            "minItems": 2,
            "maxItems": 2,
        }
    ),
]
"""The least and the greatest sample; full scale is 1."""

Band = Literal["reliable", "check", "unsure"]
