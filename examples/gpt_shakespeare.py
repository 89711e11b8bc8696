# %% [markdown]
"""
# A GPT of characters on Shakespeare's plays: nats per character on the last tenth, and a page of new verse

    python examples/gpt_shakespeare.py --data FOLDER                       0.8 M parameters, some minutes
    python examples/gpt_shakespeare.py --data FOLDER --size preset --out runs/shakespeare
    python examples/gpt_shakespeare.py --quick                             half a minute, on text that comes with Python

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
from kgen import backend
from kgen.script import read_options

# nanoGPT's recipe for a CPU; its recipe for a GPU; and what fits into a preset.
SIZES = {
    "small": {"context_length": 64, "num_layers": 4, "num_heads": 4, "model_dim": 128},
    "preset": {"context_length": 128, "num_layers": 4, "num_heads": 6, "model_dim": 192},
    "full": {"context_length": 256, "num_layers": 6, "num_heads": 6, "model_dim": 384, "dropout": 0.2},
    "quick": {"context_length": 32, "num_layers": 1, "num_heads": 2, "model_dim": 32},
}
EPOCHS = {"small": 2, "preset": 12, "full": 80, "quick": 1}
BATCH = {"small": 12, "preset": 16, "full": 64, "quick": 32}

CARD = """# shakespeare-gpt

Writes verse in the manner of Shakespeare, character by character.

- Model: `kgen.models.GPT`, {layers} layers, {heads} heads, width {width}, context {context}, {parameters:,} parameters.
- Data: tinyshakespeare (A. Karpathy, char-rnn): 1,115,394 characters of the plays; the first 90 %. Licence: public
  domain.
- Figures: {nats:.4f} nats per character on the last 10 % (windows side by side; {strided:.4f} with at least half a
  context before each character), after {epochs} epochs, seed {seed}, {backend}.
- Rebuild: `python examples/gpt_shakespeare.py --size preset --epochs {epochs} --preset FOLDER`
- Limits: it knows these plays and nothing else. It spells well, keeps the form of a play, and means nothing.
"""


# %% [markdown]
# ## Training, a figure, a page


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with tinyshakespeare.txt; else Keras downloads it")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--quick", action="store_true", help="a tiny model on text that comes with Python")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the model, to stop and go on")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    size = "quick" if options.quick else options.size
    epochs, batch_size = options.epochs or EPOCHS[size], BATCH[size]

    if options.quick:
        train, test = (kgen.datasets.load("pydoc", split=split) for split in ("train", "test"))
        train = train[:10]
    else:
        train, test = (
            kgen.datasets.load("shakespeare", split=split, data_dir=options.data) for split in ("train", "test")
        )

    checkpoint = options.out / "model.keras" if options.out else None
    if checkpoint and checkpoint.exists():
        model = kgen.load(checkpoint)
    else:
        model = kgen.models.GPT.for_data(train, tokenizer="character", seed=options.seed, **SIZES[size])
        steps = epochs * sum(map(len, train)) // (batch_size * model.context_length)
        warm_up = min(100, steps // 10 + 1)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warm_up, alpha=0.0, warmup_target=options.learning_rate, warmup_steps=warm_up
        )
        model.compile(keras.optimizers.AdamW(rate, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0))
    callbacks = [keras.callbacks.ModelCheckpoint(checkpoint)] if checkpoint else []
    if model.epochs_trained < epochs:
        model.fit(
            train,
            batch_size=batch_size,
            epochs=epochs,
            initial_epoch=model.epochs_trained,
            validation_data=test,
            callbacks=callbacks,
            verbose=2,
        )
    figures = model.evaluate(test, full=True)
    kgen.metrics.report(
        f"GPT {size} on {'pydoc' if options.quick else 'shakespeare, last 10 %'}", figures, model, options.seed, started
    )
    print(model.generate("ROMEO:", max_new_tokens=100 if options.quick else 400, seed=options.seed))

    if options.preset:
        strided = model.evaluate(test, full=True, stride=model.context_length // 2)
        card = CARD.format(
            layers=model.num_layers,
            heads=model.num_heads,
            width=model.model_dim,
            context=model.context_length,
            parameters=model.count_params(),
            nats=figures["nats_per_character"],
            strided=strided["nats_per_character"],
            epochs=model.epochs_trained,
            seed=options.seed,
            backend=backend.running(),
        )
        model.save_to_preset(options.preset, card)


# %%
if __name__ == "__main__":
    main()
