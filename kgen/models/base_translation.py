"""What the models share that translate: a beam, n best, whole documents, attention between two texts."""

import numpy as np
from keras import ops

from kgen import backend
from kgen.datasets.pair_batches import padded
from kgen.datasets.pair_batches import pair_batch
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import texts_of
from kgen.decoding.beam import Beam
from kgen.functional.checks import check_int
from kgen.metrics.language import perplexity
from kgen.models.base import exclusive
from kgen.models.base_pairs import PairModel
from kgen.models.base_writing import check_sampler
from kgen.models.base_writing import joined
from kgen.tokenizers.sentences import cut
from kgen.tokenizers.sentences import sentences_of

SOURCE_BUCKET = 16  # lengths of sources are rounded up to multiples of it
ROOM = 32  # new tokens and the one before them are rounded up to 32, 64, 128, …


class TranslationModel(PairModel):
    """Base of encoder-decoders that translate.

    Holes: those of `PairModel`; `encode(source, training)`, which returns tensors that `make_cache(batch, length,
    *encoded)` takes; and `cross_attention(source, target)`, the scores.
    """

    @exclusive
    def evaluate(self, x=None, y=None, batch_size=None, *, full=False, **kwargs):
        """As `keras.Model.evaluate`: perplexity under teacher forcing. With `full=True` translations are measured too.

        See `full_evaluation`.
        """
        if full:
            return self.full_evaluation(x, y, batch_size=batch_size or 32, **kwargs)
        return super().evaluate(x, y, batch_size, **kwargs)

    def full_evaluation(self, x, y=None, sampler=None, batch_size=32, seed=0, **options):
        """How good the translations are, and how surprising the true ones.

        Args:
            x, y: sources and references, as in `fit`.
            sampler: one of `kgen.decoding`; None for `Beam(5)`.
            batch_size: sentences that are translated together.
            seed: int or None, of the sampler.
            options: further arguments of `kgen.metrics.bleu`.

        Returns:
            dict of bleu and chrf (of ids: of these as words), perplexity, nats_per_token, sentences.
        """
        from kgen.metrics.translation import bleu
        from kgen.metrics.translation import chrf

        if not self.is_data(x) or y is None:
            raise ValueError("x: expected evaluate(sources, references, full=True) with both in memory")
        nats = self.mean_nats(x, y, batch_size)
        found = self.generate(list(x), sampler=sampler, batch_size=batch_size, seed=seed, truncate=True)
        references = [one.decode() if isinstance(one, bytes) else one for one in texts_of(y)] if is_text(y) else y
        if not is_text(y):
            found, references = ([" ".join(map(str, row)) for row in rows] for rows in (found, references))
        return {
            "bleu": bleu(found, references, **options),
            "chrf": chrf(found, references),
            "perplexity": float(perplexity(nats)),
            "nats_per_token": nats,
            "sentences": len(found),
        }

    # Writing ---------------------------------------------------------------------------------------------------------

    def generate(
        self,
        source,
        max_new_tokens=None,
        sampler=None,
        *,
        batch_size=32,
        seed=None,
        stop=(),
        stream=False,
        truncate=False,
        allow_special=False,
    ):
        """Translate sentences. Text for text, ids for ids, one for one and a list for several.

        Args:
            source: a string or several, or ids: a list of int or several. A blank text is translated to "".
            max_new_tokens: int ≥ 1; None for twice the length of the source and some more.
            sampler: one of `kgen.decoding`; None for `Beam(5)`.
            batch_size: how many are translated together; those of like lengths are.
            seed: int or None, of a sampler that draws.
            stop: a string or several, or ids: what ends a translation, beside the end token, and is left out of it.
            stream: bool. True returns a generator that yields the translation in pieces, or lists of pieces for several
                sources, which are then all translated together. A beam knows nothing before its end.
            truncate: bool, whether a source that is longer than the context loses its end; else it is refused.
            allow_special: bool, whether special tokens that the source spells are read as such.

        Returns:
            str or list of str; for ids lists of int; or a generator of these.

        Raises:
            ValueError: an argument outside its range; a source that is too long. `translate` takes texts of any length.

        Example:

        >>> import kgen
        >>> model = kgen.models.TransformerSeq2Seq.from_preset("en-fr")  # doctest: +SKIP
        >>> model.generate("I am a student.")  # doctest: +SKIP
        """
        sampler = Beam(5) if sampler is None else sampler
        check_sampler(sampler)
        check_int("batch_size", batch_size, minimum=1)
        rows, in_text, alone = self._source_rows(source, truncate, allow_special)
        options = {"in_text": in_text, "stop": stop, "seed": seed, "stream": stream}
        if stream:
            pieces = self._translated(rows, max_new_tokens, sampler, **options)
            return (piece[0] for piece in pieces) if alone else pieces
        results = ["" if in_text else [] for _ in rows]
        for group in self._groups(rows, batch_size):
            pieces = self._translated([rows[i] for i in group], max_new_tokens, sampler, **options)
            for i, result in zip(group, joined(pieces, len(group), in_text), strict=True):
                results[i] = result
        return results[0] if alone else results

    def candidates(self, source, sampler=None, *, max_new_tokens=None, batch_size=32, truncate=False):
        """The best translations that a beam search finds, with their scores.

        Args:
            source: as in `generate`.
            sampler: a `kgen.decoding.Beam`, whose `num_return` says how many; None for `Beam(5, num_return=5)`.
            max_new_tokens, batch_size, truncate: as in `generate`.

        Returns:
            a list of (text or ids, score), the best first; for several sources a list of such lists.
        """
        sampler = Beam(5, num_return=5) if sampler is None else sampler
        if not isinstance(sampler, Beam):
            raise ValueError(f"sampler: expected a kgen.decoding.Beam, got {sampler!r}")
        rows, in_text, alone = self._source_rows(source, truncate, False)
        results = [[("" if in_text else [], 0.0)] for _ in rows]
        for group in self._groups(rows, batch_size):
            found = self._searched([rows[i] for i in group], sampler, max_new_tokens)
            for i, texts in zip(group, found, strict=True):
                results[i] = [(self._readable(ids, in_text), score) for ids, score in texts]
        return results[0] if alone else results

    def beam_history(self, source, sampler=None, max_new_tokens=None):
        """How a beam search finds a translation: what `kgen.plots.beam_tree` draws.

        Args:
            source: str, or ids.
            sampler: a `kgen.decoding.Beam`; None for `Beam(5)`.

        Returns:
            (history, label): the dict that `kgen.decoding.Beam.search` describes, and a function from an id to its
            text.
        """
        rows, in_text, alone = self._source_rows(source, False, False)
        if not alone or len(rows[0]) < 2:
            raise ValueError(f"source: expected one sentence, got {source!r:.60}")
        _, histories = self._searched(rows, sampler or Beam(5), max_new_tokens, history=True)

        def label(one):
            return self.tokenizer.decode([one], skip_special=False) if in_text else str(one)

        return histories[0], label

    def translate(self, document, sampler=None, *, batch_size=32, seed=None, stream=False):
        """Translate a text of any length, sentence by sentence; lines, and the white space between sentences, stay.

        A sentence that is longer than the context is cut, between words if that is possible.

        Args:
            document: str.
            sampler, batch_size, seed: as in `generate`.
            stream: bool; True returns a generator that yields the translation `batch_size` sentences at a time.

        Returns:
            str, or a generator of str.
        """
        if not isinstance(document, str) or self.tokenizer is None:
            raise ValueError(f"document: expected a str, and a model with a tokenizer, got {type(document).__name__}")
        check_int("batch_size", batch_size, minimum=1)
        parts = self._translated_parts(document, sampler, batch_size, seed)
        return parts if stream else "".join(parts)

    # Looking inside --------------------------------------------------------------------------------------------------

    @exclusive
    def attention(self, source, target=None):
        """Where the decoder looks: float32 `(layers, heads, target tokens, source tokens)`.

        Row i is the look at the source from which token i of the target follows; it sums to 1. See
        `kgen.plots.attention_map`, and `attention_tokens` for the labels.

        Args:
            source: str or ids.
            target: str or ids; None for the model's own translation.
        """
        source, target = self._pair_of_ids(source, target)
        batch, _ = pair_batch([source], [target], self.start_id, self.end_id, len(source), len(target))
        return ops.convert_to_numpy(
            ops.cast(self.cross_attention(*map(ops.convert_to_tensor, batch.values())), "float32")
        )

    def attention_tokens(self, source, target=None):
        """The texts of the tokens that `attention` is about: (of the source, of the target), two lists of str."""
        return tuple(map(self._texts_of, self._pair_of_ids(source, target)))

    def source_tokens(self, source):
        """The texts of the tokens of a source as the model reads it, its end included: a list of str."""
        return self._texts_of(self.one_source(source))

    # Inside ----------------------------------------------------------------------------------------------------------

    def one_source(self, source):
        """The ids of one source and its end token, int32 `(tokens,)`."""
        rows, _, alone = self._source_rows(source, False, False)
        if not alone:
            raise ValueError(f"source: expected one sentence, got {len(rows)}")
        return np.asarray(rows[0], "int32")

    def _source_rows(self, source, truncate, allow_special):
        """(rows with their end tokens, whether they were text, whether it was a single one)."""
        if not isinstance(source, str | bytes) and len(source) == 0:
            raise ValueError(f"source: expected text or ids, got {source!r}")
        in_text = is_text(source)
        alone = isinstance(source, str | bytes) if in_text else np.ndim(source[0]) == 0
        if in_text:
            if self.tokenizer is None:
                raise ValueError("source: this model has no tokenizer, so it takes ids, not text")
            texts = ["" if not one.strip() else one for one in texts_of(source)]
            rows = [np.array(row, "int32") for row in self.tokenizer.encode(texts, allow_special=allow_special)]
        else:
            rows = [source] if alone else source
        most = self.context_length - 1
        for i, row in enumerate(rows):
            if len(row) > most + (len(row) > 0 and row[-1] == self.end_id) and not truncate:
                raise ValueError(
                    f"source: number {i} has {len(row)} tokens, a sentence may have {most}; truncate=True leaves out "
                    "its end, translate(text) cuts it into sentences"
                )
        return self._ended("source", [row[:most] if len(row) > most else row for row in rows]), in_text, alone

    def _groups(self, rows, batch_size):
        """Numbers of rows that are not empty, those of like lengths together."""
        order = sorted((i for i, row in enumerate(rows) if len(row) > 1), key=lambda i: len(rows[i]))
        return [order[at : at + batch_size] for at in range(0, len(order), batch_size)]

    def _read(self, rows):
        """What the encoder makes of these rows, whose number is rounded up to a power of two by repeating the last."""
        rows = rows + rows[-1:] * ((1 << (len(rows) - 1).bit_length()) - len(rows))
        length = min(-(-max(map(len, rows)) // SOURCE_BUCKET) * SOURCE_BUCKET, max(self.context_length, SOURCE_BUCKET))
        encode = self.token_loop().program("encode", lambda: backend.compiled(self.encode, self.weights))
        return encode(ops.convert_to_tensor(padded(rows, length, self.end_id))), [[self.start_id]] * len(rows)

    def _most(self, rows, max_new_tokens):
        if max_new_tokens is not None:
            check_int("max_new_tokens", max_new_tokens, minimum=1)
            return max_new_tokens
        wanted, room = min(2 * max(map(len, rows)) + 8, self.context_length), ROOM
        while room - 1 < wanted:
            room *= 2
        return min(room - 1, self.context_length)

    def _translated(self, rows, max_new_tokens, sampler, **options):
        """Generator of lists of pieces, one for each row."""
        if all(len(row) == 1 for row in rows):  # nothing to translate
            return
        with self.lock:
            context, starts = self._read(rows)
        most = self._most(rows, max_new_tokens)
        blank = "" if options["in_text"] else []
        for piece in self._pieces(starts, most, sampler, context=context, **options):
            yield [one if len(row) > 1 else blank for row, one in zip(rows, piece[: len(rows)], strict=True)]

    @exclusive
    def _searched(self, rows, sampler, max_new_tokens, history=False):
        context, starts = self._read(rows)
        found = sampler.search(
            self.token_loop(), starts, self._most(rows, max_new_tokens), self._end_ids(), context, history
        )
        return tuple(part[: len(rows)] for part in found) if history else found[: len(rows)]

    def _readable(self, ids, in_text):
        ids = [one for one in ids if one != self.end_id]
        return self.tokenizer.decode(ids) if in_text else ids

    def _fits(self, text):
        return len(self.tokenizer.encode(text)) < self.context_length

    def _translated_parts(self, document, sampler, batch_size, seed):
        """Yields the translation of a document, `batch_size` sentences at a time."""
        parts = []
        for before, sentence, after in sentences_of(document):
            pieces = cut(sentence, self._fits)
            parts += [(before if i == 0 else "", piece.strip(), " ") for i, piece in enumerate(pieces)]
            parts[-1] = (*parts[-1][:2], after)
        for at in range(0, len(parts), batch_size):
            group = parts[at : at + batch_size]
            texts = self.generate([text for _, text, _ in group], sampler=sampler, batch_size=batch_size, seed=seed)
            yield "".join(before + text + after for (before, _, after), text in zip(group, texts, strict=True))

    def _texts_of(self, ids):
        if self.tokenizer is None:
            return [str(one) for one in ids.tolist()]
        return [self.tokenizer.decode([one], skip_special=False) for one in ids.tolist()]

    def _pair_of_ids(self, source, target):
        ids = self.one_source(source)
        if target is None:
            target = self.generate(source)
        return ids, self._ended("target", [target] if is_text(source) else [list(target)])[0]
