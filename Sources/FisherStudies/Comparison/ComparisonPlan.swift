/// What a comparison was asked to decide, and by which test; set before its runs are seen.
public struct ComparisonPlan: Codable, Sendable, Hashable {
    /// Which variance the intervals use.
    public var variances = VarianceModel.own
    /// The largest difference of final losses, in nats, that is called none; nil for no test of equivalence.
    public var margin: Double?
    /// The validation loss, in nats, whose first crossing is timed; nil for none.
    public var target: Double?
    /// What is to be read from the runs if they are a pilot; nil if they are the comparison itself.
    public var pilot: PilotPlan?

    /// Each difference's own variance; no margin, no target.
    public init() {}

    /// The probability of one false statement or more about differences to the baseline.
    public static let level = 0.05
    /// The fewest seeds from which an interval is made: two have one degree of freedom, whose interval says nothing.
    public static let fewestSeeds = 3
}

/// The differences that a comparison is to find, for which a pilot gives the number of seeds.
public struct PilotPlan: Codable, Sendable, Hashable {
    /// The differences of final losses, in nats; empty for multiples of the spread that was seen.
    public var differences: [Double]
    /// The probabilities of finding them.
    public var powers: [Double]
    /// The number of optimizers that will be compared to the baseline.
    public var comparisons: Int

    /// Lists differences and probabilities.
    public init(differences: [Double] = [], powers: [Double] = [0.8, 0.9], comparisons: Int = 1) {
        self.differences = differences
        self.powers = powers
        self.comparisons = comparisons
    }
}

extension ComparisonPlan {
    func validate(_ place: String) throws(DocumentFault) {
        func requirePositive(_ value: Double?, _ name: String) throws(DocumentFault) {
            if let value, !(value > 0 && value < 1e100) {
                throw DocumentFault("\(place).\(name)", "is \(value), not a positive number")
            }
        }
        try requirePositive(margin, "margin")
        if let target, !RunRecord.isUsable(target) {
            throw DocumentFault("\(place).target", "is \(target), not a loss")
        }
        guard let pilot else { return }
        guard pilot.powers.count <= 20 else {
            throw DocumentFault("\(place).pilot.powers", "has \(pilot.powers.count) elements, more than 20")
        }
        try DocumentLimits.each(pilot.differences, "\(place).pilot.differences", limit: 100) {
            (value, _) throws(DocumentFault) in
            try requirePositive(value, "pilot.differences")
        }
        for power in pilot.powers where !(power > 0 && power < 1) {
            throw DocumentFault("\(place).pilot.powers", "has \(power), not a probability between 0 and 1")
        }
        guard (1...1000).contains(pilot.comparisons) else {
            throw DocumentFault("\(place).pilot.comparisons", "is \(pilot.comparisons)")
        }
    }
}
