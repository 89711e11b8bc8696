"""Dates: a reader and ISO 8601 mean the same day."""

import datetime

import kgen


def test_splits_do_not_share_a_day():
    days = {split: set(kgen.datasets.load("dates", split=split)[1]) for split in ("train", "validation", "test")}
    assert {split: len(found) for split, found in days.items()} == {"train": 10_000, "validation": 500, "test": 500}
    assert not days["train"] & days["test"] and not days["train"] & days["validation"]


def test_both_sides_mean_the_same_day():
    for source, target in zip(*kgen.datasets.load("dates", split="test"), strict=True):
        day = datetime.date.fromisoformat(target)
        assert str(day.year) in source
        assert str(day.day) in source
        if "." not in source:
            assert day.strftime("%b").lower() in source.lower()
    assert "the 3rd of" in " ".join(kgen.datasets.load("dates")[0])
