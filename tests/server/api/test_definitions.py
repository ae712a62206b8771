"""What may be published, and in which words the rest is refused."""

import base64
import hashlib

import pytest

from server.api.definitions import Parameter, amend, check_name, parse
from server.api.errors import ApiError

MODEL = base64.b64encode(b"model").decode()
GOOD = {
    "model": MODEL,
    "inputParameterDefinitions": [{"name": "hp", "type": "numeric"}],
    "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
}


def test_a_definition_has_what_the_body_says():
    found = parse(GOOD | {"description": "cars", "runtimeType": "R", "code": None}, "cars")

    assert (found.description, found.operation_id, found.model) == ("cars", "cars", b"model")
    assert found.inputs == (Parameter("hp", "numeric"),)
    assert found.outputs == (Parameter("answer", "numeric"),)
    assert found.sha256 == hashlib.sha256(b"model").hexdigest()


def test_a_change_keeps_what_it_does_not_name():
    found = amend({"description": "faster cars"}, parse(GOOD, "cars"), "cars")

    assert found.description == "faster cars"
    assert (found.model, found.inputs) == (b"model", (Parameter("hp", "numeric"),))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"modell": MODEL},
            (
                "modell: is not a field; there are model, description, operationId, runtimeType, "
                "inputParameterDefinitions, outputParameterDefinitions, code, initCode, "
                "snapshotId, outputFileNames"
            ),
        ),
        (
            {"code": "1 + 1"},
            "code: is not supported by this runtime; publish an R function as model",
        ),
        (
            {"runtimeType": "Python"},
            "runtimeType: must be R, there is no other on the compute nodes",
        ),
        ({"model": None}, "model: is missing"),
        ({"model": 1}, "model: must be of type string"),
        ({"model": "é"}, "model: must be a file of R's saveRDS, in base64"),
        ({"model": ""}, "model: must have 1 to 67108864 bytes"),
        ({"description": 1}, "description: must be of type string"),
        ({"description": 4097 * "a"}, "description: must have at most 4096 characters"),
        ({"description": "a\0"}, "description: has a character that is not text"),
        ({"operationId": "a\ud800"}, "operationId: has a character that is not text"),
        (
            {"outputParameterDefinitions": []},
            "outputParameterDefinitions: must have 1 to 256 entries",
        ),
        (
            {"inputParameterDefinitions": {}},
            "inputParameterDefinitions: must be of type array",
        ),
        (
            {"inputParameterDefinitions": ["hp"]},
            "inputParameterDefinitions[0]: must be an object with name and type",
        ),
        (
            {"inputParameterDefinitions": [{"name": "1x", "type": "numeric"}]},
            (
                "inputParameterDefinitions[0].name: must be an R name of at most 64 letters, "
                "digits, '.' and '_'"
            ),
        ),
        (
            {"inputParameterDefinitions": [{"name": "x", "type": "number"}]},
            (
                "inputParameterDefinitions[0].type: must be one of logical, numeric, integer, "
                "character, vector, matrix, data.frame"
            ),
        ),
        (
            {"inputParameterDefinitions": 2 * GOOD["inputParameterDefinitions"]},
            "inputParameterDefinitions: has a name twice",
        ),
    ],
)
def test_what_cannot_be_published_is_named_with_its_rule(change, message):
    with pytest.raises(ApiError) as refused:
        parse(GOOD | change, "cars")

    assert (refused.value.status, refused.value.message) == (400, message)


@pytest.mark.parametrize(
    ("name", "version"), [("..", "1"), ("a/b", "1"), ("1a", "1"), ("a" * 65, "1"), ("", "1")]
)
def test_a_name_that_could_be_a_path_is_refused(name, version):
    with pytest.raises(ApiError) as refused:
        check_name(name, version)

    assert refused.value.message == (
        "name: must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter"
    )


@pytest.mark.parametrize("version", ["..", "v/1", "", "-1", "1\n"])
def test_a_version_that_could_be_a_path_is_refused(version):
    with pytest.raises(ApiError) as refused:
        check_name("cars", version)

    assert refused.value.message == (
        "version: must be 1 to 64 letters, digits, '.', '_' or '-', "
        "and begin with a letter or digit"
    )
