"""The parts of an environment as Azure resources (azure-native)."""

from components.parts import sdk

# Before any module below this package loads a service of the SDK: those that are large.
sdk.load_by_class(
    "pulumi_azure_native",
    (
        "applicationinsights",
        "authorization",
        "compute",
        "containerregistry",
        "dbforpostgresql",
        "keyvault",
        "machinelearningservices",
        "managedidentity",
        "monitor",
        "network",
        "operationalinsights",
        "portal",
        "privatedns",
        "resources",
        "sql",
        "storage",
    ),
)
