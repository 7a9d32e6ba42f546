import Foundation
import NeuralNet
import Torch

/// Measures the true information of a model along its training.
///
///     let monitor = try InformationMonitor(of: model)
///     ...
///     let (moment, diagonal) = try monitor.moment(at: step, of: objective(probe), units: probe.unitCount)
///
/// Nothing of the training is touched: weights, gradients and generators stay as they are, and labels are drawn from a
/// generator of its own, the same draws at every step. Give it the same batch each time, with the model in evaluation: then
/// numbers differ because weights do. A look costs a forward pass, a backward pass for each draw or factor of the closed
/// form, and a Gram matrix of at most `rows` rows: rows^2 multiplications for each parameter.
public struct InformationMonitor {
    /// The most rows of the Gram matrix.
    private static let mostRows = 512
    /// The multiplications that a Gram matrix may cost.
    private static let mostProducts = 4e9
    /// The most draws of labels.
    private static let mostDraws = 8

    private let estimator: CurvatureEstimator
    private let rows: Int
    private let seed: UInt64

    /// Prepares measurements. Throws `unsupportedParameters` if a layer does not compute per-sample gradients.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - seed: of the draws of labels.
    public init(of model: any Module, seed: UInt64 = 0) throws(CurvatureError) {
        estimator = try CurvatureEstimator(of: model)
        try estimator.check([.diagonal(.sampled(1))])
        let count = estimator.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.count }
        let affordable = (Self.mostProducts / Double(max(count, 1))).squareRoot()
        rows = min(Self.mostRows, max(64, Int(affordable)))
        self.seed = seed
    }

    /// Measures the information at this moment; returns it with its diagonal.
    ///
    /// - Parameters:
    ///   - step: the step's number.
    ///   - objective: computes the objective; it may be computed twice.
    ///   - units: the number of the batch's units.
    public func moment(
        at step: Int, of objective: @autoclosure () throws -> Objective, units: Int
    ) throws -> (moment: InformationMoment, diagonal: [ParameterPath: Tensor]) {
        let draws = min(max(rows / max(units, 1), 1), Self.mostDraws)
        let chosen = try SourceChoice(
            samples: nil, most: ModelInspector.closedFormPasses, draws: draws, known: nil,
            try withoutGradients(objective))
        let kept = max(1, rows / chosen.passCount)
        let found = try estimator.estimate(
            [.diagonal(chosen.source), .unitGradients(chosen.source, units: kept)], of: objective(),
            units: units, using: try RandomGenerator(seed: seed))
        guard let diagonal = found.diagonal(chosen.source)?.mean,
            let gradients = found.unitGradients(chosen.source, units: kept)
        else { throw CurvatureError.noObservations }
        return try withoutGradients {
            (try Self.moment(at: step, diagonal, gradients), diagonal)
        }
    }

    private static func moment(
        at step: Int, _ diagonal: [ParameterPath: Tensor], _ gradients: UnitGradients
    ) throws -> InformationMoment {
        var gram: Tensor?
        for block in gradients.blocks {
            let rows = try BlockRows(gradients, block)
            let part = try rows.gram(with: rows)
            gram = gram.map { $0 + part } ?? part
        }
        guard let gram else { throw CurvatureError.noObservations }
        if try gram.nonFiniteElement() != nil { throw NonFiniteError(source: "the information") }
        let spectrum = try Spectrum(of: gram)
        var traces: [String: Double] = [:]
        // No positive double has a logarithm outside.
        let least = Int((-325 / InformationMoment.binWidth).rounded(.down))
        var counts = [Int](repeating: 0, count: 2 * -least)
        var (total, unreached, trace) = (0, 0, 0.0)
        // A fixed order: sums of doubles depend on it.
        for path in diagonal.keys.sorted() {
            guard let values = try diagonal[path]?.scalars(as: Double.self) else { continue }
            let sum = values.reduce(0, +)
            traces["\(path.parent)", default: 0] += sum
            trace += sum
            total += values.count
            for value in values {
                guard value > 0, value.isFinite else {
                    unreached += 1
                    continue
                }
                counts[Int((log10(value) / InformationMoment.binWidth).rounded(.down)) - least] += 1
            }
        }
        return InformationMoment(
            step: step, trace: trace, traces: traces, topEigenvalue: spectrum.values.first ?? 0,
            effectiveRank: spectrum.effectiveRank,
            histogram: Dictionary(
                uniqueKeysWithValues: counts.enumerated().filter { $0.element > 0 }.map {
                    ($0.offset + least, Double($0.element) / Double(max(total, 1)))
                }),
            unreached: Double(unreached) / Double(max(total, 1)))
    }
}
