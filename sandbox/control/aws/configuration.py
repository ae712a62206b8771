"""The configuration of an aws provider that AWS could not work with.

Source: Terraform provider aws, "Provider configuration" (which pulumi-aws bridges). The engine
sends nested values as JSON text.
"""

import difflib
import json
from collections.abc import Iterator, Mapping

from sandbox.control.aws.account import ACCOUNT
from sandbox.control.aws.regions import REGIONS
from sandbox.control.kinds import Problem, Values

_TAKEN = frozenset(
    [
        "allowedAccountIds",
        "defaultTags",
        "forbiddenAccountIds",
        "maxRetries",
        "region",
        "retryMode",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "stsRegion",
        "tokenBucketRateLimiterCapacity",
        "useDualstackEndpoint",
        "useFipsEndpoint",
        "userAgents",
        "version",
        "pluginDownloadURL",
    ]
)
_CREDENTIALS = frozenset(
    [
        "accessKey",
        "assumeRoleWithWebIdentity",
        "assumeRoles",
        "profile",
        "secretKey",
        "sharedConfigFiles",
        "sharedCredentialsFiles",
        "token",
    ]
)


def _value(written: object) -> object:
    if isinstance(written, str) and written[:1] in "[{":
        try:
            found: object = json.loads(written)
        except ValueError:
            return written
        return found
    return written


def configuration(values: Values) -> Iterator[Problem]:
    """Yield a region that AWS doesn't have, another account, and what the sandbox can't obey."""
    region = values.get("region")
    if isinstance(region, str) and region not in REGIONS:
        near = difflib.get_close_matches(region, REGIONS, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else "; use one such as eu-central-1"
        yield Problem("region", f'"{region}" is no region of AWS{hint}')
    yield from _accounts(values)
    yield from _tags(values)
    for name in values:
        if name in _CREDENTIALS:
            yield Problem(
                name,
                "the sandbox needs no credentials of AWS and must not get any: leave this out "
                "of its stacks",
            )
        elif name not in _TAKEN and not name.startswith("__"):
            yield Problem(name, "the sandbox does not emulate this: leave it out")


def _accounts(values: Values) -> Iterator[Problem]:
    allowed, forbidden = (_value(values.get(f"{x}AccountIds")) for x in ("allowed", "forbidden"))
    if isinstance(allowed, list) and allowed and ACCOUNT not in allowed:
        yield Problem("allowedAccountIds", f"AWS account ID not allowed: {ACCOUNT}")
    if isinstance(forbidden, list) and ACCOUNT in forbidden:
        yield Problem("forbiddenAccountIds", f"AWS account ID not allowed: {ACCOUNT}")


def _tags(values: Values) -> Iterator[Problem]:
    given = _value(values.get("defaultTags"))
    if given is None or given == {}:
        return
    tags = _value(given.get("tags", {})) if isinstance(given, Mapping) else None
    if not isinstance(tags, Mapping) or not all(isinstance(x, str) for x in tags.values()):
        yield Problem("defaultTags", "must be an object with tags, a mapping of strings")


def default_tags(values: Values) -> dict[str, str]:
    """The tags that everything gets which can have tags."""
    given = _value(values.get("defaultTags"))
    tags = _value(given.get("tags")) if isinstance(given, Mapping) else None
    return {str(k): str(v) for k, v in tags.items()} if isinstance(tags, Mapping) else {}
