import json

import pytest

from sandbox.control.aws import configuration, default_tags


def refused(**values):
    return [f"{each.path}: {each.reason}" for each in configuration(values)]


def test_what_a_program_configures():
    tags = json.dumps({"tags": {"environment": "dev"}})

    assert refused(region="eu-central-1", defaultTags=tags, allowedAccountIds='["500000000005"]',
                   maxRetries=5, skipCredentialsValidation=False) == []  # fmt: skip
    assert default_tags({"defaultTags": tags}) == {"environment": "dev"}
    assert default_tags({}) == {}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"region": "eu-centrel-1"},
            'region: "eu-centrel-1" is no region of AWS; did you mean "eu-central-1"?',
        ),
        ({"region": "x"}, 'region: "x" is no region of AWS; use one such as eu-central-1'),
        (
            {"allowedAccountIds": '["111122223333"]'},
            "allowedAccountIds: AWS account ID not allowed: 500000000005",
        ),
        (
            {"forbiddenAccountIds": ["500000000005"]},
            "forbiddenAccountIds: AWS account ID not allowed: 500000000005",
        ),
        (
            {"secretKey": "wJalrXUtnFEMI"},
            (
                "secretKey: the sandbox needs no credentials of AWS and must not get any: leave "
                "this out of its stacks"
            ),
        ),
        (
            {"endpoints": "[]"},
            "endpoints: the sandbox does not emulate this: leave it out",
        ),
        (
            {"defaultTags": '{"tags": {"a": 1}}'},
            "defaultTags: must be an object with tags, a mapping of strings",
        ),
    ],
)
def test_a_configuration_that_is_refused(values, reason):
    assert refused(**values) == [reason]
