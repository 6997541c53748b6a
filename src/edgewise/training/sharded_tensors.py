"""Sharded tensors: torch's DTensor with its rows divided among the ranks, and files that hold one rank's rows each.

Rows are divided as `torch.chunk` divides them and FSDP2 does: each rank has ceil(rows / ranks), the last ones fewer.
The import of DTensor takes half a second, so it stands where a tensor is sharded and no other run pays for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from safetensors import safe_open
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import DTensor


def is_sharded(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether this rank holds only its rows of the tensor."""
    return hasattr(tensor, "to_local")


def own_rows(tensor: Tensor) -> Tensor:
    """The rows that this rank holds, in the same memory: all of them where the tensor is whole."""
    return tensor.to_local() if is_sharded(tensor) else tensor


def all_rows(tensor: Tensor) -> Tensor:
    """The whole tensor, on every rank. Waits for all where it is sharded."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor


def sharded_like(whole: Tensor, like: Tensor) -> Tensor:
    """`whole`, of which only this rank's rows are kept where `like` is sharded; a sharded one stays as it is."""
    if not is_sharded(like) or is_sharded(whole):
        return whole
    mesh = like.device_mesh
    rows = rows_of_rank(len(whole), mesh.get_local_rank(), mesh.size())
    return _sharded(whole[rows.start : rows.stop], mesh, whole.shape)


def mesh_of(tensors: Iterable[Tensor]) -> DeviceMesh | None:
    """The ranks among which these tensors are divided; None where all of them are whole."""
    return next((tensor.device_mesh for tensor in tensors if is_sharded(tensor)), None)


def sum_over_ranks(number: float, tensors: Iterable[Tensor]) -> float:
    """The sum of the ranks' numbers where these tensors are sharded, the same on each; else the number itself."""
    mesh = mesh_of(tensors)
    if mesh is None:
        return number
    from torch import distributed as dist

    total = torch.tensor(number, dtype=torch.float64, device=mesh.device_type)
    dist.all_reduce(total, group=mesh.get_group())
    return float(total)


def rows_of_rank(rows: int, rank: int, ranks: int) -> range:
    """The rows that a rank holds of a tensor with so many."""
    most = -(-rows // ranks)
    return range(min(rank * most, rows), min((rank + 1) * most, rows))


def read_shards(paths: Sequence[Path], mesh: DeviceMesh | None = None) -> dict[str, Tensor]:
    """The tensors whose rows lie in these safetensors files, those of the first rank first, written by any number.

    Whole where `mesh` is None, else divided among its ranks, of which each reads its own rows. What lies in one file
    alone was whole on every rank, and is.
    """
    rank, ranks = (0, 1) if mesh is None else (mesh.get_local_rank(), mesh.size())
    tensors = {}
    for name, (tensor, shape) in read_rows(paths, rank, ranks).items():
        tensors[name] = tensor if mesh is None or shape is None else _sharded(tensor, mesh, shape)
    return tensors


def read_rows(paths: Sequence[Path], rank: int, ranks: int) -> dict[str, tuple[Tensor, torch.Size | None]]:
    """One rank's rows of each tensor, and the shape of the whole; None where the tensor lies in one file alone."""
    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, "pt")) for path in paths]
        holders: dict[str, list[Any]] = {}
        for file in files:
            for name in file.keys():  # noqa: SIM118 (the file is no mapping)
                holders.setdefault(name, []).append(file)
        return {
            name: (having[0].get_tensor(name), None) if len(having) == 1 else _rows(name, having, rank, ranks)
            for name, having in holders.items()
        }


def _rows(name: str, files: Sequence[Any], rank: int, ranks: int) -> tuple[Tensor, torch.Size]:
    parts = [file.get_slice(name) for file in files]
    lengths = [part.get_shape()[0] for part in parts]
    shape = torch.Size([sum(lengths), *parts[0].get_shape()[1:]])
    own = rows_of_rank(shape[0], rank, ranks)
    pieces, before = [files[0].get_tensor(name)[:0]], 0
    for part, length in zip(parts, lengths, strict=True):
        start, stop = max(own.start - before, 0), min(own.stop - before, length)
        if start < stop:
            pieces.append(part[start:stop])
        before += length
    return torch.cat(pieces), shape


def _sharded(own: Tensor, mesh: DeviceMesh, shape: torch.Size) -> DTensor:
    from torch.distributed.tensor import DTensor, Shard

    strides = tuple(math.prod(shape[dimension + 1 :]) for dimension in range(len(shape)))
    own = own.to(mesh.device_type).contiguous()
    return DTensor.from_local(own, mesh, [Shard(0)], run_check=False, shape=shape, stride=strides)
