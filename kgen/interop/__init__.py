"""Checkpoints of other libraries: Hugging Face folders read into kgen's models, and written from them."""

import keras  # noqa: F401  (first, so that kgen's classes are registered before any file here needs them)

from kgen import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
