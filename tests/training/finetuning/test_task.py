"""How the weights of a task are changed."""

from dataclasses import replace

import pytest

from training.finetuning.task import TrainingTask

pytestmark = pytest.mark.training


def test_pretrained_weights_keep_their_statistics_and_move_less_the_deeper_they_lie(
    task: TrainingTask,
) -> None:
    settings = task.settings()
    assert not settings.train_norms
    assert settings.layer_decay < 1 < settings.head_rate_factor


def test_random_weights_learn_their_statistics_and_move_alike(task: TrainingTask) -> None:
    settings = replace(task, method="scratch").settings()
    assert settings.train_norms
    assert settings.layer_decay == settings.head_rate_factor == 1
    assert settings.learning_rate > task.settings().learning_rate


@pytest.mark.parametrize("method", ["finetune", "scratch"])
def test_the_users_rate_and_decay_go_before_the_usual_ones(task: TrainingTask, method: str) -> None:
    config = replace(task.config, learning_rate=0.01, weight_decay=0.3)
    settings = replace(task, method=method, config=config).settings()
    assert (settings.learning_rate, settings.weight_decay) == (0.01, 0.3)
