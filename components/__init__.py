"""The parts of an environment, from its settings to the resources of both clouds."""
