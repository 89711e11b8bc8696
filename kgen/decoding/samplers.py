"""How the next token is chosen from its logits.

A sampler is a pure function of logits and one uniform random number a row: it filters the distribution softmax(logits)
and inverts its cumulative sum at that number. The numbers come from NumPy, so a seed means the same draw on every
backend, and nothing random happens inside a compiled loop.

Its settings (`parameters`) are inputs of the compiled loop: moving a slider does not compile anything anew.
"""

import keras
from keras import ops

from kgen.decoding import one_by_one
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number

BISECTIONS = 24  # halvings of [0, max p] in the search of a threshold: exact to 6e-8 · max p


class Greedy:
    """The likeliest token, every time.

    Example:

    >>> import kgen
    >>> kgen.decoding.Greedy()
    Greedy()
    """

    parameters = ()
    needs_seen = False
    least_width = 1

    def __call__(self, logits, uniform, parameters, seen=None):
        """Choose ids int32 `(batch,)`.

        Args:
            logits: float32 `(batch, vocabulary)`.
            uniform: float32 `(batch,)` in [0, 1).
            parameters: float32 `(len(self.parameters),)`, the current values of `self.parameters`.
            seen: bool `(batch, vocabulary)`, the tokens that already stand in each row; None where `needs_seen` is
                False.
        """
        return ops.cast(ops.argmax(logits, axis=-1), "int32")

    def weights(self, logits, parameters, seen=None):
        """The distribution that ids are drawn from, float32 `(batch, vocabulary)`, up to a factor for each row."""
        return ops.one_hot(ops.argmax(logits, axis=-1), logits.shape[-1], dtype="float32")

    def stream(self, loop, prompts, max_new_tokens, **options):
        """Yields arrays of new ids, int32 `(batch, k)`; see `TokenLoop.stream`."""
        return loop.stream(prompts, max_new_tokens, self, **options)

    def room(self, loop):
        """How many places a window may have; see `TokenLoop.stream`."""
        return loop.max_length

    def start(self, *arguments):
        """Begin a window; see `TokenLoop.stream`."""
        return one_by_one.start(self, *arguments)

    @property
    def key(self):
        """What a compiled loop depends on besides `parameters`."""
        return type(self).__name__

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{value:g}' for value in self.parameters)})"


class Temperature(Greedy):
    """Draws from softmax(logits / temperature): below 1 bolder for the likely, above 1 more adventurous.

    Args:
        temperature: > 0; towards 0 it becomes greedy.

    Raises:
        ValueError: `temperature` is not a positive number.

    Example:

    >>> import kgen
    >>> kgen.decoding.Temperature(0.8)
    Temperature(0.8)
    """

    def __init__(self, temperature=1.0):
        _check_temperature(temperature)
        self.parameters = (temperature,)

    def __call__(self, logits, uniform, parameters, seen=None):
        return draw(self.weights(logits, parameters), uniform)

    def weights(self, logits, parameters, seen=None):
        return self.keep(ops.softmax(logits / parameters[-1], axis=-1), parameters)

    def keep(self, probabilities, parameters):
        """The probabilities that stay; the others become 0. They need not sum to 1."""
        return probabilities


class TopK(Temperature):
    """Draws from the k likeliest tokens.

    Args:
        k: int ≥ 1.
        temperature: > 0, applied first.

    Raises:
        ValueError: an argument outside its range.

    Reference: Fan et al., Hierarchical Neural Story Generation, 2018.

    Example:

    >>> import kgen
    >>> kgen.decoding.TopK(40)
    TopK(40, 1)
    """

    def __init__(self, k, temperature=1.0):
        check_int("k", k, minimum=1)
        _check_temperature(temperature)
        self.k = k
        self.parameters = (k, temperature)

    @property
    def key(self):
        return f"TopK({self.k})"  # k is a shape inside the loop

    def keep(self, probabilities, parameters):
        k = min(self.k, probabilities.shape[-1])
        smallest = ops.top_k(probabilities, k)[0][:, -1:]
        return ops.where(probabilities >= smallest, probabilities, 0.0)


