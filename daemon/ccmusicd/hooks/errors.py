"""How a call of a hook fails."""


class HookError(Exception):
    """A call failed; the text is why. `again`: trying once more may help."""

    def __init__(self, why: str, *, again: bool = False) -> None:
        super().__init__(why)
        self.again = again
