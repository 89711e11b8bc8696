"""How fast BERT and ViT learn and read: kgen beside the same networks from transformers and KerasHub.

    python benchmarks/encoders.py [--quick] [--pairs 5] [--only bert-kgen-jax,bert-transformers]

BERT has 4 layers of 256 with 4 heads and 8,192 tokens; texts fill their 128 tokens, 16 at a time. It learns to fill
gaps, it learns two classes, and it reads: hidden states out. ViT has 6 layers of 192 with 3 heads and reads images of
32 × 32 in patches of 4, 64 at a time: it learns ten classes, and it tells them. float32, dropout 0.1 in BERT's
training, AdamW with clipped gradients; random weights and data. kgen and KerasHub train through `fit` and read through
what their users call; transformers trains in the loop that people write by hand. Each figure comes from a process of
its own; see `side_by_side.py`. Peers that are not installed are left out.

Of gaps, transformers reads out every token, kgen and KerasHub the hidden ones alone, as BERT's authors did.
"""

import argparse
import json
import time

import numpy as np
import side_by_side

BERT = {"num_layers": 4, "num_heads": 4, "model_dim": 256, "vocabulary": 8192, "length": 128, "batch": 16}
VIT = {"num_layers": 6, "num_heads": 3, "model_dim": 192, "side": 32, "patch": 4, "batch": 64}
QUICK = {"num_layers": 1, "num_heads": 2, "model_dim": 32}
HIDDEN = 0.15  # share of the tokens
START, END, MASK, SPECIAL = 1, 2, 3, 4  # ids below SPECIAL are no words; 0 pads
REPETITIONS = 3  # within a process, of which the fastest counts


# Each function returns {what is measured: a function of rows that does it}.


def bert_kgen(shape):
    import kgen

    size = {name: shape[name] for name in ("num_layers", "num_heads", "model_dim")}

    def encoder():
        return kgen.models.BERT(
            vocabulary_size=shape["vocabulary"],
            context_length=shape["length"],
            special_ids=(0, START, END, MASK),
            seed=1,
            **size,
        )

    reader, classifier = encoder(), kgen.models.TextClassifier(encoder(), pooling="token", seed=1)
    for model in (reader, classifier):
        model.compile(_adamw())
    return {
        "gaps": lambda ids, labels: reader.fit(list(ids), batch_size=shape["batch"], verbose=0),
        "classes": lambda ids, labels: classifier.fit(list(ids), labels, batch_size=shape["batch"], verbose=0),
        "reading": lambda ids, labels: reader.embed(list(ids), batch_size=shape["batch"]),
    }


def bert_keras_hub(shape):
    import keras_hub

    def encoder():
        return keras_hub.models.BertBackbone(
            vocabulary_size=shape["vocabulary"],
            num_layers=shape["num_layers"],
            num_heads=shape["num_heads"],
            hidden_dim=shape["model_dim"],
            intermediate_dim=4 * shape["model_dim"],
            max_sequence_length=shape["length"],
        )

    reader = encoder()
    filler = keras_hub.models.BertMaskedLM(reader, preprocessor=None)
    classifier = keras_hub.models.BertTextClassifier(encoder(), num_classes=2, preprocessor=None)
    filler.compile(optimizer=_adamw())
    classifier.compile(optimizer=_adamw())

    def inputs(ids):
        return {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": np.ones_like(ids)}

    def fill(ids, labels):
        gapped, places, words = with_gaps(ids)
        filler.fit({**inputs(gapped), "mask_positions": places}, words, batch_size=shape["batch"], verbose=0)

    return {
        "gaps": fill,
        "classes": lambda ids, labels: classifier.fit(inputs(ids), labels, batch_size=shape["batch"], verbose=0),
        "reading": lambda ids, labels: reader.predict(inputs(ids), batch_size=shape["batch"], verbose=0),
    }


def bert_transformers(shape):
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=shape["vocabulary"],
        hidden_size=shape["model_dim"],
        num_hidden_layers=shape["num_layers"],
        num_attention_heads=shape["num_heads"],
        intermediate_size=4 * shape["model_dim"],
        max_position_embeddings=shape["length"],
        attention_probs_dropout_prob=0.0,
    )
    filler = transformers.BertForMaskedLM(config)
    classifier = transformers.BertForSequenceClassification(config)
    fill, learn = _steps(filler), _steps(classifier)

    def fill_gaps(ids, labels):
        gapped, places, words = with_gaps(ids)
        wanted = np.full_like(ids, -100)
        np.put_along_axis(wanted, places, words, axis=1)
        for rows in _batches(shape, ids):
            fill(input_ids=torch.from_numpy(gapped[rows]).long(), labels=torch.from_numpy(wanted[rows]).long())

    def learn_classes(ids, labels):
        for rows in _batches(shape, ids):
            learn(input_ids=torch.from_numpy(ids[rows]).long(), labels=torch.from_numpy(labels[rows]).long())

    def read(ids, labels):
        filler.eval()
        with torch.inference_mode():
            for rows in _batches(shape, ids):
                filler.bert(torch.from_numpy(ids[rows]).long()).last_hidden_state.mean(axis=1).numpy()

    return {"gaps": fill_gaps, "classes": learn_classes, "reading": read}


