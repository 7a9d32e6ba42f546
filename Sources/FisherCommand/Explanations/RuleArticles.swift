/// What the articles say of the rules. Written by Scripts/rule-articles; a test holds it to the articles.
struct RuleArticle: Sendable {
    /// The name of the article.
    let article: String
    /// The article's first line.
    let lead: String
    /// The equations of a step.
    let equations: String
    /// When to use the rule.
    let use: String

    /// The articles by the rules' names in configurations.
    static let all: [String: RuleArticle] = [
        "adadelta": RuleArticle(
            article: "AdaDeltaRule",
            lead: "RMSProp whose step size is the root of the average square of its own steps.",
            equations: #"""
                g <- g + lambda theta
                v <- b v + (1 - b) g^2
                delta = sqrt(s + epsilon) / sqrt(v + epsilon) g
                s <- b s + (1 - b) delta^2
                theta <- theta - eta delta
                """#,
            use:
                "Where no learning rate can be tuned. It starts slowly: s begins at zero, and epsilon alone sets the first steps."
        ),
        "adafactor": RuleArticle(
            article: "AdafactorRule",
            lead: "Adam's diagonal for a matrix kept as row and column sums, with momentum and a clip.",
            equations: #"""
                R <- b2hat R + (1 - b2hat) (g^2 + epsilon) 1,    C <- b2hat C + (1 - b2hat) 1^T (g^2 + epsilon)
                f  = R C / sum(R)
                n  = g / sqrt(f),    n <- n / max(1, RMS(n) / c)
                m <- b1 m + (1 - b1) eta n
                theta <- theta - (m + lambda theta)
                """#,
            use:
                "For large matrices where Adam's 8 bytes per parameter do not fit. Without the momentum's 4 bytes it would be smaller still, but Algorithm 4 has it."
        ),
        "adafisher": RuleArticle(
            article: "AdaFisherRule",
            lead:
                "The gradient's momentum divided by the diagonals of K-FAC's factors, without a square root, or with it.",
            equations: #"""
                h = average of diag A,  s = average of diag S,  each normalized at use: (v - min) / (max - min + 1e-6)
                F = s (x) h + damping
                m <- b m + (1 - b) g,  mhat = m / (1 - b^t)
                AdaFisher:   g + lambda theta in place of g,  theta <- theta - eta mhat / F^power
                AdaFisherW:  theta <- theta - eta (mhat / F^power + lambda theta)
                """#,
            use:
                "To compare with what is published of it, and where a diagonal is wanted that knows a layer's inputs and output gradients. It needs a model; Documentation/Claims.md tells which of its claims held here."
        ),
        "adafisherw": RuleArticle(
            article: "AdaFisherRule",
            lead:
                "The gradient's momentum divided by the diagonals of K-FAC's factors, without a square root, or with it.",
            equations: #"""
                h = average of diag A,  s = average of diag S,  each normalized at use: (v - min) / (max - min + 1e-6)
                F = s (x) h + damping
                m <- b m + (1 - b) g,  mhat = m / (1 - b^t)
                AdaFisher:   g + lambda theta in place of g,  theta <- theta - eta mhat / F^power
                AdaFisherW:  theta <- theta - eta (mhat / F^power + lambda theta)
                """#,
            use:
                "To compare with what is published of it, and where a diagonal is wanted that knows a layer's inputs and output gradients. It needs a model; Documentation/Claims.md tells which of its claims held here."
        ),
        "adagrad": RuleArticle(
            article: "AdagradRule",
            lead:
                "The sum of all squared gradients as a diagonal: steps shrink where gradients have been large.",
            equations: #"""
                g <- g + lambda theta
                s <- s + g^2
                theta <- theta - eta g / sqrt(s + epsilon)
                """#,
            use:
                "For sparse gradients, where rare features should keep large steps, and for convex problems. In long training of deep networks s only grows and the steps die out; RMSProp and Adam use decaying averages instead."
        ),
        "adahessian": RuleArticle(
            article: "AdaHessianRule",
            lead: "A moving average of the squared diagonal of the Hessian, found by random directions.",
            equations: #"""
                h  = mean over draws of z H z                       (its expectation is diag H)
                s  = the mean of |h| over each block
                m <- b1 m + (1 - b1) g,     mhat = m / (1 - b1^t)
                v <- b2 v + (1 - b2) s^2,   vhat = v / (1 - b2^t)
                theta <- theta - eta (mhat / (sqrt(vhat)^k + epsilon) + lambda theta)
                """#,
            use: "As a baseline that knows the curvature of the loss; AdaFisher's authors compare with it."),
        "adam": RuleArticle(
            article: "AdamRule",
            lead:
                "A moving average of squared gradients as a diagonal, momentum, and a correction for the start of both.",
            equations: #"""
                Adam:    g <- g + lambda theta
                m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
                v <- b2 v + (1 - b2) g^2,     vhat = v / (1 - b2^t)
                u = mhat / (vhat^power + epsilon),   with a clip: u <- u / max(1, RMS(u) / clip)
                Adam:    theta <- theta - eta u
                AdamW:   theta <- theta - eta (u + lambda theta)
                """#,
            use:
                "AdamW is the default choice for transformers, and the baseline to beat. Compare a new rule with an AdamW that has clipGradientNorm: 1 and a warm-up: both help it, and rules with a built-in clip look better than they are compared with one without."
        ),
        "adamax": RuleArticle(
            article: "AdaMaxRule",
            lead: "Adam with the largest recent gradient in place of the root of the average square.",
            equations: #"""
                g <- g + lambda theta                                  where the decay is coupled
                m <- b1 m + (1 - b1) g
                u <- max(b2 u, |g| + epsilon)
                theta <- theta - eta / (1 - b1^t) m / u                and - eta lambda theta where the decay is decoupled
                """#,
            use: "For sparse gradients, and to see what the average of squares is worth."),
        "adamw": RuleArticle(
            article: "AdamRule",
            lead:
                "A moving average of squared gradients as a diagonal, momentum, and a correction for the start of both.",
            equations: #"""
                Adam:    g <- g + lambda theta
                m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
                v <- b2 v + (1 - b2) g^2,     vhat = v / (1 - b2^t)
                u = mhat / (vhat^power + epsilon),   with a clip: u <- u / max(1, RMS(u) / clip)
                Adam:    theta <- theta - eta u
                AdamW:   theta <- theta - eta (u + lambda theta)
                """#,
            use:
                "AdamW is the default choice for transformers, and the baseline to beat. Compare a new rule with an AdamW that has clipGradientNorm: 1 and a warm-up: both help it, and rules with a built-in clip look better than they are compared with one without."
        ),
        "amsgrad": RuleArticle(
            article: "AMSGradRule",
            lead: "Adam whose information never decreases.",
            equations: #"""
                g <- g + lambda theta                                  where the decay is coupled
                m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
                v <- b2 v + (1 - b2) g^2,     w <- max(w, v),    what = w / (1 - b2^t)
                theta <- theta - eta mhat / (sqrt(what) + epsilon)     and - eta lambda theta where the decay is decoupled
                """#,
            use:
                "Where rare large gradients matter and Adam's steps are unsteady late in training. It cannot adapt to gradients that become smaller; with YogiRule the information shrinks slowly."
        ),
        "correlated_fadam": RuleArticle(
            article: "CorrelatedFAdamRule",
            lead:
                "FAdam with correlations: its diagonal in the eigenbasis of K-FAC's factors, and a low-rank part.",
            equations: #"""
                A, S as in <doc:KFACRule>,   Q_A, Q_S their eigenvectors
                G' = Q_S^T G Q_A,   theta' = Q_S^T theta Q_A
                f <- b2hat f + (1 - b2hat) G'^2,   U U^T ~ the same average of G' G'^T, in low rank
                F = D + kappa U U^T,   D = f - kappa diag(U U^T) >= (1 - kappa) f
                d = D^rho + eh^(2 rho),   V = sqrt(kappa) d^(-1 / (2 rho)) U
                M = d^(1/2) (I + V V^T)^rho d^(1/2)
                n = M^-1 G',       n <- n / max(1, RMS(n) / c)
                m <- b1 m + (1 - b1) n
                w = M^-1 theta',   w <- w / max(1, RMS(w) / c)
                theta <- theta - eta Q_S (m + lambda w) Q_A^T
                """#,
            use: "Where FAdam works and the question is which correlations are worth their cost."),
        "diagonal_natural_gradient": RuleArticle(
            article: "DiagonalNaturalGradientRule",
            lead:
                "The natural gradient with a decaying diagonal: Adam without its root, its corrections and its momentum.",
            equations: #"""
                f     <- b2 f + (1 - b2) F,   f_0 = 0
                theta <- theta - eta g / (f + damping)
                """#,
            use: "To see what Adam's root and corrections are for. For training use FAdamRule."),
        "ekfac": RuleArticle(
            article: "EKFACRule",
            lead: "K-FAC's eigenbases with the information's own diagonal in them.",
            equations: #"""
                Q_S, Q_A: eigenvectors of K-FAC's averages S and A
                e = average of mean_n (Q_S^T G_n Q_A)^2
                V = Q_S [(Q_S^T G Q_A) / (e + gamma)] Q_A^T
                m <- mu m + V
                theta <- theta - eta (m + lambda theta)
                """#,
            use:
                "Where K-FAC is used and its bases are recomputed rarely: between their changes the eigenvalues go on following the information. It costs per-sample statistics on top of K-FAC's."
        ),
        "fadafactor": RuleArticle(
            article: "FAdafactorRule",
            lead: "FAdam with the diagonal of a matrix kept as row and column sums.",
            equations: #"""
                R <- b2hat R + (1 - b2hat) g^2 1,    C <- b2hat C + (1 - b2hat) 1^T g^2,    f = R C / sum(R)
                """#,
            use:
                "Instead of FAdam where memory is short. The estimate is coarser: an element's information is what its row and its column together suggest."
        ),
        "fadam": RuleArticle(
            article: "FAdamRule",
            lead:
                "Fisher Adam: Adam's diagonal divides the gradient before it enters the momentum, and the decay; both are clipped.",
            equations: #"""
                f  <- b2hat f + (1 - b2hat) g^2,   f_0 = 1
                eh  = min(epsilon, epsilon2 RMS(g)),   d = f^rho + eh^(2 rho)
                n   = g / d,        n <- n / max(1, RMS(n) / c)
                m  <- b1 m + (1 - b1) n
                w   = theta / d,    w <- w / max(1, RMS(w) / c)
                theta <- theta - eta (m + lambda w)
                """#,
            use:
                "The paper proposes it for log-likelihoods over discrete classes (language, tokens) and holds that it needs neither a warm-up nor a clip of the gradient's norm. Compare before you switch: fisher compare language --text PATH runs it beside AdamW, with and without gradient clipping, on your own text."
        ),
        "gauss_newton": RuleArticle(
            article: "GaussNewtonRule",
            lead:
                "The gradient divided by the generalized Gauss-Newton matrix, with damping adapted to the success of the step.",
            equations: #"""
                theta <- theta - eta (C + damping I)^-1 g,   C = (1/N) J^T H J
                """#,
            use: "On small data in whole batches, where a few good steps are worth their cost."),
        "ief": RuleArticle(
            article: "IEFRule",
            lead:
                "The empirical Fisher information with each sample weighted, so that all losses fall as the natural gradient's would.",
            equations: #"""
                theta <- theta - eta J^T (J J^T + damping I)^-1 s,   s_n = |d loss_n / d z|^2
                """#,
            use:
                "With batches of up to a few thousand units, where the empirical Fisher would be tempting and the model has fitted some of its data."
        ),
        "ivon": RuleArticle(
            article: "IVONRule",
            lead:
                "A Gaussian over the parameters, learned by natural gradients: the Bayesian learning rule for independent elements.",
            equations: #"""
                theta_s = theta + eps / sqrt(N (h + delta)),   eps ~ N(0, 1),   s = 1 ... draws
                g    = mean of g(theta_s),    hhat = N (h + delta) mean of (theta_s - theta) g(theta_s)
                m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
                h <- b2 h + (1 - b2) hhat + (1 - b2)^2 (h - hhat)^2 / (2 (h + delta))
                theta <- theta - eta (h0 + delta) clip((mhat + delta theta) / (h + delta), radius)
                """#,
            use: "Where calibrated probabilities or variances of the weights are wanted."),
        "kfac": RuleArticle(
            article: "KFACRule",
            lead: "K-FAC: each layer's gradient divided by the Kronecker product of two small matrices.",
            equations: #"""
                A = average of a a^T,  S = average of s s^T,  F ~ A (x) S
                pi^2 = (tr A / dim A) / (tr S / dim S)
                V = (S + sqrt(gamma)/pi I)^-1 G (A + pi sqrt(gamma) I)^-1
                m <- mu m + V
                theta <- theta - eta (m + lambda theta)
                """#,
            use:
                "For models of linear layers and convolutions whose widths keep the factors cheap beside the passes, where steps are scarcer than time a step: a step costs more than AdamW's (fisher bench step says how much), and the damping has to be tuned together with the learning rate."
        ),
        "kronecker_fadam": RuleArticle(
            article: "KroneckerFAdamRule",
            lead: "FAdam in the eigenbasis of the gradient's Kronecker factors: the off-diagonal extension.",
            equations: #"""
                L <- avg_d(G G^T),    R <- avg_d(G^T G),    Q_L, Q_R of these as in <doc:SOAPRule>
                G'  = Q_L^T G Q_R,    theta' = Q_L^T theta Q_R
                f  <- b2hat f + (1 - b2hat) G'^2,   f_0 = 1
                eh  = min(epsilon, epsilon2 RMS(G')),   e = f^rho + eh^(2 rho)
                n   = G' / e,        n <- n / max(1, RMS(n) / c)
                m  <- b1 m + (1 - b1) n
                w   = theta' / e,    w <- w / max(1, RMS(w) / c)
                theta <- theta - eta Q_L (m + lambda w) Q_R^T
                """#,
            use:
                "Where FAdam works and the question is whether the off-diagonal information is worth its cost. fisher compare language runs them side by side."
        ),
        "laprop": RuleArticle(
            article: "LaPropRule",
            lead: "Momentum of the divided gradient, in place of Adam's divided momentum.",
            equations: #"""
                v <- b2 v + (1 - b2) g^2,     vhat = v / (1 - b2^t)
                n  = g / (sqrt(vhat) + epsilon)
                m <- b1 m + (1 - b1) eta n,   r <- b1 r + (1 - b1) eta
                theta <- theta - eta (m / r + lambda theta)            with a coupled decay g + lambda theta in place of g instead
                """#,
            use:
                "For small b2, where Adam's momentum keeps gradients that were small for their time and divides them by what is large now, or the reverse."
        ),
        "mfac": RuleArticle(
            article: "MFACRule",
            lead: "The natural gradient with the information of the last gradients, by Woodbury's identity.",
            equations: #"""
                theta <- theta - eta (damping I + G^T G / m)^-1 g
                """#,
            use:
                "Where a whole-matrix rule is wanted without a model's layers: it needs gradients alone, and includes correlations across layers."
        ),
        "muon": RuleArticle(
            article: "MuonRule",
            lead:
                "The momentum of a matrix replaced by, nearly, its orthogonal polar factor: a step as long in every direction.",
            equations: #"""
                B <- mu B + (1 - mu) G
                U  = (1 - mu) G + mu B                      (Nesterov; else U = B)
                theta <- theta - eta (s NS(U) + lambda theta),  s = sqrt(max(1, rows / columns))
                NS(U):  X = U / (|U|_F + epsilon), transposed where it is tall;  five times
                        X <- a X + (b M + c M^2) X,  M = X X^T,  (a, b, c) = (3.4445, -4.7750, 2.0315)
                """#,
            use:
                "For transformers and other networks of wide linear layers, with batches large enough that the gradient's small singular values are not noise: Muon raises all of them alike."
        ),
        "natural_gradient": RuleArticle(
            article: "NaturalGradientRule",
            lead: "The gradient divided by the whole Fisher information: what every other rule approximates.",
            equations: #"""
                theta <- theta - eta (F + damping I)^-1 g
                """#,
            use:
                "On small models, and to judge the others: the angle between a rule's step and this one shows what the rule discards."
        ),
        "newton": RuleArticle(
            article: "NewtonRule",
            lead:
                "The gradient divided by the Hessian of the loss, for comparison with the Fisher information.",
            equations: #"""
                theta <- theta - eta (H + damping I)^-1 g
                """#,
            use: "To compare. Near a minimum, on whole batches, it converges quadratically."),
        "rmsprop": RuleArticle(
            article: "RMSPropRule",
            lead: "A moving average of squared gradients as a diagonal, to the power 1/2.",
            equations: #"""
                g <- g + lambda theta
                v <- beta v + (1 - beta) g^2
                theta <- theta - eta g / (sqrt(v) + epsilon)
                """#,
            use: "Where half of Adam's memory matters and momentum does not, as in reinforcement learning."),
        "sgd": RuleArticle(
            article: "SGDRule",
            lead:
                "Stochastic gradient descent, with momentum and Nesterov's variant of it: the information taken for the identity.",
            equations: #"""
                d = g + lambda theta
                m = mu m + d                  (m = d at the first step)
                theta <- theta - eta (d + mu m  with Nesterov's momentum, else m)
                """#,
            use:
                "When memory is short, when the gradient's scale is even across the model (convolutional networks with batch normalization), or as the baseline that shows what the information contributes. In transformers the gradients of different layers differ in scale by much, and one learning rate for all rarely fits."
        ),
        "shampoo": RuleArticle(
            article: "ShampooRule",
            lead:
                "A matrix for every dimension of a tensor, averaged from the gradient's products, and its root as preconditioner.",
            equations: #"""
                L <- avg_d(G G^T),    R <- avg_d(G^T G)
                P  = (L + epsilon I)^-1/4 G (R + epsilon I)^-1/4
                P <- P |graft| / (|P| + 1e-16)              (with grafting)
                m <- mu m + P
                theta <- theta - eta (m + lambda theta)
                """#,
            use:
                "For matrices of moderate size where steps are expensive: a root every ten steps costs little beside a large batch. Without grafting eta has to be tuned again."
        ),
        "soap": RuleArticle(
            article: "SOAPRule",
            lead: "Adam in the eigenbasis of Shampoo's factors.",
            equations: #"""
                t = 1:   L <- G G^T,  R <- G^T G,  Q_L = eigenvectors of L, the largest eigenvalue first      (Q_R likewise)
                t > 1:   G'  = Q_L^T G Q_R
                         m  <- b1 m + (1 - b1) G',      mhat = m / (1 - b1^(t-1))
                         v  <- b2 v + (1 - b2) G'^2,    vhat = v / (1 - b2^(t-1))
                         theta <- theta - eta (Q_L [mhat / (sqrt(vhat) + epsilon)] Q_R^T + lambda theta)
                         L <- avg_d(G G^T),    R <- avg_d(G^T G)
                         every f steps:   S = L Q_L, columns in the order of diag(Q_L^T S);  Q_L <- QR(S)      (R likewise)
                """#,
            use:
                "Where AdamW works and steps are expensive. It needs about AdamW's learning rate and, in the paper, a third fewer steps."
        ),
        "tonga": RuleArticle(
            article: "TONGARule",
            lead: "The natural gradient with a moving average of the gradients' outer products in low rank.",
            equations: #"""
                C <- b C + (1 - b) g g^T,   b = gamma (1 - gamma^(t-1)) / (1 - gamma^t)
                every `basisInterval` updates, before that: C <- its `rank` leading eigenvectors
                theta <- theta - eta (C + damping I)^-1 g
                """#,
            use:
                "Where correlations within a tensor are wanted from gradients alone, in a memory that can be chosen."
        ),
        "yogi": RuleArticle(
            article: "YogiRule",
            lead: "Adam whose information changes by (1 - b2) g^2 a step, up or down.",
            equations: #"""
                g <- g + lambda theta                                  where the decay is coupled
                m <- b1 m + (1 - b1) g
                v <- v - (1 - b2) sign(v - g^2) g^2,     v_0 = initial_square
                theta <- theta - eta c m / (sqrt(v) + epsilon)         and - eta lambda theta where the decay is decoupled
                c = 1, with corrects_bias sqrt(1 - b2^t) / (1 - b1^t)
                """#,
            use:
                "Where Adam's information forgets rare large gradients too soon and its steps then grow: sparse gradients, noisy batches. Elsewhere Adam is the better-known baseline."
        ),
    ]
}
