"""A managed online endpoint of Azure ML, with all that it stands on."""
