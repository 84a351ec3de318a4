"""The constants of batch normalisation, from data."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

from models.batchnorm import BatchNorm
from models.composite import changed
from models.layer import Layer, Named
from models.network import Network
from models.normalization import Normalization, Standard
from models.setting import Setting
from models.standardization import Axes, mean, standardised
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput


def calibrated(
    network: Network, params: Array, x: Array, /, *, mask: Array | None = None
) -> Network:
    """The network whose `BatchNorm` layers use the mean and variance that they see in x.

    One pass is enough however many there are: on its way each normalises by the batch, so the next
    one sees what it will see with the constants. On x itself, evaluation then gives what training
    gives, apart from dropout, which is left out. Calibrate anew after params have changed.

    Args:
        network: with at least one `BatchNorm`.
        params: (p,).
        x: (b, ...), as large a part of the training data as fits.
        mask: as for `Network.apply`.

    Raises:
        InvalidInput: there is no `BatchNorm` in the network.
    """
    if not network.statistics:
        raise InvalidInput(f"{network!r}\nhas no BatchNorm, so there is nothing to calibrate.")
    seen: dict[str, Array] = {}

    def change(name: str, layer: Layer) -> Layer | None:
        return Watched(layer, name, seen) if isinstance(layer, BatchNorm) else None

    layer = changed(network.layer, change)
    known = {
        name: network.constants[name] for name in layer.constants() if name in network.constants
    }
    Network(layer, known).apply(params, x, mask=mask)
    return replace(network, constants={**network.constants, **seen})


@final
@dataclass(frozen=True, eq=False)
class Watched(Normalization):
    """Batch normalisation by the batch, in evaluation too, that notes what it sees."""

    norm: BatchNorm
    name: str
    seen: dict[str, Array]
    over: ClassVar[Axes] = BatchNorm.over

    @property
    def layout(self) -> tuple[int, int]:
        return self.norm.layout

    def standard(self, _p: Named, x: Array, _setting: Setting, /) -> Standard:
        centre = mean(x, self.over)
        for statistic, value in {"mean": centre, "var": mean((x - centre) ** 2, self.over)}.items():
            own = f"{self.name}.{statistic}".strip(".")
            self.seen[own] = namespace(x).reshape(value, (-1,))
        X, r = standardised(x, self.over, self.norm.epsilon, centred=True)
        return X, r, self.over
