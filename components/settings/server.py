"""`runtime.server`: what R Server and Machine Learning Server nodes need beyond an open product.

Both are commercial and retired, so the installer is the user's own. Nothing here is a secret:
passwords are configuration keys beside `environment` (`secrets.py`).
"""

from typing import Annotated, Literal

from pydantic import Field

from components.settings.model import FILLED, Cidr, Model

AuthenticationMethod = Literal["local", "ldap", "azureActiveDirectory"]
LogLevel = Literal["Verbose", "Debug", "Information", "Warning", "Error", "Critical"]
ReverseProxy = Literal["nginx", "iis", "none"]

Port = Annotated[int, Field(ge=1, le=65535)]
NodePort = Annotated[int, Field(ge=1, le=65533)]
"""The product itself listens on the next port, and on Windows its health is shown on the one
behind that."""
Attribute = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$",
        json_schema_extra={
            "patternErrorMessage": "must be the name of an attribute: 1 to 64 letters, digits and "
            "hyphens, first a letter"
        },
    ),
]
GroupName = Annotated[str, Field(min_length=1, max_length=256)]
PackageName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9.]{0,98}[A-Za-z0-9]$",
        examples=["forecast"],
        json_schema_extra={
            "patternErrorMessage": "must be the name of an R package: letters, digits and dots, "
            "first a letter, last no dot"
        },
    ),
]
Origin = Annotated[
    str,
    Field(
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$",
        examples=["https://app.example.com"],
        json_schema_extra={
            "patternErrorMessage": "must be an origin: http or https, a host, and nothing behind "
            "its port"
        },
    ),
]


class ArchiveSettings(Model):
    """A file that nodes fetch when they boot, and the sum by which they know it."""

    url: str = Field(examples=["https://downloads.example.com/installer.tar.gz"])
    """Where it is: https://, or s3:// on AWS. Without credentials or tokens, as it is no secret."""

    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        json_schema_extra={"patternErrorMessage": "must be 64 hexadecimal digits in lower case"},
    )
    """SHA-256 of the file, as `sha256sum` prints it."""


class InstallersSettings(Model):
    """The vendor's media, which you bring: no address of it is known to work any more."""

    server: ArchiveSettings = Field(examples=["{ url: https://..., sha256: ... }"])
    """R Server on Linux: the vendor's archive with install.sh. ML Server on Linux: a tar archive of
    the packages for an offline install. Windows: a zip of the set-up program and its cabinets."""

    r: ArchiveSettings | None = None
    """R Server on Linux: the archive of Microsoft R Open, for nodes that cannot download it."""

    dotnet: ArchiveSettings | None = None
    """.NET Core, where the server's own media lack it: an archive on Linux, its set-up program on
    Windows."""

    packages: ArchiveSettings | None = None
    """A repository of the R packages in `packages`, as miniCRAN makes it: a tar archive on Linux, a
    zip on Windows."""

    store: str | None = None
    """Azure: id of the private storage account that holds the files, which nodes read with their
    own identity. On AWS a private file has an s3:// address."""


class PortsSettings(Model):
    """Ports that nodes listen on."""

    web: NodePort = FILLED
    """Port of web nodes, which clients call; 12800, and 9000 in R Server 9.0-preview."""

    compute: NodePort = FILLED
    """Port of compute nodes, which web nodes call; 12805, and 9002 in R Server 9.0-preview."""


class HttpsSettings(Model):
    """Where traffic is encrypted. Certificates are made, but for the one that you bring."""

    web: bool = True
    """Between clients and web nodes."""

    compute: bool = FILLED
    """Between web and compute nodes; without it true where compute nodes are `fixed`. Machines of
    a scale set have addresses that no certificate can name."""


class LdapSettings(Model):
    """The LDAP directory or Active Directory that knows the users.

    The query account's password is the configuration key ldapPassword.
    """

    host: str = Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        examples=["ldap.example.com"],
        json_schema_extra={"patternErrorMessage": "must be a host name or an address"},
    )
    """Host of the directory."""

    port: Port = FILLED
    """Port of the directory; 636 with LDAPS and 389 without. Global catalogs have 3269 and 3268."""

    addresses: tuple[Cidr, ...] = Field(
        default=(), strict=False, max_length=20, examples=[["10.9.8.0/28"]]
    )
    """IPv4 ranges of its servers, which web nodes may call; without it `host`, where that is an
    address. Firewalls know no names."""

    use_ldaps: bool = True
    """Whether the connection is encrypted."""

    skip_certificate_validation: bool = False
    """Whether any certificate of the directory will do; ML Server only."""

    query_user_dn: str = Field(
        min_length=1,
        max_length=512,
        examples=["CN=lookup,DC=example,DC=com"],
    )
    """Distinguished name of the account that looks users up, and may do nothing else."""

    search_base: str = Field(min_length=1, max_length=512, examples=["OU=people,DC=example,DC=com"])
    """Where users are looked for."""

    search_filter: str = Field(min_length=1, max_length=1024, examples=["sAMAccountName={0}"])
    """Who may log in; {0} stands for the name that they give."""

    bind_filter: str | None = Field(default=None, min_length=1, max_length=512)
    """Name by which a user binds, {0} being the one that they give; 9.0 only, which needs it."""

    unique_user_identifier_attribute_name: Attribute = "userPrincipalName"
    """Attribute that services are owned by. Never change it once there are services."""

    display_name_attribute_name: Attribute = "name"
    """Attribute with a user's name to show."""

    email_attribute_name: Attribute = "mail"
    """Attribute with a user's e-mail address."""


