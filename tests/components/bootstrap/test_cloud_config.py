"""The document is YAML that says exactly what the files say."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.bootstrap.cloud_config import cloud_config
from components.runtimes.node import NodeFile

LINES = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" \t")),
    min_size=1,
    max_size=6,
)
CONTENTS = LINES.map(lambda lines: "\n".join(["#", *lines, "end"]) + "\n")


def contents_of(document):
    return [entry["content"] for entry in yaml.safe_load(document)["write_files"]]


@given(CONTENTS)
def test_any_text_reaches_the_node_unchanged(content):
    assert contents_of(cloud_config([NodeFile(path="/a", content=content)])) == [content]


def test_files_come_by_path_with_owner_and_mode():
    files = [
        NodeFile(path="/b", content="two\n"),
        NodeFile(path="/a", content="one\n\n  more\n", owner="daemon:adm", mode="0640"),
    ]

    assert yaml.safe_load(cloud_config(files)) == {
        "locale": "C.UTF-8",
        "write_files": [
            {
                "path": "/a",
                "owner": "daemon:adm",
                "permissions": "0640",
                "content": "one\n\n  more\n",
            },
            {"path": "/b", "owner": "root:root", "permissions": "0644", "content": "two\n"},
        ],
        "runcmd": [
            ["systemctl", "--no-reload", "enable", "operationalization-configure.service"],
            ["systemctl", "daemon-reload"],
            ["systemctl", "start", "operationalization-configure.service"],
        ],
    }


@pytest.mark.parametrize("content", ["", "\n", " a\n", "a", "a\n\n", "\na\n"])
def test_a_text_that_a_block_would_change_is_refused(content):
    with pytest.raises(ValueError, match="must begin with a text and end with one line end") as no:
        cloud_config([NodeFile(path="/a", content=content)])

    assert str(no.value) == "/a: must begin with a text and end with one line end"


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x85", "\u2028", "\ufeff"])
def test_a_file_that_is_no_text_is_refused(character):
    with pytest.raises(ValueError, match="is not text") as refused:
        cloud_config([NodeFile(path="/a", content=f"one\ntwo{character}\n")])

    assert str(refused.value) == "/a: line 2 has a character that is not text"
