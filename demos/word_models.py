"""Word embeddings that are learned here and now, in some seconds, from text that comes with the studio."""

import random
import threading

from .stoppable import step_by_step
from .studio import sorry

WORLD = "sentences of a little world"
PROSE = "the prose of Python's manual"

PEOPLE = {  # who: (child, in power, what one says of them)
    "man": ("boy", "king", "he", "his"),
    "woman": ("girl", "queen", "she", "her"),
}
KIN = (("uncle", "aunt"), ("father", "mother"), ("brother", "sister"), ("actor", "actress"))
CAPITALS = {
    "france": ("paris", "french", "crepes"),
    "italy": ("rome", "italian", "pasta"),
    "spain": ("madrid", "spanish", "paella"),
    "germany": ("berlin", "german", "dumplings"),
    "japan": ("tokyo", "japanese", "sushi"),
    "egypt": ("cairo", "arabic", "falafel"),
}
ANIMALS = {"dog": "barks", "cat": "purrs", "horse": "neighs", "cow": "moos"}
DEEDS = {"walk": ("walked", "to the park"), "play": ("played", "with a ball")}
DEEDS |= {"work": ("worked", "in an office"), "talk": ("talked", "about news")}
COLOURS = ("red", "green", "blue", "yellow")

SENTENCES = 12_000
FIT = {
    WORLD: ({"model_dim": 32, "window": 4, "subsample": 3e-3}, {"epochs": 8, "batch_size": 32}),
    PROSE: ({"model_dim": 64}, {"epochs": 8}),
}

_learned = {}
_lock = threading.Lock()


def words_trained_here():
    """What there is to learn from."""
    return [*FIT]


def words_here(studio, name, *needs):
    """Yields (how far it is, the model or None) until the model is there; closing the generator stops the training.

    Args:
        studio: the `Studio`, whose models can be named, too.
        name: one of `words_trained_here()`, or of a model with these `needs`.
    """
    if not isinstance(name, str) or name not in [*FIT, *studio.names(*needs)]:
        raise sorry(f"There is no such model here. There are: {', '.join([*FIT, *studio.names(*needs)])}.")
    if name not in FIT:
        yield "", studio.model(name, *needs)
        return
    with _lock:
        found = _learned.get(name)
    if found is not None:
        yield "learned before", found
        return
    told = ["reads …"]

    def work(progress):
        return _learn(name, told, progress)

    for found in step_by_step(work):
        yield told[0], found
    with _lock:
        _learned[name] = found


def _learn(name, told, progress):
    import keras

    import kgen

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            progress(0, 1)  # ends the training when nobody waits for it any longer

        def on_epoch_end(self, epoch, logs=None):
            told[0] = f"epoch {epoch + 1} of {self.params['epochs']}, loss {logs['loss']:.2f} nats a pair"

    texts = sentences_of_the_world() if name == WORLD else kgen.datasets.load("pydoc")
    arguments, training = FIT[name]
    model = kgen.models.WordEmbeddings.for_data(texts, seed=1, **arguments)
    model.compile()
    model.fit(texts, verbose=0, callbacks=[Watch()], **training)
    told[0] = f"{len(model.vocabulary):,} words learned"
    return model


def sentences_of_the_world(count=SENTENCES, seed=0):
    """Sentences about people, countries, animals and deeds, drawn from a few patterns.

    What they say of *king* and *queen*, *man* and *woman*, *boy* and *girl* differs in the same few words, so their
    points differ in the same direction.
    """
    rng = random.Random(seed)
    return [rng.choice(PATTERNS)(rng) for _ in range(count)]


def _person(rng):
    who, (child, crowned, pronoun, owns) = rng.choice([*PEOPLE.items()])
    what = rng.choice(
        [
            (who, "grown up and goes to work", "house"),
            (child, "small and goes to school", "toys"),
            (crowned, "crowned and rules the land", "throne"),
        ]
    )
    return rng.choice(
        [
            f"the {what[0]} is {what[1]} and {pronoun} loves {owns} {what[2]}",
            f"{pronoun} is a {what[0]} {what[1]}",
            f"the {what[0]} and {owns} {what[2]}",
        ]
    )


def _relative(rng):
    pair, (pronoun, owns) = rng.choice(KIN), rng.choice([("he", "his"), ("she", "her")])
    return f"the {pair[pronoun == 'she']} says that {pronoun} forgot {owns} hat"


def _country(rng):
    country, (capital, language, dish) = rng.choice([*CAPITALS.items()])
    return rng.choice(
        [
            f"people in {country} speak {language} and cook {dish}",
            f"the flag of the country {country} has colours",
            f"the country {country} loves {dish}",
            f"the train to {capital} stops where all speak {language}",
            f"the city {capital} with its {language} signs smells of {dish}",
        ]
    )


def _animal(rng):
    animal, sound = rng.choice([*ANIMALS.items()])
    return rng.choice(
        [
            f"one {animal} {sound} in a garden",
            f"many {animal}s live in a garden and each {sound}",
            f"a {animal} {sound}",
        ]
    )


def _deed(rng):
    now, (before, how) = rng.choice([*DEEDS.items()])
    return rng.choice(
        [f"today and tomorrow they will {now} {how}", f"yesterday and last week they have {before} {how}"]
    )


def _colour(rng):
    one, other = rng.sample(COLOURS, 2)
    return f"the paint is {one} and the wall is {other}"


PATTERNS = (_person, _person, _person, _relative, _country, _country, _animal, _deed, _colour)
