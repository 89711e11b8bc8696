"""Pictures: every function returns a matplotlib Figure and touches no global state."""

from kgen import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__)
