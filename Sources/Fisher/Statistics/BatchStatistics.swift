import FisherInformation
import NeuralNet
import Torch

/// What a rule asked of a batch: sums with counts, so that micro-batches add up.
public struct BatchStatistics {
    /// An answer to a request.
    enum Answer {
        case diagonal(DiagonalInformation)
        case kronecker(KroneckerInformation)
        case kroneckerDiagonal([ParameterPath: DiagonalKroneckerFactors])
        case uses(CapturedUses)
        case gradientRows([ParameterPath: GradientRows])
        case perSampleGradients(PerSampleGradients)
        case full(FullInformation)
        case products([(matrix: SymmetricOperator, observationCount: Int)])
    }

    private var answers: [CurvatureRequest: Answer]

    /// Gathers answers.
    init(_ answers: [CurvatureRequest: Answer] = [:]) { self.answers = answers }

    /// Adds what was gathered on independent data.
    mutating func add(_ other: BatchStatistics) throws {
        for (request, answer) in other.answers {
            guard let own = answers[request] else {
                answers[request] = answer
                continue
            }
            answers[request] = try BatchStatistics.sum(own, answer)
        }
    }

    private static func sum(_ a: Answer, _ b: Answer) throws -> Answer {
        switch (a, b) {
        case (.diagonal(var own), .diagonal(let other)):
            try own.add(other)
            return .diagonal(own)
        case (.kronecker(var own), .kronecker(let other)):
            try own.add(other)
            return .kronecker(own)
        case (.kroneckerDiagonal(var own), .kroneckerDiagonal(let other)):
            for (path, factors) in other { try own[path]?.add(factors) }
            return .kroneckerDiagonal(own)
        case (.uses(var own), .uses(let other)):
            own.add(other)
            return .uses(own)
        case (.gradientRows(let own), .gradientRows(let other)):
            return .gradientRows(
                own.reduce(into: [:]) { found, entry in
                    found[entry.key] = other[entry.key].flatMap { entry.value.joined($0) }
                })
        case (.perSampleGradients(var own), .perSampleGradients(let other)):
            try own.add(other)
            return .perSampleGradients(own)
        case (.full(var own), .full(let other)):
            try own.add(other)
            return .full(own)
        case (.products(let own), .products(let other)): return .products(own + other)
        default: preconditionFailure("two answers to one request are of different kinds")
        }
    }

    /// Whether nothing was asked.
    public var isEmpty: Bool { answers.isEmpty }

    /// The diagonal that was asked for.
    public func diagonal(
        _ source: CurvatureSource, _ scope: CurvatureScope = .everything
    ) -> DiagonalInformation? {
        guard case .diagonal(let found)? = answers[.diagonal(source, scope)] else { return nil }
        return found
    }

    /// The Kronecker factors that were asked for.
    public func kronecker(_ source: CurvatureSource, _ sharing: WeightSharing) -> KroneckerInformation? {
        guard case .kronecker(let found)? = answers[.kronecker(source, sharing)] else { return nil }
        return found
    }

    /// The diagonals of Kronecker factors that were asked for, by the path of the layer.
    public func kroneckerDiagonal(
        _ source: CurvatureSource, _ sharing: WeightSharing
    ) -> [ParameterPath: DiagonalKroneckerFactors]? {
        guard case .kroneckerDiagonal(let found)? = answers[.kroneckerDiagonal(source, sharing)] else {
            return nil
        }
        return found
    }

    /// The captured inputs and output gradients that were asked for.
    public func uses(_ source: CurvatureSource) -> CapturedUses? {
        guard case .uses(let found)? = answers[.uses(source)] else { return nil }
        return found
    }

    /// The rows of a layer's gradient, where they were asked for and are few.
    public func gradientRows(of path: ParameterPath) -> GradientRows? {
        guard case .gradientRows(let found)? = answers[.gradientRows] else { return nil }
        return found[path]
    }

    /// The products with the units' gradients that were asked for.
    public func perSampleGradients(_ source: CurvatureSource) -> PerSampleGradients? {
        guard case .perSampleGradients(let found)? = answers[.perSampleGradients(source)] else { return nil }
        return found
    }

    /// The whole matrix that was asked for.
    public func full(_ source: CurvatureSource) -> FullInformation? {
        guard case .full(let found)? = answers[.full(source)] else { return nil }
        return found
    }

    /// The matrix that was asked for as products: the mean over all observations of the batch.
    public func products(_ matrix: CurvatureMatrix) -> SymmetricOperator? {
        guard case .products(let parts)? = answers[.products(matrix)], let first = parts.first else {
            return nil
        }
        if parts.count == 1 { return first.matrix }
        let total = Double(parts.reduce(0) { $0 + $1.observationCount })
        return SymmetricOperator(size: first.matrix.size, dtype: first.matrix.dtype) { vector in
            var sum = Tensor.zeros(like: vector)
            for part in parts {
                sum = sum + (try part.matrix(vector)) * (Double(part.observationCount) / total)
            }
            return sum
        }
    }
}
