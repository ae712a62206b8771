import pytest

from components.aws.cloud import CLOUD as AWS
from components.azure.cloud import CLOUD as AZURE
from components.settings import SettingsError, parse
from components.topologies import clouds
from tests.support import stacks


@pytest.mark.parametrize(("stack", "cloud"), [("dev", AZURE), ("dev-aws", AWS)])
def test_a_cloud_is_chosen_by_the_settings(stack: str, cloud: object) -> None:
    environment = parse(stacks.config(stack)[stacks.ENVIRONMENT], stack=stack)
    assert clouds.choose(environment, stack) is cloud


def test_a_cloud_without_parts_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "MODULES", {"azure": "components.azure.cloud"})
    environment = parse(stacks.config("dev-aws")[stacks.ENVIRONMENT], stack="qa")
    with pytest.raises(SettingsError) as refused:
        clouds.choose(environment, "qa")
    assert str(refused.value) == (
        "stack 'qa' cannot be deployed:\n"
        '  cloud: is checked, but not built yet in this release (got "aws")\n'
        "    fix: write azure"
    )
