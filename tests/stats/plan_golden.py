"""Holds the power of planned studies to scipy.

usage: plan_golden.py STATS_PIPE

Tolerances: 1e-6 relative for the interval's power (noncentral t), 1e-8 for the exact McNemar test's.
"""
import sys

import numpy as np
from scipy import integrate, stats

from stats_problems import hold


def plan_power(p, n, k, difference):
    effect, items_df = 1.0, np.inf
    if p["clusters"]:
        size = (1 + p["cluster_size_cv"] ** 2) * n / p["clusters"]
        effect, items_df = max(1.0, 1 + (size - 1) * p["cluster_correlation"]), p["clusters"] - 1
    items = p["discordance"] * (p["seed_correlation"] + (1 - p["seed_correlation"]) / k) * effect / n
    seeds = p["seed_sd"] ** 2 / k
    lost = items**2 / items_df + (seeds**2 / (k - 1) if k > 1 else 0)
    se = np.sqrt(items + seeds)
    if lost == 0:
        q = stats.norm.ppf(0.975)
        return stats.norm.sf(q - difference / se) + stats.norm.cdf(-q - difference / se)
    df = (items + seeds) ** 2 / lost
    q = stats.t.ppf(0.975, df)
    power = stats.nct.sf(q, df, difference / se) + stats.nct.cdf(-q, df, difference / se)
    if np.isfinite(power):
        return power
    # scipy's noncentral t gives NaN in places: integrate the normal over s = sqrt(chi2 / df) instead.
    tail = integrate.quad(lambda s: stats.norm.cdf(q * s - difference / se) * stats.chi.pdf(s * np.sqrt(df), df) * np.sqrt(df),
                          0, 20, limit=400, points=[1, difference / se / q])[0]
    return 1 - tail


def check_plan(p, got):
    np.testing.assert_allclose(got["power"], plan_power(p, p["questions"], p["seeds"], p["difference"]), rtol=1e-6, atol=1e-9)
    if got["detectable"] is None:
        assert plan_power(p, p["questions"], p["seeds"], p["discordance"]) < 0.8 + 1e-6
    else:
        np.testing.assert_allclose(plan_power(p, p["questions"], p["seeds"], got["detectable"]), 0.8, atol=1e-6)
    need = got["questions_needed"]
    if need is not None and need > 2:
        assert plan_power(p, need, p["seeds"], p["difference"]) >= 0.8 - 1e-7
        assert plan_power(p, need - 1, p["seeds"], p["difference"]) < 0.8 + 1e-7
    need = got["seeds_needed"]
    if need is not None and need > 1:
        assert plan_power(p, p["questions"], need, p["difference"]) >= 0.8 - 1e-7
        assert plan_power(p, p["questions"], need - 1, p["difference"]) < 0.8 + 1e-7


def check_mcnemar_power(p, got):
    up, down = (p["discordance"] + p["difference"]) / 2, (p["discordance"] - p["difference"]) / 2
    m = np.arange(p["n"] + 1)
    power = 0.0
    for pairs, weight in zip(m, stats.binom.pmf(m, p["n"], p["discordance"])):
        if weight < 1e-18 or pairs == 0:
            continue
        b = np.arange(pairs + 1)
        value = np.minimum(1, 2 * stats.binom.cdf(np.minimum(b, pairs - b), pairs, 0.5))
        power += weight * stats.binom.pmf(b, pairs, up / (up + down))[value <= p["alpha"]].sum()
    np.testing.assert_allclose(got, power, rtol=1e-8, atol=1e-12)


def problems(rng):
    """(problem, check) pairs."""
    for index in range(60):
        clusters = int(rng.choice([0, 20, 57]))
        discordance = float(rng.uniform(0.05, 0.4))
        problem = dict(what="plan", questions=int(rng.integers(50, 3000)), seeds=int(rng.integers(1, 7)),
                       discordance=discordance, difference=float(discordance * rng.uniform(0.05, 0.9)),
                       seed_correlation=float(rng.uniform(0, 1)), seed_sd=float(rng.choice([0, 0, 0.01, 0.03])),
                       clusters=clusters, cluster_correlation=float(rng.choice([0, 0.02, 0.1])) if clusters else 0.0,
                       cluster_size_cv=float(rng.choice([0, 0.6])))
        yield problem, lambda got, problem=problem: check_plan(problem, got)
    for index in range(30):
        discordance = float(rng.uniform(0.02, 1))
        problem = dict(what="mcnemar_power", n=int(rng.integers(1, 400)), discordance=discordance,
                       difference=float(discordance * rng.uniform(-1, 1)), alpha=float(rng.choice([0.05, 0.01])))
        yield problem, lambda got, problem=problem: check_mcnemar_power(problem, got)


hold(sys.argv[1], list(problems(np.random.default_rng(20240608))))
