import pytest

import kgen

TEXTS = [
    "The cat sat on the mat, and the hat of the cat was flat.",
    "Ein Kätzchen saß auf der Matte — l'été, ça va?",
    "def flat(cat):\n    return cat + 1  # 27 cats\r\n\n\n",
    "猫は帽子が好きです。 🐈 👩‍👩‍👧",
] * 3


def trained(name, **options):
    sizes = {"BytePairTokenizer": 300, "WordPieceTokenizer": 200}
    size = {"vocabulary_size": sizes[name]} if name in sizes else {}
    return getattr(kgen.tokenizers, name).train(TEXTS, **{**size, **options})


NAMES = ("ByteTokenizer", "CharacterTokenizer", "BytePairTokenizer", "WordPieceTokenizer")
KNOWING_BYTES = ("ByteTokenizer", "BytePairTokenizer")


@pytest.fixture(params=NAMES, scope="session")
def tokenizer(request):
    return trained(request.param)


@pytest.fixture(params=KNOWING_BYTES, scope="session")
def byte_level(request):
    return trained(request.param)
