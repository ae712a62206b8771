"""How AWS's services write their answers and errors: JSON, Query and the object store's XML.

Sources: Smithy documentation, "AWS JSON 1.1 protocol", "AWS Query protocol" (error shapes),
Amazon S3 API Reference, "Error responses".
"""

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.serving.exchange import MAX_PARAMETERS, Answer, Request

JSON = "application/x-amz-json-1.1"
XML = "text/xml"

Values = Mapping[str, object]


def json_body(request: Request) -> Values:
    """The call's arguments. Raises RefusedError."""
    try:
        found = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedError("SerializationException", "The request body is no JSON object.", 400)
    return found


def in_json(request_id: str, value: Values) -> Answer:
    """An answer of a JSON service."""
    return Answer(
        status=200,
        body=json.dumps(value).encode(),
        kind=JSON,
        headers={"x-amzn-RequestId": request_id},
    )


def json_error(request_id: str, error: RefusedError) -> Answer:
    """A refusal of a JSON service, which is 400 whatever it is about."""
    value = {"__type": error.json_code, "Message": error.message, "message": error.message}
    return Answer(
        status=error.status if error.status >= 500 else 400,
        body=json.dumps(value).encode(),
        kind=JSON,
        headers={"x-amzn-RequestId": request_id, "x-amzn-ErrorType": error.json_code},
    )


def query_body(request: Request) -> Mapping[str, str]:
    """The call's arguments, from the form or from the query. Raises RefusedError."""
    written = request.body.decode("utf-8", "replace") or request.target.partition("?")[2]
    try:
        pairs = parse_qsl(
            written, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict"
        )
    except ValueError as error:
        raise RefusedError("MalformedQueryString", "The query can't be read.", 400) from error
    return dict(pairs)


def in_query(request_id: str, space: str, action: str, result: str) -> Answer:
    """An answer of a Query service; *result*: XML inside of its result."""
    body = (
        f'<{action}Response xmlns="{space}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )
    return Answer(
        status=200,
        body=body.encode(),
        kind=XML,
        headers={"x-amzn-RequestId": request_id},
    )


def query_error(request_id: str, space: str, error: RefusedError) -> Answer:
    """A refusal of a Query service."""
    body = (
        f'<ErrorResponse xmlns="{space}"><Error><Type>Sender</Type>'
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Answer(
        status=error.status,
        body=body.encode(),
        kind=XML,
        headers={"x-amzn-RequestId": request_id},
    )


def store_error(request_id: str, error: RefusedError, resource: str) -> Answer:
    """A refusal of the object store."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        f"<Resource>{escape(resource)}</Resource><RequestId>{request_id}</RequestId>"
        f"<HostId>sandbox</HostId></Error>"
    )
    return Answer(
        status=error.status,
        body=body.encode(),
        kind="application/xml",
        headers={"x-amz-request-id": request_id},
    )
