import Fisher
import Foundation

/// The work of a process that makes runs by order of another.
package final class OrderedRuns {
    private let orders: FileHandle
    private let replies: FileHandle
    /// What was read and is no whole line yet.
    private var pending = Data()

    /// How often a process without an order looks for a signal, in milliseconds.
    private static let watch: Int32 = 200

    /// Takes orders, a line of JSON each, and answers in such lines.
    package init(from orders: FileHandle, to replies: FileHandle) {
        self.orders = orders
        self.replies = replies
    }

    /// Makes runs until there are no more orders, or a signal came.
    ///
    /// - Parameters:
    ///   - task: the task of a study, or that on which its options are tuned.
    ///   - status: the exit status that belongs to an error.
    package func callAsFunction<Task: ConfigurableTask>(
        of task: @escaping (_ study: Int, _ isTrial: Bool) throws -> Task,
        status: (any Error) -> Int32
    ) throws {
        var tasks: [String: Task] = [:]
        while let order = try next() {
            do {
                let key = "\(order.study) \(order.isTrial)"
                let made = try tasks[key] ?? task(order.study, order.isTrial)
                tasks[key] = made
                try make(order, on: made)
                try reply(.finished)
            } catch let error as Interrupted {
                return try reply(.interrupted(signal: error.signal))
            } catch {
                try reply(.failed(status: status(error), sentence: "\(error)"))
            }
        }
    }

    private func make<Task: ConfigurableTask>(_ order: RunOrder, on task: Task) throws {
        guard task.dataFingerprint == order.dataFingerprint else {
            throw StorageError(
                .damaged, path: order.path,
                reason: "was to be made on other data: they changed after the study began")
        }
        Engine.threadCount = order.threads
        if let products = MatrixProducts(rawValue: order.products) { MatrixProducts.current = products }
        let layer = try ConfigurationLayer(toml: Array(order.toml.utf8), path: order.path)
        let configuration = try ResolvedConfiguration<Task.Options>([layer]).value
        let own = try configuration.optimizer.candidate(steps: configuration.training.steps)
        let candidate = OptimizerCandidate(
            label: order.label, rule: own.rule, clipGradientNorm: own.clipGradientNorm,
            clipFisherNorm: own.clipFisherNorm)
        var runs = StudyRuns(configuration.training, toml: order.toml, values: order.values)
        runs.allowances = ResumeAllowances(rawValue: order.allowances)
        // A process of an earlier start may still be saving it.
        runs.waitsForOthers = true
        runs.sideBySide = order.sideBySide > 1 ? order.sideBySide : nil
        let progress = ProgressDisplay(forwarding: { [self] in try? reply(.progress($0)) })
        _ = try runs.record(
            of: candidate, seed: order.seed, on: task, in: RunDirectory(path: order.path),
            title: order.title, progress: progress)
    }

    private func reply(_ reply: RunReply) throws {
        try replies.write(contentsOf: StoredJSON.encode(reply, indented: false) + [UInt8(ascii: "\n")])
    }

    /// The next order; nil if there are no more, or a signal came.
    private func next() throws -> RunOrder? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = pending[..<end]
                pending = Data(pending[pending.index(after: end)...])
                return try StoredJSON.decode(RunOrder.self, from: Data(line))
            }
            do { try Interruption.poll() } catch { return nil }
            var place = pollfd(fd: orders.fileDescriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&place, 1, Self.watch) > 0 else { continue }
            let more = orders.availableData
            if more.isEmpty { return nil }
            pending += more
        }
    }
}
