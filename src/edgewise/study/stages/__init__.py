"""Stages of a study: training, averaging, importing, rolling out, evaluation; others by registration (see `base`)."""

from edgewise.model.model_folder import MODEL
from edgewise.study.stages.artifacts import OUTCOMES, ROLLOUTS
from edgewise.study.stages.average import Average
from edgewise.study.stages.base import ModelStage, Stage, register_stage, stage_kinds, stage_of_kind
from edgewise.study.stages.distill import Distill
from edgewise.study.stages.evaluate import Evaluate
from edgewise.study.stages.gold_table import GOLD, read_gold_likelihood
from edgewise.study.stages.import_model import Import
from edgewise.study.stages.midtrain import Midtrain
from edgewise.study.stages.pretrain import Pretrain
from edgewise.study.stages.rejection_tune import RejectionTune
from edgewise.study.stages.rl import RL
from edgewise.study.stages.roll_out import RollOut
from edgewise.study.stages.sft import SFT

__all__ = [
    "GOLD",
    "MODEL",
    "OUTCOMES",
    "RL",
    "ROLLOUTS",
    "SFT",
    "Average",
    "Distill",
    "Evaluate",
    "Import",
    "Midtrain",
    "ModelStage",
    "Pretrain",
    "RejectionTune",
    "RollOut",
    "Stage",
    "read_gold_likelihood",
    "register_stage",
    "stage_kinds",
    "stage_of_kind",
]
