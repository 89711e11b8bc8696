"""Word vectors by kgen and by gensim: how many analogies come out, and how many words a second are learned.

    python benchmarks/word_embeddings.py --data FOLDER [--dim 100] [--epochs 5] [--seeds 1 2 3] [--backends jax torch]

FOLDER holds Tatoeba's sentences and Multi30k's captions (see `help(kgen.datasets.translations)`), whose English is the
corpus; without it it is the prose that comes with Python, which knows no boys and girls. Each contestant has the same
sentences, cut into the same words, the same dimension, window, negatives, subsampling and epochs, one thread, and a
process of its own. gensim (skip-gram) runs where it is installed; its vectors are put into a kgen model to be asked the
same questions in the same way: "a is to b as c is to …?", all pairs of two rows of a list below whose words the
vocabulary holds. Words a second are those of the corpus, times the epochs, through the processor's seconds in `fit` or
in `Word2Vec.train`: on a machine that has other things to do they say the same. kgen's first epoch, which compiles, is
in the seconds and not in the speed.
"""

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path

import side_by_side

LISTS = {  # after the categories of Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013
    "family": "man woman, boy girl, men women, boys girls, father mother, son daughter, brother sister, husband wife, "
    "king queen, uncle aunt, grandfather grandmother, he she, his her, himself herself, sir madam, gentleman lady, "
    "guy girl, dad mom, grandson granddaughter",
    "plural": "dog dogs, cat cats, boy boys, girl girls, man men, woman women, child children, car cars, tree trees, "
    "bird birds, book books, friend friends, house houses, hand hands, eye eyes, horse horses, person people, "
    "student students, teacher teachers, flower flowers, adult adults, building buildings",
    "opposite": "good bad, hot cold, big small, old young, happy sad, black white, open closed, early late, "
    "long short, always never, up down, before after, left right, first last, more less, rich poor, hard easy, "
    "inside outside",
    "past": "go went, see saw, eat ate, come came, take took, give gave, make made, know knew, think thought, "
    "say said, tell told, find found, leave left, lose lost, buy bought, get got, have had, do did, is was, are were, "
    "can could",
    "participle": "go going, eat eating, sit sitting, stand standing, walk walking, run running, play playing, "
    "read reading, write writing, sleep sleeping, swim swimming, look looking, work working, talk talking, "
    "drink drinking, dance dancing, ride riding, hold holding, wear wearing, jump jumping, sing singing, cook cooking",
    "third person": "go goes, eat eats, sit sits, stand stands, walk walks, run runs, play plays, read reads, "
    "look looks, work works, talk talks, ride rides, hold holds, wear wears, jump jumps, want wants, know knows, "
    "like likes",
    "comparative": "good better, bad worse, big bigger, small smaller, old older, young younger, tall taller, "
    "long longer, short shorter, high higher, fast faster, late later, hot hotter, cold colder, strong stronger",
    "nationality": "france french, germany german, england english, japan japanese, china chinese, italy italian, "
    "spain spanish, america american, russia russian, canada canadian",
}
ASKED = (("man", "boy", "woman", "girl"), ("man", "king", "woman", "queen"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with Tatoeba and Multi30k")
    for name, value in {
        "dim": 100,
        "window": 5,
        "negatives": 5,
        "epochs": 5,
        "min-count": 5,
        "batch-size": 32,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--subsample", type=float, default=1e-3)
    parser.add_argument("--learning-rate", type=float, help="of Adam, instead of kgen's own")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--backends", nargs="*", default=side_by_side.backends_here())
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(contestant(options)))
        return
    started = time.time()
    words = [f"--{name.replace('_', '-')}={value}" for name, value in vars(options).items() if _is_passed(name, value)]
    one_thread = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    one_thread["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    print("| contestant | analogies, first | among five | boy - man + woman | king - man + woman | words/s | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in (["gensim"] if side_by_side.is_here("gensim") else []) + options.backends:
        backend = "torch" if name == "gensim" else name
        results = [
            side_by_side.ask(
                __file__, *words, f"--only={name}", "--seeds", str(seed), backend=backend, environment=one_thread
            )
            for seed in options.seeds
        ]
        if None not in results:
            print(row(name, results), flush=True)
    print(f"{results[0]['questions']} questions; {results[0]['words']:,} words, {results[0]['known']:,} different ones")
    print(side_by_side.facts(started, ", ".join(map(str, options.seeds))))


def contestant(options):
    """The figures of one contestant, as a dict."""
    import kgen
    from kgen.tokenizers.whole_words import words_of

    texts = [words_of(text) for text in corpus(options.data)]
    total, seed = sum(map(len, texts)), options.seeds[0]
    shape = {"window": options.window, "subsample": options.subsample}
    if options.only == "gensim":
        from gensim.models import Word2Vec

        peer = Word2Vec(
            vector_size=options.dim,
            window=options.window,
            negative=options.negatives,
            sample=options.subsample,
            min_count=options.min_count,
            sg=1,
            workers=1,
            seed=seed,
        )
        peer.build_vocab(texts)
        started = time.process_time()
        peer.train(texts, total_examples=len(texts), epochs=options.epochs)
        seconds = time.process_time() - started
        model = kgen.models.WordEmbeddings(vocabulary=peer.wv.index_to_key, model_dim=options.dim)
        model.word_embedding.embeddings.assign(peer.wv.vectors)
        speed = total * options.epochs / seconds
    else:
        model = kgen.models.WordEmbeddings.for_data(
            texts,
            min_count=options.min_count,
            model_dim=options.dim,
            num_negatives=options.negatives,
            seed=seed,
            **shape,
        )
        model.compile()
        if options.learning_rate:
            model.optimizer.learning_rate = options.learning_rate
        clock = Clock()
        model.fit(texts, epochs=options.epochs, batch_size=options.batch_size, callbacks=[clock.callback()], verbose=0)
        seconds = sum(clock.seconds)
        speed = total / statistics.median(clock.seconds[1:] or clock.seconds)
    questions = [(a, b, c, d) for rows in LISTS.values() for (a, b), (c, d) in itertools.permutations(_pairs(rows), 2)]
    figures = model.evaluate(texts[:1000], full=True, questions=questions)
    for a, b, c, d in ASKED:
        known = all(word in model.vocabulary for word in (a, b, c, d))
        found = [word for word, _ in model.analogy(a, b, c, top=5)] if known else []
        figures[f"{b} - {a} + {c}"] = (found.index(d) + 1 if d in found else 0) if known else None
    per_list = {}
    for name, rows in LISTS.items():
        own = [(*one, *other) for one, other in itertools.permutations(_pairs(rows), 2)]
        per_list[name] = model.evaluate(texts[:10], full=True, questions=own)["top1"]
    return {**figures, "speed": speed, "seconds": seconds, "words": total, "known": len(model.vocabulary), **per_list}


class Clock:
    """The processor's seconds of each epoch."""

    def __init__(self):
        self.seconds = []

    def callback(self):
        import keras

        def begin(epoch, logs=None):
            self.started = time.process_time()

        def end(epoch, logs=None):
            self.seconds.append(time.process_time() - self.started)

        return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)


def corpus(folder):
    """English sentences, none twice."""
    import kgen

    if folder is None:
        return kgen.datasets.load("pydoc")
    tatoeba = kgen.datasets.load("tatoeba_en_fr", data_dir=folder)[0]
    captions = kgen.datasets.load("multi30k", data_dir=folder)[0]
    return list(dict.fromkeys([*tatoeba, *captions]))


def row(name, results):
    """A line of the table: medians over the seeds, and the range of what differs."""

    def among(key, scale=1.0, form="{:.1f}"):
        values = sorted(scale * one[key] for one in results)
        middle = form.format(statistics.median(values))
        return middle if len(values) == 1 else f"{middle} ({form.format(values[0])} to {form.format(values[-1])})"

    def places(key):
        return ", ".join({None: "–", 0: "not in five"}.get(one[key], f"{one[key]}.") for one in results)

    cells = [among("top1", 100), among("top5", 100), *(places(f"{b} - {a} + {c}") for a, b, c, _ in ASKED)]
    cells += [among("speed", form="{:,.0f}"), among("seconds")]
    cells[0] += " [" + ", ".join(f"{one} {statistics.median(r[one] for r in results):.0%}" for one in LISTS) + "]"
    return f"| {name} | {' | '.join(cells)} |"


def _is_passed(name, value):
    return value is not None and name not in ("only", "seeds", "backends")


def _pairs(rows):
    return [tuple(pair.split()) for pair in rows.split(", ")]


if __name__ == "__main__":
    main()
