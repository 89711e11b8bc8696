"""What all models share that write token by token: a vocabulary, its loss, the compiled loop, text out of ids."""

import keras
from keras import ops

from kgen.datasets.token_windows import IGNORED
from kgen.decoding.loop import TokenLoop
from kgen.decoding.text import TOKENS_A_PIECE
from kgen.decoding.text import stream_ids
from kgen.decoding.text import stream_text
from kgen.functional.checks import check_int
from kgen.functional.losses import token_cross_entropy
from kgen.functional.reading_out import read_out
from kgen.metrics.language import PerplexityTracker
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from kgen.tokenizers.base import Tokenizer


class WritingModel(GenerativeModel):
    """Base of models that write. A call gives hidden states; `readout` maps hidden states to logits.

    Holes: `token_embedding`, whose variables `readout(hidden)` reads, `make_cache(batch, length, *context)` and
    `decode_step(ids, cache, index, padding)`; see `kgen.decoding.loop.TokenLoop`.

    Args:
        tokenizer: a tokenizer of kgen, or None where ids go in and come out.
        vocabulary_size: number of tokens; None for the tokenizer's.
        context_length: tokens that training looks at together, ≥ 2.
        seed: int or None.
    """

    xla_pays_on_cpu = True
    can_go_back = True  # whether a place of the cache may be written again; a recurrent state has no places
    limit = None  # tokens that fit into the cache; None: any number

    def __init__(self, tokenizer, vocabulary_size, context_length, seed, **kwargs):
        super().__init__(seed=seed, **kwargs)
        if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
            raise ValueError(
                f"tokenizer: expected a tokenizer of kgen.tokenizers, got {tokenizer!r:.60}; "
                f"{type(self).__name__}.for_data(…) makes model and tokenizer together"
            )
        if tokenizer is None and vocabulary_size is None:
            raise ValueError(
                "tokenizer: expected a tokenizer, or vocabulary_size for ids, got None and None; "
                f"{type(self).__name__}.for_data(…) makes model and tokenizer together"
            )
        if vocabulary_size is not None:
            check_int("vocabulary_size", vocabulary_size, minimum=tokenizer.vocabulary_size if tokenizer else 2)
        check_int("context_length", context_length, minimum=2)
        self.tokenizer = tokenizer
        self.vocabulary_size = vocabulary_size
        self.context_length = context_length
        self.num_tokens = vocabulary_size or tokenizer.vocabulary_size
        self.perplexity_tracker = PerplexityTracker(name="perplexity")
        self._loop = None

    @exclusive
    def token_loop(self):
        """The compiled next-token loop of this model; made anew when its weights are other variables."""
        variables = tuple(id(variable) for variable in self.weights)
        if self._loop is None or self._loop[0] != variables:
            loop = TokenLoop(
                self.decode_step, self.readout, self.make_cache, self.weights, self.limit, positional=self.can_go_back
            )
            self._loop = variables, loop
        return self._loop[1]

    def readout(self, hidden):
        """Logits, float `(batch, length, vocabulary)`, of hidden states."""
        return read_out(self.token_embedding, hidden)

    # What families use -----------------------------------------------------------------------------------------------

    def _embedding(self, name, width, tie):
        embedding = keras.layers.ReversibleEmbedding(
            self.num_tokens,
            width,
            tie_weights=tie,
            # Small, for what reads out; what reads in is scaled up to numbers of size 1.
            embeddings_initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
            dtype=self.dtype_policy,
            name=name,
        )
        embedding.build((None, None))
        return embedding

    def _costs(self, hidden, targets, label_smoothing=0.0):
        """(loss, nats, counted), float32 `(batch, length)`, of the targets; see `token_cross_entropy`."""
        return token_cross_entropy(
            hidden,
            self.readout,
            targets,
            self.num_tokens,
            self.token_embedding.variables,
            ignored=IGNORED,
            label_smoothing=label_smoothing,
        )

    def _mean_cost(self, costs, sample_weight):
        """The mean of what `_costs` returned over the tokens that count; `sample_weight` says how much, row by row."""
        loss, nats, counted = costs
        if sample_weight is not None:
            weight = ops.cast(sample_weight, counted.dtype)
            weight = weight if len(weight.shape) == 2 else ops.reshape(weight, (-1, 1))
            loss, nats, counted = loss * weight, nats * weight, counted * weight
        total = ops.maximum(ops.sum(counted), 1e-6)
        self.perplexity_tracker.update_state(ops.sum(nats) / total, sample_weight=ops.sum(counted))
        return ops.sum(loss) / total

    def _checked_ids(self, name, ids):
        """`ids` as they are, or a ValueError."""
        low, high = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
        if low < 0 or high >= self.num_tokens:
            raise ValueError(f"{name}: expected ids in [0, {self.num_tokens}), got some in [{low}, {high}]")
        return ids

    def _pieces(self, rows, max_new_tokens, sampler, *, in_text, stop=(), seed=None, stream=False, context=()):
        """What follows these rows of ids, as a generator of lists of pieces, one for each row."""
        stop_strings, stop_ids = self._stops(stop, in_text)
        every = TOKENS_A_PIECE if stream or stop_strings else None
        options = {"seed": seed, "stop_ids": stop_ids, "every": every, "context": context}
        ids = stream_ids(self.token_loop(), rows, max_new_tokens, sampler, **options)
        if in_text:
            pieces = stream_text(ids, self.tokenizer, len(rows), stop_strings)
        else:
            pieces = ([[one for one in row if one not in stop_ids] for row in step] for step in ids)
        return self._locked(pieces)

    def _end_ids(self):
        """Ids that always end a text."""
        return () if self.tokenizer is None or self.tokenizer.end_id is None else (self.tokenizer.end_id,)

    def _stops(self, stop, in_text):
        stop = [stop] if isinstance(stop, str | int) else list(stop)
        strings = [one for one in stop if isinstance(one, str)]
        if "" in strings or (strings and not in_text):
            raise ValueError("stop: expected strings that are not empty for text, and ids for ids")
        ids = {int(one) for one in stop if not isinstance(one, str)} | set(self._end_ids())
        return strings, tuple(sorted(ids))

    def _locked(self, pieces):
        """Each piece is computed under the lock; between them others may use the model."""
        pieces = iter(pieces)
        while True:
            with self.lock:
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece


def check_sampler(sampler):
    """Raises ValueError for what is none of `kgen.decoding`'s."""
    if not hasattr(sampler, "stream"):
        raise ValueError(f"sampler: expected one of kgen.decoding's, such as TopP(0.9), got {sampler!r}")


def joined(pieces, count, in_text):
    """The whole of what `_pieces` yields: a text, or a list of ids, for each row."""
    whole = [("" if in_text else []) for _ in range(count)]
    for piece in pieces:
        whole = [text + more for text, more in zip(whole, piece, strict=True)]
    return whole
