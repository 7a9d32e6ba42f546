/// The times of a step that were taken alone, after runs that were made side by side.
///
/// Runs side by side share the memory and its caches, and their steps take longer than those of a run that has the machine
/// for itself.
public struct StepTiming: Codable, Sendable, Hashable {
    /// The median time of a step's forward and backward pass, in milliseconds.
    public var forwardBackwardMilliseconds: Double
    /// The median time of a step's optimizer update, in milliseconds.
    public var optimizerMilliseconds: Double
    /// The number of steps that were timed.
    public var steps: Int
    /// What else the machine did meanwhile; nil where the system does not tell, and for less than half a second.
    public var load: MachineLoad?

    /// Records times.
    public init(
        forwardBackwardMilliseconds: Double, optimizerMilliseconds: Double, steps: Int,
        load: MachineLoad? = nil
    ) {
        self.forwardBackwardMilliseconds = forwardBackwardMilliseconds
        self.optimizerMilliseconds = optimizerMilliseconds
        self.steps = steps
        self.load = load
    }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireTime(forwardBackwardMilliseconds, "\(place).forwardBackwardMilliseconds")
        try DocumentLimits.requireTime(optimizerMilliseconds, "\(place).optimizerMilliseconds")
        try DocumentLimits.requireCount(steps, "\(place).steps")
        try load?.validate("\(place).load")
    }
}

extension RunRecord {
    /// The sign behind a time that was taken while other runs of the same comparison were made.
    package static let sideBySideMark = "‡"

    /// What the sign means, for the most of some numbers of runs; nil if all were made alone.
    package static func sideBySideNote(_ counts: some Sequence<Int?>) -> String? {
        counts.compactMap(\.self).max().map { count in
            "Times marked \(sideBySideMark) were taken while \(count) runs were made side by side: they are longer than those "
                + "of a run alone."
        }
    }
}
