"""Holds the statistics to scipy, statsmodels and numpy on simulated data sets.

usage: stats_golden.py STATS_PIPE

Tolerances (relative, absolute): closed forms 1e-10, 1e-12; what goes through a t quantile or an
eigendecomposition 1e-8, 1e-10; bootstrap limits 1e-12, from the same resamples worked out here.
"""
import gc
import sys
import warnings

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from stats_problems import hold

DATA_SETS = 240
DRAWS = 400
CLOSED = dict(rtol=1e-10, atol=1e-12)
QUANTILE = dict(rtol=1e-8, atol=1e-10)


def key_of(seed, name):
    mask = (1 << 64) - 1
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & mask
    z = h ^ ((seed + 0x9E3779B97F4A7C15) & mask)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    z ^= z >> 31
    return z & 0xFFFFFFFF, z >> 32


def philox(c0, c1, key):
    """Philox4x32-10 of counters (c0, c1, 0, 0), vectorised. Returns [..., 4]."""
    m = np.uint64(0xFFFFFFFF)
    c = [c0.astype(np.uint64), c1.astype(np.uint64), np.zeros_like(c0, np.uint64), np.zeros_like(c0, np.uint64)]
    k0, k1 = key
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & m, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & m]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, -1)


def resampled_means(values, cluster, seed):
    groups = cluster.max() + 1
    total, size = np.bincount(cluster, values), np.bincount(cluster)
    blocks = (groups + 3) // 4
    draw, block = np.meshgrid(np.arange(DRAWS), np.arange(blocks), indexing="ij")
    words = philox(block, draw, key_of(seed, "bootstrap")).reshape(DRAWS, blocks * 4)[:, :groups]
    pick = ((words * np.uint64(groups)) >> np.uint64(32)).astype(int)
    return total[pick].sum(1) / size[pick].sum(1)


def simulate(rng, index):
    """Two arms of binary scores on clustered items; some cells empty, some gold errors."""
    small = index % 4 != 0
    apart = index % 20 == 1  # one seed, every item its own cluster
    n = int(rng.integers(2, 60)) if small else int(rng.integers(100, 500))
    seeds = 1 if apart else int(rng.integers(1, 6))
    groups = n if apart else int(rng.integers(2, min(n, 25) + 1))
    cluster = np.concatenate([np.arange(groups), rng.integers(0, groups, n - groups)])
    rng.shuffle(cluster)
    spread = rng.choice([0, 0.3, 1.0])
    base = rng.normal(0, 1, n) + spread * rng.normal(0, 1, groups)[cluster] + rng.normal(-0.5, 1)
    arms = {}
    for arm in "ab":
        effect = rng.normal(0, 0.4) if arm == "b" else 0
        logit = base[:, None] + effect + 0.3 * rng.normal(0, 1, seeds)[None] + rng.normal(0, 1, (n, seeds))
        arms[arm] = (logit > 0).astype(float)
    if index % 10 == 9:  # a graded metric
        arms = {arm: np.clip(scores * rng.choice([0.25, 0.5, 1], scores.shape), 0, 1) for arm, scores in arms.items()}
    missing = {arm: rng.random((n, seeds)) < (0.05 if index % 3 == 0 else 0) for arm in arms}
    gold = (rng.random(n) < (0.05 if index % 5 == 0 else 0)).astype(int)
    gold[:2] = 0
    # Strata hold whole clusters, as MMLU's groups hold subjects.
    stratum = (np.arange(groups) * 3 // groups)[cluster]
    return dict(n=n, seeds=seeds, cluster=cluster, arms=arms, missing=missing, gold=gold, stratum=stratum)


def robust(values, cluster):
    """statsmodels' cluster-robust error of a mean: CR1, t(G-1)."""
    fit = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds=dict(groups=cluster, use_correction=True, df_correction=True), use_t=True)
    return fit.bse[0], fit.conf_int()[0]


def anova_icc(values, cluster):
    ids, inverse, size = np.unique(cluster, return_inverse=True, return_counts=True)
    if len(ids) == len(values):
        return 0.0
    fit = sm.OLS(values, (inverse[:, None] == np.arange(len(ids))).astype(float)).fit()
    within = fit.ssr / (len(values) - len(ids))
    between = (np.sum((values - values.mean()) ** 2) - fit.ssr) / (len(ids) - 1)
    typical = (len(values) - np.sum(size**2) / len(values)) / (len(ids) - 1)
    shared = max(0.0, (between - within) / typical)
    return shared / (shared + within) if shared + within > 0 else 0.0


