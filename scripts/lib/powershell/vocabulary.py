"""The words that scripts may use: cmdlets with their parameters, and verbs for names of our own.

A list of what is allowed, not of what is forbidden: an alias, a program's name, a cmdlet that is
younger than PowerShell 4.0 (Windows Server 2012 R2) and a slip of the pen are all words that are
not in it. A cmdlet or parameter is added when a script needs it, after a look at its documentation
for version 4.0.
"""

from collections.abc import Mapping
from typing import Final

_COMMON: Final = ("ErrorAction", "Confirm")


def _cmdlets(**words: str) -> dict[str, tuple[str, ...]]:
    return {
        name.replace("_", "-"): (*given.split(), *_COMMON) for name, given in sorted(words.items())
    }


CMDLETS: Final[Mapping[str, tuple[str, ...]]] = {
    # Windows PowerShell 4.0: Core, Utility, Management, Security.
    **_cmdlets(
        Add_Type="AssemblyName",
        ConvertFrom_Json="InputObject",
        ConvertTo_Json="InputObject Depth Compress",
        Copy_Item="LiteralPath Destination Force",
        ForEach_Object="Process",
        Get_Acl="Path",
        Get_ChildItem="LiteralPath Filter Recurse File Directory Force",
        Get_Command="Name CommandType",
        Get_Content="LiteralPath Raw Encoding Tail",
        Get_Date="",
        Get_FileHash="LiteralPath Algorithm",
        Get_Item="LiteralPath",
        Get_ItemProperty="LiteralPath Name",
        Get_Module="Name ListAvailable",
        Get_Service="Name",
        Get_WmiObject="Class Filter Namespace",
        Import_Module="Name",
        Invoke_RestMethod="Uri Method Headers Body ContentType UseBasicParsing TimeoutSec",
        Invoke_WebRequest="Uri Method Headers UseBasicParsing TimeoutSec",
        Join_Path="Path ChildPath",
        Move_Item="LiteralPath Destination Force",
        New_Item="Path ItemType Force",
        New_ItemProperty="LiteralPath Name Value PropertyType Force",
        New_Object="TypeName ArgumentList",
        Out_Null="",
        Remove_Item="LiteralPath Recurse Force",
        Restart_Service="Name Force",
        Select_Object="First Last ExpandProperty Property Unique Index Skip",
        Set_Acl="Path AclObject",
        Set_Service="Name StartupType",
        Set_StrictMode="Version",
        Sort_Object="Property Descending Unique",
        Split_Path="Path Parent Leaf",
        Start_Service="Name",
        Start_Sleep="Milliseconds Seconds",
        Stop_Service="Name Force",
        Test_Path="LiteralPath PathType",
        Where_Object="FilterScript",
    ),
    # Windows Server 2012 R2: NetSecurity, ScheduledTasks, ServerManager.
    **_cmdlets(
        Disable_ScheduledTask="TaskName TaskPath",
        Enable_ScheduledTask="TaskName TaskPath",
        Disable_NetFirewallRule="Name Group",
        Get_NetFirewallRule="Group Name DisplayName Direction Action Enabled",
        Get_ScheduledTask="TaskName TaskPath",
        Get_NetTCPConnection="LocalPort State",
        Install_WindowsFeature="Name",
        New_NetFirewallRule=(
            "Name DisplayName Group Direction Action Protocol LocalPort RemotePort RemoteAddress"
            " Program Service Profile Enabled LocalUser"
        ),
        New_ScheduledTaskAction="Execute Argument WorkingDirectory",
        New_ScheduledTaskPrincipal="UserId LogonType RunLevel",
        New_ScheduledTaskSettingsSet="ExecutionTimeLimit MultipleInstances StartWhenAvailable "
        "RestartCount RestartInterval AllowStartIfOnBatteries DontStopIfGoingOnBatteries",
        New_ScheduledTaskTrigger="AtStartup",
        Register_ScheduledTask="TaskName TaskPath Action Trigger Principal Settings Force",
        Remove_NetFirewallRule="Name Group",
        Set_NetFirewallProfile=(
            "Name Enabled DefaultInboundAction DefaultOutboundAction AllowLocalFirewallRules"
        ),
        Start_ScheduledTask="TaskName TaskPath",
        Stop_ScheduledTask="TaskName TaskPath",
    ),
    # Internet Information Services: WebAdministration.
    **_cmdlets(
        New_WebAppPool="Name Force",
        New_WebBinding="Name Protocol IPAddress Port",
        New_Website="Name Id Port IPAddress PhysicalPath ApplicationPool Ssl Force",
        Remove_WebAppPool="Name",
        Remove_Website="Name",
        Set_ItemProperty="LiteralPath Name Value",
        Start_WebAppPool="Name",
        Start_Website="Name",
        Stop_WebAppPool="Name",
        Stop_Website="Name",
    ),
    # AWS Tools for PowerShell, module AWSPowerShell, on Amazon's images of Windows.
    **_cmdlets(
        Complete_ASLifecycleAction=(
            "LifecycleHookName AutoScalingGroupName InstanceId LifecycleActionResult Region Force"
        ),
        Get_SECSecretValue="SecretId Region",
        Read_S3Object="BucketName Key File Region",
        Set_ASInstanceHealth="InstanceId HealthStatus Region Force",
    ),
}
"""Parameters of each cmdlet."""

