import ArgumentParser
import Fisher
import FisherTraining
import Foundation

/// The processes that share the work of a command.
struct ProcessArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Processes of this machine that share every batch, or the data of an estimate.",
            discussion: """
                Each computes a part; the step, or the estimate, is that of the whole. Under torchrun, srun or mpirun \
                the command joins the processes that these start, on one machine or several.
                """))
    var processes: Int?
    @Option(
        help: ArgumentHelp(
            "Seconds that a process waits for another before all end with an error; what was saved is kept.",
            valueName: "seconds"))
    var processTimeout = 600.0

    func validate() throws {
        if let processes {
            try requirePositive(["processes": processes])
            // Each has a copy of the model, and beyond this they only wait for each other.
            let most = 8 * Processors.count
            if processes > most {
                throw ValidationError(
                    "--processes is \(processes), and this machine has \(Processors.count) processors: give at most \(most)."
                )
            }
        }
        guard processTimeout.isFinite, processTimeout > 0, processTimeout <= 1e6 else {
            throw ValidationError("--process-timeout must be above 0 and at most 1000000 seconds.")
        }
    }

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// The place that a launcher gave this process.
    private func place() throws -> ProcessPlace? {
        let place = try ProcessPlace.given(by: Self.environment)
        if let place, let processes, processes != place.size {
            throw UsageError(
                description:
                    "--processes is \(processes), and the launcher has started \(place.size): leave it out")
        }
        return place
    }

    /// Whether this process is to start others and to wait for them.
    var launches: Bool {
        get throws { try (processes ?? 1) > 1 && place() == nil }
    }

    /// Whether several processes share every batch.
    var sharesBatches: Bool {
        get throws { try (processes ?? 1) > 1 || place() != nil }
    }

    /// Meets the other processes; nil if this one is alone.
    ///
    /// - Parameter threads: those of each process; 0 for an equal share of this machine's processors.
    func join(threads: Int) throws -> ProcessGroup? {
        guard let place = try place() else { return nil }
        ParentProcess.stopWithParent()
        if threads == 0 {
            let local = Self.environment["LOCAL_WORLD_SIZE"].flatMap { Int($0) } ?? 1
            Engine.threadCount = max(1, min(Engine.threadCount, Processors.usable / max(1, local)))
        }
        let processes = try ProcessGroup(
            place, timeout: .seconds(processTimeout),
            identity: [
                ("the version", EnvironmentSummary.current().packageVersion), ("libtorch", Engine.version),
            ])
        // Where each keeps what all compute, equal sums must lead to equal bits.
        let products = try processes.texts(MatrixProducts.current.rawValue, as: "the start")
        if let first = products.first.flatMap(MatrixProducts.init) { MatrixProducts.current = first }
        return processes
    }
}
