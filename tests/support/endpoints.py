"""Managed endpoints under mocks: the environments to start from, and the whole program."""

from copy import deepcopy
from typing import Any

from tests.support import azure
from tests.support.azure import SUBSCRIPTION, AzureCloud
from tests.support.cloud import World
from tests.support.stacks import ENVIRONMENT

SMALL: dict[str, Any] = {
    "topology": "managed-endpoint",
    "cloud": "azure",
    "location": "westeurope",
    "protection": False,
    "endpoint": {"deployments": {"blue": {"model": "models/iris", "instances": 1}}},
}
"""One deployment, open to the internet."""

PRIVATE: dict[str, Any] = {
    **SMALL,
    "protection": True,
    "endpoint": {**SMALL["endpoint"], "exposure": "private"},
}
"""The same closed, and protected."""

EXISTING = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs"
    "/providers/Microsoft.MachineLearningServices/workspaces/shared"
)
GET_WORKSPACE = "azure-native:machinelearningservices:getWorkspace"
GET_KEYS = "azure-native:machinelearningservices:listOnlineEndpointKeys"
ANSWERS: dict[str, dict[str, Any]] = {
    GET_WORKSPACE: {
        "id": EXISTING,
        "name": "shared",
        "storageAccount": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs"
        "/providers/Microsoft.Storage/storageAccounts/theirstore",
        "containerRegistry": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/images"
        "/providers/Microsoft.ContainerRegistry/registries/theirimages",
    },
    GET_KEYS: {"primaryKey": "s3cr3t-value-of-key", "secondaryKey": "s3cr3t-value-of-key-2"},
}


def changed(base: dict[str, Any] = SMALL, **changes: Any) -> dict[str, Any]:
    """*base* with other settings; `__` stands for the dot of a key."""
    value = deepcopy(base)
    for path, new in changes.items():
        *parents, last = path.split("__")
        place = value
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = new
    return value


def deployed(environment: dict[str, Any], **options: Any) -> World:
    """The whole program's resources."""
    cloud = AzureCloud(options.pop("answers", ANSWERS))
    return azure.deployed({ENVIRONMENT: environment}, cloud=cloud, **options)
