import NeuralNet
import Torch

/// Inference about the parameters of a small model: its score, three information matrices, and standard
/// errors.
///
///     let inference = try LikelihoodInference(
///         of: model, on: Objective(Bernoulli(logits: model(x)), observing: y))
///     let errors = try inference.standardErrors(test)
///
/// Standard errors and intervals are those of large samples, and throw with reasons if the inverse
/// information is not a covariance (``InformationRegime``). The test of the model that decides it is an
/// ``InformationMatrixTest``, which the module FisherInference makes by draws from the model. Costs the exact and the empirical matrix and a
/// Hessian product for each parameter: memory and time grow with the square of the number of parameters.
public struct LikelihoodInference {
    /// The parameters in the order of rows and columns, each row-major.
    public let paths: [ParameterPath]
    /// The shape of each.
    private let shapes: [[Int]]
    /// The point theta at which all quantities are computed.
    private let point: [Double]
    /// The expected information: a sum over observations, [parameters, parameters], float64.
    public private(set) var expected: Tensor
    /// The empirical information: the sum over units of s s^T.
    public private(set) var empirical: Tensor
    /// The observed information: the Hessian of -log p, summed over observations.
    public private(set) var observed: Tensor
    /// The score: the gradient of log p, summed over observations.
    public private(set) var score: Tensor
    /// The number of observations.
    public private(set) var observationCount: Int
    /// The number of units, which are independent given the parameters.
    public private(set) var unitCount: Int
    private let singularity: Double

    /// Computes the evidence of a batch at the model's present parameters, from one forward pass.
    ///
    /// Throws `CurvatureError` if the likelihood has no Fisher information in closed form, and for a
    /// parameter of no layer that computes per-sample gradients.
    ///
    /// - Parameters:
    ///   - model: the model, every trainable parameter of which must belong to such a layer.
    ///   - objective: computes the objective of the data; the forward pass must run in this expression.
    ///   - units: the length of the first axis; by default that of the layers' outputs.
    public init(
        of model: any Module, on objective: @autoclosure () throws -> Objective, units: Int? = nil
    ) throws {
        let found = try CurvatureEstimator(of: model).estimate(
            [.full(.exact), .full(.empirical), .hessian], of: objective(), units: units)
        guard let exact = found.full(.exact), let outer = found.full(.empirical), let hessian = found.hessian
        else { throw CurvatureError.noObservations }
        let columns = Tensor.identity(hessian.size, dtype: hessian.dtype).split(
            into: hessian.size, along: 0)
        let count = Double(exact.observationCount)
        let rows = try columns.map { try hessian($0.flattened()) }
        let named = model.parameters.filter(\.parameter.isTrainable)
        paths = exact.paths
        shapes = named.map { $0.parameter.wrappedValue.shape }
        point = try named.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        let square = Tensor.stacked(rows).to(dtype: .float64) * count
        self.observed = (square + square.transposed()) / 2
        expected = exact.sums.sum.to(dtype: .float64)
        empirical = outer.sums.sum.to(dtype: .float64)
        guard let gradient = outer.gradient else { throw CurvatureError.noObservations }
        score = -gradient.detached().to(dtype: .float64)
        observationCount = exact.observationCount
        unitCount = found.unitCount
        singularity = hessian.dtype == .float64 ? 1e-10 : 1e-5
    }

    /// Adds the evidence of independent data at the same point.
    public mutating func add(_ other: LikelihoodInference) throws(InferenceError) {
        guard paths == other.paths, shapes == other.shapes else {
            throw .mismatched(reason: "it is of other parameters")
        }
        guard point == other.point else { throw .mismatched(reason: "it was gathered at another point") }
        expected = expected + other.expected
        empirical = empirical + other.empirical
        observed = observed + other.observed
        score = score + other.score
        observationCount += other.observationCount
        unitCount += other.unitCount
    }

