"""STS, as far as a node asks it: who am I. Everybody may ask that.

Source: AWS Security Token Service API Reference, "GetCallerIdentity".
"""

from sandbox.fabric.aws import forms
from sandbox.fabric.aws.calls import Call, Service
from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.serving.exchange import Answer, Request

SPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class SecurityTokens(Service):
    """The service of one region, behind one door."""

    def serve(self, call: Call) -> Answer:
        """Answer somebody who is known. Raises RefusedError."""
        action = forms.query_body(call.request).get("Action", "")
        if action != "GetCallerIdentity":
            raise RefusedError(
                "InvalidAction",
                f"the sandbox does not emulate {action[:80]}: a node's credentials come from its "
                "metadata service",
            )
        session = call.session
        return forms.in_query(
            call.id,
            SPACE,
            action,
            f"<Arn>{session.arn}</Arn><UserId>{session.role_id}:{session.name}</UserId>"
            f"<Account>{session.account}</Account>",
        )

    def refuse(self, _: Request, request_id: str, error: RefusedError) -> Answer:
        """The error as the service writes it."""
        return forms.query_error(request_id, SPACE, error)
