import Synchronization
import Torch

/// Computes a result for each cost, which it belongs to by position, on libtorch's own threads.
///
/// A decomposition of one matrix gains little from several threads, and several matrices all of them gain: each
/// task runs on one thread, the dearest first. A task that would outlast all the others together runs before
/// them, with all threads to itself. The tasks must not touch each other's tensors.
package func concurrently<Result>(costs: [Double], _ task: (Int) -> Result) -> [Result] {
    var results = [Result?](repeating: nil, count: costs.count)
    let threads = Engine.threadCount
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