    /// Whether the inverse information may be read as a covariance, and why not. Costs two eigenvalue
    /// decompositions.
    ///
    /// - Parameters:
    ///   - test: the test of the model on these data; without one the inverse is not read as a covariance.
    ///   - thresholds: the limits.
    public func regime(
        _ test: InformationMatrixTest?, _ thresholds: InformationRegime.Thresholds = .init()
    ) throws(TorchError) -> InformationRegime {
        let names = zip(paths, shapes).flatMap { path, shape in
            Array(repeating: path, count: shape.reduce(1, *))
        }
        return try InformationRegime(
            RegimeEvidence(
                names: names, expected: expected, empirical: empirical, observed: observed, score: score,
                unitCount: unitCount, singularity: thresholds.singularity ?? singularity),
            test: test, thresholds: thresholds)
    }

    /// The covariance of the estimate: the inverse of the expected information, [parameters, parameters].
    ///
    /// Throws `notACovariance` with the reasons if it is not valid.
    public func covariance(
        _ test: InformationMatrixTest?, _ thresholds: InformationRegime.Thresholds = .init()
    ) throws(InferenceError) -> Tensor {
        do {
            try regime(test, thresholds).requireCovariance()
            return try SafeCholesky.inverse(expected)
        } catch let error as TorchError {
            throw .numerical(error)
        } catch let error as InferenceError {
            throw error
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The sandwich covariance H^-1 J H^-1 of the estimate (Godambe, Huber, White), [parameters, parameters]: H the
    /// observed and J the empirical information. It needs independent units, and no right model.
    ///
    /// Throws `notACovariance` where the estimate has not converged or is not determined.
    public func robustCovariance(
        _ thresholds: InformationRegime.Thresholds = .init()
    ) throws(InferenceError) -> Tensor {
        let found: InformationRegime
        do { found = try regime(nil, thresholds) } catch { throw .numerical(error) }
        let reasons = found.reasons.filter { $0 != .untested }
        guard reasons.isEmpty else { throw .notACovariance(reasons) }
        do {
            let bread = try SafeCholesky.inverse(observed)
            return bread.matmul(empirical).matmul(bread)
        } catch {
            throw .numerical(error)
        }
    }

    /// The robust standard error of each parameter, in its shape: the roots of ``robustCovariance(_:)``'s diagonal.
    public func robustStandardErrors(
        _ thresholds: InformationRegime.Thresholds = .init()
    ) throws(InferenceError) -> [ParameterPath: Tensor] {
        try byParameter(Self.roots(robustCovariance(thresholds)))
    }

    private static func roots(_ covariance: Tensor) throws(InferenceError) -> [Double] {
        do { return try covariance.diagonalScalars().map { $0.squareRoot() } } catch {
            throw .numerical(error)
        }
    }

    /// The standard error of each parameter, in its shape.
    ///
    /// Throws `notACovariance` with the reasons if the covariance is not valid.
    public func standardErrors(
        _ test: InformationMatrixTest?, _ thresholds: InformationRegime.Thresholds = .init()
    ) throws(InferenceError) -> [ParameterPath: Tensor] {
        try byParameter(Self.roots(covariance(test, thresholds)))
    }

    /// The two-sided intervals theta +- z standard errors of a level, with z the normal quantile (Wald).
    ///
    /// Throws `notACovariance` with the reasons if the covariance is not valid, and `badLevel`.
    public func confidenceIntervals(
        level: Double = 0.95, _ test: InformationMatrixTest?,
        _ thresholds: InformationRegime.Thresholds = .init()
    ) throws(InferenceError) -> [ParameterPath: (lower: Tensor, upper: Tensor)] {
        guard level > 0, level < 1 else { throw .badLevel(level) }
        let z = StandardNormal.quantile(1 - (1 - level) / 2)
        let centres = byParameter(point)
        var found: [ParameterPath: (lower: Tensor, upper: Tensor)] = [:]
        for (path, errors) in try standardErrors(test, thresholds) {
            guard let centre = centres[path] else { continue }
            found[path] = (centre - errors * z, centre + errors * z)
        }
        return found
    }

    /// A vector of all parameters, cut into their shapes.
    private func byParameter(_ values: [Double]) -> [ParameterPath: Tensor] {
        var first = 0
        var found: [ParameterPath: Tensor] = [:]
        for (path, shape) in zip(paths, shapes) {
            let count = shape.reduce(1, *)
            found[path] = Tensor(Array(values[first..<first + count]), shape: shape)
            first += count
        }
        return found
    }
}
