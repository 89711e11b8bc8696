# %% [markdown]
"""
# Which texts do not belong here: BERT turns each into a vector, and a detector of tables learns which are usual

    python examples/anomaly_texts.py --bert FOLDER --data FOLDER         reviews of films are normal; minutes
    python examples/anomaly_texts.py --quick                             seconds, prose about Python against dates

--bert is a folder of a Hugging Face checkpoint that `kgen.interop` reads, such as all-MiniLM-L6-v2; --data holds the
files of "sentiment", "multi30k" and "tatoeba_en_fr", and without it Keras downloads what it can. A detector learns from
2,000 snippets of reviews, and is asked about others and about sentences from elsewhere: what is on a picture, what is
said every day. AUROC says how often one from elsewhere scores above a review. Beside kgen's detectors stands a forest
of scikit-learn's on the same vectors. Then the reviews that are least like reviews.

With --quick a small BERT is trained first, on lines of the language reference of Python; dates are to be found.

**You will see** how often each detector ranks a stranger above a review, and the reviews that are least like reviews.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import kgen
from kgen.script import read_options

LEARNED, ASKED = 2000, 500
QUICK_BERT = {"num_layers": 1, "model_dim": 32, "num_heads": 2, "context_length": 32, "vocabulary_size": 600}
QUICK = {"epochs": 30, "batch_size": 64, "hidden_dim": 32, "members": 1}


# %% [markdown]
# ## Detectors on vectors of texts


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bert", type=Path, help="folder with config.json, model.safetensors and the tokenizer")
    parser.add_argument("--data", type=Path, help="folder with the data sets' files; else Keras downloads them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="embedded texts, a BERT that is trained in seconds")
    parser.add_argument("--out", type=Path, default=Path("anomaly_texts"), help="folder for the detector")
    options = read_options(parser)
    if not options.quick and not options.bert:
        parser.error("--bert: name the folder of a checkpoint, or try it with --quick")
    rng = np.random.default_rng(options.seed)
    if options.quick:
        learned, asked, others = prose_and_dates(rng)
        bert, arguments = small_bert(learned, options.seed), QUICK
    else:
        learned, asked, others = reviews_and_others(options.data, rng)
        bert, arguments = kgen.interop.load(options.bert), {}

    started = time.time()
    print(f"{len(learned) + len(asked) + sum(map(len, others.values())):,} texts become vectors", flush=True)
    rows, clean = bert.embed(learned), bert.embed(asked)
    strange = {name: bert.embed(texts) for name, texts in others.items()}
    detectors = {
        "VAEDetector": kgen.anomaly.VAEDetector(seed=options.seed, **arguments),
        "DiffusionDetector": kgen.anomaly.DiffusionDetector(seed=options.seed, **arguments),
        "IsolationForest (scikit-learn)": IsolationForest(random_state=options.seed),
    }
    for name, detector in detectors.items():
        detector.fit(rows)
        figures = {f"AUROC, {kind}": area(detector, clean, found) for kind, found in strange.items()}
        experiment = f"{name} on vectors of {rows.shape[1]} numbers"
        kgen.metrics.report(experiment, figures, getattr(detector, "model_", None), options.seed, started)

    # Both in one: what takes texts and says how normal they are.
    whole = make_pipeline(FunctionTransformer(bert.embed), detectors["DiffusionDetector"])
    scores = whole.score_samples(asked)
    print("| score | least like what was learned |", "|---|---|", sep="\n")
    for one in np.argsort(scores)[:5]:
        print(f"| {-scores[one]:.2f} | {asked[one].replace('|', '/')[:100]} |")
    options.out.mkdir(parents=True, exist_ok=True)
    detectors["DiffusionDetector"].save(options.out / "detector.zip")


# %% [markdown]
# ## Figures and texts


# %%
def area(detector, clean, strange):
    scores = -np.concatenate([detector.score_samples(clean), detector.score_samples(strange)])
    return float(roc_auc_score(np.repeat([0, 1], [len(clean), len(strange)]), scores))


def reviews_and_others(data, rng):
    """(reviews to learn from, reviews to judge, {kind: other sentences})."""
    reviews, _ = kgen.datasets.load("sentiment", "train", data)
    fresh, _ = kgen.datasets.load("sentiment", "test", data)
    captions, _ = kgen.datasets.load("multi30k", "test", data)
    everyday, _ = kgen.datasets.load("tatoeba_en_fr", "test", data)
    others = {"captions": some(captions, ASKED, rng), "everyday": some(everyday, ASKED, rng)}
    return some(reviews, LEARNED, rng), some(fresh, ASKED, rng), others


def prose_and_dates(rng):
    """The same of embedded texts."""
    lines = (line.strip() for text in kgen.datasets.load("pydoc") for line in text.splitlines())
    prose = some(list(dict.fromkeys(line for line in lines if len(line) > 30)), 700, rng)
    dates, _ = kgen.datasets.load("dates", "test")
    return prose[:500], prose[500:], {"dates": some(dates, 200, rng)}


def some(texts, count, rng):
    return [texts[i] for i in rng.permutation(len(texts))[:count]]


def small_bert(texts, seed):
    bert = kgen.models.BERT.for_data(texts, seed=seed, **QUICK_BERT)
    bert.compile()
    bert.fit(texts, epochs=2, batch_size=64, verbose=0)
    return bert


# %%
if __name__ == "__main__":
    main()
