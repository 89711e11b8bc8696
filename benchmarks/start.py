"""How long a person waits before anything happens: `kgen --help`, `import kgen`, and the first batch.

    python benchmarks/start.py [--pairs 5]

Each pair times a process that imports keras alone and one that imports kgen and keras; the figure is the median of the
differences, since a single pass on a busy machine says little.
"""

import argparse
import statistics
import subprocess
import sys
import time

import kgen

FIRST_BATCH = """
import time, numpy, kgen
model = kgen.models.VAE(image_shape=(28, 28, 1), seed=1)
model.compile()
images = numpy.zeros((128, 28, 28, 1), "uint8")
started = time.time()
model.fit(images, batch_size=128, verbose=0)
print(time.time() - started)
"""


def seconds(*words):
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - started


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pairs", type=int, default=5)
    pairs = arguments.parse_args().pairs
    seconds("-c", "import keras, kgen")  # once, so that every file is in the page cache and compiled
    differences, helps = [], []
    for _ in range(pairs):
        differences.append(-seconds("-c", "import keras") + seconds("-c", "import kgen, keras"))
        helps.append(seconds("-m", "kgen.cli", "--help"))
    first = subprocess.run([sys.executable, "-c", FIRST_BATCH], check=True, capture_output=True, text=True).stdout
    kgen.metrics.report(
        "start",
        {
            "import kgen beside import keras (s)": statistics.median(differences),
            "kgen --help (s)": statistics.median(helps),
            "first batch of a convolutional VAE (s)": float(first),
        },
    )


if __name__ == "__main__":
    main()
