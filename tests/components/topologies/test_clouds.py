import pytest

from components.azure.cloud import CLOUD
from components.settings import SettingsError, parse
from components.topologies import clouds
from tests.support.azure import changed


def test_azure_is_built() -> None:
    environment = parse(changed("dev")["operationalization:environment"], stack="dev")
    assert clouds.choose(environment, "dev") is CLOUD


def test_aws_is_refused_by_name() -> None:
    configured = changed(
        "dev",
        cloud="aws",
        location="eu-central-1",
        web={"count": 2},
        compute={"count": 2},
        database={"engine": "postgresql"},
    )
    environment = parse(configured["operationalization:environment"], stack="qa")
    with pytest.raises(SettingsError) as refused:
        clouds.choose(environment, "qa")
    assert str(refused.value) == (
        "stack 'qa' cannot be deployed:\n"
        '  cloud: is checked, but not built yet in this release (got "aws")\n'
        "    fix: write azure"
    )
