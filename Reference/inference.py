"""Fits every family with statsmodels: covariances and tests to compare with.

    python3 -m venv .venv && .venv/bin/pip install statsmodels==0.15.0 numpy scipy pandas
    .venv/bin/python Reference/inference.py Tests/Fixtures/inference

Writes simulated.csv, and statsmodels.json with a case for each family.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels
import statsmodels.api as sm
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

COVARIANCES = {
    "sandwich_none": ("HC0", {}), "sandwich_full": ("HC1", {}),
    "cluster_full": ("cluster", {"use_correction": True}), "cluster_none": ("cluster", {"use_correction": False}),
}
# What statsmodels calls HC1 of models that are not linear is HC0.
GLM_COVARIANCES = {key: value for key, value in COVARIANCES.items() if key != "sandwich_full"}


def data():
    random = np.random.default_rng(5)
    n = 150
    group = np.repeat(np.arange(25), 6)
    x, z = random.normal(size=n).round(4), random.uniform(-1, 1, size=n).round(4)
    kind = random.choice(["a", "b", "c"], size=n)
    shared = random.normal(size=25)[group] * 0.6
    eta = 0.4 * x - 0.7 * z + 0.5 * (kind == "b") + shared
    trials = random.integers(1, 9, size=n)
    exposure = random.uniform(0.5, 3, size=n).round(3)
    logits = np.stack([0 * eta, 0.5 * eta - 0.2, 0.3 - 0.8 * eta], 1) + random.gumbel(size=(n, 3))
    return pd.DataFrame({
        "group": group, "x": x, "z": z, "kind": kind, "weight": random.integers(1, 4, size=n),
        "precision": random.uniform(0.3, 2, size=n).round(3), "trials": trials, "exposure": exposure,
        "gauss": (1 + eta + random.normal(size=n) * np.exp(0.4 * x)).round(4),
        "bit": (random.random(n) < 1 / (1 + np.exp(-eta))).astype(int),
        "successes": random.binomial(trials, 1 / (1 + np.exp(-eta))),
        "count": random.poisson(exposure * np.exp(0.5 + 0.5 * eta)),
        "class": np.array(["u", "v", "w"])[logits.argmax(1)],
        "grade": np.digitize(eta + random.logistic(size=n), [-1, 0.5, 2]),
    })


def p_chi(statistic, degrees):
    return float(stats.chi2.sf(statistic, degrees))


def test(found):
    return [float(np.squeeze(found.statistic)), float(np.squeeze(found.pvalue))]


def errors(result):
    return np.asarray(result.bse).T.ravel().tolist() if np.ndim(result.bse) == 2 else np.asarray(result.bse).tolist()


def glm(table, design, response, family, columns, covariances=GLM_COVARIANCES, fit_options=None, **options):
    """A GLM's answers: expected and observed standard errors, robust ones, and tests of `kind`."""
    fit_options = fit_options or {}
    model = sm.GLM(response, design, family=family, **options)
    fit = lambda **more: model.fit(tol=1e-13, maxiter=200, **fit_options, **more)
    result = fit(use_t=False)
    kinds = [i for i, name in enumerate(columns) if name.startswith("kind")]
    slopes = list(range(1, len(columns)))
    answers = {
        "estimates": result.params.tolist(), "log_likelihood": float(result.llf),
        "errors": {"standard": errors(result), "observed": errors(fit(cov_type="nonrobust", use_t=False))},
        "drop": {"kind": {}}, "whole": {},
    }
    hessian = -model.hessian(result.params, scale=1.0, observed=True)
    answers["errors"]["observed"] = np.sqrt(np.diag(np.linalg.inv(hessian)) * result.scale).tolist()
    robust_drop = {}
    for key, (kind, keywords) in covariances.items():
        if kind == "cluster":
            keywords = {**keywords, "groups": np.asarray(table["group"])}
        robust = fit(cov_type=kind, cov_kwds=keywords, use_t=False)
        answers["errors"][key] = errors(robust)
        robust_drop[key] = test(robust.wald_test(np.eye(len(columns))[kinds], scalar=True))
    answers["robust_wald"] = {"kind": robust_drop}
    for where, dropped in (("drop", kinds), ("whole", slopes)):
        rest = [i for i in range(len(columns)) if i not in dropped]
        small = sm.GLM(response, design[:, rest], family=family, **options).fit(tol=1e-13, maxiter=200, **fit_options)
        ratio = 2 * (result.llf - small.llf)
        statistic, p, _ = small.model.score_test(small.params, exog_extra=design[:, dropped])
        place = answers["drop"]["kind"] if where == "drop" else answers["whole"]
        place["lr"] = [float(ratio), p_chi(ratio, len(dropped))]
        if type(family.link) is type(family).links[0]:
            # Of other links statsmodels takes the observed information, R and we the expected one.
            place["score"] = [float(np.squeeze(statistic)), float(np.squeeze(p))]
        place["wald"] = test(result.wald_test(np.eye(len(columns))[dropped], scalar=True))
    return answers


