"""A tiny instance of every detector: what the conformance list of the detectors runs on."""

from kgen.anomaly import DiffusionDetector
from kgen.anomaly import VAEDetector

TINY = {"epochs": 2, "batch_size": 64, "hidden_dim": 4, "members": 1}
TABLES = {
    "VAEDetector": lambda **arguments: VAEDetector(**{**TINY, **arguments}),
    "DiffusionDetector": lambda **arguments: DiffusionDetector(**{**TINY, **arguments}),
}