class TopP(Temperature):
    """Draws from the smallest set of tokens whose probabilities sum to at least p (nucleus sampling).

    Args:
        p: in (0, 1]; 1 keeps all.
        temperature: > 0, applied first.

    Raises:
        ValueError: an argument outside its range.

    Reference: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020.

    Example:

    >>> import kgen
    >>> kgen.decoding.TopP(0.9)
    TopP(0.9, 1)
    """

    def __init__(self, p, temperature=1.0):
        _check_share("p", p)
        _check_temperature(temperature)
        self.parameters = (p, temperature)

    def keep(self, probabilities, parameters):
        # The set is {p_i ≥ t} for the largest t whose set is heavy enough. Bisection finds t without sorting.
        low = ops.zeros_like(probabilities[:, :1])
        high = ops.max(probabilities, axis=-1, keepdims=True)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            mass = ops.sum(ops.where(probabilities >= middle, probabilities, 0.0), axis=-1, keepdims=True)
            enough = mass >= parameters[0]
            low, high = ops.where(enough, middle, low), ops.where(enough, high, middle)
        return ops.where(probabilities >= low, probabilities, 0.0)


class MinP(Temperature):
    """Draws from the tokens that are at least p times as likely as the likeliest.

    Args:
        p: in (0, 1].
        temperature: > 0, applied first.

    Raises:
        ValueError: an argument outside its range.

    Reference: Nguyen et al., Turning Up the Heat: Min-p Sampling, 2024.

    Example:

    >>> import kgen
    >>> kgen.decoding.MinP(0.05, temperature=1.5)
    MinP(0.05, 1.5)
    """

    def __init__(self, p, temperature=1.0):
        _check_share("p", p)
        _check_temperature(temperature)
        self.parameters = (p, temperature)

    def keep(self, probabilities, parameters):
        smallest = parameters[0] * ops.max(probabilities, axis=-1, keepdims=True)
        return ops.where(probabilities >= smallest, probabilities, 0.0)


class RepetitionPenalty(Greedy):
    """Makes tokens that already stand in the text less likely, then lets another sampler choose.

    Their logits are divided by `penalty` when positive and multiplied by it when negative.

    Args:
        penalty: ≥ 1; 1 changes nothing.
        sampler: the sampler that chooses; None is `Greedy()`.

    Raises:
        ValueError: `penalty` is below 1, or `sampler` is none that chooses token by token.

    Reference: Keskar et al., CTRL, 2019, section 4.1.

    Example:

    >>> import kgen
    >>> kgen.decoding.RepetitionPenalty(1.2, kgen.decoding.TopP(0.9))
    RepetitionPenalty(1.2, TopP(0.9, 1))
    """

    needs_seen = True

    def __init__(self, penalty, sampler=None):
        check_number("penalty", penalty, minimum=1.0, maximum=100.0)
        self.sampler = check_sampler("sampler", sampler or Greedy())
        self.parameters = (penalty, *self.sampler.parameters)

    @property
    def key(self):
        return f"RepetitionPenalty({self.sampler.key})"

    def __call__(self, logits, uniform, parameters, seen=None):
        return self.sampler(self._penalised(logits, parameters, seen), uniform, parameters[1:], seen)

    def weights(self, logits, parameters, seen=None):
        return self.sampler.weights(self._penalised(logits, parameters, seen), parameters[1:], seen)

    def _penalised(self, logits, parameters, seen):
        return ops.where(seen, ops.where(logits > 0, logits / parameters[0], logits * parameters[0]), logits)

    def __repr__(self):
        return f"RepetitionPenalty({self.parameters[0]:g}, {self.sampler!r})"


def check_sampler(name, sampler):
    """Return the sampler; refuse what does not choose token by token from logits."""
    if not isinstance(sampler, Greedy):
        raise ValueError(
            f"{name}: expected a sampler that chooses from the logits of one token, such as Greedy() or TopP(0.9), "
            f"got {sampler!r}"
        )
    return sampler


def draw(weights, uniform):
    """The index at which the cumulative sum of non-negative weights passes uniform · total."""
    cumulative = ops.cumsum(weights, axis=-1)
    ids = ops.sum(ops.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], "int32"), axis=-1)
    # Rounding can carry the last sum past every kept token: the likeliest is then as good as any.
    last = weights.shape[-1] - 1
    chosen = ops.minimum(ids, last)
    kept = ops.take_along_axis(weights, chosen[:, None], axis=-1)[:, 0] > 0
    return ops.where(kept, chosen, ops.cast(ops.argmax(weights, axis=-1), "int32"))


def _check_temperature(temperature):
    check_number("temperature", temperature, minimum=keras.config.epsilon(), maximum=1e4)


def _check_share(name, value):
    check_number(name, value, minimum=0.0, maximum=1.0)
    if value == 0:
        raise ValueError(f"{name}: expected a number in (0, 1], got {value!r}")
