"""What a person hears when something cannot be done."""


class OperationError(Exception):
    """Something that cannot be done: what, where, why, and how to mend it.

    The text is what scripts/lib/console.sh prints for errors of scripts.
    """

    def __init__(self, what: str, where: str, why: str, fix: str) -> None:
        self.what, self.where, self.why, self.fix = what, where, why, fix
        super().__init__(f"error: {what}\n  where: {where}\n  why:   {why}\n  fix:   {fix}")
