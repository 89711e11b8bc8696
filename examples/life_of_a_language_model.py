# %% [markdown]
"""
# The life of a language model: it reads, it learns to do what it is told, it is examined, and people talk to it

    python examples/life_of_a_language_model.py                    ten minutes; nothing is downloaded
    python examples/life_of_a_language_model.py --data FOLDER      also reads and judges film reviews
    python examples/life_of_a_language_model.py --quick            seconds, a tiny model

1. Pretraining: a GPT reads prose about Python that comes with it, and with FOLDER the film reviews of
   `kgen.datasets.load("sentiment")`. It learns to go on with a text, and nothing else.
2. Instruction tuning: conversations (`load("errands")`, with FOLDER `load("instructions")` too) in which somebody asks
   and the assistant answers. The questions are read; only the answers are learned.
3. Evaluation on conversations that it has not seen: how many answers are right to the letter, beside a model of the
   same shape that was never pretrained, and what the prose costs before and after, since tuning makes forget.
4. The model is saved, and the last line says how to talk to it in the studio.

Papers: Radford et al., Improving Language Understanding by Generative Pre-Training, 2018; Wei et al., Finetuned
Language Models Are Zero-Shot Learners, 2022.

**You will see** how it goes on with a text, what it answers once it was told how, the share of right answers, and the
command that opens a chat with it.
"""

# %%
import argparse
import time
from pathlib import Path

import keras

import kgen
from kgen.script import read_options

SIZES = {"context_length": 128, "num_layers": 4, "num_heads": 4, "model_dim": 128, "positions": "rotary"}
QUICK = {"context_length": 128, "num_layers": 1, "num_heads": 2, "model_dim": 32}
ASKED = ("What is the opposite of wet?", "Say the last word of spade cheese lion.", "What sort of thing is cheese?")
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")


# %% [markdown]
# ## Four stages


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with reviews and questions")
    parser.add_argument("--minutes", type=float, default=4.0, help="of pretraining")
    parser.add_argument("--epochs", type=int, default=4, help="of tuning")
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--questions", type=int, default=400, help="of each examination")
    parser.add_argument("--quick", action="store_true", help="a tiny model, little data")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("life_of_a_language_model"), help="folder for the model")
    options = read_options(parser)
    if options.quick:
        options.minutes, options.epochs, options.vocabulary, options.questions = 0.03, 1, 400, 8
    started = time.time()
    texts, prose, lessons, exams = material(options)
    words = [*texts, *(message["content"] for talk in lessons for message in talk)]
    tokenizer = kgen.tokenizers.BytePairTokenizer.train(words, options.vocabulary, extra_tokens=ROLES, progress=False)
    sizes = QUICK if options.quick else SIZES

    print("--- pretraining ---")
    model = kgen.models.GPT(tokenizer, seed=options.seed, **sizes)
    model.compile(recipe(2e-3))
    clock = kgen.training.TimeBudget(options.minutes)
    model.fit(texts, epochs=100_000, callbacks=[clock], verbose=2)
    figures = {"nats per character of prose, pretrained": model.evaluate(prose, full=True)["nats_per_character"]}
    print("The statement", model.generate("The statement", 40, seed=options.seed))

    print("--- tuning ---")
    for name, learner in (("pretrained", model), ("new", kgen.models.GPT(tokenizer, seed=options.seed, **sizes))):
        learner.compile(recipe(1e-3))
        learner.fit(lessons, epochs=options.epochs, verbose=2)
        for exam, talks in exams.items():
            figures[f"{exam} right, {name}"] = right_answers(learner, talks)
    figures["nats per character of prose, tuned"] = model.evaluate(prose, full=True)["nats_per_character"]

    print("--- talking ---")
    talk = []
    for question in ASKED:
        talk.append({"role": "user", "content": question})
        talk.append({"role": "assistant", "content": model.chat(talk, 40, seed=options.seed, truncate=True)})
        print(f"> {question}\n{talk[-1]['content']}")
    options.out.mkdir(parents=True, exist_ok=True)
    model.save(options.out / "model.keras")
    what = f"{options.minutes:g} minutes of reading, {options.epochs} epochs of {len(lessons)} conversations"
    kgen.metrics.report(f"GPT, {what}", figures, model, options.seed, started)
    print(f"To talk to it: kgen demo --model {options.out}")


# %% [markdown]
# ## Texts and examination


# %%
def material(options):
    """Texts to read, prose to be surprised by, conversations to learn from, and several to be examined in."""
    texts, (prose, *_) = kgen.datasets.load("pydoc"), kgen.datasets.load("pydoc", "test")
    lessons, exams = kgen.datasets.load("errands"), {"errands": kgen.datasets.load("errands", "test")}
    if options.data:
        texts = [*texts, *kgen.datasets.load("sentiment", "train", options.data).texts]
        lessons = [*lessons, *kgen.datasets.load("instructions", "train", options.data)]
        told = kgen.datasets.load("instructions", "test", options.data)
        opinions = [talk for talk in told if talk[-1]["content"] in ("good", "bad")]
        exams |= {"opinions": opinions, "answers from a text": [talk for talk in told if talk not in opinions]}
    if options.quick:
        texts, lessons = [text[:2000] for text in texts[:20]], lessons[:200]
    return texts, prose, lessons, {exam: talks[: options.questions] for exam, talks in exams.items()}


def right_answers(model, talks, batch_size=50):
    """Share of the conversations whose last answer the model gives to the letter."""
    right, greedy = 0, kgen.decoding.Greedy()
    talks = sorted(talks, key=lambda talk: len(str(talk)))
    for start in range(0, len(talks), batch_size):
        group = talks[start : start + batch_size]
        answers = model.chat([talk[:-1] for talk in group], 16, greedy, truncate=True)
        right += sum(answer == talk[-1]["content"] for answer, talk in zip(answers, group, strict=True))
    return right / len(talks)


def recipe(rate):
    return keras.optimizers.AdamW(rate, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0)


# %%
if __name__ == "__main__":
    main()
