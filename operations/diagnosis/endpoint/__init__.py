"""Diagnosis of a managed endpoint: from the scoring URI inwards, to what the cloud tells of it."""
