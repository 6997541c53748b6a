"""Statistics that no measure owns: estimators, resampling, intervals, power, multiple testing. numpy and scipy only."""
