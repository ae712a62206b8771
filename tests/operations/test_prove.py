"""A folder proves that an environment works: its own sample is answered as it says."""

import pytest

from model_folders import reading
from operations.errors import OperationError
from operations.prove import prove, same
from tests.support.web import said


def test_the_sample_s_answer_is_shown(client, web, iris):
    folder = reading.read(iris.path)
    web.answers[:] = [(200, said(folder.answer))]

    first = prove(client, folder)
    again = prove(client, folder)

    assert first == (
        f"iris 1.0 is published at {client.endpoint}\n"
        '  asked:    {"Sepal.Length": 6.1, "Sepal.Width": 2.9, "Petal.Length": 4.9, '
        '"Petal.Width": 1.7}\n'
        '  answered: {"species": "virginica", "probabilities": {"setosa": [0], "versicolor": '
        '[0.323401], "virginica": [0.676599]}}'
    )
    assert again == first.replace("is published at", "is published already at")


def test_another_answer_is_refused(client, web, iris):
    folder = reading.read(iris.path)
    web.answers[:] = [(200, said({**folder.answer, "species": "setosa"}))]

    with pytest.raises(OperationError, match=r'it says \{"species": "setosa"'):
        prove(client, folder)


@pytest.mark.parametrize(
    ("found", "expected", "alike"),
    [
        (0.1 + 0.2, 0.3, True),
        (1, 1.0, True),
        (1.0, 1.1, False),
        (True, 1, False),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
        (None, 0, False),
        ([1, [2.0]], [1.0, [2]], True),
        ([1], [1, 2], False),
        ({"a": [1]}, {"a": [1]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([], {}, False),
    ],
)
def test_answers_are_compared_as_json_with_numbers_nearly(found, expected, alike):
    assert same(found, expected) is alike
