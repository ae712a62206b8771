"""The ground of an environment on AWS: its provider, its key and the group that lists it."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_random as random
from pulumi_aws import resourcegroups

from components.aws import encryption_key
from components.aws.naming import SUFFIX, stem
from components.aws.site import AwsSite
from components.parts import FoundationArgs, FoundationPart, naming


class Foundation(FoundationPart):
    """One explicit provider, so that no ambient configuration moves an environment elsewhere.

    The provider puts the environment's tags on everything that can have tags. AWS's resource groups
    hold nothing: ours is a view of what has these tags.
    """

    def __init__(
        self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Foundation", name, None, opts)
        tags = naming.tags(args.stack, args.tags)
        self.provider = provider = aws.Provider(
            f"{name}-provider",
            region=args.location,
            default_tags=aws.ProviderDefaultTagsArgs(tags=tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = pulumi.ResourceOptions(parent=self, provider=provider)
        account = aws.get_caller_identity_output(
            opts=pulumi.InvokeOutputOptions(provider=provider)
        ).account_id
        suffix = random.RandomString(
            f"{name}-suffix",
            length=SUFFIX,
            special=False,
            upper=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        prefix = pulumi.Output.concat(stem(args.stack), "-", suffix.result)
        key = encryption_key.make(
            name,
            policy=account.apply(lambda found: encryption_key.policy(args.location, found)),
            alias=prefix,
            protection=args.protection,
            options=child,
        )
        group = resourcegroups.Group(
            f"{name}-group",
            name=prefix,
            description=f"Everything of the environment {args.stack}",
            resource_query=resourcegroups.GroupResourceQueryArgs(query=_query(args.stack)),
            opts=child,
        )
        self.site = AwsSite(
            stack=args.stack,
            location=args.location,
            tags=tags,
            protection=args.protection,
            log_retention_days=args.log_retention_days,
            resource_group=group.name,
            resource_group_id=group.arn,
            account=account,
            key_arn=key.arn,
            prefix=prefix,
        )
        # Volumes are encrypted in every region, and with every size that settings accept.
        self.encryption_at_host = pulumi.Output.from_input(True)
        self.register_outputs({"resource_group": group.name})


def _query(stack: str) -> str:
    """Return what finds the environment's resources ("Tag filters", Resource Groups API)."""
    own = {"environment": stack, "project": naming.PROJECT}
    filters = [{"Key": key, "Values": [value]} for key, value in own.items()]
    return json.dumps({"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": filters})
