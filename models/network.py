"""A network: one layer, most often made of others, over one flat array of parameters."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, final

import numpy as np
import numpy.typing as npt

from models.batchnorm import statistics
from models.checks import batch, booleans, library, real, real_dtype, shaped
from models.composite import changed, nested, outline
from models.frozen import Frozen
from models.layer import Layer, Named, Tree
from models.linearization import Linearization
from models.parameters import Layout
from models.setting import Setting
from thermolinalg.backend import Array, NumpyArray, keep_freed_memory, like
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, repr=False, eq=False)
class Network:
    """A function of (params, x): params one flat array, x a batch, the output (b, ...).

    The dtype and the array library are those of params.

    Args:
        layer: the function.
        constants: arrays by name for what does not train, such as frozen weights; in the dtype and
            library of params.
    """

    layer: Layer
    constants: Named = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            raise InvalidInput(
                f"layer = {self.layer!r} is not a Layer. Put several in one: Sequential([...])."
            )
        if not self.size:
            raise InvalidInput(f"layer = {self.layer!r} has no parameters, so nothing can train.")
        wanted = self.layer.constants()
        known = {name: real(f"constants[{name!r}]", a) for name, a in self.constants.items()}
        for name in known:
            if name not in wanted:
                raise InvalidInput(
                    f"constants hold {name!r}, which the network does not have. Its constants are "
                    f"{', '.join(wanted) or 'none'}."
                )
            shaped(f"constants[{name!r}]", known[name], wanted[name], "as the layer has it")
        object.__setattr__(self, "constants", known)

    def __repr__(self) -> str:
        """One line for each layer, with the name that `freeze` knows and what it has to train."""
        names, sizes = zip(*outline(self.layer), strict=True)
        names = tuple(f"  {name}" for name in names)
        counts = [str(size or "") for size in sizes]
        width, digits = min(max(map(len, names)), 80), max(map(len, counts))
        rows = [f"{n:<{width}}  {k:>{digits}}" for n, k in zip(names, counts, strict=True)]
        fixed = Layout(self.layer.constants()).size
        title = f"Network, {self.size} parameters" + (f" and {fixed} constants" if fixed else "")
        return "\n".join([title, *map(str.rstrip, rows)])

    @cached_property
    def layout(self) -> Layout:
        """Where each named parameter lies in the flat array."""
        return Layout(self.layer.shapes())

    @property
    def size(self) -> int:
        """Number of parameters that train."""
        return self.layout.size

    @cached_property
    def statistics(self) -> tuple[str, ...]:
        """Constants that `models.calibrated` takes from data; training does without them."""
        return statistics(self.layer)

    @property
    def takes_integers(self) -> bool:
        """Is a batch an array of integers, such as token numbers?"""
        return self.layer.takes_integers

    def init(self, rng: RNG = None, *, dtype: npt.DTypeLike = np.float32) -> NumpyArray:
        """Random initial parameters, each layer from a random stream of its own.

        Raises:
            InvalidInput: `rng` cannot seed a stream, or `dtype` is not a real floating NumPy dtype.
        """
        dtype = real_dtype(dtype)
        parts = self.layer.init(open_streams(rng).child("init"))
        return self.layout.flatten(parts).astype(dtype)

    def with_constants(
        self, rng: RNG = None, *, dtype: npt.DTypeLike = np.float32, **known: Array
    ) -> Self:
        """The network with all constants: those given or already there, the rest as `init` has it.

        Raises:
            InvalidInput: as for `init`, or a name is not that of a constant.
        """
        parts = self.layer.init(open_streams(rng).child("init"))
        drawn = {name: parts[name].astype(real_dtype(dtype)) for name in self.layer.constants()}
        return replace(self, constants={**drawn, **self.constants, **known})

    def like(self, params: Array, /) -> Self:
        """The network with its constants in the library, device and dtype of `params`."""
        moved = {name: like(value, params) for name, value in self.constants.items()}
        return replace(self, constants=moved)

    def freeze(self, params: Array, names: Iterable[str], /) -> tuple[Self, Array]:
        """The network with some layers held fixed, and the parameters that still train.

        Args:
            params: (p,), whose part that is frozen becomes constants.
            names: of layers, such as "0" or "block.attention".

        Raises:
            InvalidInput: no layer has such a name, or nothing is left to train.
        """
        named, missing = self.parameters(params), set(names)

        def change(name: str, layer: Layer) -> Layer | None:
            if name not in missing:
                return None
            missing.discard(name)
            return Frozen(layer)

        layer = changed(self.layer, change)
        if missing:
            raise InvalidInput(
                f"names has {', '.join(sorted(map(repr, missing)))}, but no layer is called that. "
                f"Parameters are called {', '.join(self.layout.shapes)}; drop the last part."
            )
        known = {**named, **self.constants}
        constants = {name: known[name] for name in layer.constants() if name in known}
        frozen = replace(self, layer=layer, constants=constants)
        return frozen, frozen.layout.flatten(named)

    def require_constants(self, *, besides: Iterable[str] = ()) -> None:
        """Refuse a network without all of its constants, but for some.

        Raises:
            InvalidInput: one is missing.
        """
        missing = [name for name in self.layer.constants() if name not in self.constants]
        if not (missing := [name for name in missing if name not in besides]):
            return
        advice = "Load them, or draw them by net.with_constants(rng)."
        if set(missing) <= set(self.statistics):
            advice = "Take them from data: net = models.calibrated(net, params, x)."
        raise InvalidInput(f"the network lacks the constants {', '.join(missing)}. {advice}")

    def parameters(self, params: Array, /) -> dict[str, Array]:
        """The parameters of each layer by name, as views: "0.W" is W of layer 0."""
        return self.layout.views(self._checked_params(params))

    def apply(
        self,
        params: Array,
        x: Array,
        /,
        *,
        training: bool = False,
        rng: RNG = None,
        mask: Array | None = None,
    ) -> Array:
        """The outputs (b, ...) for a batch x; what the rest means says `linearize`."""
        p, x, setting = self._checked(params, x, training, rng, mask)
        output, _ = self.layer.forward(p, x, setting)
        return output

    def linearize(
        self,
        params: Array,
        x: Array,
        /,
        *,
        training: bool = False,
        rng: RNG = None,
        mask: Array | None = None,
    ) -> Linearization:
        """The outputs and the Jacobian in the parameters, as an operator, for a batch x.

        The operator reads params and x, so leave both as they are while it is in use.

        Args:
            params: (p,).
            x: (b, ...), floating-point, or integers for a network that `takes_integers`.
            training: layers that behave differently in training do so: dropout drops, and batch
                normalisation uses the batch.
            rng: draws the masks of dropout, once for all products of this linearization.
            mask: (b, T) booleans, False where a position of a sequence is padding.
        """
        keep_freed_memory()  # each product fills arrays as large as these anew
        p, x, setting = self._checked(params, x, training, rng, mask)
        output, saved = self.layer.forward(p, x, setting)
        shape, coupled = tuple(x.shape[1:]), self.layer.couples(setting)
        return Linearization(self.layer, self.layout, p, saved, output, shape, coupled)

    def _checked_params(self, params: Array) -> Array:
        params = real("params", params)
        shaped("params", params, (self.size,), "one number for each parameter that trains")
        return params

    def _checked(
        self, params: Array, x: Array, training: bool, rng: RNG, mask: Array | None
    ) -> tuple[Tree, Array, Setting]:
        """Parameters by name, the batch in their dtype, and how it is passed through."""
        params = self._checked_params(params)
        x = batch("x", x, integers=self.takes_integers, reference=params)
        self.layer.output_shape(tuple(x.shape[1:]))
        streams = open_streams(rng) if training else None
        if mask is not None:
            mask = booleans("mask", mask, reference=params)
            shaped("mask", mask, tuple(x.shape[:2]), "True where a position is real")
        named = {**self._matching_constants(params, training), **self.layout.views(params)}
        return nested(named), x, Setting(training, streams, mask)

    def _matching_constants(self, params: Array, training: bool) -> Named:
        self.require_constants(besides=self.statistics if training else ())
        for name, value in self.constants.items():
            library(f"constants[{name!r}]", value, params)
            if value.dtype != params.dtype:
                raise InvalidInput(
                    f"constants[{name!r}] has dtype {value.dtype} and params {params.dtype}. "
                    "Convert all at once: net = net.like(params)."
                )
        return self.constants
