"""When a stack expires, and what a review's stack file says."""

import json
from datetime import UTC, datetime

import pytest
import yaml

from components.settings import parse
from components.settings.bases import FOLDER, examine_over
from operations.errors import OperationError
from operations.export.state import Deployment
from operations.export.state import parse as parse_state
from operations.review import expiry, stack_file
from operations.review.command import main
from operations.review.expiry import TAG
from tests.support import old_world, stacks
from tests.support.states import azure, deployment, resource, text

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
BEFORE, AFTER = "2026-12-01T11:59:59Z", "2026-12-01T12:00:01Z"


def with_tags(*values: object, **more: object) -> Deployment:
    made = [
        azure(f"network:{index}", f"n{index}", f"x/{index}", tags={TAG: value})
        for index, value in enumerate(values)
    ]
    untagged = azure("network:Subnet", "plain", "x/plain")
    return deployment(untagged, *[{**each, **more} for each in made])


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((), "kept"),
        ((BEFORE,), "expired"),
        (("2026-12-01T12:00:00Z",), "expired"),
        ((AFTER,), "waiting"),
        ((BEFORE, AFTER), "waiting"),
        (("soon",), "unreadable"),
        ((BEFORE, "soon"), "unreadable"),
        ((20261201,), "unreadable"),
        (("2026-12-01",), "unreadable"),
        (("2026-12-01T11:00:00+14:00",), "unreadable"),
        (("",), "unreadable"),
    ],
)
def test_a_stack_goes_only_when_its_own_tags_say_so(values, verdict):
    assert expiry.standing(with_tags(*values)).verdict(NOW) == verdict


def test_what_is_protected_is_told_apart():
    found = expiry.standing(with_tags(BEFORE, protect=True))

    assert found.verdict(NOW) == "protected"
    assert found.line(NOW) == (
        "dev: expired 2026-12-01T11:59:59Z (2 resources, 1 of them protected: n0)"
    )


@pytest.mark.parametrize("stack", ["dev-onebox-aws", "aws-production", "azure-production", "dev"])
def test_what_lasts_has_no_expiry_though_its_certificates_have(stack):
    kept = old_world.unseal(old_world.path_of(stack).read_bytes())
    found = expiry.standing(parse_state(json.dumps(kept["state"]), stack))

    assert (found.verdict(NOW), found.problem) == ("kept", "")
    assert found.resources > 40


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        (json.dumps({"tags": {TAG: BEFORE}}), "expired"),
        (json.dumps({"tags": {"owner": "x"}}), "kept"),
        ("not JSON", "kept"),
        ("[]", "kept"),
        (None, "kept"),
    ],
)
def test_on_aws_the_provider_gives_everything_its_tags(tags, verdict):
    provider = resource("pulumi:providers:aws", "aws", "id", {"defaultTags": tags})
    vpc = resource("aws:ec2/vpc:Vpc", "vpc", "vpc-1", {"tags": {"Name": "vpc"}})

    assert expiry.standing(deployment(provider, vpc)).verdict(NOW) == verdict


def test_tags_of_another_form_than_a_mapping_are_none():
    odd = azure("compute:Thing", "odd", "x/odd", tags=[{"key": TAG, "value": BEFORE}])

    assert expiry.standing(deployment(odd)).verdict(NOW) == "kept"


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_every_stack_can_be_the_model_of_a_review(stack):
    source = stacks.STACKS / f"Pulumi.{stack}.yaml"
    tags = {"pull-request": "12", TAG: AFTER}

    made = yaml.safe_load(stack_file.written(source.read_text(), str(source), tags=tags))

    config = made["config"]
    base = config.get("operationalization:base")
    _, problems, layers = examine_over(base, config[stacks.ENVIRONMENT], FOLDER, "review-12")
    assert problems == []
    environment = parse(layers.value, stack="review-12")
    assert environment.protection is False
    like = stacks.config(stack)[stacks.ENVIRONMENT]
    assert environment.tags == {**like.get("tags", {}), **tags}
    assert {**layers.value, "tags": 0, "protection": 0} == {**like, "tags": 0, "protection": 0}


def test_a_key_of_the_cloud_encrypts_its_secrets_where_one_is_given():
    source = (stacks.STACKS / "Pulumi.dev.yaml").read_text()

    made = stack_file.written(source, "x", tags={}, secrets_provider="awskms://alias/reviews")

    assert yaml.safe_load(made)["secretsprovider"] == "awskms://alias/reviews"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("config: [", "it is not YAML"),
        ("[]", "it has no operationalization:environment"),
        ("config: {operationalization:environment: dev}", "it has no operationalization:environ"),
        (
            "config: {operationalization:environment: {}, operationalization:p: {secure: v1:x}}",
            "it holds encrypted values, which no other stack can decrypt",
        ),
    ],
)
def test_what_cannot_be_copied_is_refused(text, why):
    with pytest.raises(OperationError, match=why):
        stack_file.written(text, "stacks/Pulumi.qa.yaml", tags={})


def test_a_folder_of_states_is_looked_at_as_if_it_were_another_time(tmp_path, capsys):
    tagged = azure("network:Thing", "t", "x/t", tags={TAG: AFTER})
    (tmp_path / "review-7.json").write_text(text(tagged))
    (tmp_path / "prod.json").write_text(text())

    (tmp_path / "odd.json").write_text("{}")

    assert main(["look", str(tmp_path), "--at", "2027-01-01T00:00:00Z"]) == 0
    assert capsys.readouterr().out == (
        "unreadable odd odd: the state cannot be read; left alone\n"
        "kept prod prod: has no expiry; left alone (0 resources)\n"
        f"expired review-7 review-7: expired {AFTER} (1 resources)\n"
    )
    assert main(["look", str(tmp_path), "--at", "tomorrow"]) == 1
    assert "write it as 2026-12-31T18:00:00Z" in capsys.readouterr().err
