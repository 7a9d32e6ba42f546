/// How a rule's work and state may be divided among processes that train together.
public enum WorkDivision: String, Sendable {
    /// By elements: an element moves by its own numbers, and by sums over its tensor at most.
    case elements
    /// By tensors, each of which moves by its own numbers.
    case tensors
    /// By layers, whose parameters move together; parameters of no layer by tensors.
    case layers
    /// Not at all: every process keeps all and moves all.
    case whole
}

extension OptimizationRule {
    public var division: WorkDivision { .tensors }

    public func workload(of shape: [Int]) -> Double { Double(shape.reduce(1, *)) }

    /// About the multiplications of products and decompositions along both sides of a tensor as a matrix.
    func matrixWorkload(of shape: [Int]) -> Double {
        guard shape.count >= 2 else { return Double(shape.reduce(1, *)) }
        let (rows, columns) = (Double(shape[0]), Double(shape.dropFirst().reduce(1, *)))
        return rows * columns * (1 + rows + columns) + rows * rows * rows + columns * columns * columns
    }
}

extension CurvatureRule {
    public var division: WorkDivision { needsBatch ? .whole : .tensors }
}
