"""Text from a loop that knows ids only: prompts in, pieces of text out, ended by strings if wanted."""

from kgen.tokenizers.streaming import StreamingDecoder

TOKENS_A_PIECE = 8  # computed in one go while somebody reads along


def stream_ids(loop, prompts, max_new_tokens, sampler, *, seed=None, stop_ids=(), every=None, context=()):
    """Yields for each step of the stream a list with the new ids of each row; a row that is done gets [].

    The stop id itself is the last of a row.
    """
    done = [False] * len(prompts)
    pieces = sampler.stream(loop, prompts, max_new_tokens, seed=seed, stop_ids=stop_ids, every=every, context=context)
    for piece in pieces:
        rows = []
        for i, row in enumerate(piece.tolist()):
            end = next((at + 1 for at, one in enumerate(row) if one in stop_ids), None)
            rows.append([] if done[i] else row[:end])
            done[i] = done[i] or end is not None
        yield rows


def stream_text(pieces, tokenizer, num_rows, stop=()):
    """Turns the pieces of `stream_ids` into text: yields for each a list with the new text of each row.

    Never splits a character, and never gives out the beginning of a stop string before it is clear that it is none. The
    pieces of a row together are its text up to the first stop string. Ends when every row has met one.

    Args:
        pieces: iterable of lists of lists of ids.
        tokenizer: a tokenizer of kgen.
        num_rows: how many rows there are.
        stop: strings, none empty.
    """
    rows = [_Row(tokenizer, tuple(stop)) for _ in range(num_rows)]
    for piece in pieces:
        yield [row.push(ids) for row, ids in zip(rows, piece, strict=True)]
        if all(row.stopped for row in rows):
            return
    if any(rest := [row.finish() for row in rows]):
        yield rest


class _Row:
    """One text in the making."""

    def __init__(self, tokenizer, stop):
        self.decoder = StreamingDecoder(tokenizer)
        self.stop = stop
        self.held = ""  # could be the beginning of a stop string
        self.stopped = False

    def push(self, ids):
        return self._give("".join(self.decoder.push(one) for one in ids))

    def finish(self):
        rest = self._give(self.decoder.finish())
        return rest if self.stopped else rest + self.held

    def _give(self, text):
        if self.stopped:
            return ""
        text = self.held + text
        found = [at for at in (text.find(one) for one in self.stop) if at >= 0]
        if found:
            self.stopped, self.held = True, ""
            return text[: min(found)]
        keep = max((n for one in self.stop for n in range(1, len(one)) if text.endswith(one[:n])), default=0)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]
