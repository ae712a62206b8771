"""The nodes' right to read installers out of private buckets of the user's.

The buckets and their files are the user's. A file that is encrypted with a key of KMS needs the
key's own policy to let the nodes' roles decrypt: the key is the user's too.
"""

import pulumi

from components.aws import permissions, site
from components.aws.naming import object_arn
from components.parts import InstallersArgs, InstallersPart


class Installers(InstallersPart):
    """Owns a policy a role of nodes, on exactly these files."""

    def __init__(
        self, name: str, args: InstallersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Installers", name, None, opts)
        place = site.of(args.site)
        files = tuple(object_arn(place.partition, file) for file in args.files)
        statements = pulumi.Output.from_input(permissions.reads_files(files))
        self.grants = {
            role: (
                permissions.grant(
                    f"{name}-{role}-reads", "reads-installers", identity.name, statements, self
                ),
            )
            for role, identity in args.identities.items()
        }
        self.register_outputs({})
