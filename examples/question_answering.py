# %% [markdown]
"""
# Where in a text is the answer? BERT learns to point at it, first in questions that are made from the text itself

    python examples/question_answering.py --data FOLDER                   ten minutes: paragraphs of Wikipedia
    python examples/question_answering.py --data FOLDER --bert FOLDER     from a published BERT, such as MiniLM
    python examples/question_answering.py --quick                         seconds, on texts that are made up here

FOLDER holds the files of `kgen.datasets.load("xquad/en")`, a thousand questions, too few to learn a language from. So
an encoder that begins with nothing is first asked for `--minutes` for what was taken out of a sentence: some of the
other words of it, in disorder, are the question. Each token of the paragraph comes with a mark that says whether its
word is in the question, and how many words of its sentence are, beside other sentences. `--bert` begins with an encoder
in the format of Hugging Face instead, without marks, see `kgen.interop.load`.

    p(start) = softmax(W₁ h),   p(end) = softmax(W₂ h)        over the words of the paragraph

The figures are exact match and F1 on the questions about other articles, beside those of the sentence that has most
words in common with the question.

Papers: Devlin et al., BERT, 2019, section 4.2. The mark: Chen et al., Reading Wikipedia to Answer Open-Domain
Questions, 2017. The made-up questions: Lewis et al., Unsupervised Question Answering by Cloze Translation, 2019.

**You will see** exact match and F1 beside the baseline's, and some questions with the answers that were pointed at.
"""

# %%
import argparse
import re
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

import kgen
from kgen.datasets.instructions import sentence_with
from kgen.script import read_options
from kgen.tokenizers.sentences import sentences_of

ENCODER = {"num_layers": 3, "model_dim": 128, "num_heads": 4, "context_length": 320, "segments": 7, "dropout": 0.1}
QUICK = {"num_layers": 1, "model_dim": 32, "num_heads": 2, "context_length": 64, "segments": 7, "dropout": 0.0}
WORD = re.compile(r"\w+|[^\w\s]")
LONGEST = 320  # tokens of a question and its paragraph; what comes behind is not read
LONGEST_ANSWER = 12  # words
COMMON = set(
    WORD.findall("""a an and are as at by did do does for from how in is it of on or that the this to was were
what when where which who why with""")
)


# %% [markdown]
# ## From questions to figures


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the questions")
    parser.add_argument("--bert", type=Path, help="folder of a published encoder to begin with")
    parser.add_argument("--minutes", type=float, help="of made-up questions; 6, and with --bert none")
    parser.add_argument("--epochs", type=int, default=4, help="of real questions")
    parser.add_argument("--rate", type=float, help="highest learning rate; 1e-3, and with --bert 1e-4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model on made-up texts")
    parser.add_argument("--out", type=Path, default=Path("question_answering"), help="folder for the answers")
    options = read_options(parser)
    started = time.time()
    if options.quick:
        options.minutes, options.epochs = 0.05, 2
        train, test = made_up(160), made_up(20, seed=9)
    else:
        train, test = (rows(kgen.datasets.load("xquad/en", split, options.data)) for split in ("train", "test"))
    minutes = options.minutes if options.minutes is not None else 0.0 if options.bert else 6.0
    texts = sorted({context for context, *_ in train})
    if options.bert:
        encoder = kgen.interop.load(options.bert)
    else:
        tokenizer = kgen.tokenizers.WordPieceTokenizer.train(texts, 4096, progress=False)
        shape = QUICK if options.quick else ENCODER
        encoder = kgen.models.BERT(tokenizer, norm_position="pre", seed=options.seed, **shape)

    model, rate = Pointer(encoder), options.rate or (1e-4 if options.bert else 1e-3)
    if minutes:
        model.compile(recipe(rate))
        batches, clock = Questions(model, texts, options.seed), kgen.training.TimeBudget(minutes)
        model.fit(batches, epochs=100_000, callbacks=[clock], verbose=2)
    model.compile(recipe(rate))
    falling = keras.callbacks.LearningRateScheduler(lambda epoch: rate * (1.0 - epoch / options.epochs))
    model.fit(Questions(model, train, options.seed), epochs=options.epochs, callbacks=[falling], verbose=2)

    wanted, answers = [answer for _, _, answer, _ in test], model.answers(test)
    by_words = [closest_sentence(context, question) for context, question, *_ in test]
    figures = {}
    for whose, found in (("BERT", answers), ("sentence with most shared words", by_words)):
        figures[f"F1, {whose}"] = kgen.metrics.f1(found, wanted)
        figures[f"exact match, {whose}"] = kgen.metrics.exact_match(found, wanted)
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [f"{one[1]}\n= {one[2]}\n≈ {answer}\n" for one, answer in zip(test, answers, strict=True)]
    (options.out / "answers.txt").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines[:4]))
    what = f"{len(test)} questions, {minutes:g} minutes of made-up ones, {options.epochs} epochs of {len(train)}"
    kgen.metrics.report(f"extractive question answering, {what}", figures, model, options.seed, started)


