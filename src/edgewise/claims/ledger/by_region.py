"""Studies that differ in their region alone: the same evaluations, looked at in regions that overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgewise.study.study import Study


def studies_by_region(study: Study, regions: Mapping[str, range]) -> Mapping[str, Study]:
    """Region -> the study with that region alone, as regions of one study may not overlap. No stage is added.

    The first region is what quantities read that name no study.
    """
    return {
        name: replace(study, title=f"{study.title}: {name}", regions={name: region}) for name, region in regions.items()
    }
