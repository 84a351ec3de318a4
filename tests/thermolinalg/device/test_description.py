"""Devices as text: TOML that makes an equal device again, and expressions that do."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import (
    RC,
    RLC,
    ColouredNoise,
    Converter,
    DeadNodes,
    Device,
    HeldNoise,
    Limits,
    MassSpring,
    Mismatch,
    Parasitics,
    Prices,
    Quantisation,
    TemperatureDrift,
    Temperatures,
    TransportDelay,
)  # fmt: skip
from thermolinalg.device.description import SAYS
from thermolinalg.device.parts import places
from thermolinalg.errors import InvalidInput, OutputError

NAMES = vars(tla) | {"float": float}

positive = st.floats(1e-300, 1e300)
share = st.floats(0, 0.9)
perhaps = st.none() | positive
sizes = positive | st.lists(positive, min_size=1, max_size=4).map(tuple)
some_bits = st.none() | st.integers(1, 64)
text = st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def quantisations(draw):
    levels = draw(st.none() | st.lists(positive, min_size=1, max_size=5).map(tuple))
    return Quantisation(
        None if levels else draw(some_bits),
        "nearest" if levels else draw(st.sampled_from(["nearest", "stochastic"])),
        draw(perhaps),
        levels,
        draw(some_bits),
        draw(st.integers(0, 5)),
    )


dressings = st.one_of(
    st.builds(ColouredNoise, share),
    st.builds(HeldNoise, positive, positive | st.just(math.inf)),
    st.builds(TransportDelay, share),
)
devices = st.builds(
    Device,
    name=text,
    time_constant=positive,
    bits=st.integers(1, 64),
    link=positive,
    chip=st.integers(0, 2**63),
    circuit=st.one_of(st.just(RC()), st.builds(RLC, sizes, sizes), st.builds(MassSpring, positive)),
    quantisation=st.none() | quantisations(),
    mismatch=st.none() | st.builds(Mismatch, share, share, share),
    parasitics=st.none() | st.builds(Parasitics, share, st.integers(1, 3)),
    dead=st.none()
    | st.builds(DeadNodes, share, st.none() | st.lists(st.integers(0, 9), max_size=3)),
    temperatures=st.none()
    | st.builds(Temperatures, share, share, st.none() | st.lists(positive, max_size=3).map(tuple)),
    drift=st.none() | st.builds(TemperatureDrift, share, positive),
    dressings=st.lists(dressings, max_size=3),
    converter=st.none() | st.builds(Converter, some_bits, perhaps, share, share, share),
    floor=share,
    limits=st.builds(
        Limits,
        st.none() | st.integers(1, 99),
        st.none() | st.integers(1, 99),
        st.sampled_from(["any", "attractive"]),
        st.booleans(),
        perhaps,
    ),
    prices=st.builds(Prices, perhaps, perhaps, perhaps, perhaps, text),
    source=text,
    assumed=st.lists(st.sampled_from(["link", "mismatch.couplings", "dressings.tick"])).map(tuple),
)


@settings(deadline=None)
@given(devices)
def test_toml_makes_an_equal_device_again(device):
    assert Device.from_toml(device.to_toml()) == device


@settings(deadline=None)
@given(devices)
def test_a_device_is_shown_as_the_expression_that_makes_it(device):
    assert eval(repr(device), NAMES) == device


def test_only_what_differs_is_said():
    device = Device(name="a board", mismatch=Mismatch(couplings=0.02), chip=0)
    assert repr(device) == "Device(name='a board', mismatch=Mismatch(couplings=0.02))"
    said = [line for line in device.to_toml().splitlines() if line and line[0] != "#"]
    assert said == ['name = "a board"', "[mismatch]", "couplings = 0.02"]
    assert repr(Device()) == "Device()"
    assert Device.from_toml(Device().to_toml()) == Device()


def test_a_file_is_written_and_read(tmp_path):
    device, path = Device(link=1e9, dressings=(HeldNoise(0.1), ColouredNoise(0.2))), "d.toml"
    assert device.to_toml(tmp_path / path) == (tmp_path / path).read_text()
    assert Device.from_toml(tmp_path / path) == device
    assert Device.from_toml(str(tmp_path / path)) == device
    with pytest.raises(OutputError, match=r"d\.toml could not be written"):
        device.to_toml(tmp_path / "nowhere" / path)


MISTAKES = {
    'bits = "x"\n': r"bits = 'x' must be an integer",
    "bits = 0\n": r"bits = 0 must be an integer >= 1",
    "[mismatch]\ncouplin = 1\n": r"\[mismatch\]: there is no key 'couplin'.*couplings, drives",
    "[mismatch]\ncouplings = -1.0\n": r"\[mismatch\]: couplings = -1 must be >= 0",
    "[mismatches]\ncouplings = 1\n": r"there is no section 'mismatches'.*mismatch",
    "mismatch = 0.1\n": r"\[mismatch\]: mismatch is 0.1, and a section \[mismatch\] is needed",
    "[bits]\na = 1\n": r"bits = a section must be an integer",
    '[circuit]\nkind = "lc"\n': r"\[circuit\]: kind = 'lc' must be one of 'rc', 'rlc', 'mass-sp",
    "[circuit]\nfriction = 1\n": r"\[circuit\]: kind is missing",
    '[circuit]\nkind = "rlc"\nresistances = [1, "a"]\n': r"resistances = \[1, 'a'\] must be a numb",
    "[quantisation]\nbits = 2.5\n": r"\[quantisation\]: bits = 2.5 must be an integer",
    "[quantisation]\nbits = true\n": r"\[quantisation\]: bits = True must be an integer",
    '[quantisation]\nrounding = "up"\n': r"rounding = 'up' must be 'nearest' or 'stochastic'",
    "[limits]\ndominant = 1\n": r"\[limits\]: dominant = 1 must be true or false",
    '[dressings]\nkind = "held noise"\n': r"a section \[\[dressings\]\] for each is needed",
    '[[dressings]]\nkind = "hum"\n': r"\[\[dressings\]\]: kind = 'hum' must be one of 'coloured n",
    '[[dressings]]\nkind = "held noise"\ntick = "a"\n': r"dressings\]\]: tick = 'a' must be a n",
    "floor 3 =\n": r"is no TOML: .*line 1",
    "name = 3\n": r"name = 3 must be a string",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named_with_its_file_section_and_key(text, tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=rf"board\.toml.*{MISTAKES[text]}") as of_file:
        Device.from_toml(path)
    with pytest.raises(InvalidInput) as of_text:
        Device.from_toml(text)
    assert str(of_text.value) == str(of_file.value).replace(str(path), "this TOML")


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(InvalidInput, match=r"none\.toml cannot be read: No such file"):
        Device.from_toml(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe = 1")
    with pytest.raises(InvalidInput, match=r"bytes\.toml cannot be read"):
        Device.from_toml(tmp_path / "bytes.toml")
    with pytest.raises(InvalidInput, match="from a path or from TOML, not from int"):
        Device.from_toml(3)


@settings(deadline=None)
@given(devices)
def test_equal_devices_have_equal_descriptions(device):
    assert device.describe() == Device.from_toml(device.to_toml()).describe()


def test_every_number_of_a_part_has_a_line_of_its_own():
    numbers = {place for place in places(Device()) if "." in place}
    assert set(SAYS) == {place for place in numbers if not place.startswith("prices.")}


def test_a_description_says_what_each_number_does_and_what_nobody_states():
    device = Device(
        name="a board",
        time_constant=2e-3,
        link=1e6,
        bits=12,
        quantisation=Quantisation(bits=7),
        mismatch=Mismatch(couplings=0.02),
        dressings=(HeldNoise(0.25),),
        prices=Prices(bit=1e-12, source="a data sheet"),
        assumed=("link", "mismatch.couplings"),
        source="a colleague",
    )
    text = device.describe()
    for said in (
        "a board: resistors and capacitors",
        "from a colleague",
        "clock: RC = 2 ms",
        "12 bits a number at 1 Mbit/s, 12 us each (assumed)",
        "finite bits: 7 bits a coefficient",
        "mismatch: 2 % off",
        "chip (assumed)",
        "held noise: noise is held for 0.25 RC",
        "energy: 1 pJ to move a bit over the link, from a data sheet",
        "energy: not stated to write a coefficient or a drive, to read a number, of each running",
    ):
        assert said in text
    assert "clipped" not in text
    assert "no imperfections" in Device().describe()


def test_a_number_that_is_turned_is_assumed_no_longer():
    device = Device(assumed=("link", "mismatch.couplings"))
    assert device.vary("mismatch", 0.1).assumed == ("link",)
    assert device.vary("link", 1e9).assumed == ("mismatch.couplings",)
    with pytest.raises(InvalidInput, match="assumed holds 'luck'"):
        Device(assumed=("luck",))
