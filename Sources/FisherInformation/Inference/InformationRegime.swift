import Foundation
import NeuralNet

/// The regime that determines what an information matrix means.
///
/// At a converged estimate of a correct and identified model the inverse information is the covariance of the
/// estimate (the classical regime). Anywhere else it still is a geometry, by which steps and penalties are
/// measured, but its inverse is the covariance of nothing. Three tests decide, all at the point of the
/// information (W is a square root of I^-1 on the range of I, s the score, p the rank, N the number of
/// units):
///
/// 1. the score test, T = s^T I^-1 s: chi-square with p degrees of freedom at the true parameter, 0 at the
///    estimate, and in any case the squared distance to the estimate in standard errors;
/// 2. the eigenvalues of W^T H W, H the observed information (the Hessian of -log p): 1 if the model is
///    correct and N large;
/// 3. the distance d = |W^T J W - 1| / sqrt(p) of the empirical information J from the expected one
///    (Frobenius norm), less the contribution of sampling alone (White's information equality, 1982).
public struct InformationRegime: Hashable, Sendable {
    /// What the information may be read as.
    public enum Kind: String, Hashable, Sendable {
        /// The inverse is the covariance of the estimate.
        case covariance
        /// A metric of the parameter space, no more.
        case geometry
    }

    /// The limits within which the inverse is read as a covariance.
    public struct Thresholds: Hashable, Sendable {
        /// T / p may be at most this; 0.01 is a tenth of a standard error a parameter, so that intervals are
        /// centered correctly. The chi-square test alone would accept an estimate that is a standard error
        /// off.
        public var scorePerParameter = 0.01
        /// The eigenvalues of the observed in terms of the expected information may lie between 1 / this and this.
        /// Standard errors are then off by at most the root of it, 22 %.
        public var informationRatio = 1.5
        /// The largest distance of the empirical from the expected information, a parameter, sampling deducted.
        public var empiricalDistance = 0.3
        /// The largest part of that distance that sampling may account for: above it there are too few
        /// observations per parameter to decide.
        public var samplingNoise = 0.5
        /// Eigenvalues of the information, scaled to a diagonal of ones, that are smaller than this times the
        /// largest count as zero; nil stands for 1e-10 in float64 and 1e-5 in other types.
        public var singularity: Double?

        /// The defaults.
        public init() {}
    }

    /// Why the inverse may not be read as a covariance.
    public enum Reason: Hashable, Sendable, CustomStringConvertible {
        /// The data say nothing about some directions; the parameters with most of them come first.
        case singular(rank: Int, size: Int, parameters: [ParameterPath])
        /// The estimate has not converged on these data: T, its degrees of freedom and P(chi-square >= T).
        case notConverged(statistic: Double, degreesOfFreedom: Int, probability: Double)
        /// The observed information in terms of the expected: the extreme eigenvalues.
        case observedDiffers(smallest: Double, largest: Double)
        /// The empirical information is not the expected one: the distance a parameter, sampling deducted.
        case empiricalDiffers(distance: Double)
        /// Sampling alone accounts for this distance: too few observations to decide.
        case tooFewObservations(noise: Double)

        /// The reason, in words and numbers.
        public var description: String {
            func number(_ value: Double) -> String { String(format: "%.3g", value) }
            switch self {
            case .singular(let rank, let size, let parameters):
                return "the information has rank \(rank) of \(size), so that the data do not determine "
                    + parameters.prefix(3).map { $0 == .root ? "the parameters" : "\($0)" }
                    .joined(separator: ", ")
            case .notConverged(let statistic, let degrees, let probability):
                return "the score is not zero (s^T I^-1 s = \(number(statistic)), chi-square with \(degrees) "
                    + "degrees of freedom, p = \(number(probability))), the estimate has not converged"
            case .observedDiffers(let smallest, let largest):
                return
                    "the observed information is \(number(smallest)) to \(number(largest)) times the expected"
            case .empiricalDiffers(let distance):
                return "the scores do not vary as the model predicts (empirical less expected information "
                    + "\(number(distance)) a parameter), so the model is not that of the data"
            case .tooFewObservations(let noise):
                return
                    "there are too few observations to compare them (sampling accounts for \(number(noise)))"
            }
        }
    }

    /// p: the rank of the information.
    public let rank: Int
    /// T = s^T I^-1 s on the range of I.
    public let scoreStatistic: Double
    /// P(chi-square with p degrees of freedom >= T): the score test of whether the truth may lie here.
    public let scoreProbability: Double
    /// The extreme eigenvalues of the observed in terms of the expected information.
    public let observedToExpected: ClosedRange<Double>
    /// d, sampling included.
    public let empiricalDistance: Double
    /// The contribution of sampling alone to d at this number of units, for scores of normal tails.
    public let samplingNoise: Double
    /// Why the inverse is not a covariance; empty if it is.
    public let reasons: [Reason]

    /// What the information may be read as.
    public var kind: Kind { reasons.isEmpty ? .covariance : .geometry }

    /// d with the expected square of the sampling noise deducted; 0 where nothing is left.
    public var excessDistance: Double {
        max(0, empiricalDistance * empiricalDistance - samplingNoise * samplingNoise).squareRoot()
    }

    /// Throws `notACovariance` with the reasons unless the inverse may be read as a covariance.
    public func requireCovariance() throws(InferenceError) {
        guard reasons.isEmpty else { throw .notACovariance(reasons) }
    }
}
