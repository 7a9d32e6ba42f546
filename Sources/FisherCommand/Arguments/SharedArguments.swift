import ArgumentParser
import Fisher

/// The seeds of runs that are repeated.
struct SeedArguments: ParsableArguments {
    @Option(name: .customLong("seeds"), help: "The number of seeds; by default 5, of continual 3.")
    var count: Int?
    @Option(name: .customLong("first-seed"), help: "The first seed.")
    var first: UInt64 = 0

    func validate() throws { try requirePositive(["seeds": count ?? 1]) }

    /// The seeds, so many unless another number was asked for.
    func numbers(_ usual: Int) -> [UInt64] { (0..<UInt64(count ?? usual)).map { first &+ $0 } }
}

/// Threads to compute with.
struct ThreadArguments: ParsableArguments {
    @Option(help: "Threads to compute with; by default 1 for small networks, else libtorch's choice.")
    var threads: Int?

    func validate() throws { try requirePositive(["threads": threads ?? 1]) }

    /// Sets the number of threads: so many, or libtorch's choice, unless another number was asked for.
    func apply(usual: Int? = nil) {
        if let count = threads ?? usual { Engine.threadCount = count }
    }
}

/// Throws the first of some flags whose value is less than one.
func requirePositive(_ counts: KeyValuePairs<String, Int>) throws {
    for (name, value) in counts where value < 1 {
        throw ValidationError("--\(name) must be at least 1, not \(value).")
    }
}
