"""When callbacks look at the model."""

import pytest

from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file
from tests.training.toys import trained


class Diary(EveryFewEpochs):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.numbers = []

    def after_epoch(self, number, logs):
        self.numbers.append(number)
        assert "loss" in logs


@pytest.mark.parametrize(("every", "expected"), [(1, [1, 2, 3, 4]), (2, [1, 2, 4]), (9, [1])])
def test_after_the_first_and_after_every_so_many(every, expected):
    diary = Diary(every=every)
    trained(4, diary)
    assert diary.numbers == expected


def test_a_training_that_goes_on_counts_on():
    diary = Diary(every=2)
    trained(5, diary, initial_epoch=2)
    assert diary.numbers == [4]


def test_a_model_without_the_verb_is_refused_before_the_first_step():
    with pytest.raises(ValueError, match=r"Diary: expected a model with sing\(…\), got a Translator"):
        trained(1, Diary(verb="sing"))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
        Diary(every=0)


def test_files_are_in_order(tmp_path):
    assert epoch_file(tmp_path / "new" / "folder", 12, ".txt") == tmp_path / "new" / "folder" / "epoch_0012.txt"
    assert (tmp_path / "new" / "folder").is_dir()
