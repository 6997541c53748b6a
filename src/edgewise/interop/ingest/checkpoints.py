"""Number the checkpoints in rollouts: a model, or one training seed of it."""

from __future__ import annotations

import numpy as np

from edgewise.outcomes.outcomes import Int32Array


class CheckpointIndex:
    """Numbers pairs of a model's and a training seed's code, -1 where a file names none; the pair of both -1 is -1."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {(-1, -1): -1}
        self._pairs: list[tuple[int, int]] = []

    def number(self, model_S: Int32Array, seed_S: Int32Array) -> Int32Array:
        """The number of each row's checkpoint."""
        pairs, place_S = np.unique(np.stack([model_S, seed_S]), axis=1, return_inverse=True)
        numbers = np.array([self._number((model, seed)) for model, seed in pairs.T.tolist()], dtype=np.int32)
        return numbers[place_S.reshape(-1)]

    def model(self, number: int) -> int:
        """The code of a checkpoint's model."""
        return -1 if number < 0 else self._pairs[number][0]

    def training_seed(self, number: int) -> int:
        """The code of its training seed."""
        return -1 if number < 0 else self._pairs[number][1]

    def _number(self, pair: tuple[int, int]) -> int:
        if pair not in self._numbers:
            self._numbers[pair] = len(self._pairs)
            self._pairs.append(pair)
        return self._numbers[pair]
