"""What a model is asked, as text: templates, examples in front of a question, conversations."""

import keras  # noqa: F401  (first, so that kgen's classes are registered before any file here needs them)

from kgen import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
