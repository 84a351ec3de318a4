"""One coupling graph, several machines: on which it runs, at what cost, and why not on others."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from thermolinalg.coupling.embedding import Embedding, embed
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.hardware import Hardware
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.streams import RNG, open_streams

COLUMNS = ("hardware", "nodes", "copies", "chain", "slower", "range", "error")


@final
@dataclass(frozen=True, eq=False, slots=True)
class Fits:
    """What became of a graph on each machine: an `Embedding`, or the reason why there is none."""

    outcomes: tuple[tuple[Hardware, Embedding | DoesNotFit], ...]

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """Those that there are, in the order of the hardware."""
        return tuple(found for _, found in self.outcomes if isinstance(found, Embedding))

    def __str__(self) -> str:
        head = _row(COLUMNS)
        return "\n".join([head, *(_line(hardware, found) for hardware, found in self.outcomes)])


def what_fits(
    graph: CouplingGraph,
    hardware: Iterable[Hardware],
    *,
    tolerance: float = 0.01,
    tries: int = 10,
    rng: RNG = None,
) -> Fits:
    """Embed a graph on each of these machines, and keep what came of it.

    Raises:
        InvalidInput: an argument cannot be used, or the graph has no law at rest.
    """
    if isinstance(hardware, Hardware):
        raise InvalidInput("hardware is one machine: pass a list, or call `embed` for one.")
    streams = open_streams(rng)
    return Fits(
        tuple(
            (machine, _outcome(graph, machine, tolerance, tries, streams.child(i).seed))
            for i, machine in enumerate(hardware)
        )
    )


def _outcome(
    graph: CouplingGraph, hardware: Hardware, tolerance: float, tries: int, seed: int
) -> Embedding | DoesNotFit:
    try:
        return embed(graph, hardware, tolerance=tolerance, tries=tries, rng=seed)
    except DoesNotFit as reason:
        return reason


def _line(hardware: Hardware, found: Embedding | DoesNotFit) -> str:
    if isinstance(found, DoesNotFit):
        return f"{hardware.name:<16} {str(found).split(': ')[0]}"
    cost = found.cost
    return _row(
        (
            hardware.name,
            f"{cost.nodes[1]}",
            f"{cost.copies}",
            f"{cost.longest_chain}",
            f"{cost.slowdown:.2g}",
            f"{cost.dynamic_range[1]:.2g}",
            f"{cost.error.covariance:.1g}",
        )
    )


def _row(cells: Iterable[str]) -> str:
    name, *rest = cells
    return f"{name:<16} " + " ".join(f"{cell:>8}" for cell in rest)
