/// An estimate of the covariance of the parameters' estimates. I is the expected information, H the observed one, J the
/// sum of outer products of the scores.
package enum CovarianceKind: String, CaseIterable, Codable, Hashable, Sendable {
    /// I^-1: right under a right model.
    case standard
    /// H^-1: right under a right model.
    case observed
    /// H^-1 J H^-1 (Godambe, Huber, White): right whatever the distribution of independent units is.
    case sandwich
    /// The same with J summed over clusters: right if the clusters are independent.
    case cluster

    /// Whether it holds under a wrong model too.
    package var isRobust: Bool { self == .sandwich || self == .cluster }
}

/// The factor by which a robust covariance is enlarged in small samples of n units, p parameters and G clusters.
package enum SmallSampleFactor: String, CaseIterable, Codable, Hashable, Sendable {
    /// 1 (HC0).
    case none
    /// n / (n - p) (HC1); of clusters G / (G - 1) * (n - 1) / (n - p).
    case full
    /// G / (G - 1) of clusters; n / (n - 1) of units.
    case groups

    func value(units n: Double, parameters p: Int, clusters: Int?) -> Double {
        switch self {
        case .none: return 1
        case .full:
            guard let clusters else { return n / (n - Double(p)) }
            let groups = Double(clusters)
            return groups / (groups - 1) * (n - 1) / (n - Double(p))
        case .groups:
            let groups = clusters.map(Double.init) ?? n
            return groups / (groups - 1)
        }
    }
}
