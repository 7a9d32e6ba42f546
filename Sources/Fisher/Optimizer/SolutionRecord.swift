import FisherInformation

/// How well a linear system of a step was solved by iterations.
public struct SolutionRecord: Hashable, Sendable {
    /// |b - A x| / |b|.
    public let relativeResidual: Double
    /// The number of products with A.
    public let iterations: Int
    /// The damping in force.
    public let damping: Double

    /// Describes a solution.
    public init(relativeResidual: Double, iterations: Int, damping: Double) {
        self.relativeResidual = relativeResidual
        self.iterations = iterations
        self.damping = damping
    }
}