def vit_kgen(shape):
    import kgen

    size = {name: shape[name] for name in ("num_layers", "num_heads", "model_dim")}
    model = kgen.models.ViT((shape["side"],) * 2 + (3,), patch_size=shape["patch"], seed=1, **size)
    model.compile(_adamw())
    return {
        "classes": lambda images, labels: model.fit(images, labels, batch_size=shape["batch"], verbose=0),
        "reading": lambda images, labels: model.logits(images),
    }


def vit_keras_hub(shape):
    import keras_hub

    backbone = keras_hub.models.ViTBackbone(
        image_shape=(shape["side"],) * 2 + (3,),
        patch_size=(shape["patch"],) * 2,
        num_layers=shape["num_layers"],
        num_heads=shape["num_heads"],
        hidden_dim=shape["model_dim"],
        mlp_dim=4 * shape["model_dim"],
        dropout_rate=0.0,
    )
    model = keras_hub.models.ViTImageClassifier(backbone, num_classes=10, preprocessor=None)
    model.compile(optimizer=_adamw())
    return {
        "classes": lambda images, labels: model.fit(_scaled(images), labels, batch_size=shape["batch"], verbose=0),
        "reading": lambda images, labels: model.predict(_scaled(images), batch_size=shape["batch"], verbose=0),
    }


def vit_transformers(shape):
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.ViTConfig(
        hidden_size=shape["model_dim"],
        num_hidden_layers=shape["num_layers"],
        num_attention_heads=shape["num_heads"],
        intermediate_size=4 * shape["model_dim"],
        image_size=shape["side"],
        patch_size=shape["patch"],
        hidden_dropout_prob=0.0,
        num_labels=10,
    )
    model = transformers.ViTForImageClassification(config)
    step = _steps(model)

    def pixels(images):
        return torch.from_numpy(_scaled(images).transpose(0, 3, 1, 2).copy())

    def learn(images, labels):
        for rows in _batches(shape, images):
            step(pixel_values=pixels(images[rows]), labels=torch.from_numpy(labels[rows]).long())

    def read(images, labels):
        model.eval()
        with torch.inference_mode():
            for rows in _batches(shape, images):
                model(pixels(images[rows])).logits.numpy()

    return {"classes": learn, "reading": read}


MODELS = {
    "bert": {"kgen": bert_kgen, "KerasHub": bert_keras_hub, "transformers": bert_transformers},
    "vit": {"kgen": vit_kgen, "KerasHub": vit_keras_hub, "transformers": vit_transformers},
}


def _adamw():
    import keras

    return keras.optimizers.AdamW(1e-4, weight_decay=0.01, global_clipnorm=1.0)


