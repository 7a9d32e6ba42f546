import Foundation

/// Exponential moving averages of what an optimizer saw along its path, brought to the point where it stands.
///
/// A gradient is a covector of the tangent space at its own point. Averages are described in the orthonormal frame of
/// ``NormalFamily`` at the current point, in which Euclidean lengths and angles are those of the Fisher metric. They are
/// divided by 1 - beta^t, so that the weights add up to one.
package struct PathAverages {
    package let path: OptimizerPath
    package let beta: Double

    package init(_ path: OptimizerPath, beta: Double) {
        self.path = path
        self.beta = beta
    }

    /// The averages after each step, at the point where its gradient was taken.
    private func averages<Value>(
        of values: (Int) -> Value, moved: (Value, Int) -> Value, sum: (Value, Double, Value, Double) -> Value,
        scaled: (Value, Double) -> Value
    ) -> [Value] {
        var found: [Value] = []
        var sumOfWeights = 0.0
        var state: Value?
        for step in path.gradients.indices {
            let value = values(step)
            state = state.map { sum(moved($0, step), beta, value, 1 - beta) } ?? scaled(value, 1 - beta)
            sumOfWeights = beta * sumOfWeights + 1 - beta
            if let state { found.append(scaled(state, 1 / sumOfWeights)) }
        }
        return found
    }

    private func vectors(of values: (Int) -> Pair, moved: (Pair, Int) -> Pair) -> [Pair] {
        averages(of: values, moved: moved, sum: { $0 * $1 + $2 * $3 }, scaled: { $0 * $1 })
    }

    private func framed(_ step: Int) -> Pair {
        NormalFamily.framed(covector: path.gradients[step], at: path.points[step])
    }

    /// With parallel transport along the path: the average that differential geometry defines.
    package func transported() -> [Pair] {
        vectors(of: framed) { sum, step in
            NormalFamily.transported(
                framed: sum, alongSegmentFrom: path.points[step - 1], to: path.points[step])
        }
    }

    /// Of the invariant natural gradients g/sqrt(f), each with the information at its own point: FAdam's momentum with an
    /// exact diagonal.
    package func invariant() -> [Pair] { vectors(of: framed) { sum, _ in sum } }

    /// Of the gradients' components in a chart: Adam's momentum.
    package func plain(in chart: NormalChart) -> [Pair] {
        let sums = vectors(
            of: { chart.components(ofCovector: path.gradients[$0], at: path.points[$0]) },
            moved: { sum, _ in sum })
        return sums.enumerated().map { step, components in
            let point = path.points[step]
            return NormalFamily.framed(
                covector: chart.covector(ofComponents: components, at: point), at: point)
        }
    }

    /// With parallel transport that is integrated in a chart, as a check of the closed form.
    package func integrated(in chart: NormalChart) -> [Pair] {
        vectors(of: framed) { sum, step in
            let (start, end) = (path.points[step - 1], path.points[step])
            let covector = chart.integrated(
                covector: NormalFamily.covector(framed: sum, at: start), from: start, to: end, steps: 1)
            return NormalFamily.framed(covector: covector, at: end)
        }
    }

    /// Of the components of the exact Fisher information in a chart, as a matrix in the frame at the current point.
    ///
    /// With parallel transport it is the identity: the metric is parallel, and each earlier information becomes the present
    /// one.
    package func information(in chart: NormalChart) -> [SquareMatrix] {
        let sums = averages(
            of: { step in
                let point = path.points[step]
                return chart.components(
                    ofTensor: SquareMatrix(diagonal: NormalFamily.information(at: point)), at: point)
            },
            moved: { sum, _ in sum }, sum: { $0 * $1 + $2 * $3 }, scaled: { $0 * $1 })
        return sums.enumerated().map { step, components in
            let point = path.points[step]
            let scale = SquareMatrix(diagonal: 1 / Pair(1, 2).squareRoot() * point.y)
            return scale * chart.tensor(ofComponents: components, at: point) * scale
        }
    }
}

/// How far one sequence of vectors is from another, step by step.
package struct VectorDeviation: Hashable, Sendable {
    /// The median angle in degrees.
    package let angle: Double
    /// The largest angle in degrees.
    package let largestAngle: Double
    /// The median of the longer over the shorter length.
    package let lengthRatio: Double
    /// The largest relative difference |a - b| / |b|.
    package let largestDifference: Double

    package init(of vectors: [Pair], from reference: [Pair]) {
        precondition(vectors.count == reference.count && !vectors.isEmpty)
        let angles = zip(vectors, reference).map { $0.degrees(to: $1) }
        let ratios = zip(vectors, reference).map { pair in
            Swift.max(pair.0.length, pair.1.length) / Swift.min(pair.0.length, pair.1.length)
        }
        angle = angles.sorted()[angles.count / 2]
        largestAngle = angles.max() ?? 0
        lengthRatio = ratios.sorted()[ratios.count / 2]
        largestDifference = zip(vectors, reference).map { ($0 - $1).length / $1.length }.max() ?? 0
    }
}
