"""Fit laws of scaling: reward against RL compute and entropy, pass@k against k, steps against depth. No torch.

Every law is fitted by `fit_law`: least squares, profile-likelihood intervals, training seeds as the unit. Where each
stands (docs/scaling.md says how each number is computed):

    what                                        file               functions
    points of an arm over training seeds        points             Points
    a law, and its least squares                law                Law
    profile intervals, seeds as the unit        fit                LawFit, fit_law
    ScaleRL's sigmoid                           sigmoid            sigmoid, fit_sigmoid
    its published grid                          published_grid     fit_published_grid, PUBLISHED_GRID, FitGrid
    the ceiling, and when it is refused         ceiling            stated_ceiling, LEAST_WINDOW
    power law in compute                        power_law          fit_power_law
    fit to half, predict the rest               held_out           held_out
    steepness of several arms                   arms               steepness_at_common_ceiling
    all of these for one arm                    training_curve     fit_training_curve
    R = -a e^H + b                              entropy_law        fit_entropy_law
    T ~ D^gamma                                 depth_law          fit_depth_law, compute_to_reach
    -log pass@k ~ c k^-b                        repeated_sampling  fit_repeated_sampling
"""

from edgewise.scaling.arms import steepness_at_common_ceiling
from edgewise.scaling.ceiling import LEAST_WINDOW, Ceiling, stated_ceiling
from edgewise.scaling.depth_law import DepthFit, compute_to_reach, fit_depth_law
from edgewise.scaling.entropy_law import EntropyFit, fit_entropy_law
from edgewise.scaling.fit import LawFit, fit_law
from edgewise.scaling.held_out import HeldOut, held_out
from edgewise.scaling.law import Law
from edgewise.scaling.points import Points
from edgewise.scaling.power_law import fit_power_law
from edgewise.scaling.published_grid import PUBLISHED_GRID, FitGrid, GridFit, fit_published_grid
from edgewise.scaling.repeated_sampling import RepeatedSampling, fit_repeated_sampling
from edgewise.scaling.sigmoid import fit_sigmoid, sigmoid
from edgewise.scaling.training_curve import TrainingCurve, fit_training_curve

__all__ = [
    "LEAST_WINDOW",
    "PUBLISHED_GRID",
    "Ceiling",
    "DepthFit",
    "EntropyFit",
    "FitGrid",
    "GridFit",
    "HeldOut",
    "Law",
    "LawFit",
    "Points",
    "RepeatedSampling",
    "TrainingCurve",
    "compute_to_reach",
    "fit_depth_law",
    "fit_entropy_law",
    "fit_law",
    "fit_power_law",
    "fit_published_grid",
    "fit_repeated_sampling",
    "fit_sigmoid",
    "fit_training_curve",
    "held_out",
    "sigmoid",
    "stated_ceiling",
    "steepness_at_common_ceiling",
]
