import ArgumentParser
import Fisher

/// The seeds of runs that are repeated.
struct SeedArguments: ParsableArguments {
    @Option(name: .customLong("seeds"), help: "The number of seeds; by default 5, of continual 3.")
    var count: Int?
    @Option(name: .customLong("first-seed"), help: "The first seed; by default 0.")
    var first: UInt64?

    /// The largest number of seeds, of trials of an optimizer, and of seeds of a trial.
    static let most = 1_000_000

    func validate() throws {
        let count = count ?? 1
        try requirePositive(["seeds": count])
        guard count <= Self.most else {
            throw ValidationError("--seeds must be at most \(Self.most), not \(count).")
        }
    }

    /// Refuses a number of seeds of a trial that no tuning can have.
    static func require(tuningSeeds: Int) throws {
        guard (1...most).contains(tuningSeeds) else {
            throw ValidationError("--tuning-seeds must lie between 1 and \(most), not \(tuningSeeds).")
        }
    }

    /// The seeds: `usual` many unless another number was given.
    ///
    /// - Throws: `UsageError` if they would go beyond the largest seed.
    func numbers(_ usual: Int) throws -> [UInt64] { try Self.numbers(count ?? usual, from: first ?? 0) }

    /// So many seeds from a first one on.
    static func numbers(_ count: Int, from first: UInt64) throws -> [UInt64] {
        let (last, overflows) = first.addingReportingOverflow(UInt64(count - 1))
        guard !overflows else {
            throw UsageError(
                description:
                    "--first-seed \(first) leaves no room for \(count) seeds: the largest is \(UInt64.max)")
        }
        return Array(first...last)
    }
}

/// Threads to compute with.
struct ThreadArguments: ParsableArguments {
    @Option(help: "Threads to compute with; by default 1 for small networks, else one a processor.")
    var threads: Int?

    func validate() throws {
        if let threads, let complaint = Processors.complaint(threads: threads) {
            throw ValidationError("--threads \(complaint).")
        }
    }

    /// Sets the number of threads: `usual`, or libtorch's choice, unless another number was given.
    func apply(usual: Int? = nil) {
        if let count = threads ?? usual { Engine.threadCount = count }
    }
}

/// Sets the number of threads of a configuration; 0 leaves it as it is.
///
/// The limit belongs to the machine and not to the option, so that a run of a larger machine can be read here.
func setThreads(_ count: Int) throws {
    if count == 0 { return }
    if let complaint = Processors.complaint(threads: count) {
        throw UsageError(description: "training.threads \(complaint): give another number with --threads")
    }
    Engine.threadCount = count
}

/// Says where a precision of products is no gain on this processor.
func warnOfSlowProducts(in precision: ComputePrecision) {
    guard precision == .bfloat16, let complaint = Bfloat16Instructions.complaint() else { return }
    warn("\(complaint) (training.precision = bfloat16)")
}

/// Throws for the first of some flags whose value is less than one.
func requirePositive(_ counts: KeyValuePairs<String, Int>) throws {
    for (name, value) in counts where value < 1 {
        throw ValidationError("--\(name) must be at least 1, not \(value).")
    }
}
