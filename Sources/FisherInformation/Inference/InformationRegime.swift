import Foundation
import NeuralNet

/// The regime that determines what an information matrix means.
///
/// At a converged estimate of a correct and identified model the inverse information is the covariance of the
/// estimate (the classical regime). Anywhere else it still is a geometry, by which steps and penalties are
/// measured, but its inverse is the covariance of nothing. What decides, at the point of the information (s is
/// the score, p the rank):
///
/// 1. the rank: every direction must be determined;
/// 2. the score test, T = s^T I^-1 s: chi-square with p degrees of freedom at the true parameter, 0 at the
///    estimate, and in any case the squared distance to the estimate in standard errors;
/// 3. an ``InformationMatrixTest``, which compares the variance of the scores and the observed information
///    with the expected one, calibrated by draws from the model. Where it rejects the model, the sandwich
///    covariance still holds (``LikelihoodInference/robustCovariance(_:)``).
public struct InformationRegime: Hashable, Sendable {
    /// The meaning of the inverse information.
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
        /// The information-matrix test rejects the model at this level.
        public var level = 0.05
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
        /// No information-matrix test was made, so that the model may be a wrong one.
        case untested
        /// The information-matrix test rejects the model: the measure that is farthest off, and the probability.
        case modelRejected(measure: InformationMatrixTest.Measure, probability: Double)

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
            case .untested:
                return
                    "the model has not been tested against the data; an information-matrix test decides whether it is theirs"
            case .modelRejected(let measure, let probability):
                return
                    "the information-matrix test rejects the model (p = \(number(probability)), by the \(measure.rawValue)); the sandwich covariance holds all the same"
            }
        }
    }

    /// p: the rank of the information.
    public let rank: Int
    /// T = s^T I^-1 s on the range of I.
    public let scoreStatistic: Double
    /// P(chi-square with p degrees of freedom >= T): the score test of whether the truth may lie here.
    public let scoreProbability: Double
    /// The extreme eigenvalues of the observed in terms of the expected information; it decides nothing.
    public let observedToExpected: ClosedRange<Double>
    /// d = |W^T J W - 1| / sqrt(p), W a root of I^-1 and J the empirical information (Frobenius norm), sampling
    /// included; it decides nothing.
    public let empiricalDistance: Double
    /// The contribution of sampling alone to d at this number of units, for scores of normal tails.
    public let samplingNoise: Double
    /// Why the inverse is not a covariance; empty if it is.
    public let reasons: [Reason]

    /// The meaning of the inverse information.
    public var kind: Kind { reasons.isEmpty ? .covariance : .geometry }

    /// d with the expected square of the sampling noise deducted; 0 if nothing is left.
    public var excessDistance: Double {
        max(0, empiricalDistance * empiricalDistance - samplingNoise * samplingNoise).squareRoot()
    }

    /// Throws `notACovariance` with the reasons unless the inverse may be read as a covariance.
    public func requireCovariance() throws(InferenceError) {
        guard reasons.isEmpty else { throw .notACovariance(reasons) }
    }
}
