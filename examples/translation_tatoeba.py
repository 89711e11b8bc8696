# %% [markdown]
"""
# English to French with everyday sentences from Tatoeba: how the presets en-fr and en-fr-gru are made

    python examples/translation_tatoeba.py --data FOLDER --epochs 9 --out runs/first --preset presets/first
    python examples/translation_tatoeba.py --data FOLDER --epochs 5 --start presets/first --preset presets/en-fr
    python examples/translation_tatoeba.py --data FOLDER --epochs 10 --model gru --preset presets/en-fr-gru
    python examples/translation_tatoeba.py --quick                             half a minute, on dates that are made up

FOLDER holds tatoeba_en-fr.tsv.gz or the fra.txt of manythings.org/anki (see
`help(kgen.datasets.translations.tatoeba_en_fr)`); without --data Keras downloads it. Sentences are split so that no
English sentence is in two splits. The weights of the last epochs are averaged. Stop it and start it again with the same
--out: it goes on where its last epoch ended. With --start a finished model learns on, at a rate that falls to nothing.

**You will see** translations beside references, and BLEU and chrF on sentences that the model has not seen.
"""

# %%
import argparse
import time
from pathlib import Path

import keras

import kgen
from kgen import backend
from kgen.script import read_options

VOCABULARY = 6000
SIZES = {
    "transformer": {"num_layers": 3, "num_heads": 4, "model_dim": 192, "feedforward_dim": 512, "dropout": 0.1},
    "gru": {
        "cell": "gru",
        "attention": "additive",
        "units": 320,
        "model_dim": 256,
        "dropout": 0.2,
        "label_smoothing": 0.1,
    },
}
QUICK = {"transformer": {"num_layers": 1, "num_heads": 2, "model_dim": 64}, "gru": {"units": 64}}
AVERAGED = {"transformer": 4, "gru": 2}  # epochs
RATE = 2e-3  # of the GRU's own recipe
FALLING = 4  # last epochs, in which the GRU's rate of learning falls to a fifth; the Transformer's always falls
RATE_OF_MORE = 6e-4  # with --start: about what the Transformer's first nine epochs end with

CARD = """# {name}

Translates everyday English into French, sentence by sentence.

- Model: `kgen.models.{kind}`, {parameters:,} parameters, a joint byte-pair vocabulary of {vocabulary}.
- Data: sentence pairs of the Tatoeba project (https://tatoeba.org) as exported by https://www.manythings.org/anki:
  96 % of the English sentences with all their translations. Licence: CC BY 2.0 FR, by the authors of Tatoeba.
- Figures: BLEU {bleu:.1f} and chrF {chrf:.1f} with a beam of 5 on {sentences} pairs whose English sentences it has
  not seen, one reference each; perplexity {perplexity:.2f}; after {epochs} epochs, seed {seed}, {backend}.
  Signatures of sacreBLEU: {bleu.signature} and
  {chrf.signature}
- Rebuild: `python examples/translation_tatoeba.py --model {model} --epochs {epochs}{start} --preset FOLDER`
- Limits: it knows short everyday sentences. Names, rare words and long sentences it gets wrong, and it does not say so.
"""


# %% [markdown]
# ## Training, figures, the preset


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the sentences; else Keras downloads them")
    parser.add_argument("--model", choices=SIZES, default="transformer")
    parser.add_argument("--quick", action="store_true", help="one epoch on made-up dates")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--start", help="a preset, by name or folder, that learns on for --epochs")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("translation_tatoeba"), help="folder for the models")
    parser.add_argument("--preset", type=Path, help="write the averaged model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    options.out.mkdir(parents=True, exist_ok=True)
    name, epochs = ("dates", 1) if options.quick else ("tatoeba_en_fr", options.epochs)
    train, validation, test = (
        kgen.datasets.load(name, split=split, data_dir=options.data) for split in ("train", "validation", "test")
    )

    if options.quick:
        train, validation, test = (
            tuple(part[:rows] for part in one)
            for one, rows in zip((train, validation, test), (2000, 50, 50), strict=True)
        )

    saved = sorted(options.out.glob("epoch_*.keras"))
    kind = kgen.models.TransformerSeq2Seq if options.model == "transformer" else kgen.models.Seq2SeqRNN
    if saved:
        model = kgen.load(saved[-1])
    elif options.start:
        model = kind.from_preset(options.start)
        model.compile(keras.optimizers.Adam(RATE_OF_MORE, beta_2=0.98, epsilon=1e-9, global_clipnorm=1.0))
    else:
        sizes = {**(QUICK if options.quick else SIZES)[options.model], "context_length": 64}
        model = kind.for_data(*train, vocabulary_size=VOCABULARY, seed=options.seed, **sizes)
        model.compile()
    if model.epochs_trained < epochs:
        model.fit(
            *train,
            batch_size=options.batch_size,
            epochs=epochs,
            initial_epoch=model.epochs_trained,
            validation_data=validation,
            callbacks=[
                keras.callbacks.ModelCheckpoint(options.out / "epoch_{epoch:04d}.keras"),
                *falling(options, epochs),
            ],
            verbose=2,
        )
    saved = sorted(options.out.glob("epoch_*.keras"))
    model = kgen.training.average_weights(saved[-AVERAGED[options.model] :])

    figures = model.evaluate(*test, full=True, sampler=kgen.decoding.Beam(5))
    after = f", after those of {options.start}" if options.start else ""
    what = f"{options.model} on {name}, unseen sentences, beam 5, {epochs} epochs{after}"
    kgen.metrics.report(what, figures, model, options.seed, started)
    sources = ["three may 1999"] if options.quick else ["I am a student.", "Where is the station?", "She loves me."]
    for source, target in zip(sources, model.generate(sources), strict=True):
        print(f"    {source} → {target}")
    if options.preset:
        card = CARD.format(
            name=options.preset.name,
            kind=type(model).__name__,
            parameters=model.count_params(),
            vocabulary=model.num_tokens,
            epochs=epochs,
            seed=options.seed,
            backend=backend.running(),
            model=options.model,
            start=f" --start {options.start}" if options.start else "",
            **figures,
        )
        model.save_to_preset(options.preset, card)


# %%
def falling(options, epochs):
    """The callback that lets the rate of learning fall; by the number of the epoch, so that it can be resumed."""
    if options.start:
        return [keras.callbacks.LearningRateScheduler(lambda epoch: RATE_OF_MORE * (epochs - epoch) / epochs)]
    if options.model == "transformer":
        return []
    return [keras.callbacks.LearningRateScheduler(lambda epoch: RATE * min(1.0, (epochs - epoch) / (FALLING + 1)))]


# %%
if __name__ == "__main__":
    main()