class DirectorySettings(Model):
    """Azure Active Directory. The web application's secret is the configuration key aadKey."""

    authority: str = Field(
        pattern=r"^https://login\.(windows\.net|microsoftonline\.com)/[A-Za-z0-9.-]{1,253}$",
        examples=["https://login.windows.net/example.onmicrosoft.com"],
        json_schema_extra={
            "patternErrorMessage": "must be https://login.windows.net/ and the tenant"
        },
    )
    """Address of the tenant's log-in."""

    audience: str = Field(
        min_length=1, max_length=256, examples=["00000000-0000-0000-0000-000000000000"]
    )
    """Id of the web application."""

    client_id: str | None = Field(default=None, min_length=1, max_length=256)
    """Id of the native application; since 9.1."""


class RolesSettings(Model):
    """Groups of the directory by what their members may do (facts.md 12.6)."""

    owner: tuple[GroupName, ...] = Field(default=(), strict=False, max_length=50)
    """Groups whose members may do everything."""

    contributor: tuple[GroupName, ...] = Field(default=(), strict=False, max_length=50)
    """Groups whose members publish, and change what is theirs."""

    reader: tuple[GroupName, ...] = Field(default=(), strict=False, max_length=50)
    """Groups whose members consume; since 9.2. With it, who is in no group is denied."""

    cache_minutes: int = Field(default=60, ge=1, le=1440)
    """Minutes that a user's groups are remembered; since 9.2."""

    @property
    def declared(self) -> bool:
        """Whether any group has a role."""
        return bool(self.owner or self.contributor or self.reader)


class AuthenticationSettings(Model):
    """Who may log in. Anything but local switches the account admin off."""

    method: AuthenticationMethod = "local"
    """local: the account admin alone. ldap, azureActiveDirectory: the users of a directory."""

    ldap: LdapSettings | None = None
    """The directory, with method: ldap."""

    azure_active_directory: DirectorySettings | None = None
    """The directory, with method: azureActiveDirectory."""

    roles: RolesSettings = RolesSettings()
    """What members of the directory's groups may do."""


class CorsSettings(Model):
    """Pages of other origins that may call web nodes from a browser."""

    origins: tuple[Origin, ...] = Field(
        default=(), strict=False, max_length=50, examples=[["https://app.example.com"]]
    )
    """Origins; none by default."""


class PoolSettings(Model):
    """R processes of one compute node. Those for Python are as many again."""

    initial: int = Field(default=5, ge=1, le=1000)
    """Processes that a node starts with."""

    maximum: int = Field(default=80, ge=1, le=1000)
    """Processes above which one is closed after its use."""


class ServerSettings(Model):
    """What nodes of R Server and ML Server need besides their version."""

    license_accepted: bool = Field(examples=[True])
    """Whether you have a licence of the product and accept its terms; must be true."""

    installers: InstallersSettings = Field(examples=["{ server: { url: ..., sha256: ... } }"])
    """The files that nodes install from."""

    ports: PortsSettings = FILLED
    """Ports that nodes listen on."""

    https: HttpsSettings = FILLED
    """Where traffic is encrypted."""

    authentication: AuthenticationSettings = AuthenticationSettings()
    """Who may log in."""

    cors: CorsSettings = CorsSettings()
    """Pages that may call web nodes from a browser."""

    pool: PoolSettings = PoolSettings()
    """R processes of one compute node."""

    packages: tuple[PackageName, ...] = Field(
        default=(), strict=False, max_length=200, examples=[["forecast"]]
    )
    """R packages that services use, on every compute node; out of installers.packages, with what
    they need of it."""

    log_level: LogLevel = "Warning"
    """What nodes log; at Information, each call is a line."""

    reverse_proxy: ReverseProxy = FILLED
    """What stands in front of the product; without it nginx on Linux, iis on Windows."""

    encrypt_secrets: bool = False
    """Whether secrets in the product's own files are encrypted with a certificate of the node."""

    sql_server_services: bool = False
    """Windows: whether the node's R is that of SQL Server Machine Learning Services."""
