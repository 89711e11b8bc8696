"""Text while its ids are still coming."""

import codecs

from tokenizers.decoders import DecodeStream

from kgen.tokenizers.engine import panics_as_errors


class StreamingDecoder:
    """Turns ids into text one at a time, and never splits a character.

    What it has given out, `finish` included, is what `tokenizer.decode` makes of all ids: a character of several bytes
    waits for its last one, a word piece gets its space or not.

    Args:
        tokenizer: any tokenizer of kgen.
        skip_special: bool, whether special tokens are left out of the text.

    Example:

    >>> import kgen
    >>> tokenizer = kgen.tokenizers.ByteTokenizer()
    >>> decoder = kgen.tokenizers.StreamingDecoder(tokenizer)
    >>> [decoder.push(token_id) for token_id in tokenizer.encode("née")]
    ['n', '', 'é', 'e']
    >>> decoder.finish()
    ''
    """

    def __init__(self, tokenizer, skip_special=True):
        self.tokenizer = tokenizer
        self.skip_special = skip_special
        self._bytes = self._pieces = None
        if hasattr(tokenizer, "decode_bytes"):
            self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        else:
            self._pieces = DecodeStream(skip_special_tokens=skip_special)
            self._ids, self._given = [], 0

    def push(self, token_id):
        """The text that this id completes: "" while a character is incomplete."""
        if self._bytes is not None:
            return self._bytes.decode(self.tokenizer.decode_bytes([token_id], self.skip_special))
        self._ids += self.tokenizer._checked([token_id])
        with panics_as_errors():
            piece = self._pieces.step(self.tokenizer._engine, self._ids[-1]) or ""
        self._given += len(piece)
        return piece

    def finish(self):
        """What is left when no more ids come."""
        if self._bytes is not None:
            return self._bytes.decode(b"", final=True)
        piece = self.tokenizer.decode(self._ids, self.skip_special)[self._given :]
        self._given += len(piece)
        return piece