STATIC: Final[Mapping[str, tuple[str, ...]]] = {
    "Array": ("Copy",),
    "BitConverter": ("ToString",),
    "Console": ("Error", "Out"),
    "Convert": ("FromBase64String", "ToBase64String"),
    "DateTime": ("UtcNow",),
    "Diagnostics.Process": ("Start",),
    "Guid": ("NewGuid",),
    "IO.Compression.ZipFile": ("CreateFromDirectory", "ExtractToDirectory", "OpenRead"),
    "IO.Compression.ZipFileExtensions": ("ExtractToFile",),
    "IO.File": (
        "AppendAllText",
        "Open",
        "ReadAllBytes",
        "ReadAllText",
        "Replace",
        "WriteAllBytes",
        "WriteAllText",
    ),
    "Math": ("Ceiling", "Max", "Min"),
    "Net.SecurityProtocolType": ("Tls12",),
    "Net.ServicePointManager": ("SecurityProtocol",),
    "Net.WebRequest": ("DefaultWebProxy",),
    "Security.Cryptography.SHA256": ("Create",),
    "StringSplitOptions": ("RemoveEmptyEntries",),
    "System.Runtime.Serialization.Json.JsonReaderWriterFactory": ("CreateJsonReader",),
    "System.Xml.XmlDictionaryReaderQuotas": ("Max",),
    "Text.Encoding": ("UTF8",),
    "TimeSpan": ("Zero",),
    "int": ("MaxValue",),
    "regex": ("Match", "Matches", "Replace"),
    "string": ("IsNullOrEmpty",),
}
"""Static members of .NET Framework 4.5, which is the oldest below PowerShell 4.0, by their type."""

OBJECTS: Final = frozenset(
    {
        "System.Byte[]",
        "System.Data.SqlClient.SqlConnection",
        "System.Data.SqlClient.SqlConnectionStringBuilder",
        "System.Diagnostics.ProcessStartInfo",
        "System.IO.Compression.ZipArchive",
        "System.IO.MemoryStream",
        "System.Net.Sockets.TcpClient",
        "System.Net.WebClient",
        "System.Security.AccessControl.DirectorySecurity",
        "System.Security.AccessControl.FileSecurity",
        "System.Security.AccessControl.FileSystemAccessRule",
        "System.Security.Cryptography.CspParameters",
        "System.Security.Cryptography.RSACryptoServiceProvider",
        "System.Security.Cryptography.RSAParameters",
        "System.Security.Cryptography.X509Certificates.X509Certificate2",
        "System.Security.Cryptography.X509Certificates.X509Store",
        "System.Security.Principal.NTAccount",
        "System.Security.Principal.SecurityIdentifier",
        "System.Text.StringBuilder",
        "System.Text.UTF8Encoding",
        "System.Xml.XmlDocument",
    }
)
"""What New-Object may make: classes of the same framework, by their whole name."""

VERBS: Final = frozenset(
    [
        "Add",
        "Block",
        "Clear",
        "Close",
        "Compare",
        "Complete",
        "Confirm",
        "Convert",
        "ConvertFrom",
        "ConvertTo",
        "Copy",
        "Disable",
        "Disconnect",
        "Enable",
        "Expand",
        "Find",
        "Get",
        "Grant",
        "Import",
        "Initialize",
        "Install",
        "Invoke",
        "Join",
        "Merge",
        "Move",
        "New",
        "Open",
        "Protect",
        "Read",
        "Register",
        "Remove",
        "Request",
        "Reset",
        "Resolve",
        "Restart",
        "Restore",
        "Save",
        "Select",
        "Set",
        "Start",
        "Stop",
        "Test",
        "Undo",
        "Uninstall",
        "Unregister",
        "Update",
        "Wait",
        "Write",
    ]
)
"""Of "Approved Verbs for Windows PowerShell"."""
