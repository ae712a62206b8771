"""Only the traffic of a stack file changes: comments, order and everything else stay."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from operations.errors import OperationError
from operations.split import Split
from operations.stack_file import StackFile

FILE = Path("stacks/Pulumi.dev-endpoint.yaml")
WHOLE = """\
# An endpoint.
config:
  operationalization:environment:
    topology: managed-endpoint
    endpoint:
      deployments: # who there is
        blue: { model: models/iris }
        green:
          model: models/iris # the new one
      {traffic}
    tags: { team: data } # ours
"""
SPLIT = Split(traffic={"blue": 90, "green": 10})


def file(traffic: str, text: str = WHOLE) -> StackFile:
    return StackFile(FILE, text.replace("{traffic}", traffic))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("traffic: { blue: 100 }", "traffic: { blue: 90, green: 10 }"),
        ("traffic: {blue: 100} # all", "traffic: { blue: 90, green: 10 } # all"),
        ("traffic:", "traffic: { blue: 90, green: 10 }"),
        (
            "traffic:\n        # the old one\n        blue: 100 # all",
            "traffic:\n        # the old one\n        green: 10\n        blue: 90 # all",
        ),
        (
            "traffic:\n        red: 10 # goes\n        blue: 90\n        # last words",
            "traffic:\n        green: 10\n        blue: 90\n        # last words",
        ),
        (
            "traffic: { blue: 100 }\n      mirror: { green: 10 }",
            "traffic: { blue: 90, green: 10 }\n      mirror: {}",
        ),
    ],
)
def test_a_split_is_written_where_it_stands(before, after):
    assert file(before).with_split(SPLIT) == file(after).text


def test_a_split_comes_first_where_there_was_none():
    text = file("# nothing about traffic").with_split(Split(traffic={"blue": 100}))

    assert text == file("# nothing about traffic").text.replace(
        "      deployments:", "      traffic: { blue: 100 }\n      deployments:"
    )


def test_a_mirror_comes_and_goes():
    start = file("traffic: { blue: 100 }")
    split = Split(traffic={"blue": 100}, mirror={"green": 20})
    text = start.with_split(split)

    assert StackFile(FILE, text).split == split
    gone = StackFile(FILE, text).with_split(Split(traffic={"blue": 100}))
    assert StackFile(FILE, gone).split == Split(traffic={"blue": 100})


def test_an_endpoint_that_the_base_describes_gets_its_traffic_here():
    text = "config:\n  operationalization:environment:\n    location: westeurope # here\n"
    written = StackFile(FILE, text).with_split(SPLIT)

    assert written == (
        "config:\n  operationalization:environment:\n    endpoint:\n"
        "      traffic: { blue: 90, green: 10 }\n    location: westeurope # here\n"
    )


def test_a_file_that_says_nothing_of_traffic():
    assert file("# none").split is None
    assert file("traffic: { blue: 100, green: 0 }").split == Split(traffic={"blue": 100})


@pytest.mark.parametrize(
    "text",
    [
        "config: { operationalization:environment: { endpoint: { deployments: {} } } }\n",
        "encryptionsalt: v1\n",
        "",
    ],
)
def test_a_file_that_it_does_not_know_how_to_change(text):
    with pytest.raises(OperationError) as error:
        StackFile(FILE, text).with_split(SPLIT)

    assert error.value.what == "the traffic cannot be written into the stack file"
    assert error.value.fix.startswith("write endpoint.traffic")


NAMES = st.lists(
    st.sampled_from(["blue", "green", "red", "off", "yes", "x-1"]), unique=True, max_size=4
)


@given(before=NAMES, after=NAMES, flow=st.booleans())
def test_whatever_was_there_the_rest_stays(before, after, flow):
    shares = dict.fromkeys(before, 10)
    value = yaml.safe_dump(shares, default_flow_style=flow, width=1000).strip()
    within = "\n        "
    start = file(f"traffic:{' ' if value[0] == '{' else within}{value.replace(chr(10), within)}")
    wanted = Split(traffic=dict.fromkeys(sorted(after), 20))

    text = start.with_split(wanted)
    assert StackFile(FILE, text).split == wanted
    assert [line for line in text.splitlines() if "#" in line] == [
        line for line in start.text.splitlines() if "#" in line
    ]