def cr2(values, cluster):
    """CR2 and its Satterthwaite df, by the matrices of Imbens & Kolesar 2016."""
    n = len(values)
    rho = anova_icc(values, cluster)
    annihilator = np.eye(n) - 1 / n
    residual = values - values.mean()
    variance, columns = 0.0, []
    for g in np.unique(cluster):
        rows = np.flatnonzero(cluster == g)
        eigenvalue, vector = np.linalg.eigh(annihilator[np.ix_(rows, rows)])
        half = (vector / np.sqrt(eigenvalue)) @ vector.T
        weight = half @ np.ones(len(rows)) / n
        variance += (weight @ residual[rows]) ** 2
        columns.append(annihilator[:, rows] @ weight)
    columns = np.stack(columns, 1)
    omega = np.where(cluster[:, None] == cluster[None], rho, 0.0)
    np.fill_diagonal(omega, 1.0)
    eigenvalue = np.linalg.eigvalsh(columns.T @ omega @ columns)
    df = eigenvalue.sum() ** 2 / np.sum(eigenvalue**2)
    return np.sqrt(variance), df


def components(scores):
    """Mean squares of the two-way layout without replication, by least squares on dummies."""
    n, k = scores.shape
    y = scores.ravel()
    item, seed = np.repeat(np.arange(n), k), np.tile(np.arange(k), n)
    one = np.ones((n * k, 1))
    d_item = (item[:, None] == np.arange(1, n)).astype(float)
    d_seed = (seed[:, None] == np.arange(1, k)).astype(float)
    ssr = lambda *parts: sm.OLS(y, np.hstack([one, *parts])).fit().ssr
    full = ssr(d_item, d_seed)
    ms_item = (ssr(d_seed) - full) / (n - 1)
    ms_seed = (ssr(d_item) - full) / (k - 1)
    ms_rest = full / ((n - 1) * (k - 1))
    return (ms_item - ms_rest) / k, (ms_seed - ms_rest) / n, ms_rest


def items_and_seeds(scores, cluster):
    n, k = scores.shape
    groups = len(np.unique(cluster))
    se, df = cr2(scores.mean(1), cluster)
    delta = scores.mean(0)
    rest = scores - scores.mean(1, keepdims=True) - delta + delta.mean()
    noise = sum(np.sum(rest[cluster == g].sum(0) ** 2) for g in np.unique(cluster))
    noise *= groups / (groups - 1) / (k - 1) / n**2
    between = delta.var(ddof=1)
    total = se**2 + max(0, between - noise) / k
    # The degrees of freedom of a `between` at its upper limit.
    limit = between * (k - 1) / stats.chi2.ppf(0.3 if k == 2 else 0.4, k - 1)
    if limit <= noise:
        return np.sqrt(total), df
    larger = se**2 + (limit - noise) / k
    lost = se**4 / df + (limit / k) ** 2 / (k - 1) + (noise / k) ** 2 / ((groups - 1) * (k - 1))
    return np.sqrt(total), max(min(df, k - 1), larger**2 / lost)


def korn_graubard(rate, se, df, items, cells):
    """statsmodels' Clopper-Pearson of the effective counts, which need not be whole."""
    n = items
    if se > 0 and 0 < rate < 1:
        n = min(cells, rate * (1 - rate) / se**2 * (stats.t.ppf(0.975, max(1, items - 1)) / stats.t.ppf(0.975, df)) ** 2)
    return proportion_confint(rate * n, n, method="beta")


def check_nothing_varies(got):
    for figure in ("se_cluster", "ci95", "ci95_bootstrap", "small_sample", "items_and_seeds", "p", "df", "noninferiority"):
        assert got[figure] is None, figure
    assert got["variance"] == dict(items=None, runs=None, sampling=None)
    assert got["not_estimable"]["se_cluster"].startswith(("no verdict differs: at most ", "all clusters differ alike"))


