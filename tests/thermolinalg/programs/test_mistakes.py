"""Mistakes a newcomer makes: each gets one error that names what is wrong and what to do."""

from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

import thermolinalg as tla
from thermolinalg.errors import InvalidInput


def plain():
    """A model m, two coordinates of a plate x and a third one alone, z."""
    m = tla.Model(temperature=1.0)
    x = m.oscillators("x", 2, stiffness=1.0)
    return SimpleNamespace(m=m, x=x, z=m.oscillators("z", stiffness=1.0))


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


def far(c):
    m = tla.Model()
    m.oscillators("x", stiffness=1, center=c)
    m.potential(m.oscillators("y") ** 4)
    return m


def half_massive():
    m = tla.Model()
    m.oscillators("x", mass=1.0)
    m.oscillators("y")


def unknown():
    return sp.Symbol("a")


MISTAKES = {
    "negative temperature": (lambda _: tla.Model(temperature=-1.0), "temperature = -1 must be > 0"),
    "zero temperature": (lambda _: tla.Model(temperature=0), "temperature = 0 must be > 0"),
    "complex temperature": (
        lambda _: tla.Model(temperature=np.complex64(1 + 2j)),
        "must be a real number",
    ),
    "complex spring": (
        lambda p: p.m.couple(*p.x, np.complex128(1 + 2j)),
        "must be a",
    ),
    "temperature in words": (lambda _: tla.Model(temperature="hot"), "temperature = 'hot'"),
    "name taken": (lambda p: p.m.oscillators("x", 3), "x is declared already"),
    "name of an entry taken": (lambda p: p.m.oscillators("x_0"), "x_0 is declared already"),
    "no name": (lambda p: p.m.oscillators("2x"), "'2x' is no name"),
    "shape not whole": (lambda p: p.m.oscillators("y", 2.5), "shape = 2.5"),
    "empty shape": (lambda p: p.m.oscillators("y", 0), "shape = 0 must be an integer >= 1"),
    "stiffness of the wrong shape": (
        lambda p: p.m.oscillators("y", 3, stiffness=[1, 2]),
        r"stiffness has shape \(2,\), and \(3,\) is needed",
    ),
    "negative friction": (
        lambda p: p.m.oscillators("y", 2, friction=-1.0),
        "friction = -1 must be > 0",
    ),
    "no mass": (lambda p: p.m.oscillators("y", mass=0.0), "mass"),
    "some masses": (lambda _: half_massive(), "every plate or for none"),
    "complex stiffness": (lambda p: p.m.oscillators("y", stiffness=1j), "stiffness"),
    "stiffness of NaN": (
        lambda p: p.m.oscillators("y", 2, stiffness=[1, np.nan]),
        "stiffness",
    ),
    "stiffness of a stray symbol": (
        lambda p: p.m.oscillators("y", stiffness=unknown()),
        "a = model.parameter",
    ),
    "undeclared symbol": (
        lambda p: p.m.potential(unknown() * p.x[0]),
        "a, which was not declared",
    ),
    "a symbol of one's own": (
        lambda p: p.m.potential(sp.Symbol("x_0") ** 2),
        "not the one declared",
    ),
    "complex potential": (lambda p: p.m.potential(sp.I * unknown()), "is complex"),
    "infinite potential": (lambda p: p.m.potential(sp.oo * unknown()), "infinity"),
    "potential in words": (lambda p: p.m.potential("x_0**2"), "string 'x_0"),
    "constant potential": (lambda p: p.m.potential(3.0), "holds no coordinate"),
    "coupled to itself": (
        lambda p: p.m.couple(p.z, p.z),
        "z cannot be coupled to itself",
    ),
    "coupled to a stranger": (
        lambda p: p.m.couple(p.z, "y"),
        "'y', which is no coordinate",
    ),
    "coupled to an index": (lambda p: p.m.couple(0, 1), "a holds 0, which is no coordinate"),
    "coupled arrays that do not pair": (
        lambda p: p.m.couple([p.x[0], p.x[1]], [p.z, p.x[0], p.x[1]]),
        "a has 2 coordinates and b 3",
    ),
    "coupling of infinite strength": (
        lambda p: p.m.couple(p.x[0], p.z, np.inf),
        "stiffness",
    ),
    "clamped twice": (
        lambda p: held(held(p.m, p.z), p.z),
        r"z is held at 1 already. Let it go first: model.release\('z'\)",
    ),
    "clamped to nothing": (
        lambda p: p.m.clamp(p.z, np.nan),
        "values",
    ),
    "clamped by a wrong shape": (
        lambda p: p.m.clamp(p.x, [1, 2, 3]),
        r"values has shape \(3,\)",
    ),
    "released, not held": (lambda p: p.m.release("z"), "z is not held. Of this model are: none"),
    "everything held": (
        lambda p: held(held(p.m, p.x), p.z).equilibrium(),
        "every coordinate is held",
    ),
    "nothing declared": (lambda _: tla.Model().equilibrium(), "has no coordinates"),
    "a form that is not symmetric": (
        lambda p: p.m.quadratic("x", [[1, 2], [0, 1]]),
        "matrix is not symmetric",
    ),
    "a form of the wrong size": (
        lambda p: p.m.quadratic("x", np.eye(3)),
        r"matrix has shape \(3, 3\) for 2 coordinates",
    ),
    "noise of zero": (
        lambda p: p.m.observe(p.z, 1.0, noise=0),
        "noise = 0 must be > 0",
    ),
    "data of the wrong length": (
        lambda p: p.m.observe(p.x, [1.0], noise=1),
        "value holds 1 numbers for 2 expressions",
    ),
    "data that a mask hides": (
        lambda p: p.m.observe(p.x, np.ma.array([1.0, 2.0], mask=[0, 1]), noise=1),
        "value is a masked array",
    ),
    "clamped where a mask hides": (
        lambda p: p.m.clamp(p.x, np.ma.array([1.0, 2.0], mask=[0, 1])),
        "values is a masked array",
    ),
    "parameter without number": (
        lambda _: (lambda m: (m.oscillators("x", stiffness=m.parameter("k")), m.equilibrium()))(
            tla.Model()
        ),
        "the parameter k has no number yet",
    ),
    "a parameter of the wrong sign": (
        lambda _: (lambda m: (m.parameter("k", positive=True), m.substitute({"k": -1})))(
            tla.Model()
        ),
        "k = -1 must be > 0",
    ),
    "a friction of the wrong sign, put in": (
        lambda _: (
            lambda m: (
                m.oscillators("x", stiffness=1, friction=m.parameter("g")),
                m.substitute({"g": -1}).process(),
            )
        )(tla.Model()),
        "friction = -1 must be > 0",
    ),
    "no such parameter": (lambda p: p.m.substitute({"k": 1.0}), "k is no parameter"),
    "a part that floats": (
        lambda _: floating().equilibrium(),
        r"along x_0 \+ x_1, nothing holds it",
    ),
    "a part that floats, simulated": (lambda _: floating().process(), "nothing holds it"),
    "a part that floats, sampled": (lambda _: floating().sample(10), "nothing holds it"),
    "an unstable mode": (
        lambda _: floating(-0.5).equilibrium(),
        r"along x_0 \+ x_1, the potential pushes it away|the potential pushes it away",
    ),
    "a potential without bottom": (
        lambda _: improper(lambda x, y: y**2 - x**4).equilibrium(),
        "x_0",
    ),
    "a cubic potential": (lambda _: improper(lambda x, y: y**2 + x**3).sample(10), "x_0"),
    "a potential with a flat valley": (
        lambda _: improper(lambda x, y: (x - y) ** 4).log_partition(),
        r"x_0 \+ x_1",
    ),
    "a wish for the moments of a quartic": (
        lambda _: improper(lambda x, y: x**4 + y**4).equilibrium().mean,
        "not quadratic, so that moments of what it ties have no closed form",
    ),
    "the partition function of a driven system": (
        lambda _: two_temperatures()[0].log_partition(),
        "more than one temperature",
    ),
    "samples of what nobody knows": (
        lambda _: driven_quartic().sample(10),
        "more than one temperature",
    ),
    "the law of what is given": (
        lambda p: p.m.posterior(p.z, given={p.z: 1.0}),
        "z has the value 1, and so no law",
    ),
    "given a stranger": (
        lambda p: p.m.posterior(p.z, given={"q": 1.0}),
        "given holds 'q', which is no coordinate",
    ),
    "given a list": (
        lambda p: p.m.posterior(p.z, given=["x_0"]),
        "given is of type list, and a dict {coordinate: value} is needed",
    ),
    "a stiffness of nothing": (
        lambda p: p.m.oscillators("y", stiffness=None),
        "stiffness = None must be a number",
    ),
    "an integer that no float holds": (
        lambda p: p.m.oscillators("y", stiffness=10**400),
        "stiffness does not fit a float",
    ),
    "energies of points of the wrong size": (
        lambda p: p.m.landscape().energy([1.0, 2.0]),
        r"x has shape \(2,\); points \(..., 3\) are needed",
    ),
    "slopes of points of the wrong size": (
        lambda p: p.m.landscape().gradient(np.zeros((5, 4))),
        r"x has shape \(5, 4\); points \(..., 3\) are needed",
    ),
    "the average of a name": (
        lambda p: p.m.sample(8, rng=0).expectation("x_0"),
        "f = 'x_0' cannot be called",
    ),
    "the average of an expression": (
        lambda p: p.m.sample(8, rng=0).expectation(p.z**2),
        r"f = z\*\*2 cannot be called. Pass a function of points",
    ),
    "a potential of steps": (
        lambda _: improper(lambda x, y: x**4 + y**2 + sp.floor(x)).sample(10),
        r"floor\(x_0\) has no derivative",
    ),
    "an exponential without bottom": (
        lambda _: improper(lambda x, y: x**2 + y**2 - sp.exp(x)).sample(10),
        "falls without bound along x_0, so",
    ),
    "noise that no float can square": (
        lambda p: p.m.observe(p.z, 1.0, noise=1e-200),
        "noise = 1e-200 is so small .* Clamp what is known",
    ),
    "the marginal of a stranger": (
        lambda p: p.m.equilibrium()["q"],
        "which holds 'q', which is no coordinate",
    ),
    "coordinates far from zero": (
        lambda _: far(3e8).sample(100),
        "where all coordinates are zero the energy is 4.5e.16, so large",
    ),
    "a barrier that ends the world": (
        lambda _: improper(lambda x, y: y**2 - sp.log(1 - x**2)).sample(10),
        "no real number along",
    ),
    "no data": (lambda p: p.m.observe([], [], noise=1), "what is empty"),
    "a negative error": (lambda p: p.m.log_partition(atol=-1), "atol = -1 must be >= 0"),
    "the marginal of what is held": (
        lambda p: held(p.m, p.z).equilibrium()[p.z],
        "z is held, and so has no law",
    ),
    "draws of a stranger": (lambda p: p.m.sample(8, rng=0)["q"], "q is no coordinate of these"),
    "the wells of a kink": (
        lambda _: improper(lambda x, y: sp.Abs(x) + sp.Abs(y)).equilibrium().laplace,
        "so no normal law fits it",
    ),
    "a device for what is not linear": (
        lambda _: improper(lambda x, y: x**4 + y**4).sample(10, device=tla.Device()),
        "device runs linear motion",
    ),
    "no samples": (lambda p: p.m.sample(0), "samples = 0 must be an integer >= 1"),
    "two graphs in one": (
        lambda _: tla.Model.from_graph(improper(lambda x, y: x**4 + y**4).graph()),
        "not quadratic",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_once(mistake):
    attempt, message = MISTAKES[mistake]
    with pytest.raises(InvalidInput, match=message):
        attempt(plain())


def test_data_that_are_refused_leave_no_part_behind():
    m, x, y = two_temperatures()
    with pytest.raises(InvalidInput, match="more than one temperature"):
        m.observe([x, x + y], [1.0, 2.0], noise=1.0)
    assert "observed" not in str(m)
