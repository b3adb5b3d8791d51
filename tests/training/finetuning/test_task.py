"""How the weights of a task are changed."""

from dataclasses import replace

import pytest

from training.finetuning.task import TrainingTask, choose_hyperparameters

pytestmark = pytest.mark.training


def test_pretrained_weights_keep_their_statistics_and_move_less_the_deeper_they_lie(
    task: TrainingTask,
) -> None:
    settings = task.settings
    assert not settings.train_norms
    assert settings.layer_decay < 1 < settings.head_rate_factor


def test_random_weights_learn_their_statistics_and_move_alike(task: TrainingTask) -> None:
    settings = choose_hyperparameters(task.config, task.dataset, scratch=True)
    assert settings.train_norms
    assert settings.layer_decay == settings.head_rate_factor == 1
    assert settings.learning_rate > task.settings.learning_rate


@pytest.mark.parametrize("scratch", [False, True])
def test_the_users_rate_and_decay_go_before_the_usual_ones(
    task: TrainingTask, scratch: bool
) -> None:
    config = replace(task.config, learning_rate=0.01, weight_decay=0.3)
    settings = choose_hyperparameters(config, task.dataset, scratch=scratch)
    assert (settings.learning_rate, settings.weight_decay) == (0.01, 0.3)