def _steps(model):
    """One step of training by hand, a function of the model's arguments."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.01, fused=True)

    def step(**inputs):
        model.train()
        loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()  # Keras shows the loss of each step too

    return step


def _batches(shape, rows):
    return [slice(start, start + shape["batch"]) for start in range(0, len(rows), shape["batch"])]


def _scaled(images):
    return images.astype("float32") / 127.5 - 1.0


def with_gaps(ids):
    """Ids of which some are hidden, where, and what was there: as many in each row."""
    rng, count = np.random.default_rng(2), round(HIDDEN * ids.shape[1])
    words = np.tile(np.arange(1, ids.shape[1] - 1), (len(ids), 1))
    places = np.sort(rng.permuted(words, axis=1)[:, :count], axis=1)
    gapped = ids.copy()
    np.put_along_axis(gapped, places, MASK, axis=1)
    return gapped, places, np.take_along_axis(ids, places, axis=1)


def work(family, library, steps, shape, seed):
    """Rows a second of each thing that is measured, in this process."""
    rng, count = np.random.default_rng(seed), shape["batch"] * steps
    if family == "bert":
        rows = rng.integers(SPECIAL, shape["vocabulary"], (count, shape["length"])).astype("int32")
        rows[:, 0], rows[:, -1] = START, END
    else:
        rows = rng.integers(0, 256, (count, shape["side"], shape["side"], 3)).astype("uint8")
    labels = rng.integers(0, {"bert": 2, "vit": 10}[family], count).astype("int32")
    found = {}
    for what, function in MODELS[family][library](shape).items():
        function(rows, labels)  # compiles
        found[what] = count / side_by_side.fastest(lambda f=function: f(rows, labels), REPETITIONS)
    return found


def contestants(only):
    """{name: (family, library, backend)} of all that take part."""
    backends, found = side_by_side.backends_here(), {}
    for family in MODELS:
        found |= {f"{family}-kgen-{backend}": (family, "kgen", backend) for backend in backends}
        if side_by_side.is_here("keras_hub"):
            found |= {f"{family}-KerasHub-{backend}": (family, "KerasHub", backend) for backend in backends}
        if side_by_side.is_here("transformers") and "torch" in backends:
            found[f"{family}-transformers"] = (family, "transformers", "torch")
    return {name: one for name, one in found.items() if only is None or name in only.split(",")}


def table(turns, found, family):
    """Lines of Markdown: rows a second, and how much faster kgen is than each peer."""
    measured = ["gaps", "classes", "reading"] if family == "bert" else ["classes", "reading"]
    names = [name for name, one in found.items() if one[0] == family]
    yield f"| {family} | {' | '.join(measured)} |"
    yield "|---" * (1 + len(measured)) + "|"
    for name in names:
        results = [turn[name] for turn in turns if turn[name]]
        cells = [side_by_side.spread([one[what] for one in results], ".0f") for what in measured]
        yield f"| {name}, rows/s | {' | '.join(cells)} |"
    for name in names:
        _, library, backend = found[name]
        for peer in names if library == "kgen" else ():
            if found[peer][1] == "transformers" or found[peer][1:] == ("KerasHub", backend):
                cells = [
                    side_by_side.spread(side_by_side.ratios(turns, lambda one, what=what: one[what], name, peer))
                    for what in measured
                ]
                yield f"| {name} / {peer} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="turns in which each contestant runs once")
    parser.add_argument("--steps", type=int, default=8, help="batches that are timed together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="names from the first column of the table, with commas")
    parser.add_argument("--quick", action="store_true", help="small networks, one turn, two batches")
    parser.add_argument("--work", nargs=2, metavar=("FAMILY", "LIBRARY"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    shapes = {"bert": BERT, "vit": VIT}
    if arguments.quick:
        shapes = {family: {**shape, **QUICK} for family, shape in shapes.items()}
        arguments.pairs, arguments.steps = 1, 2
    if arguments.work:
        family, library = arguments.work
        return print(json.dumps(work(family, library, arguments.steps, shapes[family], arguments.seed)))

    started, found = time.time(), contestants(arguments.only)
    options = ("--steps", arguments.steps, "--seed", arguments.seed, *(["--quick"] if arguments.quick else []))
    words = {
        name: (backend, ("--work", family, library, *options)) for name, (family, library, backend) in found.items()
    }
    turns = side_by_side.in_turns(__file__, words, arguments.pairs)
    for family in dict.fromkeys(one[0] for one in found.values()):
        print(*table(turns, found, family), "", sep="\n")
    if not side_by_side.is_here("keras_hub"):
        print("Left out, for it is not installed: KerasHub.")
    print(side_by_side.facts(started, arguments.seed))


if __name__ == "__main__":
    main()
