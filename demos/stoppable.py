"""Long work that Stop can end: a verb that tells how far it is, as the steps of a generator."""

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait

MOMENT = 0.2  # seconds between two looks
THREAD = "kgen studio"


class Stopped(Exception):
    """What the work is told when nobody waits for it any longer."""


def step_by_step(work):
    """Yields None now and then while the work is done, and then what comes of it.

    A generator that is closed ends the work as soon as it next tells how far it is.

    Args:
        work: callable that takes a function `progress(done, all)` and calls it now and then.
    """
    closed = threading.Event()

    def progress(done, in_all):
        if closed.is_set():
            raise Stopped

    pool = ThreadPoolExecutor(1, thread_name_prefix=THREAD)
    future = pool.submit(work, progress)
    try:
        while wait([future], timeout=MOMENT).not_done:
            yield None
        yield future.result()
    finally:
        closed.set()
        pool.shutdown(wait=False)
