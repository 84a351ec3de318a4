"""Adapting a network that was trained before: small corrections train, the rest stays as it is."""

from collections.abc import Callable, Container, Iterable, Iterator

from models.composite import Composite, changed
from models.dense import Dense
from models.frozen import Frozen
from models.layer import Layer
from models.lora import LoRA
from models.network import Network
from thermolinalg.backend import Array, NumpyArray, like
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG, Streams, open_streams


def add_lora(
    network: Network,
    params: Array,
    names: Iterable[str],
    *,
    rank: int = 2,
    alpha: float = 32.0,
    dropout: float = 0.1,
    train: Iterable[str] = (),
    rng: RNG = None,
) -> tuple[Network, Array]:
    """The network with `LoRA` on some layers, of which only that trains, and where to start.

    It is the same function to start with. What does not train any more becomes constants, under the
    names that it had as parameters.

    Args:
        network: of any kind, with frozen layers or without.
        params: (p,).
        names: of Dense layers that get a correction, such as "block.attention.q".
        rank: as for `LoRA`; so are alpha and dropout.
        alpha: size of the corrections.
        dropout: part of their inputs that is dropped in training.
        train: names of other layers that go on training, such as "head".
        rng: draws the factors A.

    Raises:
        InvalidInput: no layer has such a name, one is in both lists, one of `names` is no Dense
            layer, or a number is not one that `LoRA` takes.
    """

    def adapter(dense: Dense) -> LoRA:
        return LoRA(dense, rank, alpha=alpha, dropout=dropout)

    layer = adapted(network.layer, names, adapter, train)
    known = {**network.constants, **network.parameters(params)}
    new = drawn(layer, open_streams(rng).child("init"), known)
    return holding(layer, {name: like(value, params) for name, value in new.items()} | known)


def merge_lora(network: Network, params: Array, /) -> tuple[Network, Array]:
    """The network with every `LoRA` folded into the Dense layer that it adapts: the same function.

    Where the correction trained, the whole layer does then; to hold it fixed, `freeze` it.
    """
    known = {**network.constants, **network.parameters(params)}

    def plain(name: str, layer: Layer) -> Layer | None:
        if not isinstance(layer, LoRA):
            return None
        parts = {own: known[f"{name}.{own}".strip(".")] for own in ("W", "A", "B")}
        known[f"{name}.W".strip(".")] = layer.merged(parts)
        return layer.dense

    return holding(changed(network.layer, plain), known)


def adapted(
    layer: Layer,
    names: Iterable[str],
    adapter: Callable[[Dense], Layer],
    train: Iterable[str] = (),
) -> Layer:
    """The layer with `adapter(dense)` for every Dense layer called so, and the rest frozen.

    Args:
        layer: most often made of others.
        names: of Dense layers.
        adapter: `LoRA`, or any function from a Dense layer to what takes its place.
        train: names of layers that go on training.

    Raises:
        InvalidInput: no layer has such a name, one is in both lists, or one of `names` is no Dense
            layer.
    """
    adapt, keep = set(names), set(train)
    if both := sorted(adapt & keep):
        raise InvalidInput(f"{both[0]!r} is in names and in train. Adapt it, or train all of it.")
    missing = adapt | keep

    def change(name: str, found: Layer) -> Layer | None:
        if isinstance(found, Frozen):  # what is inside is frozen anew, but for what is named
            return changed(found.layer, change, name)
        missing.discard(name)
        if name in keep:
            return found
        if name in adapt:
            return adapter(_dense(name, found))
        return None if isinstance(found, Composite) or not found.shapes() else Frozen(found)

    made = changed(layer, change)
    if missing:
        raise InvalidInput(
            f"no layer is called {', '.join(sorted(map(repr, missing)))}. Layers with parameters "
            f"are {', '.join(name for name, leaf in leaves(layer) if leaf.shapes())}."
        )
    return made


def drawn(layer: Layer, streams: Streams, known: Container[str]) -> dict[str, NumpyArray]:
    """What `layer.init` would draw, but only for leaves of which something is not known.

    Of a `LoRA` those are its factors: what it adapts, which may be large, is not drawn.
    """
    found: dict[str, NumpyArray] = {}
    for name, leaf in leaves(layer):
        full = {own: f"{name}.{own}".strip(".") for own in {**leaf.shapes(), **leaf.constants()}}
        if all(one in known for one in full.values()):
            continue
        own = streams
        for part in filter(None, name.split(".")):
            own = own.child(part)
        parts = leaf.factors(own) if isinstance(leaf, LoRA) else leaf.init(own)
        found |= {full[key]: value for key, value in parts.items()}
    return found


def leaves(layer: Layer, name: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer that is not made of others, with its name."""
    if not isinstance(layer, Composite):
        yield name, layer
        return
    for own, part in layer.parts().items():
        yield from leaves(part, f"{name}.{own}".strip("."))


def holding(layer: Layer, known: dict[str, Array]) -> tuple[Network, Array]:
    """The network of this layer, and its parameters, from arrays by name."""
    constants = {name: known[name] for name in layer.constants() if name in known}
    network = Network(layer, constants)
    return network, network.layout.flatten(known)


def _dense(name: str, layer: Layer) -> Dense:
    if not isinstance(layer, Dense):
        raise InvalidInput(f"{name!r} is {layer!r}, and only a Dense layer can be adapted.")
    return layer
