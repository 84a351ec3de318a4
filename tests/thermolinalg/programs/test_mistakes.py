"""Mistakes a newcomer makes: each gets one error that names what is wrong and what to do."""

import numpy as np
import pytest
import sympy as sp

import thermolinalg as tla
from thermolinalg.errors import InvalidInput


def plain():
    """A model, two coordinates of a plate and a third one alone."""
    m = tla.Model(temperature=1.0)
    return m, m.oscillators("x", 2, stiffness=1.0), m.oscillators("z", stiffness=1.0)


def held(m, x):
    m.clamp(x, 1.0)
    return m


def two_temperatures():
    m = tla.Model()
    x = m.oscillators("x", stiffness=1, temperature=1)
    y = m.oscillators("y", stiffness=1, temperature=2)
    return m, x, y


def driven_quartic():
    m, x, y = two_temperatures()
    m.potential(x**4 + x * y)
    return m


def floating(stiffness=0.0):
    m = tla.Model()
    x = m.oscillators("x", 3, stiffness=stiffness)
    m.couple(x[0], x[1], 1.0)
    return m


def improper(energy):
    m = tla.Model()
    x = m.oscillators("x", 2)
    m.potential(energy(*x))
    return m


def half_massive():
    m = tla.Model()
    m.oscillators("x", mass=1.0)
    m.oscillators("y")


def unknown():
    return sp.Symbol("a")