def check_sequence(pair, scores, cluster):
    """The half widths, from a root of the mixture martingale itself."""
    k = scores.shape[1]
    if k < 3:
        assert pair["sequence"] is None
        return
    wide = 1 + 30 * k
    log_martingale = lambda t: k / 2 * (np.log1p(t * t / (k - 1)) - np.log1p(t * t / (k - 1) / wide)) - np.log(wide) / 2
    t = optimize.brentq(lambda t: log_martingale(t) - np.log(1 / 0.04), 0, 1e4)
    se, df = cr2(scores.mean(1), cluster)
    near = np.testing.assert_allclose
    near(pair["sequence"]["runs_half"], t * scores.mean(0).std(ddof=1) / np.sqrt(k), rtol=1e-6, atol=1e-9)
    near(pair["sequence"]["questions_half"], stats.t.ppf(0.995, df) * se, rtol=1e-6, atol=1e-9)


def check_halving(pair, scores, cluster):
    """That many more of one alone bring a quarter of the variance, one fewer does not."""
    (n, k), runs = scores.shape, pair["variance"]["runs"]
    items, noise = pair["variance"]["items"], 0.0
    if k > 1:
        rest = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
        groups = np.unique(cluster)
        noise = sum(np.sum(rest[cluster == g].sum(0) ** 2) for g in groups) * len(groups) / (len(groups) - 1) / (k - 1) / n**2
        noise = min(items, noise / k)
    error = lambda q, s: (items - noise) / q + noise / (q * s) + (runs or 0) / s
    wanted = error(1, 1) / 4
    ways = dict(questions=lambda more: error(1 + more / n, 1))
    if k > 1:
        ways["seeds"] = lambda more: error(1, 1 + more / k)
    else:
        assert pair["halving"]["seeds"] is None and pair["halving"]["both"] is None
    for name, after in ways.items():
        more = pair["halving"][name]
        if more is None:
            assert after(1e15) > wanted * (1 - 1e-6), name
        else:
            assert after(more) <= wanted * (1 + 1e-6) and (more == 0 or after(more - 1) > wanted * (1 - 1e-6)), name
    both = pair["halving"]["both"]
    if both:
        assert error(1 + both["questions"] / n, 1 + both["seeds"] / k) <= wanted * (1 + 1e-6)


def check_told(pair, scores, cluster, margin):
    """p, df, ci95, variance and non-inferiority are all of one t."""
    near = np.testing.assert_allclose
    several = scores.shape[1] > 1
    se, df = items_and_seeds(scores, cluster) if several else cr2(scores.mean(1), cluster)
    mean = scores.mean()
    near(pair["df"], df, rtol=1e-6)
    check_sequence(pair, scores, cluster)
    near(pair["p"], 2 * stats.t.sf(abs(mean) / se, df), rtol=1e-5, atol=1e-10)
    near(pair["ci95"], mean + stats.t.ppf([0.025, 0.975], df) * se, rtol=1e-6, atol=1e-8)
    assert pair["holm_p"] == pair["p"]
    assert (pair["p"] < 0.05) == (pair["ci95"][0] > 0 or pair["ci95"][1] < 0) or abs(pair["p"] - 0.05) < 1e-9
    near(pair["variance"]["items"] + (pair["variance"]["runs"] or 0), se**2, rtol=1e-6)
    check_halving(pair, scores, cluster)
    assert (pair["variance"]["runs"] is None) == (not several)
    test = pair["noninferiority"]
    near(test["p"], stats.t.sf((mean + margin) / se, df), rtol=1e-5, atol=1e-10)
    near(test["p_equivalence"], max(test["p"], stats.t.cdf((mean - margin) / se, df)), rtol=1e-5, atol=1e-10)
    near(test["ci90"], mean + stats.t.ppf([0.05, 0.95], df) * se, rtol=1e-6, atol=1e-8)
    if scores.shape[1] == 1 and len(np.unique(cluster)) == len(cluster):
        # Independent items: statsmodels' own paired test. CR2 of single items is the ordinary variance.
        d = sm.stats.DescrStatsW(scores[:, 0])
        near([test["p"], test["p_equivalence"]], [d.ttest_mean(-margin, "larger")[1], d.ttost_mean(-margin, margin)[0]], rtol=1e-6, atol=1e-10)


