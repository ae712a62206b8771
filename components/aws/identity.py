"""Who nodes are on AWS: one role a role of nodes, and the instance profile that hands it out.

The role exists before the nodes and is theirs alone; sessions of it live for six hours at most and
are renewed by the machine ("IAM roles for Amazon EC2").
"""

import pulumi
from pulumi_aws import iam

from components.aws import permissions, site
from components.parts import IdentityArgs, IdentityPart


class Identity(IdentityPart):
    """Owns the role and grants it nothing: whoever owns a resource grants access to it.

    The one exception is Session Manager, which is no resource of anybody.
    """

    def __init__(
        self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Identity", name, None, opts)
        place = site.of(args.site)
        role = iam.Role(
            name,
            description=f"What {args.role} nodes may do",
            assume_role_policy=permissions.document(permissions.assumed_by("ec2.amazonaws.com")),
            opts=pulumi.ResourceOptions(parent=self),
        )
        profile = iam.InstanceProfile(
            f"{name}-profile", role=role.name, opts=pulumi.ResourceOptions(parent=self)
        )
        if args.sessions:
            permissions.grant(
                f"{name}-sessions",
                "opens-sessions",
                role.name,
                permissions.in_place(place, permissions.opens_sessions),
                self,
            )
        self.id = role.arn
        self.name = role.name
        self.client_id = profile.name
        self.principal_id = role.arn
        self.tenant_id = place.account
        self.register_outputs(
            {"client_id": self.client_id, "id": self.id, "principal_id": self.principal_id}
        )
