/// The order in which claims are decided by several processes, by their declared costs.
///
/// Costly claims come first, so that at the end no process waits long for another. With a time limit those claims are chosen
/// that fit, the cheap ones first; the others wait until it is seen that there is time after all, since runs are shared and
/// a declared cost counts them for every claim.
public struct ClaimSchedule: Sendable {
    /// A claim and its cost in processor seconds.
    public struct Entry: Sendable, Hashable {
        /// The claim's name.
        public let name: String
        /// The declared seconds on one core.
        public let seconds: Double

        /// Names a claim.
        public init(_ name: String, seconds: Double) {
            self.name = name
            self.seconds = seconds
        }
    }

    /// What is to be decided, the costly ones first.
    private var chosen: [Entry]
    /// What did not fit by the declared costs, the cheap ones first.
    private var spare: [Entry]
    private let deadline: Double?

    /// Plans the order.
    ///
    /// - Parameters:
    ///   - entries: the claims.
    ///   - jobs: the number of processes.
    ///   - deadline: the seconds from the beginning after which nothing may run; nil for no limit.
    public init(_ entries: [Entry], jobs: Int, deadline: Double? = nil) {
        precondition(jobs > 0, "claims are decided by a process")
        self.deadline = deadline
        let cheapFirst = entries.sorted { ($0.seconds, $0.name) < ($1.seconds, $1.name) }
        var (fitting, rest): ([Entry], [Entry]) = ([], [])
        var total = 0.0
        for entry in cheapFirst {
            let fits =
                deadline.map { entry.seconds <= $0 && total + entry.seconds <= $0 * Double(jobs) } ?? true
            if fits {
                total += entry.seconds
                fitting.append(entry)
            } else {
                rest.append(entry)
            }
        }
        chosen = fitting.reversed()
        spare = rest
    }

    /// The claim to begin now; nil if none is left that fits into the time.
    ///
    /// - Parameter elapsed: the seconds since the beginning.
    public mutating func next(after elapsed: Double) -> Entry? {
        func fits(_ entry: Entry) -> Bool { deadline.map { elapsed + entry.seconds <= $0 } ?? true }
        if let position = chosen.firstIndex(where: fits) { return chosen.remove(at: position) }
        if let position = spare.firstIndex(where: fits) { return spare.remove(at: position) }
        return nil
    }

    /// What was not begun.
    public var left: [Entry] { chosen + spare }

    /// The declared processor seconds of what is to be begun.
    public var secondsToCome: Double { chosen.reduce(0) { $0 + $1.seconds } }
}