def check_estimate(got, scores, cluster, seed, is_pair):
    near = np.testing.assert_allclose
    values = scores.mean(1)
    se, interval = robust(values, cluster)
    near(got["delta" if is_pair else "accuracy"], values.mean(), **CLOSED)
    near(got["se_cluster"], se, **CLOSED)
    near(got["ci95_cluster"], interval, **QUANTILE)
    if len(values) <= 60:
        se2, df2 = cr2(values, cluster)
        near(got["small_sample"]["se"], se2, **QUANTILE)
        if se2 > 1e-12:
            near(got["small_sample"]["df"], df2, rtol=1e-6)
            near(got["small_sample"]["ci95"], values.mean() + stats.t.ppf([0.025, 0.975], df2) * se2, rtol=1e-6, atol=1e-8)
    groups = len(np.unique(cluster))
    means = resampled_means(values, np.unique(cluster, return_inverse=True)[1], seed)
    tail = stats.norm.cdf(np.sqrt(groups / (groups - 1)) * stats.t.ppf(0.025, groups - 1))
    near(got["ci95_bootstrap"], np.quantile(means, [tail, 1 - tail]), rtol=1e-9, atol=1e-10)
    if scores.shape[1] < 2:
        assert got["seed_sd"] is None and got["items_and_seeds"] is None and got["variance_components"] is None
        assert got["not_estimable"]["seed_sd"] == "one seed: seed variance not estimable"
        return
    near(got["seed_sd"], scores.mean(0).std(ddof=1), **CLOSED)
    if len(values) <= 60:
        se_both, df_both = items_and_seeds(scores, cluster)
        near(got["items_and_seeds"]["se"], se_both, **QUANTILE)
        near(got["items_and_seeds"]["df"], df_both, rtol=1e-6)
    if scores.size <= 250:
        item, seed_part, rest = components(scores)
        c = got["variance_components"]
        near([c["question_estimate"], c["seed_estimate"], c["residual"]], [item, seed_part, rest], rtol=1e-9, atol=1e-12)
        near([c["question"], c["seed"]], [max(0, item), max(0, seed_part)], rtol=1e-9, atol=1e-12)


def check_study(data, seed, got):
    near = np.testing.assert_allclose
    keep = data["gold"] == 0
    names = np.array([f"c{g:03d}" for g in data["cluster"]])[keep]
    cluster = np.unique(names, return_inverse=True)[1]
    arms = {arm: np.where(data["missing"][arm], 0, data["arms"][arm])[keep] for arm in "ab"}
    n, k = arms["a"].shape
    for arm in "ab":
        s = got[arm]
        assert (s["n"], s["items"], s["seeds"], s["clusters"]) == (n * k, n, k, cluster.max() + 1)
        assert s["gold_errors"] == (~keep).sum() and s["unscored"] == data["missing"][arm][keep].sum()
        alone = cluster if cluster.max() > 0 else np.arange(n)
        if n > 1 and n <= 60:
            se, df = items_and_seeds(arms[arm], alone) if k > 1 else cr2(arms[arm].mean(1), alone)
            near(s["ci95"], korn_graubard(arms[arm].mean(), se if se > 1e-12 else 0, df, n, n * k), rtol=1e-5, atol=1e-9)
        if k == 1 and cluster.max() + 1 == n:
            near(s["wilson95"], proportion_confint(arms[arm].mean() * n, n, method="wilson"), rtol=1e-9, atol=1e-12)
        else:
            assert s["wilson95"] is None
        near([row["accuracy"] for row in s["by_seed"]], arms[arm].mean(0), **CLOSED)
        if cluster.max() > 0:
            check_estimate(s, arms[arm], cluster, seed, False)
    pair, d = got["pair"], arms["b"] - arms["a"]
    if cluster.max() > 0:
        nothing = np.ptp(np.bincount(cluster, d.mean(1)) / np.bincount(cluster)) < 1e-9 and np.ptp(d.mean(0)) < 1e-9
        if nothing:
            check_nothing_varies(pair)
        else:
            check_estimate(pair, d, cluster, seed, True)
            near(got["percentile"], np.quantile(resampled_means(d.mean(1), cluster, seed), [0.025, 0.975]), rtol=1e-9, atol=1e-10)
            if n <= 60:
                check_told(pair, d, cluster, got["margin"])
        near(got["shape"][0], anova_icc(d.mean(1), cluster), rtol=1e-8, atol=1e-10)
        sizes = np.bincount(cluster)
        near(got["shape"][1], sizes.std() / sizes.mean(), rtol=1e-8, atol=1e-7)
    assert (pair["n01"], pair["n10"]) == ((d > 0).sum(), (d < 0).sum())
    near(pair["flip_rate"], (d != 0).mean(), **CLOSED)
    for s, row in enumerate(pair["by_seed"]):
        up, down = (d[:, s] > 0).sum(), (d[:, s] < 0).sum()
        assert (row["n01"], row["n10"]) == (up, down)
        near(row["mcnemar_p"], mcnemar([[0, up], [down, 0]], exact=True).pvalue, **CLOSED)
    assert pair["mcnemar_p"] == (pair["by_seed"][0]["mcnemar_p"] if k == 1 else None)
    flipped = (d != 0).any(1).sum()
    near(pair["flip_upper_limit"], proportion_confint(flipped, n, alpha=0.1, method="beta")[1], rtol=1e-8)

    a, mean = arms["a"].mean(1), got["averages"]
    by_cluster = np.bincount(cluster, a) / np.bincount(cluster)
    near(mean["micro"], a.mean(), **CLOSED)
    near(mean["macro"], by_cluster.mean(), **CLOSED)
    if len(by_cluster) > 1:
        near(mean["micro_se"], robust(a, cluster)[0], **CLOSED)
        near(mean["macro_se"], stats.sem(by_cluster), **CLOSED)
    strata = data["stratum"][keep]
    labels, count = np.unique(strata, return_counts=True)
    weight = np.array([1.0 + h for h in labels])
    weight /= weight.sum()
    near(mean["stratified"], sum(w * a[strata == h].mean() for w, h in zip(weight, labels)), **CLOSED)
    if count.min() > 1:
        near(mean["stratified_se"], np.sqrt(sum(w**2 * stats.sem(a[strata == h]) ** 2 for w, h in zip(weight, labels))), **CLOSED)
    if all(len(np.unique(cluster[strata == h])) > 1 for h in labels):
        errors = [robust(a[strata == h], cluster[strata == h])[0] for h in labels]
        near(mean["stratified_cluster_se"], np.sqrt(np.sum((weight * errors) ** 2)), **CLOSED)


