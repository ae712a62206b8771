"""Words for `RandomPet`."""

ADVERBS = (
    "barely",
    "boldly",
    "briefly",
    "calmly",
    "clearly",
    "deeply",
    "firmly",
    "gently",
    "lightly",
    "openly",
)
ADJECTIVES = (
    "able",
    "amber",
    "brave",
    "bright",
    "calm",
    "eager",
    "fair",
    "keen",
    "lucid",
    "prime",
    "quick",
    "sound",
)
ANIMALS = (
    "badger",
    "crane",
    "dove",
    "falcon",
    "heron",
    "ibex",
    "lynx",
    "marten",
    "otter",
    "puffin",
    "stork",
    "wren",
)
