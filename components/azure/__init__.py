"""The parts of an environment as Azure resources (azure-native)."""
