"""A CUDA graph's stand-in on a CPU: the operations of one call of a step, done again with the same tensors.

Like a graph it knows nothing of the Python that issued them: numbers are what they were, addresses
too, and results go where they went. What a graph could not hold is refused: operations that tell
the host what a tensor contains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edgewise.sampling.kv_cache import KVCache

# Each would wait for the device, or make a tensor whose size the content decides.
FORBIDDEN = (
    "_local_scalar_dense",
    "is_nonzero",
    "nonzero",
    "masked_select",
    "equal",
    "item",
    "_unique2",
    "unique_dim",
    "bincount",
    "repeat_interleave",
)


class Tape(TorchDispatchMode):
    """Records what is called inside; `play` does it again."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in FORBIDDEN, f"{name} tells the host what a tensor contains"
        if name in ("index", "index_put", "index_put_"):
            masks = [index for index in args[1] if index is not None and index.dtype == torch.bool]
            assert not masks, f"{name} by a mask has a size that the content decides"
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, _tensors(out)))
        return out

    def play(self) -> None:
        """Every operation again, in order, into the tensors that its results were."""
        for func, args, kwargs, results in self.calls:
            met = _addresses(_tensors((args, kwargs)))
            for old, new in zip(results, _tensors(func(*args, **kwargs)), strict=True):
                # Views, and what is changed in place, are there already.
                if old.untyped_storage().data_ptr() not in met:
                    old.copy_(new)

    def outside(self) -> set[int]:
        """Addresses of the memory that was there before: read, or written."""
        made: set[int] = set()
        met: set[int] = set()
        for _, args, kwargs, results in self.calls:
            asked = _addresses(_tensors((args, kwargs)))
            met |= asked - made
            made |= _addresses(results) - met
        return met


def owned(*owners: object) -> set[int]:
    """Addresses of all tensors that objects and their lists hold, parameters and buffers of models included."""
    found: list[Tensor] = []
    for owner in owners:
        for value in vars(owner).values():
            if isinstance(value, torch.nn.Module):
                found += [*value.parameters(), *value.buffers()]
            found += _tensors(vars(value) if isinstance(value, KVCache) else value)
    return _addresses(found)


def taped(watch: Callable[[Tape], None]) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """A recorder for `DecodeSchedule`; `watch` sees the tape before it is played, every time."""

    def record(step: Callable[[], None]) -> Callable[[], None]:
        step()
        tape = Tape()
        # A graph is captured without being run, so what the call changes is put back.
        before = _state_of(step)
        with tape:
            step()
        for tensor, content in before:
            tensor.copy_(content)

        def replay() -> None:
            watch(tape)
            tape.play()

        return replay

    return record


def _state_of(step: Any) -> list[tuple[Tensor, Tensor]]:
    held = [vars(value) if isinstance(value, KVCache) else value for value in vars(step.__self__).values()]
    values = tree_leaves([value for value in held if isinstance(value, Tensor | list | dict)])
    return [(value, value.clone()) for value in values if isinstance(value, Tensor)]


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _addresses(tensors: Iterable[Tensor]) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}
