"""The 1,797 handwritten digits of 8 x 8 pixels that come with the package: real data, no download.

Source, licence and changes are in `digits.txt`, beside the file itself.
"""

from importlib import resources

import numpy as np

from thermolinalg.streams import RNG, open_streams
from tngd.data.dataset import Dataset, Split, require_available, split, unit_interval


def load_digits(*, train: int | None = None, rng: RNG = 0) -> Dataset:
    """Digits as (n, 64) pixels in [0, 1]: 1,107 to train, 240 to validate, 450 to test.

    The parts are stratified by class. Everybody who passes no `rng` gets the same division, so
    that results compare; another `rng` gives another. The same 13 writers appear in every part:
    the test says how well a model reads them, not how well it would read a stranger.

    Args:
        train: number of training images; None takes all 1,107, a smaller number the first of them.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: there are fewer than `train` training images.
    """
    seed = open_streams(rng).seed
    raw = _read_bundled()
    require_available(train, raw.size - 690)
    sizes = [450, 240] if train is None else [450, 240, train]
    parts = split(raw.x, raw.y, sizes, rng=seed)
    test, validation, chosen = (unit_interval(part, top=16) for part in parts[:3])
    return Dataset("digits", chosen, validation, test, classes=10, seed=seed)


def _read_bundled() -> Split:
    packed = resources.files("tngd.data").joinpath("digits.npz")
    with packed.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return Split(arrays["x"], arrays["y"])
