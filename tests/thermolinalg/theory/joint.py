"""The density of a whole trajectory at once: one dense normal law of all its rows.

No filter, no step after step: the covariance of all rows is written down, and the entries that were
seen are marginalised out of it.
"""

import functools

import numpy as np

from tests import oracles


@functools.cache
def law_of_step(process, dt):
    return oracles.law_by_ode(process.A, process.b, process.D, dt)


def joint_law(process, times, start):
    """Mean and covariance of the states at all m times, as (m n,): N(*start) at the first."""
    (mean, cov), n, m = start, process.n, len(times)
    steps = [law_of_step(process, float(dt)) for dt in np.diff(times).round(12)]
    means, covs = [np.asarray(mean, float)], [np.asarray(cov, float)]
    for E, shift, C in steps:
        means.append(E @ means[-1] + shift)
        covs.append(E @ covs[-1] @ E.T + C)
    K = np.zeros((m, n, m, n))
    for i in range(m):
        block = covs[i]
        for j in range(i, m):  # cov(x_j, x_i) = E_j ... E_{i+1} cov(x_i)
            K[j, :, i], K[i, :, j] = block, block.T
            block = steps[j].E @ block if j < m - 1 else block
    return np.concatenate(means), K.reshape(m * n, m * n)


def joint_log_density(process, times, states, *, start=None, noise=None):
    """Of the entries that are not NaN; given the first row, unless its law is given."""
    n = process.n
    first = (states[0], np.zeros((n, n))) if start is None else start
    mean, K = joint_law(process, times, first)
    if noise is not None:
        K = K + np.kron(np.eye(len(times)), noise)
    seen = ~np.isnan(np.ravel(states))
    seen[:n] &= start is not None
    x, mean, K = np.ravel(states)[seen], mean[seen], K[np.ix_(seen, seen)]
    width = np.sqrt(np.diag(K))  # in units of their own widths, so that units do not matter
    L = np.linalg.cholesky(K / np.outer(width, width))
    white = np.linalg.solve(L, (x - mean) / width)
    return -(white @ white + len(x) * np.log(2 * np.pi)) / 2 - np.log(width * np.diag(L)).sum()


def conditional_law(mean, K, seen, values):
    """Mean and covariance of all entries, given the values of those that were seen."""
    gain = np.linalg.solve(K[np.ix_(seen, seen)], K[seen]).T
    return mean + gain @ (values - mean[seen]), K - gain @ K[seen]
