"""Write golden files again, on one backend, after a change that was meant."""

import argparse

from kgen import backend
from tests.conformance import golden
from tests.zoo import ZOO


def main():
    parser = argparse.ArgumentParser("python -m tests.conformance", description=__doc__)
    parser.add_argument("--write-golden", nargs="*", metavar="ENTRY", required=True, help="all, or those of this name")
    names = parser.parse_args().write_golden
    if unknown := set(names) - {entry.name for entry in ZOO}:
        parser.error(f"--write-golden: no {', '.join(unknown)} in the zoo; it has {', '.join(e.name for e in ZOO)}")
    chosen = [entry for entry in ZOO if not names or entry.name in names]
    golden.write(chosen)
    print(f"{golden.GOLDEN}: {len(chosen)} files written on {backend.running()}")


if __name__ == "__main__":
    main()
