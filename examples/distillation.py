# %% [markdown]
"""
# A small student of a large teacher, as DistilBERT learned: every other layer, and the opinions of the teacher

    python examples/distillation.py --data FOLDER                 ten minutes: snippets of film reviews
    python examples/distillation.py --quick                       seconds, on sentences that are made up here

FOLDER holds the files of `kgen.datasets.load("sentiment")`. A BERT of four layers learns to guess hidden words. Its
student has two, begins with layers 1 and 3 of it, and learns from the same texts, for as long: not only which word was
there but the whole distribution that the teacher gives it, softened by a temperature T, and the direction of the
teacher's hidden states h.

    loss = T² KL(teacher_T || student_T) - log p_student(word) + (1 - cos(h_teacher, h_student))

Another model of the student's size and beginning learns without the teacher's opinions. All guess words of texts that
none has seen.

Paper: Sanh et al., DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter, 2019.

**You will see** what a hidden word costs teacher, student and a model that learned without the teacher, and how much
faster the small ones read.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
from keras import ops

import kgen
from kgen.functional.cloze import hide
from kgen.script import read_options

TEACHER = {"num_layers": 4, "model_dim": 128, "num_heads": 4, "context_length": 64, "segments": 0, "dropout": 0.0}
QUICK = {"num_layers": 2, "model_dim": 32, "num_heads": 2, "context_length": 32, "segments": 0, "dropout": 0.0}
TEMPERATURE = 2.0


# %% [markdown]
# ## Teacher, student, and one that learns alone


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the reviews")
    parser.add_argument("--minutes", type=float, default=4.0, help="of the teacher's training")
    parser.add_argument("--epochs", type=int, default=6, help="of either student's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="tiny models, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("distillation"), help="folder for the student")
    options = read_options(parser)
    started, shape, vocabulary = time.time(), TEACHER, 4096
    if options.quick:
        shape, vocabulary, options.minutes, options.epochs = QUICK, 100, 0.05, 3
        train = test = made_up()
    else:
        train, test = (list(kgen.datasets.load("sentiment", split, options.data).texts) for split in ("train", "test"))
    tokenizer = kgen.tokenizers.WordPieceTokenizer.train(train, vocabulary, progress=False)
    shape = {**shape, "tokenizer": tokenizer, "norm_position": "pre", "seed": options.seed}

    teacher = kgen.models.BERT(**shape)
    teacher.compile(recipe())
    fitting = {"epochs": 100_000, "batch_size": 64, "verbose": 2}
    teacher.fit(train, callbacks=[kgen.training.TimeBudget(options.minutes)], **fitting)

    figures = {"gaps guessed, teacher": teacher.evaluate(test, full=True)["accuracy"]}
    for name, weight in (("alone", 0.0), ("taught", 1.0)):
        student = half_of(teacher, shape)
        lesson = Distillation(student, teacher, weight)
        lesson.compile(recipe())
        lesson.fit(student.batches(*student.prepare(train), 64, shuffle=True), epochs=options.epochs, verbose=2)
        figures[f"gaps guessed, student {name}"] = student.evaluate(test, full=True)["accuracy"]
    figures["share of the teacher's parameters"] = student.count_params() / teacher.count_params()
    figures["share of its time to read"] = seconds(student, test) / seconds(teacher, test)
    options.out.mkdir(parents=True, exist_ok=True)
    student.save(options.out / "student.keras")
    what = f"{options.minutes:g} minutes of a teacher, {options.epochs} epochs of a student of half its layers"
    kgen.metrics.report(f"distillation, {what}", figures, student, options.seed, started)


# %% [markdown]
# ## The teacher's opinions


# %%
@keras.saving.register_keras_serializable(package="kgen_examples")
class Distillation(keras.Model):
    """A student and a teacher that fill the same gaps; only the student learns.

    Args:
        student, teacher: models like `kgen.models.BERT`, of one width and one vocabulary.
        weight: of what the teacher thinks, ≥ 0; the words themselves have 1.
    """

    def __init__(self, student, teacher, weight):
        super().__init__()
        self.student, self.teacher, self.weight = student, teacher, weight
        self.teacher.trainable = False
        self.gaps = keras.random.SeedGenerator(1)
        self.built = True

    def call(self, inputs, training=False):
        """Hidden states of both at the same gaps, and what was there."""
        ids, student = inputs["cloze"], self.student
        allowed = ops.logical_and(
            ids != student.pad_id, ops.logical_and(ids != student.start_id, ids != student.end_id)
        )
        draws = keras.random.uniform((3, *ops.shape(ids)), seed=self.gaps)
        with_gaps, places, words = hide(ids, allowed, draws, student.hidden_share, student.mask_id, student.num_tokens)
        read = {"ids": with_gaps, "mask": ids != student.pad_id}
        ours, theirs = (
            ops.take_along_axis(model(read, training=training), places[..., None], axis=1)
            for model in (student, self.teacher)
        )
        return {"ours": ours, "theirs": ops.stop_gradient(theirs), "words": words}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        ours, theirs, words = (y_pred[name] for name in ("ours", "theirs", "words"))
        logits, wanted = self.student.readout(ours), ops.stop_gradient(self.teacher.readout(theirs))
        right = ops.one_hot(ops.maximum(words, 0), self.student.num_tokens)
        loss = -ops.sum(right * ops.log_softmax(logits), axis=-1)
        if self.weight:
            soft, target = ops.log_softmax(logits / TEMPERATURE), ops.log_softmax(wanted / TEMPERATURE)
            divergence = ops.sum(ops.exp(target) * (target - soft), axis=-1)
            cosine = ops.sum(ops.normalize(ours, axis=-1) * ops.normalize(theirs, axis=-1), axis=-1)
            loss = loss + self.weight * (TEMPERATURE**2 * divergence + 1.0 - cosine)
        counted = ops.cast(words >= 0, "float32")
        return ops.sum(loss * counted) / ops.maximum(ops.sum(counted), 1.0)


# %% [markdown]
# ## The student, and the texts


# %%
def half_of(teacher, shape):
    """A model of half the layers that begins with every other one of the teacher's, and all the rest of it."""
    student = kgen.models.BERT(**{**shape, "num_layers": teacher.num_layers // 2})
    for name in ("token_embedding", "position_layer", "embedding_norm", "final_norm", "head"):
        getattr(student, name).set_weights(getattr(teacher, name).get_weights())
    for block, its in zip(student.blocks, teacher.blocks[::2], strict=True):
        block.set_weights(its.get_weights())
    return student


def recipe():
    return keras.optimizers.AdamW(1.5e-3, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0)


def seconds(model, texts):
    """How long it takes to read the texts; the second time counts, when everything is compiled."""
    for _ in range(2):
        began = time.perf_counter()
        model.embed(texts)
    return time.perf_counter() - began


def made_up():
    """Sentences in which every word can be guessed from the others."""
    moods = {"fine": "glad", "great": "happy", "poor": "sad", "dull": "tired"}
    pairs = [(what, how, mood) for what in ("film", "play") for how, mood in moods.items()]
    return [f"the {what} is {how} and {who} said {mood} ." for what, how, mood in pairs for who in ("she", "he")] * 8


# %%
if __name__ == "__main__":
    main()
