"""Sound with its high notes given back: p(wave | the same wave, sampled more slowly).

    wave = what band-limited interpolation makes of the slow one + r,   and the model learns p(r | slow wave)

Kuleshov et al., Audio Super Resolution using Neural Networks, 2017; as a diffusion model: Lee and Han, NU-Wave, 2021.
"""

import keras
import numpy as np
from keras import ops

from kgen.datasets.wav import audio_file
from kgen.datasets.wav import write_audio
from kgen.functional.checks import check_int
from kgen.functional.checks import check_widths
from kgen.functional.resampling import hastened
from kgen.functional.resampling import slowed
from kgen.layers.unet import UNet
from kgen.layers.unet import multiple_of
from kgen.metrics.waves import log_spectral_distance
from kgen.metrics.waves import signal_to_noise
from kgen.models.base_restoring import BesideNetwork
from kgen.models.base_restoring import RestoringModel

USUAL = 0.3  # how loud r is beside the wave: what the network sees shall be near 1
SILENCE = 1e-4  # of the full scale; a wave is never made louder than as if this were its loudness


@keras.saving.register_keras_serializable(package="kgen")
class AudioSuperResolution(RestoringModel):
    """Learns what high notes go with low ones: `fit(waves)`, then `super_resolve`.

    `waves` are float `(n, length)` in [-1, 1], or a list of waves of any length, which are cut into such.

    In training each wave is filtered and sampled `factor` times more slowly, and the network learns what is missing.

    Args:
        length: samples of the waves that it learns from, divisible by `factor` and by 2 for each width but one. What is
            restored later may have any length.
        factor: int ≥ 2: so many times as many samples.
        widths, blocks, num_heads: of its one-dimensional `kgen.layers.UNet`.
        mean_share: share of the rows that learn the mean in training, in [0, 1).
        schedule, prediction: see `DiffusionModel`.
        ema_decay: float in [0, 1); what restores is an average of the weights that follows those in training.
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`. `evaluate(waves, full=True)`: signal-to-noise ratio and log-spectral
    distance, with those of band-limited interpolation.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> waves = 0.5 * np.sin(np.linspace(0, 60, 8 * 64)).reshape(8, 64).astype("float32")
    >>> model = kgen.models.AudioSuperResolution(64, widths=(8, 8), blocks=1, seed=1)
    >>> model.compile()
    >>> history = model.fit(waves, epochs=1, verbose=0)
    >>> model.super_resolve(waves[0, ::2], seed=1).shape
    (64,)
    """

    default_data = "tones"

    def __init__(
        self,
        length=2048,
        factor=2,
        widths=(32, 64, 128, 128),
        blocks=1,
        num_heads=4,
        mean_share=0.5,
        schedule=None,
        prediction=None,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        check_int("length", length, minimum=2)
        check_int("factor", factor, minimum=2)
        check_widths("widths", widths)
        multiple = multiple_of(widths)
        if length % multiple or length % factor:
            raise ValueError(
                f"length: expected a number that {multiple} (of {len(widths)} widths) and factor={factor} divide, "
                f"got {length}"
            )
        super().__init__(mean_share, schedule, prediction, ema_decay, seed, **kwargs)
        self.length = length
        self.factor = factor
        self.widths = widths
        self.blocks = blocks
        self.num_heads = num_heads
        self._assemble()

    # Training --------------------------------------------------------------------------------------------------------

    def make_denoiser(self, name):
        network = UNet(1, self.widths, self.blocks, num_heads=self.num_heads, dtype=self.dtype_policy, name="network")
        denoiser = BesideNetwork(network, self._schedule.num_timesteps - 1, dtype=self.dtype_policy, name=name)
        denoiser.build((None, self.length, 1), (None,), (None, self.length, 1))
        return denoiser

    def clean(self, inputs):
        waves = ops.cast(inputs, "float32")
        stretched, loudness = self._stretched(slowed(waves, self.factor))
        return ((waves - stretched) / (USUAL * loudness))[..., None]

    def told(self, inputs, training=False):
        stretched, loudness = self._stretched(slowed(ops.cast(inputs, "float32"), self.factor))
        return ((stretched / loudness)[..., None],)

    def prepare(self, x, y=None):
        if y is not None:
            raise ValueError("y: an AudioSuperResolution learns from waves alone: fit(waves), evaluate(waves)")
        if isinstance(x, list | tuple):
            x = _pieces([_checked("waves", wave, 1) for wave in x], self.length)
        waves = _checked("waves", x, 2)
        if waves.shape[1] != self.length:
            raise ValueError(
                f"waves: expected shape (n, {self.length}), or a list of longer waves to be cut, got {waves.shape}"
            )
        return waves, None

    @classmethod
    def for_data(cls, waves, **arguments):
        return cls(**({"length": waves.shape[1], **arguments} if isinstance(waves, np.ndarray) else arguments))

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return None

    # Use -------------------------------------------------------------------------------------------------------------

    def super_resolve(self, waves, seed=None, steps=0, solver=None):
        """The waves with `factor` times as many samples: float32 `(n, factor · samples)`, or `(factor · samples,)`.

        What is longer than the model is restored piece by piece, one fading into the next.

        Args:
            waves: float `(n, samples)` or `(samples,)` in [-1, 1].
            seed: int or None; the same seed gives the same waves on the same backend.
            steps: of the solver; 0 gives the mean of all answers: least squared error, and rather dull.
            solver: see `kgen.diffusion`; None for `DPMSolver()`.

        Raises:
            ValueError: waves of another shape or outside [-1, 1], or an argument out of range.
        """
        one = np.ndim(waves) == 1
        waves = _checked("waves", [waves] if one else waves, 2)
        short = self.length // self.factor
        fade = short // 8
        starts = [0] if waves.shape[1] <= short else range(0, waves.shape[1] - fade, short - fade)
        end = starts[-1] + short
        filled = np.pad(waves, [(0, 0), (0, max(0, end - waves.shape[1]))])
        whole = np.zeros((len(waves), end * self.factor), "float32")
        for i, start in enumerate(starts):
            piece = self._piece(filled[:, start : start + short], None if seed is None else seed + i, steps, solver)
            if i:
                rising = np.linspace(0.0, 1.0, fade * self.factor, dtype="float32")
                piece[:, : len(rising)] *= rising
                whole[:, start * self.factor :][:, : len(rising)] *= 1.0 - rising
            whole[:, start * self.factor :][:, : self.length] += piece
        whole = np.clip(whole[:, : waves.shape[1] * self.factor], -1.0, 1.0)
        return whole[0] if one else whole

    def interpolated(self, wave):
        """One wave by band-limited interpolation, with which the model begins: float32 `(factor · samples,)`."""
        return ops.convert_to_numpy(self._fast(_checked("wave", [wave], 2)))[0]

    def super_resolve_file(self, path, out, seed=None, steps=0, solver=None):
        """Read a WAV file, write it sampled `factor` times as fast; arguments as of `super_resolve`."""
        wave, rate = audio_file(path)
        write_audio(out, self.super_resolve(wave, seed, steps, solver), rate * self.factor)

    def full_evaluation(self, x, y=None, steps=0, seed=0, window=512):
        """How near restored waves come to the true ones (`evaluate(waves, full=True)`).

        Args:
            x: float waves `(n, length)`.
            steps, seed: as in `super_resolve`.
            window: of the log-spectral distance, in samples.

        Returns:
            dict: `snr` (dB), `log_spectral_distance`, and both of band-limited interpolation.
        """
        slow = ops.convert_to_numpy(slowed(x, self.factor))
        found = {"": self.super_resolve(slow, seed, steps), "interpolation ": ops.convert_to_numpy(self._fast(slow))}
        return {
            f"{name}{measure}": function(x, made)
            for name, made in found.items()
            for measure, function in (
                ("snr", signal_to_noise),
                ("log_spectral_distance", lambda x, made: log_spectral_distance(x, made, window=window)),
            )
        }

    # Inside ----------------------------------------------------------------------------------------------------------

    def _fast(self, slow):
        return hastened(slow, self.factor)

    def _stretched(self, slow):
        """The interpolated wave `(n, length)`, and how loud each is, `(n, 1)`."""
        stretched = self._fast(slow)
        power = ops.mean(ops.square(stretched), axis=1, keepdims=True)
        return stretched, ops.maximum(ops.sqrt(power + 1e-12), SILENCE)

    def _piece(self, slow, seed, steps, solver):
        stretched, loudness = (ops.convert_to_numpy(one) for one in self._stretched(slow))
        (missing,) = self._restored([(stretched / loudness)[..., None]], (self.length, 1), seed, 1, steps, solver)
        return stretched + USUAL * loudness * missing[..., 0]


def _pieces(waves, length):
    """Pieces `(n, length)` of waves, each beginning in the middle of the one before; the ends filled with silence."""
    pieces = []
    for wave in waves:
        for start in range(0, max(1, len(wave) - length // 2), max(1, length // 2)):
            piece = wave[start : start + length]
            pieces.append(np.pad(piece, (0, length - len(piece))))
    return np.stack(pieces)


def _checked(name, waves, axes):
    try:
        waves = np.asarray(waves, "float32")
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected float waves of one length in [-1, 1], got {type(waves).__name__}") from None
    if waves.ndim != axes or 0 in waves.shape:
        wanted = "(n, samples)" if axes == 2 else "(samples,)"
        raise ValueError(f"{name}: expected float waves {wanted} in [-1, 1], got shape {waves.shape}")
    if not np.isfinite(waves).all() or np.abs(waves).max() > 1.0:
        raise ValueError(f"{name}: expected float waves in [-1, 1], got some in [{waves.min():g}, {waves.max():g}]")
    return waves