def main(folder):
    warnings.simplefilter("ignore")
    folder = Path(folder)
    table = data()
    table.to_csv(folder / "simulated.csv", index=False)
    columns = ["intercept", "x", "z", "kind[b]", "kind[c]"]
    design = np.stack([np.ones(len(table)), table.x, table.z, table.kind == "b", table.kind == "c"], 1).astype(float)
    cases = []

    def add(name, response, family, answers, **options):
        cases.append({"name": name, "data": "simulated.csv", "formula": f"{response} ~ x + z + kind",
                      "family": family, "options": {"cluster": "group", **options}, "answers": answers})

    # OLS: t and F, every covariance.
    result = sm.OLS(table.gauss.values, design).fit()
    answers = {"estimates": result.params.tolist(), "log_likelihood": float(result.llf), "dispersion": float(result.scale),
               "errors": {"standard": errors(result)}, "probabilities": {"standard": result.pvalues.tolist()},
               "intervals": {"standard": result.conf_int().tolist()},
               "whole": {"wald": [float(result.fvalue), float(result.f_pvalue)]}, "drop": {"kind": {}}, "robust_wald": {"kind": {}}}
    rows = np.eye(5)[3:]
    answers["drop"]["kind"]["wald"] = test(result.f_test(rows))
    small = sm.OLS(table.gauss.values, design[:, :3]).fit()
    lm, p, _ = result.compare_lm_test(small, use_lr=True, demean=False)
    lr = result.compare_lr_test(small)
    answers["drop"]["kind"]["lr"] = [float(lr[0]), float(lr[1])]
    score = len(table) * (small.ssr - result.ssr) / small.ssr
    answers["drop"]["kind"]["score"] = [float(score), p_chi(score, 2)]
    for key, (kind, keywords) in COVARIANCES.items():
        if kind == "cluster":
            keywords = {**keywords, "groups": table.group.values}
        robust = sm.OLS(table.gauss.values, design).fit(cov_type=kind, cov_kwds=keywords, use_t=True)
        answers["errors"][key] = errors(robust)
        answers["robust_wald"]["kind"][key] = test(robust.f_test(rows))
    add("OLS", "gauss", "gaussian", answers)

    weighted = sm.WLS(table.gauss.values, design, weights=table.precision.values).fit()
    robust = weighted.get_robustcov_results("HC0")
    add("WLS", "gauss", "gaussian", {
        "estimates": weighted.params.tolist(), "log_likelihood": float(weighted.llf), "dispersion": float(weighted.scale),
        "errors": {"standard": errors(weighted), "sandwich_none": errors(robust)}}, weights="precision", weight_kind="precision")

    known = glm(table, design, table.gauss.values, sm.families.Gaussian(), columns, {}, {"scale": 2.0})
    known = {"estimates": known["estimates"], "errors": {"standard": known["errors"]["standard"]},
             "log_likelihood": float(stats.norm.logpdf(
                 table.gauss.values, design @ np.array(known["estimates"]), np.sqrt(2)).sum())}
    add("known variance", "gauss", "gaussian", known, dispersion="2")

    binomial = sm.families.Binomial
    for name, link in (("logit", sm.families.links.Logit()), ("probit", sm.families.links.Probit()),
                       ("cloglog", sm.families.links.CLogLog())):
        add(f"binomial {name}", "bit", "binomial",
            glm(table, design, table.bit.values, binomial(link), columns), link=name)
    counts = np.stack([table.successes, table.trials - table.successes], 1)
    add("binomial counts", "successes", "binomial", glm(table, design, counts, binomial(), columns), trials="trials")
    add("Poisson", "count", "poisson", glm(
        table, design, table["count"].values, sm.families.Poisson(), columns, exposure=table.exposure.values),
        offset="log(exposure)")
    frequency = glm(table, design, table["count"].values, sm.families.Poisson(), columns, {},
                    freq_weights=table.weight.values)
    expanded = table.loc[table.index.repeat(table.weight)]
    wide = np.repeat(design, table.weight, axis=0)
    robust = glm(expanded, wide, expanded["count"].values, sm.families.Poisson(), columns)
    assert np.allclose(robust["estimates"], frequency["estimates"])
    add("Poisson of frequencies", "count", "poisson", robust, weights="weight")

    codes = table["class"].map({"u": 0, "v": 1, "w": 2}).values
    model = sm.MNLogit(codes, design)
    result = model.fit(method="newton", disp=False, tol=1e-14, maxiter=100)
    answers = {"estimates": np.asarray(result.params).T.ravel().tolist(), "log_likelihood": float(result.llf),
               "errors": {"standard": errors(result), "observed": errors(result)},
               "whole": {"lr": [float(result.llr), float(result.llr_pvalue)]}, "drop": {"kind": {}}}
    for key, (kind, keywords) in GLM_COVARIANCES.items():
        if kind == "cluster":
            keywords = {**keywords, "groups": table.group.values}
        robust = model.fit(method="newton", disp=False, tol=1e-14, maxiter=100, cov_type=kind, cov_kwds=keywords)
        answers["errors"][key] = errors(robust)
    small = sm.MNLogit(codes, design[:, :3]).fit(method="newton", disp=False, tol=1e-14, maxiter=100)
    ratio = 2 * (result.llf - small.llf)
    answers["drop"]["kind"]["lr"] = [float(ratio), p_chi(ratio, 4)]
    covariance, params = result.cov_params(), np.asarray(result.params).T.ravel()
    index = [3, 4, 8, 9]
    wald = params[index] @ np.linalg.solve(np.asarray(covariance)[np.ix_(index, index)], params[index])
    answers["drop"]["kind"]["wald"] = [float(wald), p_chi(wald, 4)]
    add("MNLogit", "class", "categorical", answers)

    model = OrderedModel(table.grade.values, design[:, 1:], distr="logit")
    start = model.fit(method="bfgs", disp=False, maxiter=500)
    keywords = dict(method="newton", disp=False, tol=1e-14, maxiter=100, start_params=start.params)
    result = model.fit(**keywords)
    thresholds = model.transform_threshold_params(result.params)[1:-1]
    # The thresholds are the first and the logarithms of the differences; their errors by the delta method.
    slopes, count = 4, len(thresholds)
    jacobian = np.eye(slopes + count)
    for row in range(count):
        jacobian[slopes + row, slopes] = 1
        for column in range(1, row + 1):
            jacobian[slopes + row, slopes + column] = np.exp(result.params[slopes + column])
    def moved(covariance):
        return np.sqrt(np.diag(jacobian @ np.asarray(covariance) @ jacobian.T)).tolist()
    answers = {"estimates": result.params[:slopes].tolist() + thresholds.tolist(), "log_likelihood": float(result.llf),
               "errors": {"observed": moved(result.cov_params())}, "drop": {"kind": {}}, "whole": {},
               "tolerance": 2e-6}
    for key, (kind, more) in GLM_COVARIANCES.items():
        if kind == "cluster":
            more = {**more, "groups": table.group.values}
        # The class's numerical second derivatives have six digits.
        robust = model.fit(**keywords, cov_type=kind, cov_kwds=more)
        answers["errors"][key] = moved(robust.cov_params())
    for where, columns_left in (("drop", [1, 2]), ("whole", [])):
        if columns_left:
            small = OrderedModel(table.grade.values, design[:, columns_left], distr="logit")
            value = small.fit(method="newton", disp=False, tol=1e-14, maxiter=100,
                              start_params=small.fit(method="bfgs", disp=False).params).llf
        else:
            shares = np.bincount(table.grade) / len(table)
            value = (np.bincount(table.grade) * np.log(shares)).sum()
        ratio = 2 * (result.llf - value)
        place = answers["drop"]["kind"] if where == "drop" else answers["whole"]
        place["lr"] = [float(ratio), p_chi(ratio, 2 if columns_left else 4)]
    add("OrderedModel", "grade", "ordinal", answers)

    (folder / "statsmodels.json").write_text(
        json.dumps({"version": f"statsmodels {statsmodels.__version__}", "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
