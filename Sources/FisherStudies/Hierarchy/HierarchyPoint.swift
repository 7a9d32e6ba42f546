import Foundation

/// The levels' directions at one point of a training, all from the same gradient.
public struct HierarchyPoint: Codable, Hashable, Sendable {
    /// The seed of the weights and the batches.
    public let seed: UInt64
    /// The training steps made before.
    public let step: Int
    /// The mean loss at the point of the mini-batch that gives the gradient.
    public let loss: Double
    /// The held-out loss at the point.
    public let heldOutLoss: Double
    /// The largest relative residual |g - (F + lambda I) d| / |g| of the reference, over the dampings.
    public let referenceResidual: Double
    /// The cosine between the references by either half of the draws, at the ladder's damping; nil for a closed form.
    public let referenceAgreement: Double?
    /// One measurement for each level and damping, levels in their order, dampings ascending.
    public let measures: [HierarchyMeasure]

    /// Gathers measurements.
    public init(
        seed: UInt64, step: Int, loss: Double, heldOutLoss: Double, referenceResidual: Double,
        referenceAgreement: Double? = nil, measures: [HierarchyMeasure]
    ) {
        self.seed = seed
        self.step = step
        self.loss = loss
        self.heldOutLoss = heldOutLoss
        self.referenceResidual = referenceResidual
        self.referenceAgreement = referenceAgreement
        self.measures = measures
    }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireCount(step, "\(place).step")
        try DocumentLimits.each(measures, "\(place).measures") { (measure, place) throws(DocumentFault) in
            for (name, value) in [("cosine", measure.cosine), ("halfCosine", measure.halfCosine ?? 0)] {
                guard value.isNaN || (-1.001...1.001).contains(value) else {
                    throw DocumentFault("\(place).\(name)", "is \(value), not the cosine of an angle")
                }
            }
            try DocumentLimits.requireCount(measure.level, "\(place).level")
        }
    }
}

/// One level's direction at one point and one damping. What could not be computed is NaN.
public struct HierarchyMeasure: Codable, Hashable, Sendable {
    /// The position of the level.
    public let level: Int
    /// The damping of the reference, and of the level if it has one.
    public let damping: Double
    /// <a, F b> / sqrt(<a, F a> <b, F b>) for the direction a, the reference b and the reference's information F.
    public let cosine: Double
    /// The mean of the same over the halves of the draws, b and F of either half; nil for a closed form. It differs from
    /// the cosine about as much as that differs from the cosine with infinitely many draws.
    public let halfCosine: Double?
    /// What a step in the direction takes off the mean loss of that mini-batch, in nats, at the length with the
    /// stated divergence.
    public let decrease: Double
    /// What the same step takes off the held-out loss.
    public let heldOutDecrease: Double

    /// Records a measurement.
    public init(
        level: Int, damping: Double, cosine: Double, halfCosine: Double? = nil, decrease: Double,
        heldOutDecrease: Double
    ) {
        self.level = level
        self.damping = damping
        self.cosine = cosine
        self.halfCosine = halfCosine
        self.decrease = decrease
        self.heldOutDecrease = heldOutDecrease
    }

    /// The angle to the reference in the metric of the Fisher information, in degrees.
    public var angle: Double { Self.degrees(cosine) }

    /// The same by half the draws; nil for a closed form.
    public var halfAngle: Double? { halfCosine.map(Self.degrees) }

    /// The angle of a cosine.
    static func degrees(_ cosine: Double) -> Double { acos(min(1, max(-1, cosine))) * 180 / .pi }
}
