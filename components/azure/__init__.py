"""The parts of an environment as Azure resources (azure-native)."""

from components.azure import sdk

# Before any module below this package loads a service of the SDK.
sdk.load_by_class()
