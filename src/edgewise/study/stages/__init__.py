"""Stages of a study: pre-training, mid-training, RL, evaluation; others by registration (see `base`)."""

from edgewise.study.stages.artifacts import MODEL, OUTCOMES, ROLLOUTS
from edgewise.study.stages.base import ModelStage, Stage, register_stage, stage_kinds, stage_of_kind
from edgewise.study.stages.evaluate import Evaluate
from edgewise.study.stages.midtrain import Midtrain
from edgewise.study.stages.pretrain import Pretrain
from edgewise.study.stages.rl import RL

__all__ = [
    "MODEL",
    "OUTCOMES",
    "RL",
    "ROLLOUTS",
    "Evaluate",
    "Midtrain",
    "ModelStage",
    "Pretrain",
    "Stage",
    "register_stage",
    "stage_kinds",
    "stage_of_kind",
]
