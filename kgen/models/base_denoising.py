"""What all diffusion models share, whatever it is that they take the noise out of.

    x = α_t x₀ + σ_t ε,   loss = w(t) ‖network(x, t, …) - (c x₀ + d ε)‖²        c, d: see `kgen.diffusion.predictions`

Ho et al., Denoising Diffusion Probabilistic Models, 2020.
"""

import keras
import numpy as np
from keras import ops

from kgen.diffusion import predictions
from kgen.diffusion.guidance import guided
from kgen.diffusion.loop import DenoisingLoop
from kgen.diffusion.schedules import Cosine
from kgen.diffusion.schedules import Schedule
from kgen.diffusion.solvers import DPMSolver
from kgen.diffusion.solvers import Solver
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.fixed_noise import fixed_uniform
from kgen.functional.moving_average import follow
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.models.base import GenerativeModel

ROWS_AT_ONCE = 64  # of samples; more are made one group after another


class DenoisingModel(GenerativeModel):
    """Base of diffusion models.

    Holes: `make_denoiser(name)` returns a built layer that maps (x, t, *conditions) to a prediction; `clean(inputs)`
    says what x₀ is, float `(batch, …)`, some [-1, 1]; `told(inputs, training)` gives the conditions, a tuple of
    tensors, and `untold(*conditions)` the same where nothing is told. A constructor ends with `self._assemble()`.

    What is sampled is made by an exponential moving average of the network (`ema_decay`).

    Args:
        schedule: how noise enters, see `kgen.diffusion`; None for `Cosine()`.
        prediction: what the network predicts: "epsilon", "x0", "v" or "velocity"; None for what suits the schedule.
        min_snr_gamma: None, or γ of the weights w(t), see `kgen.diffusion.predictions.weights`.
        unconditional_share: share of the conditions that are hidden in training, in [0, 1): guidance must know what
            there is when nothing is told.
        ema_decay: float in [0, 1); 0 samples with the weights in training.
        seed: int or None; seeds the weights, the noise and the order of the data.
    """

    clips = True  # whether x₀ lies in [-1, 1]

    def __init__(self, schedule, prediction, min_snr_gamma, unconditional_share, ema_decay, seed, **kwargs):
        if schedule is not None and not isinstance(schedule, Schedule):
            raise ValueError(f"schedule: expected one of kgen.diffusion, such as Cosine(), got {schedule!r}")
        check_in("prediction", prediction, (None, *predictions.NAMES))
        if min_snr_gamma is not None:
            check_number("min_snr_gamma", min_snr_gamma, minimum=1e-6)
        check_number("unconditional_share", unconditional_share, minimum=0.0, maximum=0.999)
        check_number("ema_decay", ema_decay, minimum=0.0, maximum=0.999999)
        super().__init__(seed=seed, **kwargs)
        self.schedule = schedule
        self.prediction = prediction
        self.min_snr_gamma = min_snr_gamma
        self.unconditional_share = unconditional_share
        self.ema_decay = ema_decay
        with seeded(seed):
            self.draws = keras.random.SeedGenerator(drawn_seed())

    def _assemble(self):
        """Make the networks and the tables; a family calls this at the end of its constructor."""
        self._schedule = Cosine() if self.schedule is None else self.schedule
        prediction = self.prediction or self._schedule.default_prediction
        self._levels = np.stack(self._schedule.levels()).astype("float32")
        self._taught = np.stack(predictions.taught(prediction, self._schedule)).astype("float32")
        self._recovered = np.stack(predictions.recovered(prediction, self._schedule)).astype("float32")
        self._weights = predictions.weights(prediction, self._schedule, self.min_snr_gamma).astype("float32")
        with seeded(self.seed):
            self.denoiser = self.make_denoiser("denoiser")
        self.average_denoiser = None
        if self.ema_decay:
            with seeded(self.seed):
                self.average_denoiser = self.make_denoiser("average_denoiser")
            self.average_denoiser.set_weights(self.denoiser.get_weights())
            self.average_denoiser.trainable = False
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", dtype="int32", trainable=False)
        self.built = True

    # Holes -----------------------------------------------------------------------------------------------------------

    def make_denoiser(self, name):
        raise NotImplementedError

    def clean(self, inputs):
        raise NotImplementedError

    def told(self, inputs, training=False):
        return ()

    def untold(self, *conditions):
        return ()

    def posed(self, inputs, training=False):
        """x₀ and the conditions; a family whose x₀ hangs upon the conditions says so here."""
        return self.clean(inputs), self.told(inputs, training)

    def importance(self, *conditions):
        """How much the error of each row counts, a number or float `(n,)`."""
        return 1.0

    # Training --------------------------------------------------------------------------------------------------------

    def default_optimizer(self):
        return keras.optimizers.AdamW(3e-4, weight_decay=1e-4, clipnorm=1.0)

    def call(self, inputs, training=False):
        """Prediction, what was wanted, how much it counts, and t: one is drawn for each row, or fixed where `training`
        is off."""
        x0, conditions = self.posed(inputs, training)
        n, shape = ops.shape(x0)[0], ops.shape(x0)
        noise = keras.random.normal(shape, seed=self.draws) if training else fixed_normal(shape, seed=2)
        count = self._schedule.num_timesteps
        time = ops.minimum(ops.cast(ops.floor(self.draw_places(n, training) * count), "int32"), count - 1)
        weights = ops.take(ops.convert_to_tensor(self._weights), time) * self.importance(*conditions)
        alpha, sigma = (_by_row(level, time, x0) for level in self._levels)
        if conditions and training and self.unconditional_share:
            hidden = keras.random.uniform((n,), seed=self.draws) < self.unconditional_share
            conditions = tuple(
                ops.where(ops.reshape(hidden, (-1, *[1] * (len(given.shape) - 1))), none, given)
                for given, none in zip(conditions, self.untold(*conditions), strict=True)
            )
        predicted = self.denoiser(alpha * x0 + sigma * noise, time, *conditions, training=training)
        image_part, noise_part = (_by_row(table, time, x0) for table in self._taught)
        wanted = image_part * x0 + noise_part * noise
        return {"predicted": ops.cast(predicted, "float32"), "wanted": wanted, "weights": weights, "t": time}

    def draw_places(self, n, training):
        """How far along the way each of n rows is, in [0, 1)."""
        draws = keras.random.uniform((n,), seed=self.draws) if training else fixed_uniform((n,), seed=1)
        # One from each n-th part: every batch sees all of the way (Kingma et al., Variational Diffusion Models, 2021).
        return (ops.cast(ops.arange(n), "float32") + draws) / ops.cast(n, "float32")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        squares = ops.square(y_pred["predicted"] - y_pred["wanted"])
        errors = ops.mean(ops.reshape(squares, (ops.shape(squares)[0], -1)), axis=1)
        loss = ops.mean(y_pred["weights"] * errors)
        if training:
            if self.average_denoiser is not None:
                follow(self.average_denoiser, self.denoiser, self.ema_decay, self.steps)
            self.steps.assign_add(1)
        return loss

    # Sampling --------------------------------------------------------------------------------------------------------

    def moments(self, x, plan, seed=None, conditions=(), guidance=None, without=None, known=None, every=None):
        """Runs a plan of `kgen.diffusion` with this network: yields a `Moment` after every so many rows of it.

        Args:
            x: float32 `(n, …)`, where the plan begins.
            plan: see `kgen.diffusion.solvers`.
            seed: int or None, of the noise on the way.
            conditions: arrays `(n, …)`, as `told` gives them.
            guidance: None, or a `ClassifierFreeGuidance`.
            without: the conditions to be guided away from; None for nothing told.
            known: None, or (x₀, mask) as `DenoisingLoop.stream` takes them.
            every: rows between two moments; None yields the end alone.
        """
        rows = len(x)
        more = (1 << (rows - 1).bit_length()) - rows  # another number of rows shall not compile anew

        def filled(array):
            array = np.asarray(array)
            return np.concatenate([array, np.repeat(array[-1:], more, axis=0)])

        given = [filled(array) for array in conditions]
        if guidance is not None:
            if without is None:
                without = [ops.convert_to_numpy(one) for one in self.untold(*map(ops.convert_to_tensor, conditions))]
            numbers = [np.asarray(number, "float32") for number in (guidance.scale, guidance.rescale)]
            given = [*numbers, *given, *(filled(array) for array in without)]
        loop = self._loop("plain" if guidance is None else "guided")
        known = None if known is None else tuple(filled(array).astype("float32") for array in known)
        stream = loop.stream(filled(x), plan, seed, given, known, every)
        while True:
            with self.lock:  # not held between two moments, which may be asked for by different threads
                moment = next(stream, None)
            if moment is None:
                return
            yield moment._replace(x=moment.x[:rows], x0=moment.x0[:rows])

    def _loop(self, kind):
        if kind not in self._compiled_calls:
            network = self.denoiser if self.average_denoiser is None else self.average_denoiser
            denoise = {"plain": self._denoised, "guided": self._guided}[kind]
            self._compiled_calls[kind] = DenoisingLoop(lambda *given: denoise(network, *given), network.variables)
        return self._compiled_calls[kind]

    def _denoised(self, network, x, time, *conditions):
        times = ops.broadcast_to(time, (x.shape[0],))
        return self._image(x, time, ops.cast(network(x, times, *conditions, training=False), "float32"))

    def _guided(self, network, x, time, scale, rescale, *conditions):
        half = len(conditions) // 2
        both = [ops.concatenate(pair) for pair in zip(conditions[:half], conditions[half:], strict=True)]
        times = ops.broadcast_to(time, (2 * x.shape[0],))
        predicted = ops.cast(network(ops.concatenate([x, x]), times, *both, training=False), "float32")
        return self._image(x, time, guided(*ops.split(predicted, 2), scale, rescale))

    def _image(self, x, time, predicted):
        of_x, of_prediction = (ops.convert_to_tensor(table)[time] for table in self._recovered)
        x0 = of_x * x + of_prediction * predicted
        return ops.clip(x0, -1.0, 1.0) if self.clips else x0

    def _plan(self, solver, steps, start=1.0, default=None):
        check_int("steps", steps, minimum=1)
        return self._solver(solver, default).plan(self._schedule, steps, start)

    @staticmethod
    def _solver(solver, default=None):
        if solver is not None and not isinstance(solver, Solver):
            raise ValueError(f"solver: expected one of kgen.diffusion, such as DPMSolver(), got {solver!r}")
        return solver or default or DPMSolver()


def _by_row(table, time, like):
    """The entries of a table at `time`, `(n,)`, as `(n, 1, …)` to go with `like`."""
    return ops.reshape(ops.take(ops.convert_to_tensor(table), time), (-1, *[1] * (len(like.shape) - 1)))
