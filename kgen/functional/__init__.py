"""Pure functions without weights."""

import keras  # noqa: F401  (first, so that kgen's classes are registered before any file here needs them)
