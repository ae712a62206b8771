"""What mypy sees of pulumi_azure_native: the modules that we use, each with all of its types.

The package itself names every module that the cloud has; to read those takes most of mypy's time,
and four gigabytes. Whoever uses another module adds it here, or mypy says that the package has no
such attribute.
"""

from pulumi_azure_native import applicationinsights as applicationinsights
from pulumi_azure_native import authorization as authorization
from pulumi_azure_native import compute as compute
from pulumi_azure_native import containerregistry as containerregistry
from pulumi_azure_native import dbforpostgresql as dbforpostgresql
from pulumi_azure_native import features as features
from pulumi_azure_native import keyvault as keyvault
from pulumi_azure_native import machinelearningservices as machinelearningservices
from pulumi_azure_native import managedidentity as managedidentity
from pulumi_azure_native import monitor as monitor
from pulumi_azure_native import network as network
from pulumi_azure_native import operationalinsights as operationalinsights
from pulumi_azure_native import privatedns as privatedns
from pulumi_azure_native import resources as resources
from pulumi_azure_native import sql as sql
from pulumi_azure_native import storage as storage
from pulumi_azure_native.provider import Provider as Provider