# %% [markdown]
# ## Pointing


# %%
def rows(questions):
    """A tuple (context, question, answer, start) for each question."""
    return list(zip(*questions, strict=True))


def recipe(rate):
    return keras.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0)


# The model -----------------------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="kgen_examples")
class Pointer(keras.Model):
    """Two numbers a word of the paragraph: whether the answer begins with it, whether it ends with it.

    Args:
        encoder: a `kgen.models.BERT` with segments.
    """

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.encoder.choose_trainable()
        self.length = min(LONGEST, encoder.context_length)
        self.ends = keras.layers.Dense(2, name="ends")
        self.ends.build((None, None, encoder.model_dim))
        self.built = True

    def call(self, inputs, training=False):
        """Logits, float32 `(batch, length, 2)`, -1e9 where no word of the paragraph begins."""
        read = {"ids": inputs["ids"], "segments": inputs["segments"]}
        logits = ops.cast(self.ends(self.encoder(read, training=training)), "float32")
        return ops.where(inputs["words"][..., None], logits, -1e9)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        right = ops.one_hot(y, ops.shape(y_pred)[1], axis=1)
        return -ops.mean(ops.sum(right * ops.log_softmax(y_pred, axis=1), axis=1))

    def answers(self, questions, batch_size=32):
        """The likeliest stretch of words of each paragraph, as a list of str."""
        found = []
        for start in range(0, len(questions), batch_size):
            rows = [self.row(context, question) for context, question, *_ in questions[start : start + batch_size]]
            logits = self.predict_on_batch(self.batch_of(rows))
            for row, ends, (context, *_) in zip(rows, logits, questions[start:], strict=False):
                places = row["places"]
                joint = ends[places, 0][:, None] + ends[places, 1][None]
                words = np.arange(len(places))
                length = words[None] - words[:, None]
                joint[(length < 0) | (length >= LONGEST_ANSWER)] = -np.inf
                first, last = np.unravel_index(joint.argmax(), joint.shape)
                found.append(context[row["spans"][first][0] : row["spans"][last][1]])
        return found

    def row(self, context, question):
        """Ids of question and paragraph, the segment of each, and where the words of the paragraph begin.

        What does not fit into the encoder's context is left out at the end.
        """
        tokenizer, encoder = self.encoder.tokenizer, self.encoder
        spans, asked = [one.span() for one in WORD.finditer(context)], words_of(question)
        ids = [encoder.start_id, *tokenizer.encode(question), encoder.end_id]
        segments, places = [0] * len(ids), []
        encoded = tokenizer.encode([context[a:b] for a, b in spans])
        for pieces, mark in zip(encoded, marks(context, spans, asked), strict=True):
            if len(ids) + len(pieces) >= self.length:
                break
            places.append(len(ids))
            ids += pieces
            segments += [min(1 + mark, encoder.segments - 1)] * len(pieces)
        ids, segments = [*ids, encoder.end_id], [*segments, 1]
        return {"ids": ids, "segments": segments, "places": np.array(places), "spans": spans[: len(places)]}

    def batch_of(self, rows):
        """Rows as arrays, padded on the right to one length."""
        shape = len(rows), self.length
        ids, segments = np.full(shape, self.encoder.pad_id, "int32"), np.zeros(shape, "int32")
        words = np.zeros(shape, bool)
        for i, row in enumerate(rows):
            ids[i, : len(row["ids"])], segments[i, : len(row["ids"])] = row["ids"], row["segments"]
            words[i, row["places"]] = True
        return {"ids": ids, "segments": segments, "words": words}


