"""Holds the power of planned studies to scipy.

usage: plan_golden.py STATS_PIPE

Tolerances: 1e-6 relative for one seed's interval (noncentral t); 0.005 for several seeds, where the plan integrates over
two estimated variances with 42 x 12 nodes and this with 450 x 150; 1e-8 for the exact McNemar test's.
"""
import sys

import numpy as np
from scipy import integrate, stats

from stats_problems import hold


NODE, WEIGHT = np.polynomial.legendre.leggauss(150)
NODE, WEIGHT = (NODE + 1) / 2, WEIGHT / 2


def plan_power(p, n, k, difference):
    """Power of the report's own test: V = items X + max(0, between - noise) / k, with its df."""
    effect, items_df = 1.0, n - 1.0
    if p["clusters"]:
        uneven = 1 + p["cluster_size_cv"] ** 2
        effect, items_df = max(1.0, 1 + (uneven * n / p["clusters"] - 1) * p["cluster_correlation"]), p["clusters"] / uneven - 1
    variance = min(1, np.hypot(p["discordance"], difference)) - difference**2
    noise = variance * (1 - p["seed_correlation"]) * effect / n
    items = variance * p["seed_correlation"] * effect / n + noise / k
    if k == 1:
        q, se = stats.t.ppf(0.975, items_df), np.sqrt(items)
        power = stats.nct.sf(q, items_df, difference / se) + stats.nct.cdf(-q, items_df, difference / se)
        if np.isfinite(power):
            return power
        # scipy's noncentral t gives NaN in places: integrate the normal over s = sqrt(chi2 / df) instead.
        tail = integrate.quad(lambda s: stats.norm.cdf(q * s - difference / se) * stats.chi.pdf(s * np.sqrt(items_df), items_df)
                              * np.sqrt(items_df), 0, 20, limit=400, points=[1, difference / se / q])[0]
        return 1 - tail
    true = items + p["seed_sd"] ** 2 / k
    # The df jumps where the limit of `between` passes the noise, the variance bends where `between` does.
    whole, factor = p["seed_sd"] ** 2 + noise, (k - 1) / stats.chi2.ppf(0.3 if k == 2 else 0.4, k - 1)
    edges = [0, *stats.chi2.cdf([noise / factor / whole * (k - 1), noise / whole * (k - 1)], k - 1), 1] if whole > 0 else [0, 1]
    probability = np.concatenate([low + (high - low) * NODE for low, high in zip(edges, edges[1:])])
    weight = np.concatenate([(high - low) * WEIGHT for low, high in zip(edges, edges[1:])])
    between = (whole * stats.chi2.ppf(probability, k - 1) / (k - 1))[:, None]
    seen = (items * stats.chi2.ppf(NODE, items_df) / items_df)[None, :]
    runs = np.maximum(0, between - noise) / k
    limit = between * factor
    lost = seen**2 / items_df + (limit / k) ** 2 / (k - 1) + (noise / k) ** 2 / (items_df * (k - 1))
    df = np.where(limit > noise, np.maximum(min(items_df, k - 1), (seen + (limit - noise) / k) ** 2 / lost), items_df)
    critical = stats.t.ppf(0.975, df) * np.sqrt(seen + runs)
    found = stats.norm.cdf((difference - critical) / np.sqrt(true)) + stats.norm.cdf((-difference - critical) / np.sqrt(true))
    return weight @ found @ WEIGHT


def check_plan(p, got):
    near = dict(rtol=1e-6, atol=1e-9) if p["seeds"] == 1 else dict(rtol=0, atol=5e-3)
    np.testing.assert_allclose(got["power"], plan_power(p, p["questions"], p["seeds"], p["difference"]), **near)
    assert got["detectable"] is not None
    np.testing.assert_allclose(plan_power(p, p["questions"], p["seeds"], got["detectable"]), 0.8, atol=5e-3)
    need = got["questions_needed"]
    if need is not None and need > 2:
        assert plan_power(p, need, p["seeds"], p["difference"]) >= 0.8 - 5e-3
        assert plan_power(p, need - 1, p["seeds"], p["difference"]) < 0.8 + 5e-3
    need = got["seeds_needed"]
    if need is not None and need > (2 if p["seed_sd"] else 1):
        assert plan_power(p, p["questions"], need, p["difference"]) >= 0.8 - 5e-3
        assert plan_power(p, p["questions"], need - 1, p["difference"]) < 0.8 + 5e-3


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