def study_problem(data, seed):
    keep = data["gold"] == 0
    out = dict(what="study", seeds=[int(s) for s in range(1, data["seeds"] + 1)], draws=DRAWS, bootstrap_seed=seed,
               clusters=[f"c{g:03d}" for g in data["cluster"]], strata=[f"h{h}" for h in data["stratum"]],
               gold_error=data["gold"].tolist(),
               weights={f"h{h}": 1.0 + float(h) for h in np.unique(data["stratum"][keep])})
    for arm in "ab":
        scores, missing = data["arms"][arm].ravel(), data["missing"][arm].ravel()
        out[arm] = [None if gone else float(score) for score, gone in zip(scores, missing)]
    return out


def absolute_sum(p):
    """E |sum of Bernoulli(p) - sum of p|, by the whole distribution."""
    chance = np.ones(1)
    for one in p:
        chance = np.convolve(chance, [1 - one, one])
    return chance @ abs(np.arange(len(chance)) - p.sum())


def check_calibration(problem, got):
    logits = np.array([row["logprobs"] for row in problem["rows"]])
    gold = np.array([row["gold"] for row in problem["rows"]])
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    confidence, right = p.max(1), (p.argmax(1) == gold).astype(float)
    bins = problem["bins"]
    place = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    ece = sum(abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean() for b in np.unique(place))
    np.testing.assert_allclose(got["expected_error"], ece, rtol=1e-10, atol=1e-13)
    perfect = sum(absolute_sum(confidence[place == b]) for b in np.unique(place)) / len(place)
    np.testing.assert_allclose(got["expected_error_if_perfect"], perfect, rtol=0.01)
    np.testing.assert_allclose(got["brier"], ((p - np.eye(4)[gold]) ** 2).sum(1).mean(), **CLOSED)
    assert [b["rows"] for b in got["bins"]] == np.bincount(place, minlength=bins).tolist()


