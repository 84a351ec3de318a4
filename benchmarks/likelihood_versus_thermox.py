"""The log density of a long trajectory against jitted, warmed-up thermox 0.0.6 (JAX CPU, float64).

Wishart A = GG'/n with G (n, 2n), D = 2I, 10,000 steps of dt = 1, in one run. thermox is right here,
because A is symmetric, so the two values must agree. Both pay for their preparation every time. The
floor is one `eigh` and the one matrix product that takes all data to the eigenbasis.

    pip install '.[bench]' jax
    python benchmarks/likelihood_versus_thermox.py [--repeats 5] [--n 300] [--steps 10000]
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import thermox

import thermolinalg as tla
from thermolinalg.theory.likelihood import log_likelihood

jax.config.update("jax_enable_x64", True)


def in_turns(tasks, repeats):
    """Median seconds and last value of each task; in turns, so that all meet the same weather."""
    seconds = [[] for _ in tasks]
    for _ in range(repeats + 1):
        values = []
        for task, record in zip(tasks, seconds, strict=True):
            started = time.perf_counter()
            values.append(task())
            record.append(time.perf_counter() - started)
    return [statistics.median(record[1:]) for record in seconds], values  # the first compiles


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--steps", type=int, default=10_000)
    given = parser.parse_args()
    n, times = given.n, np.arange(given.steps + 1.0)
    G = np.random.default_rng(0).standard_normal((n, 2 * n))
    A, center, D = G @ G.T / n, np.ones(n), 2 * np.eye(n)  # thermox's drift is -A(x - center)
    process = tla.OU(A, A @ center, D)
    states = tla.simulate(process, times, x0=center, rng=0).states[0]

    jitted = jax.jit(thermox.log_prob)
    theirs = [jnp.asarray(x) for x in (times, states, A, center, D)]
    general = tla.OU(A + 1e-9 * np.triu(np.ones((n, n)), 1), A @ center, D)  # no detailed balance
    (slow, fast, other, least), (right, value, near, _) = in_turns(
        [
            lambda: float(jitted(*theirs)),
            lambda: log_likelihood(tla.OU(A, A @ center, D), times, states),
            lambda: log_likelihood(general, times, states),
            lambda: states @ np.linalg.eigh(A)[1],
        ],
        given.repeats,
    )

    print(f"log density of {given.steps} steps, n = {n}, medians of {given.repeats}")
    print(f"  thermox               {slow:9.4f} s   {right:.8f}")
    print(f"  ours                  {fast:9.4f} s   {value:.8f}")
    print(f"  ours, any drift       {other:9.4f} s   {near:.8f}")
    print(f"  floor                 {least:9.4f} s")
    print(f"  ratio to thermox      {slow / fast:9.1f}     (bar: 40)")
    print(f"  ratio to the floor    {fast / least:9.2f}     (bar: 1.5)")
    print(f"  relative difference   {abs(value - right) / abs(right):9.1e}")


if __name__ == "__main__":
    main()
