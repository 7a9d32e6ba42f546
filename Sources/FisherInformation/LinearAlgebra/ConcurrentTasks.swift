import Synchronization
import Torch

/// Computes one result per cost, in the same order, on libtorch's own threads.
///
/// A single decomposition gains little from several threads, so each task runs on one thread, the most
/// expensive first. A task that would take longer than all the others together runs before them, on all
/// threads. The tasks must not touch each other's tensors.
///
/// On another device than the CPU they follow each other: its own parallelism is within a task.
package func concurrently<Result>(costs: [Double], _ task: (Int) -> Result) -> [Result] {
    var results = [Result?](repeating: nil, count: costs.count)
    let threads = Device.current == .cpu ? Engine.threadCount : 1
    let order = costs.indices.sorted { costs[$0] > costs[$1] }
    var remaining = costs.reduce(0, +)
    var alone = 0
    while alone < order.count, threads == 1 || costs[order[alone]] * Double(threads) > remaining {
        results[order[alone]] = task(order[alone])
        remaining -= costs[order[alone]]
        alone += 1
    }
    let shared = Array(order[alone...])
    results.withUnsafeMutableBufferPointer { results in
        withoutActuallyEscaping(task) { task in
            let next = Atomic(0)
            // Every task writes its own place, and no two run the same.
            nonisolated(unsafe) let (results, task) = (results, task)
            Engine.parallelFor(count: min(threads, shared.count), grain: 1) { _, _ in
                while true {
                    let position = next.add(1, ordering: .relaxed).oldValue
                    if position >= shared.count { return }
                    results[shared[position]] = task(shared[position])
                }
            }
        }
    }
    return results.map { result in
        guard let result else { preconditionFailure("a task has not run") }
        return result
    }
}

/// Computes two things side by side on libtorch's own threads.
package func concurrently<First, Second>(
    _ first: () -> First, _ second: () -> Second
) -> (First, Second) {
    var (one, other): (First?, Second?)
    withUnsafeMutablePointer(to: &one) { one in
        withUnsafeMutablePointer(to: &other) { other in
            // Each of the two writes its own place.
            _ = concurrently(costs: [1, 1]) { number in
                if number == 0 { one.pointee = first() } else { other.pointee = second() }
            }
        }
    }
    guard let one, let other else { preconditionFailure("a task has not run") }
    return (one, other)
}
