"""Text of other people, such as titles, made fit for one line."""

import unicodedata


def one_line(text: str) -> str:
    """The text without control characters and line breaks, runs of blanks as one space."""
    kept = "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in text)
    return " ".join(kept.split())


def shortened(text: str, most: int) -> str:
    """At most so many characters; what is cut off is told by an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
