"""The smallest example of a strategy, found from a seed."""

import random

from hypothesis import Phase, find, settings

EXAMPLES = 2000


def found(strategy, wanted, *, seed=0, examples=EXAMPLES, shrunk=True):
    """What is wanted, shrunk; an error of hypothesis if these many examples do not show it."""
    phases = (Phase.generate, Phase.shrink) if shrunk else (Phase.generate,)
    knobs = settings(max_examples=examples, database=None, phases=phases, derandomize=False)
    return find(strategy, wanted, settings=knobs, random=random.Random(seed))
