"""Look-ups of what AWS itself knows: who deploys, where, and what AWS provides there.

Source: Terraform provider aws, data sources `aws_caller_identity`, `aws_region`, `aws_partition`,
`aws_availability_zones`, `aws_prefix_list`, `aws_ec2_managed_prefix_list`.
"""

from collections.abc import Callable, Mapping

from sandbox.control.aws import group_lookups, images, prefix_lists
from sandbox.control.aws.account import USER, USER_NAME
from sandbox.control.aws.regions import REGIONS, zones
from sandbox.control.identities import partition_of
from sandbox.control.kinds import ApiError, Call, Function, Outputs
from sandbox.control.reading import elements, text, texts


def _region(call: Call) -> str:
    region = text(call.arguments, "region") or call.location
    if region not in REGIONS:
        raise ApiError("InvalidParameterValue", f'"{region}" is no region of AWS')
    return region


def _caller(call: Call) -> Outputs:
    account = call.world.subscription
    return {
        "accountId": account,
        "arn": f"arn:{partition_of(call.location)}:iam::{account}:user/{USER_NAME}",
        "id": account,
        "userId": USER,
    }


def _where(call: Call) -> Outputs:
    name = text(call.arguments, "name") or text(call.arguments, "id")
    region = name if name in REGIONS else _region(call)
    return {
        "description": REGIONS[region].display,
        "endpoint": f"ec2.{region}.amazonaws.com",
        "id": region,
        "name": region,
        "region": region,
    }


def _partition(call: Call) -> Outputs:
    partition = partition_of(call.location)
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    reverse = ".".join(reversed(suffix.split(".")))
    return {
        "dnsSuffix": suffix,
        "id": partition,
        "partition": partition,
        "reverseDnsPrefix": reverse,
    }


def _availability_zones(call: Call) -> Outputs:
    region, arguments = _region(call), call.arguments
    left_out = {found for _, found in texts(arguments, "excludeNames[*]")}
    left_out |= {found for _, found in texts(arguments, "excludeZoneIds[*]")}
    if text(arguments, "state") in ("information", "impaired", "unavailable"):
        found: dict[str, str] = {}
    else:
        found = {
            name: zone
            for name, zone in zones(region).items()
            if not left_out & {name, zone} and _passes(arguments, _zone(region, name, zone))
        }
    echoed = ("allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "state")
    return {
        **{name: arguments[name] for name in echoed if name in arguments},
        "groupNames": [region],
        "id": region,
        "names": list(found),
        "region": region,
        "zoneIds": list(found.values()),
    }


def _zone(region: str, name: str, zone: str) -> dict[str, str]:
    return {
        "group-name": region,
        "opt-in-status": "opt-in-not-required",
        "region-name": region,
        "state": "available",
        "zone-id": zone,
        "zone-name": name,
        "zone-type": "availability-zone",
    }


def _passes(arguments: Mapping[str, object], values: Mapping[str, str]) -> bool:
    for _, each in elements(arguments, "filters"):
        name = text(each, "name") or ""
        if name not in values:
            raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if values[name] not in [wanted for _, wanted in texts(each, "values[*]")]:
            return False
    return True


def _list(call: Call, name: str) -> prefix_lists.PrefixList:
    region, arguments = _region(call), call.arguments
    wanted = text(arguments, name) or text(arguments, "name")
    for each in prefix_lists.of(region):
        values = {"prefix-list-id": each.id, "prefix-list-name": each.name, "owner-id": "AWS"}
        if wanted in (None, each.id, each.name) and _passes(arguments, values):
            return each
    raise ApiError("InvalidPrefixListID.NotFound", "no matching Prefix List found")


def _prefix_list(call: Call) -> Outputs:
    found = _list(call, "prefixListId")
    return {
        "cidrBlocks": list(found.blocks),
        "id": found.id,
        "name": found.name,
        "prefixListId": found.id,
        "region": found.region,
    }


def _managed_prefix_list(call: Call) -> Outputs:
    found = _list(call, "id")
    return {
        "addressFamily": "",
        "arn": found.arn,
        "entries": [{"cidr": block, "description": ""} for block in found.blocks],
        "id": found.id,
        "maxEntries": 0,
        "name": found.name,
        "ownerId": "AWS",
        "region": found.region,
        "tags": {},
        "version": 0,
    }


def _function(token: str, run: Callable[[Call], Outputs]) -> Function:
    module, name = token.split("/")
    return Function(name=f"aws:{module}/{name}:{name}", run=run)


FUNCTIONS = (
    _function("index/getCallerIdentity", _caller),
    _function("index/getRegion", _where),
    _function("index/getPartition", _partition),
    _function("index/getAvailabilityZones", _availability_zones),
    _function("autoscaling/getAmiIds", group_lookups.names),
    _function("autoscaling/getGroup", group_lookups.one),
    _function("ec2/getAmi", images.look_up),
    _function("ec2/getPrefixList", _prefix_list),
    _function("ec2/getManagedPrefixList", _managed_prefix_list),
)
