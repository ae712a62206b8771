"""R Server 9.x and Machine Learning Server 9.x: commercial, retired, the user's own installers.

`versions.py` has one table a version; everything else is the same for all. A node is told what to
do by one JSON section, named after its role in /etc/operationalization/node.json; Linux scripts
(`node/`) and PowerShell (`windows/`) read the same one:

    parts         ["web"], ["compute"] or ["compute", "web"]: what the node is, in starting order
    product       system: runtime.operatingSystem. homes: directories that may hold the parts'
                  folders, the first that is there counts. folders: {web, compute}. services:
                  {web: [...], compute: [...]} in starting order (Windows: tasks and services).
                  dotnet: places of .NET's program. store: {name, location} of certificates.
                  webUser, webHome: account of the web part on Linux
    install       kind: script (the archive's `folder` has install.sh, which takes `options`, and
                  `withoutDotnet` besides where that is a file) or packages. files: {server, r?,
                  dotnet?}, each {url, sha256}. private: whether Azure's store wants the node's
                  identity (s3:// URLs always do). dotnetVersion. activate: a command, or [].
                  links: [[folder, target, name]]
    setup         tool: none, utility or cli. utility: DLL below the home. group: of the Azure CLI.
                  arguments: of VALUES. encrypt: arguments before the text. marksIdleCompute: write
                  `configured` into the compute part's file before set-up of a web node
    appsettings   {part: {first, overlay}}: what to merge into the file before and after set-up,
                  with VALUES and keys `A|B` (`expressions.py`)
    listen        {part: {port, own, https}, proxy}: port that others call (0: nobody), the
                  product's own, whether TLS stands on the first. proxy: nginx, iis or none
    certificates  secrets to put into the product's store: PEM, certificate and then key
    database      {} or {engine, login, secret}: the product's account, made by the first web node
    login         {} or {account, secret, words}: who asks for /status, and the words for healthy
    listsComputeNodes
                  true where the node has the list of compute nodes in the product's database be
                  the document's `computeNodes` (`node/diagnose.py`, `services.ps1`); else not there

VALUES are texts, numbers, lists and the expressions of `expressions.py`. Beside the section, the
document's `computeNodes` has `values` and `ranges`: the compute nodes' URIs, on web nodes.
"""

from components.runtimes.rserver.connection import LOGIN, PASSWORD
from components.runtimes.rserver.recipe import recipe
from components.runtimes.rserver.versions import VERSIONS, ServerVersion

__all__ = ["LOGIN", "PASSWORD", "VERSIONS", "ServerVersion", "recipe"]
