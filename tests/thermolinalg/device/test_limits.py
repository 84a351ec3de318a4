"""What a device cannot hold is refused, with the number that is exceeded; all else is held."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

import thermolinalg as tla
from thermolinalg import Device, Limits, Quantisation
from thermolinalg.errors import DoesNotFit, InvalidInput

N = 5
CHAIN = 3 * np.eye(N) - np.eye(N, k=1) - np.eye(N, k=-1)  # springs to the ground and between
PUSHING = np.abs(CHAIN)
LOOSE = 1.9 * np.eye(N) - np.eye(N, k=1) - np.eye(N, k=-1)  # not dominant
B = np.array([4.0, 0.0, 0.0, 0.0, 3.0])
GRAPH = nx.path_graph(N)
nx.set_node_attributes(GRAPH, 1.0, "stiffness")


def solve(A, **knobs):
    return lambda device: tla.solve(A, B, device=device, rng=0, **knobs)


PATHS = {
    "dense": solve(CHAIN),
    "sides": lambda device: tla.solve(CHAIN, np.stack([B, B], 1), device=device, rng=0),
    "scaled": solve(CHAIN, precondition="diagonal"),
    "swings": solve(CHAIN, dynamics="underdamped"),
    "sparse": solve(sp.csr_array(CHAIN)),
    "sparse sides": lambda device: tla.solve(
        sp.csr_array(CHAIN), np.stack([B, B], 1), device=device, rng=0
    ),
    "graph": solve(GRAPH),
    "inv": lambda device: tla.inv(CHAIN, device=device, rng=0),
    "logdet": lambda device: tla.logdet(CHAIN, device=device, rng=0),
    "posterior": lambda device: tla.gaussian_posterior(
        np.eye(N), B, noise=1.0, prior_precision=CHAIN, device=device, rng=0
    ),
    "qp": lambda device: tla.solve_qp(CHAIN, B, device=device, rng=0),
    "lyapunov": lambda device: tla.solve_lyapunov(CHAIN, np.eye(N), device=device, rng=0),
}
each_path = pytest.mark.parametrize("path", PATHS)


@each_path
def test_nodes(path):
    PATHS[path](Device(limits=Limits(nodes=N)))
    with pytest.raises(DoesNotFit, match=f"takes {N} nodes, and the device has {N - 1}"):
        PATHS[path](Device(limits=Limits(nodes=N - 1)))


@each_path
def test_memory(path):
    needed = 3 * N - 2 if "sparse" in path or path == "graph" else N * N
    PATHS[path](Device(limits=Limits(coefficients=needed)))
    with pytest.raises(DoesNotFit, match=f"{needed} coefficients, .* memory holds {needed - 1}"):
        PATHS[path](Device(limits=Limits(coefficients=needed - 1)))


@each_path
def test_springs_and_capacitors_hold_a_chain(path):
    PATHS[path](Device(limits=Limits(couplings="attractive", dominant=True)))


SIGNED = {
    "dense": lambda A, device: tla.solve(A, B, device=device),
    "sparse": lambda A, device: tla.solve(sp.csr_array(A), B, device=device),
    "swings": lambda A, device: tla.solve(A, B, dynamics="underdamped", device=device),
    "inv": lambda A, device: tla.inv(A, device=device),
    "logdet": lambda A, device: tla.logdet(A, device=device),
}


@pytest.mark.parametrize("path", SIGNED)
def test_signs(path):
    """The numbers are those of A over its norm; that is known to a few per cent where it is run."""
    off = 1 / np.linalg.norm(PUSHING, 2)
    with pytest.raises(DoesNotFit, match=r"a coupling A_ij = (0\.\d+) > 0") as refused:
        SIGNED[path](PUSHING, Device(limits=Limits(couplings="attractive")))
    assert float(str(refused.value).split()[7]) == pytest.approx(off, rel=0.1)
    assert "thermolinalg.embed" in str(refused.value)
    short = 0.1 / np.linalg.norm(LOOSE, 2)
    with pytest.raises(DoesNotFit, match="a row's couplings exceed its diagonal by") as refused:
        SIGNED[path](LOOSE, Device(limits=Limits(dominant=True)))
    assert float(str(refused.value).split()[7]) == pytest.approx(short, rel=0.1)


def test_signs_that_nobody_sees_are_refused():
    device = Device(limits=Limits(couplings="attractive"))
    with pytest.raises(DoesNotFit, match=r"only multiplied or not linear\. Pass an array"):
        tla.solve(aslinearoperator(CHAIN), B, bounds=(1.0, 5.0), device=device)


@pytest.mark.parametrize("path", ["dense", "sparse", "graph", "swings", "sides", "sparse sides"])
def test_drives(path):
    largest = 4 / np.sqrt(np.mean(B**2))
    PATHS[path](Device(limits=Limits(drive=largest * (1 + 1e-9))))
    with pytest.raises(DoesNotFit, match=f"{largest:.3g} times .* drives 1.5 at most"):
        PATHS[path](Device(limits=Limits(drive=1.5)))


def test_the_range_of_coefficients():
    for part in (Quantisation(full_scale=0.4), Quantisation(bits=8, full_scale=0.4)):
        with pytest.raises(DoesNotFit, match=r"0\.6\d* of the matrix's norm, .* full_scale is 0.4"):
            tla.solve(CHAIN, B, device=Device(quantisation=part))
    tla.solve(CHAIN, B, device=Device(quantisation=Quantisation(bits=8, full_scale=1.0)), rng=0)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"nodes": 0}, "nodes = 0"),
        ({"coefficients": 1.5}, "coefficients = 1.5"),
        ({"couplings": "strong"}, "couplings = 'strong' must be 'any' or 'attractive'"),
        ({"drive": -1}, "drive = -1"),
    ],
)
def test_impossible_limits_are_named(knobs, message):
    with pytest.raises(InvalidInput, match=message):
        Limits(**knobs)
