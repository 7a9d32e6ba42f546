# Fits models of the data sets of R and MASS: estimates, covariances, tests and profile intervals to compare with.
#
#     apt-get install r-base-core r-cran-mass r-cran-nnet r-cran-jsonlite r-cran-sandwich r-cran-lmtest
#     Rscript Reference/inference.R Tests/Fixtures/inference
#
# Writes a CSV file for each data set and r.json. The sources of the data are named in the help of R's packages
# datasets and MASS (?mtcars, ?infert, ?warpbreaks, ?anorexia, ?housing, ?Insurance, ?budworm).
suppressMessages({library(MASS); library(nnet); library(sandwich); library(jsonlite); library(lmtest)})
folder <- commandArgs(trailingOnly = TRUE)[1]

save <- function(data, name) write.csv(data, file.path(folder, paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
test <- function(statistic, p) c(statistic, p)
errors <- function(v) sqrt(diag(v))

base <- function(fit) list(
  log_likelihood = as.numeric(logLik(fit)), aic = AIC(fit), bic = as.numeric(BIC(fit)))

cases <- list()
add <- function(name, data, formula, family, answers, ...) {
  cases[[length(cases) + 1]] <<- list(
    name = name, data = paste0(data, ".csv"), formula = formula, family = family, options = c(list(small_sample = "full"), list(...)),
    answers = answers)
}

save(mtcars, "mtcars")
fit <- lm(mpg ~ wt + hp + factor(cyl), mtcars)
small <- update(fit, . ~ . - factor(cyl))
f <- anova(small, fit)
whole <- summary(fit)$fstatistic
add("lm mtcars", "mtcars", "mpg ~ wt + hp + C(cyl)", "gaussian", cluster = "gear", answers = c(base(fit), list(
  estimates = unname(coef(fit)), dispersion = summary(fit)$sigma^2,
  errors = list(standard = unname(errors(vcov(fit))), sandwich_none = unname(errors(vcovHC(fit, "HC0"))),
    sandwich_full = unname(errors(vcovHC(fit, "HC1"))),
    cluster_full = unname(errors(vcovCL(fit, ~gear, type = "HC1"))),
    cluster_groups = unname(errors(vcovCL(fit, ~gear, type = "HC0")))),
  probabilities = list(standard = unname(coef(summary(fit))[, 4])),
  intervals = list(standard = unname(confint(fit))),
  whole = list(wald = test(whole[[1]], pf(whole[[1]], whole[[2]], whole[[3]], lower.tail = FALSE))),
  drop = list("C(cyl)" = list(wald = test(f$F[2], f$`Pr(>F)`[2]), lr = test(as.numeric(2 * (logLik(fit) - logLik(small))),
    pchisq(as.numeric(2 * (logLik(fit) - logLik(small))), 2, lower.tail = FALSE)))))))

glmAnswers <- function(fit, data, drop = NULL, dropFormula = NULL, profile = TRUE, nullFormula = . ~ 1) {
  null <- update(fit, nullFormula)
  rao <- anova(null, fit, test = "Rao"); lrt <- anova(null, fit, test = "LRT")
  answers <- c(base(fit), list(
    estimates = unname(coef(fit)),
    errors = list(standard = unname(errors(vcov(fit)))),
    probabilities = list(standard = unname(coef(summary(fit))[, 4])),
    whole = list(lr = test(lrt$Deviance[2], lrt$`Pr(>Chi)`[2]), score = test(rao$Rao[2], rao$`Pr(>Chi)`[2]))))
  if (fit$family$link %in% c("logit", "log")) answers$errors$sandwich_none <- unname(errors(sandwich(fit)))
  if (profile) answers$profile <- unname(suppressMessages(confint(profile(fit, alpha = 0.001, del = 0.01, maxsteps = 10000))))
  if (!is.null(drop)) {
    small <- update(fit, dropFormula)
    rao <- anova(small, fit, test = "Rao"); lrt <- anova(small, fit, test = "LRT")
    wald <- waldtest(small, fit, test = "Chisq")
    answers$drop <- list(list(wald = test(wald$Chisq[2], wald$`Pr(>Chisq)`[2]),
      lr = test(lrt$Deviance[2], lrt$`Pr(>Chi)`[2]), score = test(rao$Rao[2], rao$`Pr(>Chi)`[2])))
    names(answers$drop) <- drop
  }
  answers
}
tight <- glm.control(epsilon = 1e-14, maxit = 100)

fit <- glm(am ~ wt + hp, binomial, mtcars, control = tight)
add("glm mtcars", "mtcars", "am ~ wt + hp", "binomial", glmAnswers(fit, mtcars, "hp", . ~ . - hp))

save(infert[, c("education", "age", "parity", "induced", "case", "spontaneous", "stratum")], "infert")
fit <- glm(case ~ spontaneous + induced, binomial, infert, control = tight)
answers <- glmAnswers(fit, infert, "induced", . ~ . - induced)
answers$errors$cluster_full <- unname(errors(vcovCL(fit, ~stratum, type = "HC1")))
add("glm infert", "infert", "case ~ spontaneous + induced", "binomial", answers, cluster = "stratum")
fit <- glm(case ~ age + parity + education + spontaneous + induced, binomial, infert, control = tight)
add("glm infert education", "infert", "case ~ age + parity + education + spontaneous + induced", "binomial",
  glmAnswers(fit, infert, "education", . ~ . - education, profile = FALSE),
  levels = list(education = c("0-5yrs", "6-11yrs", "12+ yrs")))

save(warpbreaks, "warpbreaks")
fit <- glm(breaks ~ wool * tension, poisson, warpbreaks, control = tight)
add("glm warpbreaks", "warpbreaks", "breaks ~ wool * tension", "poisson",
  glmAnswers(fit, warpbreaks, "wool:tension", . ~ . - wool:tension), levels = list(tension = c("L", "M", "H")))
fit <- glm(breaks ~ wool + tension, quasipoisson, warpbreaks, control = tight)
add("quasi warpbreaks", "warpbreaks", "breaks ~ wool + tension", "poisson", levels = list(tension = c("L", "M", "H")),
  dispersion = "estimate", answers = list(estimates = unname(coef(fit)), dispersion = summary(fit)$dispersion,
    errors = list(standard = unname(errors(vcov(fit)))),
    probabilities = list(standard = unname(coef(summary(fit))[, 4]))))

save(anorexia, "anorexia")
fit <- lm(Postwt ~ Prewt + Treat + offset(Prewt), anorexia)
add("lm anorexia", "anorexia", "Postwt ~ Prewt + Treat", "gaussian", offset = "Prewt",
  levels = list(Treat = c("CBT", "Cont", "FT")), answers = c(base(fit), list(
  estimates = unname(coef(fit)), dispersion = summary(fit)$sigma^2,
  errors = list(standard = unname(errors(vcov(fit)))),
  probabilities = list(standard = unname(coef(summary(fit))[, 4])))))

budworm <- data.frame(ldose = rep(0:5, 2), numdead = c(1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16),
  sex = rep(c("M", "F"), c(6, 6)), total = 20)
save(budworm, "budworm")
response <- cbind(budworm$numdead, budworm$total - budworm$numdead)
fit <- glm(response ~ sex + ldose, binomial, budworm, control = tight)
add("glm budworm", "budworm", "numdead ~ sex + ldose", "binomial", trials = "total",
  glmAnswers(fit, budworm, "sex", . ~ . - sex))
for (link in c("probit", "cloglog")) {
  fit <- glm(response ~ sex + ldose, binomial(link), budworm, control = tight)
  add(paste("glm budworm", link), "budworm", "numdead ~ sex + ldose", "binomial", trials = "total", link = link,
    glmAnswers(fit, budworm, "sex", . ~ . - sex))
}

insurance <- Insurance
for (name in c("District", "Group", "Age")) insurance[[name]] <- factor(as.character(insurance[[name]]), levels(Insurance[[name]]))
save(insurance, "insurance")
fit <- glm(Claims ~ District + Group + Age + offset(log(Holders)), poisson, insurance, control = tight)
add("glm insurance", "insurance", "Claims ~ C(District) + Group + Age", "poisson", offset = "log(Holders)",
  levels = list(Group = levels(insurance$Group), Age = levels(insurance$Age)),
  answers = glmAnswers(fit, insurance, "Age", . ~ . - Age, profile = FALSE, nullFormula = . ~ 1 + offset(log(Holders))))

save(housing, "housing")
housingLevels <- list(Sat = levels(housing$Sat), Infl = levels(housing$Infl), Type = levels(housing$Type), Cont = levels(housing$Cont))
fit <- polr(Sat ~ Infl + Type + Cont, weights = Freq, data = housing, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
small <- update(fit, . ~ . - Type)
lr <- as.numeric(2 * (logLik(fit) - logLik(small)))
add("polr housing", "housing", "Sat ~ Infl + Type + Cont", "ordinal", weights = "Freq", levels = housingLevels,
  answers = list(log_likelihood = as.numeric(logLik(fit)), aic = AIC(fit),
    estimates = unname(c(coef(fit), fit$zeta)), tolerance = 2e-5,
    errors = list(observed = unname(errors(vcov(fit)))),
    profile_slopes = unname(suppressMessages(confint(fit))), profile_tolerance = 2e-3,
    drop = list(Type = list(lr = test(lr, pchisq(lr, 3, lower.tail = FALSE))))))
fit <- multinom(Sat ~ Infl + Type + Cont, weights = Freq, data = housing, Hess = TRUE, trace = FALSE, reltol = 1e-15, abstol = 1e-15, maxit = 1000)
add("multinom housing", "housing", "Sat ~ Infl + Type + Cont", "categorical", weights = "Freq", levels = housingLevels,
  answers = list(log_likelihood = as.numeric(logLik(fit)), aic = AIC(fit),
    estimates = as.vector(t(coef(fit))), tolerance = 2e-5,
    errors = list(observed = unname(errors(vcov(fit))))))

write(toJSON(list(version = R.version.string, cases = cases), digits = I(12), auto_unbox = TRUE, pretty = TRUE),
  file.path(folder, "r.json"))
