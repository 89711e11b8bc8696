"""Small objects that are nothing but their arguments: schedules, solvers and the like."""

from kgen.functional.arguments import arguments_of


class Configured:
    """Base of what is described by the arguments of its constructor: it is saved, compared and shown by them."""

    def __init__(self):
        """Some have none."""

    def get_config(self):
        return arguments_of(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((type(self), *self.get_config().items()))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{value:g}' for value in self.get_config().values())})"
