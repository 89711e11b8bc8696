# %% [markdown]
"""
# A recurrent network of characters on Shakespeare's plays: nats per character on the last tenth, and a page of verse

    python examples/rnn_shakespeare.py --data FOLDER                    an LSTM, some ten minutes on two cores
    python examples/rnn_shakespeare.py --data FOLDER --cell gru --out runs/gru
    python examples/rnn_shakespeare.py --quick                          half a minute, on text that comes with Python

FOLDER holds tinyshakespeare.txt (or .gz); without --data Keras downloads it. Stop it and start it again with the same
--out: it goes on where its last epoch ended.

**You will see** after each epoch a few lines in `samples/`; at the end the nats per character and a page of verse.
"""

# %%
import argparse
import time
from pathlib import Path

import keras

import kgen
from kgen.script import read_options

# What two cores learn in a quarter of an hour; char-rnn's class of models, for a GPU.
SIZES = {
    "small": {"context_length": 128, "num_layers": 1, "units": 512, "model_dim": 128},
    "full": {"context_length": 256, "num_layers": 2, "units": 512, "dropout": 0.3},
    "quick": {"context_length": 32, "num_layers": 1, "units": 64},
}
EPOCHS = {"small": 4, "full": 50, "quick": 3}
BATCH = {"small": 32, "full": 64, "quick": 32}


# %% [markdown]
# ## Training, a figure, a page


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with tinyshakespeare.txt; else Keras downloads it")
    parser.add_argument("--cell", choices=("lstm", "gru"), default="lstm")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--quick", action="store_true", help="a tiny model on text that comes with Python")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the model, to stop and go on")
    options = read_options(parser)
    started = time.time()
    size = "quick" if options.quick else options.size
    epochs, batch_size = options.epochs or EPOCHS[size], BATCH[size]

    if options.quick:
        train, test = (kgen.datasets.load("pydoc", split=split) for split in ("train", "test"))
        train, test = train[:10], test[:10]
    else:
        train, test = (
            kgen.datasets.load("shakespeare", split=split, data_dir=options.data) for split in ("train", "test")
        )

    checkpoint = options.out / "model.keras" if options.out else None
    if checkpoint and checkpoint.exists():
        model = kgen.load(checkpoint)
    else:
        model = kgen.models.RNNLanguageModel.for_data(
            train, tokenizer="character", cell=options.cell, seed=options.seed, **SIZES[size]
        )
        # A rate that warms up and then falls to nothing is worth more here than further epochs.
        steps = epochs * sum(map(len, train)) // (batch_size * model.context_length)
        warm_up = min(100, steps // 10 + 1)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warm_up, alpha=0.0, warmup_target=options.learning_rate, warmup_steps=warm_up
        )
        model.compile(keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=1.0))
    if model.epochs_trained < epochs:
        model.fit(
            train,
            batch_size=batch_size,
            epochs=epochs,
            initial_epoch=model.epochs_trained,
            validation_data=test,
            callbacks=[keras.callbacks.ModelCheckpoint(checkpoint)] if checkpoint else [],
            verbose=2,
        )
    figures = model.evaluate(test, full=True)
    data = "pydoc" if options.quick else "shakespeare, last 10 %"
    kgen.metrics.report(f"RNN {model.cell} {size} on {data}", figures, model, options.seed, started)
    prompt, length = ("the ", 100) if options.quick else ("ROMEO:", 400)
    print(model.generate(prompt, max_new_tokens=length, seed=options.seed))


# %%
if __name__ == "__main__":
    main()
