"""How a call is answered: with what a verb gives, or with a gRPC status that says what is wrong.

Whatever a verb raises has a form here; an error that nobody foresaw goes to the log with its trace.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.control import connections, wire
from sandbox.control.faults import AnswerLostError, GivenUpError
from sandbox.control.kinds import CloudError, Problem
from sandbox.control.operations import OperationError
from sandbox.control.provider import InterruptedDeletionError, UnreadyError
from sandbox.control.schema import UnknownTypeError
from sandbox.control.store import StoreError

_LOG = logging.getLogger(__name__)

Context = grpc.ServicerContext


class Admitting(Protocol):
    """Who has verbs that only the sandbox's users may call."""

    def admit(self, context: Context) -> None:
        """Raise RefusalError unless the caller is one of them."""


_Servicer = TypeVar("_Servicer", bound=Admitting)
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Verb = Callable[[_Servicer, _Request, Context], _Response]


class RefusalError(Exception):
    """A call that is answered with a gRPC status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self.code = code
        super().__init__(message)


def answered(
    verb: _Verb[_Servicer, _Request, _Response],
) -> _Verb[_Servicer, _Request, _Response]:
    """Let only the sandbox's users in, and turn what is raised into a status."""

    @functools.wraps(verb)
    def answer(self: _Servicer, request: _Request, context: Context) -> _Response:
        try:
            self.admit(context)
            return verb(self, request, context)
        except UnreadyError as error:
            code, text = grpc.StatusCode.UNKNOWN, str(error)
            context.set_trailing_metadata((_details(error, code, text),))
        except AnswerLostError as error:
            code, text = grpc.StatusCode.UNAVAILABLE, str(error)
            if error.disconnect:
                connections.break_off(context.peer())
        except InterruptedDeletionError as error:
            code, text = grpc.StatusCode.ABORTED, str(error)
        except RefusalError as error:
            code, text = error.code, str(error)
        except wire.WireError as error:
            code, text = grpc.StatusCode.INVALID_ARGUMENT, f"the sandbox can't read this: {error}"
        except (OperationError, CloudError, GivenUpError, StoreError, UnknownTypeError) as error:
            code, text = grpc.StatusCode.UNKNOWN, str(error)
        except Exception as error:
            _LOG.exception("%s failed", verb.__name__)
            code = grpc.StatusCode.INTERNAL
            text = (
                f"the sandbox itself failed in {verb.__name__} ({type(error).__name__}: {error}); "
                "its log has the trace: scripts/sandbox status shows where it is"
            )
        context.abort(code, text)
        raise AssertionError("abort always raises")

    return answer


def kind_of(request: Any) -> str:
    """The type token: newer engines send it, older ones only inside the URN."""
    token: str = request.type
    if token:
        return token
    parts = str(request.urn).split("::")
    return parts[2].rpartition("$")[2] if len(parts) > 3 else ""


def failures_of(problems: list[Problem]) -> list[provider_pb2.CheckFailure]:
    """What Check or Invoke has against its inputs."""
    return [
        provider_pb2.CheckFailure(property=problem.path, reason=problem.reason)
        for problem in problems
    ]


def _details(error: UnreadyError, code: grpc.StatusCode, text: str) -> tuple[str, bytes]:
    """The trailer that says, beside the status, what exists all the same."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=error.existing.id,
        properties=wire.encode(error.existing.outputs),
        inputs=wire.encode(error.existing.inputs),
        reasons=[error.reason],
    )
    packed = any_pb2.Any()
    packed.Pack(failed)
    status = status_pb2.Status(code=code.value[0], message=text, details=[packed])
    return "grpc-status-details-bin", status.SerializeToString()