# %% [markdown]
# ## Batches of questions


# %%
class Questions(keras.utils.PyDataset):
    """Batches for the pointer: real questions, or what is taken out of the sentences of texts, anew in each epoch.

    Args:
        model: the `Pointer`.
        source: tuples (context, question, answer, start), or texts.
        seed: int.
    """

    def __init__(self, model, source, seed, batch_size=16):
        super().__init__()
        self.model, self.source, self.seed, self.batch_size = model, source, seed, batch_size
        self.epoch = 0
        self.on_epoch_end()

    def on_epoch_end(self):
        self.rng = np.random.default_rng([self.seed, self.epoch])
        self.order, self.epoch = self.rng.permutation(len(self.source)), self.epoch + 1

    def __len__(self):
        return -(-len(self.source) // self.batch_size)

    def __getitem__(self, index):
        rows, y = [], []
        for i in self.order[index * self.batch_size : (index + 1) * self.batch_size]:
            one = self.source[i]
            context, question, answer, start = taken_out(one, self.rng) if isinstance(one, str) else one
            row = self.model.row(context, question)
            inside = [k for k, (a, b) in enumerate(row["spans"]) if a < start + len(answer) and b > start]
            if inside:
                rows.append(row)
                y.append(row["places"][[inside[0], inside[-1]]])
        return self.model.batch_of(rows), np.array(y, "int32")


# Questions without people --------------------------------------------------------------------------------------------


def taken_out(text, rng):
    """(context, question, answer, start): some words of a sentence, in disorder, ask for others of it."""
    words = list(WORD.finditer(text))
    names = [i for i, word in enumerate(words) if word[0][0].isupper() or word[0][0].isdigit()]
    first = int(rng.choice(names)) if names and rng.random() < 0.7 else int(rng.integers(len(words)))
    last = min(first + int(rng.integers(0, 4)), len(words) - 1)
    start, end = words[first].start(), words[last].end()
    rest = WORD.findall(sentence_with(text, start, text[start:end]).replace(text[start:end], " "))
    asked = [word for word in rest if word.isalnum() and rng.random() < 0.6]
    return text, " ".join(["what", *rng.permutation(asked)]), text[start:end], start


def marks(context, spans, asked):
    """0 to 5 for each word: odd if the question has it; 4 more in the sentence with most such, 2 with half as many."""
    parts = [(len("".join(part)), len(asked & words_of(part[1]))) for part in sentences_of(context)]
    ends, shared = np.cumsum([length for length, _ in parts]), np.array([count for _, count in parts])
    levels = (shared >= 0.5 * shared.max()).astype(int) + (shared == shared.max())
    sentences = np.searchsorted(ends, [start for start, _ in spans], side="right")
    return [2 * int(levels[i]) + (context[a:b].lower() in asked) for i, (a, b) in zip(sentences, spans, strict=True)]


def words_of(text):
    """The words by which a question may be known again."""
    return {word.lower() for word in WORD.findall(text) if word.isalnum()} - COMMON


# %% [markdown]
# ## The baseline, and made-up texts


# %%
def closest_sentence(context, question):
    """The sentence with most words of the question in it."""
    asked = words_of(question)
    return max((sentence for _, sentence, _ in sentences_of(context)), key=lambda one: len(asked & words_of(one)))


def made_up(count, seed=0):
    """Texts about who has what, and questions about them."""
    rng, names = np.random.default_rng(seed), ("Anna", "Ben", "Carla", "David", "Emma", "Fred")
    things, found = ("red hat", "blue coat", "green lamp", "old bell"), []
    for _ in range(count):
        who, what, asked = rng.permutation(names)[:3], rng.permutation(things)[:3], int(rng.integers(3))
        text = " ".join(f"{name} owns the {one} of the house." for name, one in zip(who, what, strict=True))
        answer = str(what[asked])
        found.append((text, f"What does {who[asked]} own?", answer, text.index(answer)))
    return found


# %%
if __name__ == "__main__":
    main()
