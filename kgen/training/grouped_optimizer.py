"""An optimizer for each of several networks that one `fit` trains together."""

import keras

from kgen import backend
from kgen.functional.checks import check_int

TAG = "optimizer_group"  # the attribute of a variable that says whose it is


def assign_group(layer, name):
    """Put a layer's variables into a group. A model does so whenever it is made: paths change in a reload, tags not."""
    for variable in layer.variables:
        setattr(variable, TAG, name)


@keras.saving.register_keras_serializable(package="kgen")
class GroupedOptimizer(keras.optimizers.MultiOptimizer):
    """Gives the variables of each group their own optimizer, and their own pace.

    A GAN has two groups, "generator" and "discriminator"; every variable knows the one it belongs to. State and pace
    are saved with the model, and a training resumes exactly. Sub-optimizers may clip, decay weights and accumulate
    gradients as ever; a loss that is scaled for float16 is unscaled before it gets here.

    Args:
        optimizers: dict, name of a group → `keras.optimizers.Optimizer`.
        every: dict, name of a group → int ≥ 1: its variables move in every so many steps alone, in the last of them.
            `{"generator": 5}` is a Wasserstein GAN's five steps of the critic for each of the generator (n_critic).
        name: str.

    Raises:
        ValueError: something else than optimizers, a pace for a group that is not there, or, at the first step, a
            variable of no group.

    Example:

    >>> import keras, kgen
    >>> two = {"generator": keras.optimizers.Adam(1e-4), "discriminator": keras.optimizers.Adam(4e-4)}
    >>> optimizer = kgen.training.GroupedOptimizer(two, every={"generator": 2})
    >>> len(optimizer.optimizers["generator"].learning_rate.shape)
    0
    """

    def __init__(self, optimizers, every=None, name="grouped_optimizer", **kwargs):
        if not isinstance(optimizers, dict) or not optimizers:
            raise ValueError(f"optimizers: expected a dict of group to optimizer, got {optimizers!r}")
        for group, optimizer in optimizers.items():
            if not isinstance(optimizer, keras.optimizers.Optimizer):
                raise ValueError(f"optimizers: expected an optimizer for {group!r}, got {optimizer!r}")
        for group, steps in (every or {}).items():
            if group not in optimizers:
                raise ValueError(f"every: expected groups among {', '.join(optimizers)}, got {group!r}")
            check_int("every", steps, minimum=1)
        super().__init__(self._optimizer_of, name=name, **kwargs)
        self.every = dict(every or {})
        self._groups = dict(optimizers)
        self._inner_optimizers = list(optimizers.values())

    @property
    def optimizers(self):
        """dict: the optimizer of each group."""
        return self._groups

    def _optimizer_of(self, variable):
        group = getattr(variable, TAG, None)
        if group not in self._groups:
            raise ValueError(
                f"{variable.path}: expected a variable of one of the groups {', '.join(self._groups)}, it is of "
                f"{group!r}. Groups are for models that make them, such as kgen's GANs; others take a single optimizer."
            )
        return self._groups[group]

    def apply(self, grads, trainable_variables=None):
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        if not self.built:
            self.build(variables)
        step = self.iterations + 1
        for group, optimizer in self._groups.items():
            own = [(g, v) for g, v in zip(grads, variables, strict=True) if getattr(v, TAG) == group]
            if not own:
                continue
            period = self.every.get(group, 1)
            if period == 1:
                optimizer.apply(*map(list, zip(*own, strict=True)))
            else:
                backend.apply_when(step % period == 0, optimizer, *map(list, zip(*own, strict=True)))
        self._iterations.assign_add(1)

    def get_config(self):
        groups = {group: keras.saving.serialize_keras_object(one) for group, one in self._groups.items()}
        return {
            "optimizers": groups,
            "every": self.every,
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        groups = {
            group: keras.saving.deserialize_keras_object(one, custom_objects)
            for group, one in config["optimizers"].items()
        }
        return cls(**{**config, "optimizers": groups})
