"""The vault on AWS: Secrets Manager, one secret each, that only the node that needs it may read.

Names begin with the environment's prefix, as if it were a vault. Its random end lets an environment
come back while its deleted secrets still wait for their end.
"""

from collections.abc import Mapping
from typing import Final

import pulumi
from pulumi_aws import secretsmanager

from components.aws import permissions, site
from components.parts import SecretStoreArgs, SecretStorePart, StoredSecret
from components.runtimes.node import Role

RECOVERY_DAYS: Final = {True: 30, False: 0}
"""How long a deleted secret can be brought back, by protection; AWS allows 7 to 30, or at once."""


class SecretStore(SecretStorePart):
    """Owns the secrets and who may read what."""

    def __init__(
        self, name: str, args: SecretStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:SecretStore", name, None, opts)
        self._name = name
        self._args = args
        self._place = site.of(args.site)
        self.name = self._place.prefix
        self.id = self.name
        self.uri = self.name
        secrets = {key: self._secret(key, value) for key, value in args.secrets.items()}
        values = {key: self._value(key, value, secrets[key]) for key, value in args.secrets.items()}
        self.secret_names = tuple(sorted(secrets))
        self.grants = {
            # Who waits for these waits until the values are there too.
            role: (*self._grants(role, keys, secrets), *(values[key] for key in keys))
            for role, keys in args.readers.items()
        }
        self.register_outputs({"id": self.id, "name": self.name, "uri": self.uri})

    def _secret(self, key: str, secret: StoredSecret) -> secretsmanager.Secret:
        tags: dict[str, pulumi.Input[str]] = {"content-type": secret.content_type}
        if secret.expires is not None:
            # Unix seconds; AWS has no field for it.
            tags["expires"] = secret.expires.apply(str)
        return secretsmanager.Secret(
            f"{self._name}-{key}",
            name=pulumi.Output.concat(self.name, "/", key),
            kms_key_id=self._place.key_arn,
            recovery_window_in_days=RECOVERY_DAYS[self._args.site.protection],
            tags=tags,
            # A deleted secret keeps its name until it is gone: an environment that lost one could
            # not make it again for a month.
            opts=pulumi.ResourceOptions(parent=self, protect=self._args.site.protection),
        )

    def _value(
        self, key: str, secret: StoredSecret, holder: secretsmanager.Secret
    ) -> secretsmanager.SecretVersion:
        # Marked here once more: whatever it was made from, from here on it is one.
        content: pulumi.Output[str] = pulumi.Output.secret(secret.value)
        return secretsmanager.SecretVersion(
            f"{self._name}-{key}-value",
            secret_id=holder.arn,
            secret_string=content,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _grants(
        self, role: Role, keys: tuple[str, ...], secrets: Mapping[str, secretsmanager.Secret]
    ) -> tuple[pulumi.Resource, ...]:
        """Who reads nothing gets no policy: one without resources is refused."""
        return (self._grant(role, keys, secrets),) if keys else ()

    def _grant(
        self, role: Role, keys: tuple[str, ...], secrets: Mapping[str, secretsmanager.Secret]
    ) -> pulumi.Resource:
        region = self._args.site.location
        arns = pulumi.Output.all(*(secrets[key].arn for key in keys))
        return permissions.grant(
            f"{self._name}-{role}-reads",
            "reads-secrets",
            self._args.identities[role].name,
            pulumi.Output.all(arns, self._place.key_arn).apply(
                lambda found: permissions.reads_secrets(found[0], found[1], region)
            ),
            self,
        )
