"""What a worker makes of a request's JSON, and the JSON that it makes of R's values."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.r import ROOT, require_r, rscript

pytestmark = pytest.mark.root

HERE = Path(__file__).parent
SAME = "function(x) x"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The answers to all cases, from one R."""
    require_r()
    folder = tmp_path_factory.mktemp("worker")
    shutil.copy(ROOT / "server" / "worker" / "service.R", folder)
    (folder / "there.json").write_text('{"x": 1}')
    keys = ("input", "body", "output", "model")
    cases = [dict(zip(keys, case, strict=True)) for case, _ in CASES]
    (folder / "cases.json").write_text(json.dumps(cases))
    shutil.copy(HERE / "cases.R", folder)
    done = rscript(folder, "cases.R")
    assert done.returncode == 0, done.stderr
    return dict(zip(range(len(CASES)), done.stdout.splitlines(), strict=True))


CASES = [
    # A scalar is a scalar on both ways, and null is NA.
    (("numeric", '{"x": 1.5}', "numeric", SAME), 1.5),
    (("integer", '{"x": 3}', "integer", SAME), 3),
    (("logical", '{"x": true}', "logical", SAME), True),
    (("character", '{"x": "Z\\u00fcrich"}', "character", SAME), "Zürich"),
    (("numeric", '{"x": null}', "numeric", SAME), None),
    (("numeric", '{"x": [1, 2]}', "numeric", SAME), [1, 2]),
    (("numeric", '{"x": "many"}', "numeric", SAME), "input x: must be numeric"),
    (("logical", '{"x": "perhaps"}', "logical", SAME), "input x: must be logical"),
    # A vector is an array, however short.
    (("vector", '{"x": [1]}', "vector", SAME), [1]),
    (("vector", '{"x": []}', "vector", SAME), []),
    (("vector", '{"x": ["a", null]}', "vector", SAME), ["a", None]),
    (("numeric", '{"x": 1}', "vector", 'function(x) factor("u")'), ["u"]),
    (("numeric", '{"x": 1}', "vector", "function(x) c(a = x)"), [1]),
    # A matrix is an array of its rows.
    (("matrix", '{"x": [[1, 2], [3, 4]]}', "matrix", SAME), [[1, 2], [3, 4]]),
    (("matrix", '{"x": [[1, 2], [3, 4]]}', "matrix", "function(x) t(x)"), [[1, 3], [2, 4]]),
    (("matrix", '{"x": [[1]]}', "matrix", SAME), [[1]]),
    (("matrix", '{"x": [[1, 2], [3, 4]]}', "integer", "function(x) dim(x)"), [2, 2]),
    (
        ("matrix", '{"x": [[1, 2], [3]]}', "matrix", SAME),
        "input x: the rows of a matrix must have one length",
    ),
    # A data frame is its columns by name; rows by name are understood as well.
    (
        ("data.frame", '{"x": {"a b": [1], "c": ["u"]}}', "data.frame", SAME),
        {"a b": [1], "c": ["u"]},
    ),
    (
        ("data.frame", '{"x": [{"a": 1, "c": "u"}, {"a": 2, "c": "v"}]}', "data.frame", SAME),
        {"a": [1, 2], "c": ["u", "v"]},
    ),
    (("data.frame", '{"x": {"a": [1, 2]}}', "integer", "function(x) nrow(x)"), 2),
    (("numeric", '{"x": 1}', "data.frame", "function(x) list(a = x)"), {"a": [1]}),
    # A body is JSON and never the place of one.
    (("numeric", "there.json", "numeric", SAME), None),
    (("numeric", "http://127.0.0.1/there.json", "numeric", SAME), None),
    # A model's own failure is an answer.
    (("numeric", '{"x": 1}', "numeric", 'function(x) stop("too few flowers")'), "too few flowers"),
]
"""Type of the input, body, type of the output, model; then the output, or what the error says."""


@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(case) for case, _ in CASES])
def test_values_keep_their_declared_types(answers, number):
    (_, body, kind, _), expected = CASES[number]
    if not body.startswith("{"):
        assert answers[number] == "not JSON"
        return

    answer = json.loads(answers[number])

    if isinstance(expected, str) and kind != "character":
        assert (answer["success"], answer["errorMessage"]) == (False, expected)
        assert answer["outputParameters"] == {}
    else:
        assert (answer["success"], answer["errorMessage"]) == (True, "")
        assert answer["outputParameters"] == {"y": expected}
