import Foundation
import NeuralNet
import Torch

/// The true blocks of all layers and of the whole model from the gradients of some units, a layer at a time.
struct BlockAnalysis {
    /// What is found of one layer.
    struct Layer {
        let block: TrueBlock
        let errors: [StructureError]
        let diagonalComparison: DrawnComparison
        let blockComparison: DrawnComparison
    }

    private(set) var layers: [ParameterPath: Layer] = [:]
    let whole: TrueBlock
    let betweenLayersShare: Double
    let unbiasedBetweenLayersShare: Double?
    let comparison: DrawnComparison
    let takeuchi: TakeuchiPenalty

    /// Analyzes gradients.
    ///
    /// - Parameters:
    ///   - truth: the rows of the true information.
    ///   - empirical: the rows at the data's labels, of the same units.
    ///   - cutoff: what is rounding, relative to the largest eigenvalue.
    ///   - each: called before each layer.
    init(
        _ truth: UnitGradients, empirical: UnitGradients, cutoff: Double,
        before each: (ParameterPath) throws -> Void
    ) throws {
        let (units, unitCount) = (truth.unitOfRow, truth.unitCount)
        var draws: (ofRow: [Int], count: Int)?
        if case .sampled(let count) = truth.source { draws = (truth.passOfRow, count) }
        let factors = try truth.kroneckerFactors()
        func statistics(_ gram: Tensor, rows: Tensor?, parameterCount: Int) throws -> TrueBlock {
            try TrueBlock(
                gram: gram, rows: rows, units: units, unitCount: unitCount, parameterCount: parameterCount,
                cutoff: cutoff)
        }
        var sums: (gram: Tensor, cross: Tensor, empirical: Tensor)?
        var (size, apart, unbiasedApart) = (0, 0.0, 0.0)
        for block in truth.blocks {
            try each(block.path)
            let (rows, labels) = (try BlockRows(truth, block), try BlockRows(empirical, block))
            let gram = try rows.gram(with: rows)
            if try gram.nonFiniteElement() != nil {
                throw NonFiniteError(source: "the information of \(block.path)")
            }
            let (cross, own) = (try rows.gram(with: labels), try labels.gram(with: labels))
            let found = try statistics(gram, rows: rows.whole, parameterCount: rows.parameterCount)
            let diagonals = try rows.diagonals(
                draws?.ofRow ?? [Int](repeating: 0, count: units.count), count: draws?.count ?? 1)
            let labelDiagonal = try labels.diagonals(
                [Int](repeating: 0, count: empirical.rowCount), count: 1)
            layers[block.path] = Layer(
                block: found,
                errors: try rows.structureErrors(
                    squaredNorm: found.squaredNorm, diagonal: diagonals.sum(along: 0),
                    factors: factors[block.path]),
                diagonalComparison: try DrawnComparison(
                    diagonals: diagonals, empirical: labelDiagonal.flattened(), isDrawn: draws != nil),
                blockComparison: try DrawnComparison(
                    gram: gram, cross: cross, empirical: own, draws: draws))
            sums = sums.map { ($0.gram + gram, $0.cross + cross, $0.empirical + own) } ?? (gram, cross, own)
            size += rows.parameterCount
            apart += found.squaredNorm
            unbiasedApart += found.unbiasedSquaredNorm ?? 0
        }
        guard let sums else { throw CurvatureError.noObservations }
        let whole = try statistics(sums.gram, rows: nil, parameterCount: size)
        self.whole = whole
        betweenLayersShare = whole.squaredNorm > 0 ? max(0, 1 - apart / whole.squaredNorm) : 0
        unbiasedBetweenLayersShare = whole.unbiasedSquaredNorm.flatMap {
            $0 > 0 ? 1 - unbiasedApart / $0 : nil
        }
        comparison = try DrawnComparison(
            gram: sums.gram, cross: sums.cross, empirical: sums.empirical, draws: draws)
        takeuchi = try TakeuchiPenalty(
            gram: sums.gram, cross: sums.cross,
            empiricalTrace: try sums.empirical.diagonalScalars().reduce(0, +), cutoff: cutoff)
    }

    /// Decades of damping from the one above the largest eigenvalue down.
    var dampings: [Double] {
        let top = whole.spectrum.values.first ?? 0
        let highest = top > 0 && top.isFinite ? Int(log10(top).rounded(.up)) : 0
        return (0...8).map { pow(10, Double(highest - $0)) }
    }
}
