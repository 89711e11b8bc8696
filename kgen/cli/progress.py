"""How far a long piece of work has come, for a person at a terminal."""

import time


class ProgressLine:
    """On a terminal, one line that says how far a file has come; elsewhere nothing."""

    def __init__(self, stream):
        self.stream = stream if stream.isatty() else None
        self.begun = None

    def __call__(self, lines, share):
        if not self.stream:
            return
        now = time.monotonic()
        self.begun = self.begun or (now, lines, share)  # the first batch is not counted: it compiles
        seconds, more, progress = now - self.begun[0], lines - self.begun[1], share - self.begun[2]
        facts = [f"{lines:,} lines"]
        if share:
            facts.append(f"{share:.0%}")
        if more and seconds:
            facts.append(f"{more / seconds:.1f} lines/s")
        if progress > 0:
            facts.append(f"{_duration(seconds * (1 - share) / progress)} left")
        self.stream.write(f"\r{', '.join(facts)}\x1b[K")
        self.stream.flush()

    def end(self):
        if self.begun:
            self.stream.write("\n")


def _duration(seconds):
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
