/// Why processes that compute together could not.
public struct ProcessGroupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rank and the number of the processes; nil before this process had a place.
    public let place: Place?
    /// What was to be done, such as "the sum of the gradients".
    public let operation: String?
    /// The ranks that did not answer afterwards, as far as they are known.
    public let absent: [Int]
    /// Why it failed.
    public let reason: String

    /// A rank among a number of processes.
    public struct Place: Hashable, Sendable {
        /// The rank of the process that reports the error.
        public let rank: Int
        /// The number of processes.
        public let size: Int
    }

    /// Describes a failure.
    public init(
        _ reason: String, place: Place? = nil, operation: String? = nil, absent: [Int] = []
    ) {
        (self.reason, self.place, self.operation, self.absent) = (reason, place, operation, absent)
    }

    /// One sentence.
    public var description: String {
        let head = place.map { "rank \($0.rank) of \($0.size): " } ?? ""
        let what = operation.map { "\($0) failed, " } ?? ""
        let who =
            absent.isEmpty
            ? "" : "\(Self.names(of: absent)) \(absent.count == 1 ? "does" : "do") not answer: "
        return head + what + who + reason
    }

    /// `rank 3`, `ranks 1 and 3`, or the first of many.
    static func names(of ranks: [Int]) -> String {
        if ranks.count == 1 { return "rank \(ranks[0])" }
        let shown = ranks.prefix(8).map(String.init)
        let last = ranks.count > 8 ? "\(ranks.count - 8) more" : shown[shown.count - 1]
        let first = ranks.count > 8 ? shown : shown.dropLast()
        return "ranks \(first.joined(separator: ", ")) and \(last)"
    }
}
