"""Look-ups of existing resources (`network.getVirtualNetwork`, `keyvault.getVault`, ...).

Each answers with the outputs of the resource, which are what ARM's GET returns.
"""

from collections.abc import Callable, Iterable

from sandbox.control.azure import authorization, features, online_endpoints
from sandbox.control.azure.arm import name_of
from sandbox.control.kinds import Call, CloudError, Function, Kind, Outputs
from sandbox.control.reading import text


def _parameters(template: str) -> list[str]:
    return [part.partition("}")[0] for part in template.split("{")[1:]]


def _filled(kind: Kind, call: Call) -> str:
    found = kind.id_template.replace("{subscription}", call.world.subscription)
    for parameter in _parameters(kind.id_template):
        value = text(call.arguments, parameter)
        if value is not None:
            found = found.replace(f"{{{parameter}}}", value)
    return found


def _getter(kind: Kind) -> Callable[[Call], Outputs]:
    def run(call: Call) -> Outputs:
        target = _filled(kind, call)
        record = call.world.find(target)
        if record is None or record.type != kind.type:
            raise CloudError(
                "ResourceNotFound",
                f"The Resource '{target.partition('/providers/')[2] or name_of(target)}' under "
                f"resource group '{text(call.arguments, 'resourceGroupName')}' was not found. For "
                "more details please go to https://aka.ms/ARMResourceNotFoundFix",
            )
        return {**record.outputs, "id": record.id}

    return run


def getters(kinds: Iterable[Kind]) -> tuple[Function, ...]:
    """`module:getType` for every kind that has an id of its own in a resource group."""
    return tuple(
        Function(name=_function_name(kind.type), run=_getter(kind))
        for kind in kinds
        if kind.id_template.startswith("/subscriptions/")
    )


def _function_name(kind: str) -> str:
    package, module, name = kind.split(":")
    return f"{package}:{module}:get{name}"


def functions(kinds: Iterable[Kind]) -> tuple[Function, ...]:
    """Every function of azure-native that the sandbox answers."""
    return (
        *authorization.FUNCTIONS,
        *features.FUNCTIONS,
        *online_endpoints.FUNCTIONS,
        *getters(kinds),
    )
