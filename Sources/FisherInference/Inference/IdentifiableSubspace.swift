/// What the data determine where the information is singular.
package struct IdentifiableSubspace: Sendable {
    /// Directions along which the likelihood does not change.
    package let undetermined: [LinearCombination]
    /// The parameters that no such direction moves.
    package let determined: [Int]
    /// Combinations of the other parameters that no such direction moves; a basis of them.
    package let combinations: [LinearCombination]

    package init(_ inverse: InformationInverse, names: [String]) {
        undetermined = inverse.nullDirections.map { LinearCombination($0, names: names) }
        let moved = names.indices.filter { index in
            inverse.nullDirections.contains { abs($0[index]) > 1e-8 * ($0.map(abs).max() ?? 1) }
        }
        determined = names.indices.filter { !moved.contains($0) }
        // The rows are reduced: each null direction has its own parameter with a 1. A combination of a free parameter
        // that subtracts its share of those is the same along every direction.
        let pivots = inverse.nullDirections.compactMap { row in row.lastIndex { $0 == 1 } }
        combinations = moved.filter { !pivots.contains($0) }.map { free in
            var coefficients = names.map { _ in 0.0 }
            coefficients[free] = 1
            for (row, pivot) in zip(inverse.nullDirections, pivots) { coefficients[pivot] = -row[free] }
            return LinearCombination(coefficients, names: names, isDirection: false)
        }
    }
}
