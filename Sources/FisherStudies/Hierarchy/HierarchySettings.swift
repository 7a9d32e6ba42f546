/// What is the same for every level of a hierarchy: the samples, the damping and the length of the steps.
public struct HierarchySettings: Codable, Hashable, Sendable {
    /// The damping lambda of the ladder: every metric level takes (F + lambda I)^-1 g with its own F.
    public var damping = 1e-3
    /// The dampings of the curves, ascending; the ladder's is one of them.
    public var dampings = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
    /// The mean KL divergence, in nats per observation, to which every direction is scaled.
    public var divergence = 0.01
    /// The training steps after which the levels are compared, ascending.
    public var trainingSteps = [10, 100, 400]
    /// The number of mini-batches of the estimation set.
    public var batchCount = 1
    /// Whose labels the Kronecker factors and the exact diagonal are of: `exact` where that takes few backward
    /// passes, else `sampled`.
    public var labels = "exact"
    /// How the natural gradient's system is solved: `dense` where the matrix is small, else `cg`.
    public var solver = "dense"
    /// The draws of the model's own labels a unit that the reference is of, half of them in either half; nil for the closed
    /// form.
    public var draws: Int?

    /// The defaults.
    public init() {}

    /// Makes the ladder's damping one of the curves', and sorts them and the points of training.
    public mutating func normalize() {
        dampings = Set(dampings + [damping]).sorted()
        trainingSteps = Set(trainingSteps).sorted()
    }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.each(dampings, "\(place).dampings") { (value, place) throws(DocumentFault) in
            guard value > 0, value.isFinite else { throw DocumentFault(place, "is \(value), not a damping") }
        }
        guard dampings.contains(damping) else {
            throw DocumentFault("\(place).damping", "is \(damping), which is not one of the dampings")
        }
        guard divergence > 0, divergence.isFinite else {
            throw DocumentFault("\(place).divergence", "is \(divergence), not a divergence")
        }
        try DocumentLimits.each(trainingSteps, "\(place).trainingSteps") {
            (value, place) throws(DocumentFault) in
            try DocumentLimits.requireCount(value, place)
        }
        try DocumentLimits.requireCount(batchCount, "\(place).batchCount")
        try DocumentLimits.requireText(labels, limit: DocumentLimits.name, "\(place).labels")
        try DocumentLimits.requireText(solver, limit: DocumentLimits.name, "\(place).solver")
        if let draws { try DocumentLimits.requireCount(draws, "\(place).draws") }
    }
}
