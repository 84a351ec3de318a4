"""Samples, posteriors and partition functions: exact where the law is normal, else sampled."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from thermolinalg import checks
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.programs.confinement import require_confining
from thermolinalg.programs.equilibrium import equilibrium_of
from thermolinalg.programs.integration import LogPartition, integrate_log_partition
from thermolinalg.programs.metropolis import CHAINS as SIDE_BY_SIDE
from thermolinalg.programs.metropolis import LONGEST, sample_landscape
from thermolinalg.programs.program import Program
from thermolinalg.programs.samples import Samples
from thermolinalg.programs.sampling import sample_linear
from thermolinalg.programs.system import System
from thermolinalg.solvers.estimate import Outcome
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.gaussian import Gaussian

CHAINS = 4
"""Of linear motion, which needs no comparison of chains."""


def samples_of(
    system: System,
    samples: int,
    *,
    chains: int | None = None,
    longest: int = LONGEST,
    device: Device | None = None,
    rng: RNG,
) -> Samples:
    """Samples at rest of the free coordinates.

    Raises:
        Unstable: there is no law at rest.
        InvalidInput: a device is asked to run what is not linear, or temperatures differ there.
    """
    streams, names = open_streams(rng), system.free.energy.names
    if system.is_gaussian:
        machine = Device.given(device)
        draws, ledger = sample_linear(
            system.process,
            samples,
            range(len(names)),
            chains=CHAINS if chains is None else chains,
            device=machine,
            streams=streams,
        )
        return Samples(draws, names, seed=streams.seed, ledger=ledger)
    if device is not None:
        raise InvalidInput(
            "device runs linear motion, and the potential of this model is not quadratic. Leave "
            "device out."
        )
    require_confining(system.landscape)
    chains = SIDE_BY_SIDE if chains is None else chains
    return sample_landscape(system.landscape, samples, chains=chains, longest=longest, rng=rng)


def posterior_of(
    program: Program, what: Any, given: Mapping[Any, Any], *, samples: int, rng: RNG
) -> Gaussian | Samples:
    """The law of some coordinates, given others.

    At one temperature holding by hand is conditioning. Where temperatures differ it is not, and the
    law at rest itself is conditioned.
    """
    checks.mapping("given", given, "{coordinate: value}")
    bath = program.system.bath  # first, so that the energy is worked out once for both programs
    fixed = program.hold(given.items(), argument="given")
    wanted = program.coordinates("what", what)
    held = next((x for x in wanted if x in fixed.held), None)
    if held is not None:
        raise InvalidInput(
            f"{held} has the value {fixed.held[held]:g}, and so no law. Ask for free ones."
        )
    if bath is None:
        return _conditioned(program, fixed, wanted)
    rest = equilibrium_of(fixed)
    if rest.knows(wanted):
        return rest[wanted]
    drawn = samples_of(fixed.system.around(wanted), samples, rng=rng)
    return drawn.of_names([x.name for x in wanted])


def _conditioned(program: Program, fixed: Program, wanted: list[Any]) -> Gaussian:
    rest = equilibrium_of(program)
    place = {name: i for i, name in enumerate(rest.names)}
    new = {place[x.name]: v for x, v in fixed.held.items() if x not in program.held}
    left = [i for i in range(len(place)) if i not in new]
    law = rest.known.condition(new)
    return law.marginal([left.index(place[x.name]) for x in wanted])


def log_partition_of(
    program: Program,
    *,
    atol: float,
    rtol: float,
    confidence: float,
    longest: int,
    rng: RNG,
) -> LogPartition:
    """ln ∫ exp(-U/T) dx over the free coordinates."""
    checks.positive("atol", atol, zero=True)
    checks.positive("rtol", rtol, zero=True)
    checks.probability("confidence", confidence)
    system = program.system
    if system.is_gaussian and system.bath is not None:
        return LogPartition(_closed_form(program), 0.0, Outcome.CONVERGED, "exact")
    landscape = system.landscape  # refuses unequal temperatures
    require_confining(landscape)
    known = [x for x in system.free.energy.state if x not in system.free.energy.tied_beyond]
    if known and rtol == 0:  # a relative error of the sum is none of its parts
        offset = _volume(system.around(known)) - system.free.energy.constant / landscape.temperature
        landscape = system.around(system.free.energy.tied_beyond).landscape
    else:
        offset = 0.0
    found = integrate_log_partition(
        landscape, atol=atol, rtol=rtol, confidence=confidence, longest=longest, rng=rng
    )
    return replace(found, value=found.value + offset, integral=found.integral + offset)


def _volume(system: System) -> float:
    """h'P⁻¹h/2 + n/2 ln 2π - ½ ln det P for P = S/T and h = f/T: ln Z, less a constant energy."""
    law = system.graph.law(temperature=system.bath or 1.0)
    return float(law.potential @ law.mean) / 2 + law.entropy() - law.n / 2


def _closed_form(program: Program) -> float:
    """-U(m)/T + n/2 ln 2π - ½ ln det S/T, for the mean m.

    U is added up as it was stated: multiplied out, a precise observation would leave a constant
    whose rounding drowns all else.
    """
    system = program.system
    T = system.bath or 1.0
    law = system.free.graph.law(temperature=T)
    least = program.energy_at(dict(zip(system.free.energy.state, law.mean.tolist(), strict=True)))
    return law.entropy() - law.n / 2 - least / T
