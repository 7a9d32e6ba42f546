/// The distribution of a response.
package enum ModelFamily: String, CaseIterable, Codable, Hashable, Sendable {
    case gaussian, binomial, poisson, categorical, ordinal

    /// The links that a family has, its canonical one first.
    package var links: [Link] {
        switch self {
        case .gaussian: [.identity, .log]
        case .binomial: [.logit, .probit, .cloglog]
        case .poisson: [.log, .identity]
        case .categorical, .ordinal: [.logit]
        }
    }

    /// Whether a response is one of several levels.
    package var hasLevels: Bool { self == .categorical || self == .ordinal }
}

/// What a weight says.
package enum WeightKind: String, CaseIterable, Codable, Hashable, Sendable {
    /// A row stands for so many equal units.
    case frequency
    /// A row is one unit whose log-likelihood counts so often; of the Gaussian, the inverse variance.
    case precision
}

/// The dispersion phi by which the variance of a Gaussian, binomial or Poisson response is multiplied.
package enum Dispersion: Codable, Hashable, Sendable {
    case known(Double)
    /// Of the Gaussian, a parameter; of others, Pearson's statistic over the degrees of freedom (quasi-likelihood).
    case learned
}
