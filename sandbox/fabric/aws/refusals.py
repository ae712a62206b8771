"""Why AWS does not do what it is asked, before it is written in one service's own form."""


class RefusedError(Exception):
    """A call that is refused, in AWS's words."""

    def __init__(self, code: str, message: str, status: int = 400, json_code: str = "") -> None:
        """Keep what is said.

        Args:
            code: as Query and REST services name it: `AccessDenied`.
            message: for a person.
            status: of HTTP.
            json_code: as JSON services name it, where that differs: `AccessDeniedException`.
        """
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.json_code = json_code or code


def denied(principal: str, action: str, resource: str, *, explicit: bool = False) -> RefusedError:
    """The answer to a call that no policy allows, or that one denies.

    Source: AWS Identity and Access Management User Guide, "Troubleshoot access denied error
    messages" (shape of the words).
    """
    why = (
        "with an explicit deny in an identity-based policy"
        if explicit
        else f"because no identity-based policy allows the {action} action"
    )
    return RefusedError(
        code="AccessDenied",
        json_code="AccessDeniedException",
        message=(
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"{why}"
        ),
        status=403,
    )
