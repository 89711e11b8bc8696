"""One seed for a whole model."""

import contextlib
import random


@contextlib.contextmanager
def seeded(seed):
    """Inside, every initializer and `SeedGenerator` that Keras creates without a seed of its own derives from `seed`.

    Keras takes the seeds that nobody gave from Python's global generator; this sets that generator and puts it back
    afterwards. `None` leaves everything as it is. The same seed gives the same weights on the same backend.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def drawn_seed():
    """An integer from the generator that `seeded` has set, for a sublayer that wants a seed of its own."""
    return random.randint(1, 10**9)
