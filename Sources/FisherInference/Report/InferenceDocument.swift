import FisherInformation

/// All that was inferred from a model and its data, as it is printed and written.
package struct InferenceDocument: Codable, Sendable {
    /// An estimate with its standard error, test of zero and interval.
    package struct Estimate: Codable, Sendable {
        package var name: String
        /// Whether the data determine it; the other values mean nothing where they do not.
        package var determined = true
        package var estimate: Double
        package var standardError: Double?
        package var statistic: Double?
        package var probability: Double?
        package var lower: Double?
        package var upper: Double?
        package var profileLower: Double?
        package var profileUpper: Double?
    }

    /// A test of a hypothesis.
    package struct Test: Codable, Sendable {
        package var hypothesis: String
        package var kind: String
        package var statistic: Double
        package var distribution: String
        package var probability: Double
        /// Whether it holds under a wrong model too.
        package var robust: Bool
    }

    /// The information-matrix test.
    package struct ModelTest: Codable, Sendable {
        package var statistic: Double
        package var measure: String
        package var probability: Double
        package var replicates: Int
        package var failures: Int
        package var rejected: Bool
    }

    package var model: String
    package var notes: [String] = []
    package var units: Double
    package var rows: Int?
    package var dropped: Int?
    package var parameters: Int
    package var residualDegrees: Double
    package var iterations: Int
    /// The length of the last step in standard errors.
    package var lastStep: Double
    package var logLikelihood: Double
    package var aic: Double?
    package var bic: Double?
    package var tic: Double?
    package var dispersion: Double?
    package var dispersionIsEstimated: Bool?
    package var covariance: CovarianceKind
    /// Why this covariance was taken.
    package var reason: String
    package var smallSampleFactor: SmallSampleFactor?
    package var clusters: Int?
    package var reference: String
    package var level: Double
    package var modelTest: ModelTest?
    package var coefficients: [Estimate] = []
    /// Directions that the data do not determine.
    package var undetermined: [String] = []
    /// Combinations of the undetermined parameters that they do.
    package var combinations: [Estimate] = []
    package var tests: [Test] = []
    package var contrasts: [Estimate] = []
    package var functions: [Estimate] = []
}