def check_tradeoff(problem, got):
    near = np.testing.assert_allclose
    (x, sx, dfx), (y, sy, dfy), rho = problem["x"], problem["y"], problem["correlation"]
    dfx, dfy = dfx or np.inf, dfy or np.inf
    tx, ty = (stats.norm if np.isinf(df) else stats.t(df) for df in (dfx, dfy))
    c = got["critical"]
    # Over u = F(t), so that the density is gone: P(inside) = E[P(|T2| <= sqrt(c^2 - t^2))].
    node, weight = np.polynomial.legendre.leggauss(20)
    panel = np.arange(100)[:, None]
    t = tx.ppf(tx.cdf(-c) + (panel + (node + 1) / 2) / 100 * (2 * tx.cdf(c) - 1))
    inside = ((2 * ty.cdf(np.sqrt(np.maximum(0, c * c - t * t))) - 1) @ weight).sum() / 200 * (2 * tx.cdf(c) - 1)
    near(inside, 0.95, rtol=0, atol=5e-6)
    if np.isinf(dfx) and np.isinf(dfy):
        near(c * c, stats.chi2.ppf(0.95, 2), rtol=1e-8)
    covariance = np.array([[sx * sx, rho * sx * sy], [rho * sx * sy, sy * sy]])
    distance = np.array([x, y]) @ np.linalg.solve(covariance, np.array([x, y]))
    assert got["excludes_no_change"] == (distance > c * c)
    q = stats.t.ppf(0.975, min(dfx, dfy))
    if abs(x) <= q * sx:
        assert got["ratio"] is None and got["ratio95"] is None and got["not_estimable"].startswith("the divisor")
        return
    # Fieller's limits are the ratios r at which y - r x lies exactly q standard errors from 0.
    near(got["ratio"], y / x, **CLOSED)
    excess = lambda r: (y - r * x) ** 2 - q * q * (sy * sy - 2 * r * rho * sx * sy + r * r * sx * sx)
    for limit, side in zip(got["ratio95"], (-1, 1)):
        step = 1.0
        while excess(y / x + side * step) < 0:
            step *= 2
        root = optimize.brentq(excess, *sorted((y / x, y / x + side * step)), xtol=1e-13)
        near(limit, root, rtol=1e-7, atol=1e-9)


def noninferiority_problem(rng):
    """A paired sample of independent items; statsmodels' TOST and scipy's one-sided t tests of it."""
    n = int(rng.integers(3, 400))
    d = rng.choice([-1.0, 0.0, 1.0], n, p=[0.1, 0.75, 0.15])
    d[:2] = 1, 0
    margin = float(rng.choice([0.005, 0.01, 0.03, 0.1]))
    problem = dict(what="noninferiority", difference=[d.mean(), stats.sem(d), n - 1.0], margin=margin)
    tost = sm.stats.DescrStatsW(d).ttost_mean(-margin, margin)[0]
    loss, whole = stats.ttest_1samp(d, -margin, alternative="greater").pvalue, stats.ttest_1samp(d, 0)
    want = [loss, tost, *whole.confidence_interval(0.9), whole.pvalue]
    return problem, lambda got: np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-11)


def problems(rng):
    """(problem, check) pairs."""
    for index in range(DATA_SETS):
        data, seed = simulate(rng, index), index + 1
        yield study_problem(data, seed), lambda got, data=data, seed=seed: check_study(data, seed, got)
    for index in range(200):
        p = rng.random(int(rng.integers(1, 13))) ** 3
        if index % 4 == 0:
            p = np.round(p, 1)  # ties
        want = multipletests(p, method="holm")[1]
        yield dict(what="holm", p=p.tolist()), lambda got, want=want: np.testing.assert_allclose(got, want, **CLOSED)
    for index in range(200):
        yield noninferiority_problem(rng)
    for index in range(40):
        logits = rng.normal(0, rng.choice([0.5, 2, 6]), (int(rng.integers(1, 400)), 4))
        gold = np.where(rng.random(len(logits)) < 0.5, logits.argmax(1), rng.integers(0, 4, len(logits)))
        problem = dict(what="calibration", bins=int(rng.integers(1, 21)),
                       rows=[dict(logprobs=row.tolist(), gold=int(g)) for row, g in zip(logits, gold)])
        yield problem, lambda got, problem=problem: check_calibration(problem, got)
    for index in range(60):
        df = [None if rng.random() < 0.25 else float(rng.integers(1, 60)) for _ in "xy"]
        problem = dict(what="tradeoff", correlation=float(rng.choice([0, 0, 0.5, -0.8])),
                       x=[float(rng.normal(0, 0.05)), float(rng.uniform(0.002, 0.03)), df[0]],
                       y=[float(rng.normal(0, 0.02)), float(rng.uniform(0.002, 0.03)), df[1]])
        yield problem, lambda got, problem=problem: check_tradeoff(problem, got)


def main():
    warnings.filterwarnings("ignore")
    gc.freeze()  # multipletests collects garbage at every call: keep what is imported out of it
    counts = hold(sys.argv[1], list(problems(np.random.default_rng(20240607))))
    assert counts["study"] >= 200


main()
