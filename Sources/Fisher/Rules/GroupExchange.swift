import Torch

/// Completes the numbers of a group's parameters, where several processes move its layers: each has those of its own.
///
/// A rule uses it once in an update or never, by its options alone, so that no process waits for another in vain.
final class GroupExchange {
    private let count: Int
    private let complete: (([Double]) throws -> [Double])?
    private let send: ((Tensor, Int) throws -> Void)?
    private var isUsed = false

    /// - Parameters:
    ///   - count: the number of the group's parameters.
    ///   - complete: gives each process the numbers of all; nil for one process.
    ///   - send: gives every process a tensor of the one that keeps the parameter at a position; nil for one process.
    init(
        count: Int, _ complete: (([Double]) throws -> [Double])? = nil,
        send: ((Tensor, Int) throws -> Void)? = nil
    ) {
        (self.count, self.complete, self.send) = (count, complete, send)
    }

    /// Whether other processes move layers of the group.
    var isShared: Bool { complete != nil }

    /// The tensors of the process that keeps the parameter at a position, on every process.
    func spread(_ own: [Tensor]?, of position: Int, or empty: () -> [Tensor]) throws -> [Tensor] {
        guard let send else { return own ?? empty() }
        let tensors = own?.map { $0.contiguous() } ?? empty()
        for tensor in tensors { try send(tensor, position) }
        return tensors
    }

    /// The numbers of all processes, by position; zero where this one has none.
    func completed(_ own: [Double]) throws -> [Double] {
        precondition(own.count == count && !isUsed)
        isUsed = true
        return try complete?(own) ?? own
    }

    /// Takes part after a failure, for the others, unless this process has already.
    func release(for rule: any CurvatureRule) throws {
        guard !isUsed, let rule = rule as? any KroneckerRule, rule.kronecker.klClip != nil else { return }
        _ = try completed([Double](repeating: 0, count: count))
    }
}