MISTAKES = {
    "negative temperature": (lambda: tla.Model(temperature=-1.0), "temperature = -1 must be > 0"),
    "zero temperature": (lambda: tla.Model(temperature=0), "temperature = 0 must be > 0"),
    "temperature in words": (lambda: tla.Model(temperature="hot"), "temperature = 'hot'"),
    "name taken": (lambda: plain()[0].oscillators("x", 3), "x is declared already"),
    "name of an entry taken": (lambda: plain()[0].oscillators("x_0"), "x_0 is declared already"),
    "no name": (lambda: plain()[0].oscillators("2x"), "'2x' is no name"),
    "shape not whole": (lambda: plain()[0].oscillators("y", 2.5), "shape = 2.5"),
    "empty shape": (lambda: plain()[0].oscillators("y", 0), "shape = 0 must be an integer >= 1"),
    "stiffness of the wrong shape": (
        lambda: plain()[0].oscillators("y", 3, stiffness=[1, 2]),
        r"stiffness has shape \(2,\), and \(3,\) is needed",
    ),
    "negative friction": (
        lambda: plain()[0].oscillators("y", 2, friction=-1.0),
        "friction = -1 must be > 0",
    ),
    "no mass": (lambda: plain()[0].oscillators("y", mass=0.0), "mass"),
    "some masses": (half_massive, "every plate or for none"),
    "complex stiffness": (lambda: plain()[0].oscillators("y", stiffness=1j), "stiffness"),
    "stiffness of NaN": (lambda: plain()[0].oscillators("y", 2, stiffness=[1, np.nan]), "stiffness"),
    "stiffness of a stray symbol": (
        lambda: plain()[0].oscillators("y", stiffness=unknown()),
        "a = model.parameter",
    ),
    "undeclared symbol": (
        lambda: plain()[0].potential(unknown() * plain()[1][0]),
        "a, which was not declared",
    ),
    "a symbol of one's own": (
        lambda: plain()[0].potential(sp.Symbol("x_0") ** 2),
        "not the one declared",
    ),
    "complex potential": (lambda: plain()[0].potential(sp.I * unknown()), "is complex"),
    "infinite potential": (lambda: plain()[0].potential(sp.oo * unknown()), "infinity"),
    "potential in words": (lambda: plain()[0].potential("x_0**2"), "string 'x_0"),
    "constant potential": (lambda: plain()[0].potential(3.0), "holds no coordinate"),
    "coupled to itself": (
        lambda: (lambda m, x, z: m.couple(z, z))(*plain()),
        "z cannot be coupled to itself",
    ),
    "coupled to a stranger": (
        lambda: (lambda m, x, z: m.couple(z, "y"))(*plain()),
        "'y', which is no coordinate",
    ),
    "coupled to an index": (lambda: plain()[0].couple(0, 1), "a holds 0, which is no coordinate"),
    "coupled arrays that do not pair": (
        lambda: (lambda m, x, z: m.couple([x[0], x[1]], [z, x[0], x[1]]))(*plain()),
        "a has 2 coordinates and b 3",
    ),
    "coupling of infinite strength": (
        lambda: (lambda m, x, z: m.couple(x[0], z, np.inf))(*plain()),
        "stiffness",
    ),
    "clamped twice": (
        lambda: (lambda m, x, z: held(held(m, z), z))(*plain()),
        r"z is held at 1 already. Let it go first: model.release\('z'\)",
    ),
    "clamped to nothing": (
        lambda: (lambda m, x, z: m.clamp(z, np.nan))(*plain()),
        "values",
    ),
    "clamped by a wrong shape": (
        lambda: (lambda m, x, z: m.clamp(x, [1, 2, 3]))(*plain()),
        r"values has shape \(3,\)",
    ),
    "released, not held": (lambda: plain()[0].release("z"), "z is not held"),
    "everything held": (
        lambda: (lambda m, x, z: held(held(m, x), z).equilibrium())(*plain()),
        "every coordinate is held",
    ),
    "nothing declared": (lambda: tla.Model().equilibrium(), "has no coordinates"),
    "noise of zero": (
        lambda: (lambda m, x, z: m.observe(z, 1.0, noise=0))(*plain()),
        "noise = 0 must be > 0",
    ),
    "data of the wrong length": (
        lambda: (lambda m, x, z: m.observe(x, [1.0], noise=1))(*plain()),
        "value holds 1 numbers for 2 expressions",
    ),
    "parameter without number": (
        lambda: (lambda m: (m.oscillators("x", stiffness=m.parameter("k")), m.equilibrium()))(
            tla.Model()
        ),
        "the parameter k has no number yet",
    ),
    "no such parameter": (lambda: plain()[0].substitute({"k": 1.0}), "k is no parameter"),
    "a part that floats": (lambda: floating().equilibrium(), "along x_2, nothing holds it"),
    "a part that floats, simulated": (lambda: floating().process(), "nothing holds it"),
    "a part that floats, sampled": (lambda: floating().sample(10), "nothing holds it"),
    "an unstable mode": (
        lambda: floating(-0.5).equilibrium(),
        r"along x_0 \+ x_1, the potential pushes it away|the potential pushes it away",
    ),
    "a potential without bottom": (lambda: improper(lambda x, y: y**2 - x**4).equilibrium(), "x_0"),
    "a cubic potential": (lambda: improper(lambda x, y: y**2 + x**3).sample(10), "x_0"),
    "a potential with a flat valley": (
        lambda: improper(lambda x, y: (x - y) ** 4).log_partition(),
        r"x_0 \+ x_1",
    ),
    "a wish for the moments of a quartic": (
        lambda: improper(lambda x, y: x**4 + y**4).equilibrium().mean,
        "not quadratic, so that no moment has a closed form",
    ),
    "the partition function of a driven system": (
        lambda: two_temperatures()[0].log_partition(),
        "more than one temperature",
    ),
    "samples of what nobody knows": (lambda: driven_quartic().sample(10), "more than one temperature"),
    "the law of what is given": (
        lambda: (lambda m, x, z: m.posterior(z, given={z: 1.0}))(*plain()),
        "z has the value 1, and so no law",
    ),
    "given a stranger": (
        lambda: (lambda m, x, z: m.posterior(z, given={"q": 1.0}))(*plain()),
        "'q', which is no coordinate",
    ),
    "the marginal of a stranger": (
        lambda: plain()[0].equilibrium()["q"],
        "q is no free coordinate",
    ),
    "a device for what is not linear": (
        lambda: improper(lambda x, y: x**4 + y**4).sample(10, device=tla.Device()),
        "device runs linear motion",
    ),
    "no samples": (lambda: plain()[0].sample(0), "samples = 0 must be an integer >= 1"),
    "two graphs in one": (
        lambda: tla.Model.from_graph(improper(lambda x, y: x**4 + y**4).graph()),
        "not quadratic",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_once(mistake):
    attempt, message = MISTAKES[mistake]
    with pytest.raises(InvalidInput, match=message):
        attempt()
