import ArgumentParser
import Fisher
import FisherTraining
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `fisher doctor`: what this program runs on.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the engine, the threads that really run, and the instruction set.")

    func run() throws {
        let environment = EnvironmentSummary.current()
        let rows = [
            ("fisher", environment.packageVersion),
            ("engine", "libtorch \(Engine.version) in \(Engine.folder ?? "an unknown folder")"),
            ("processor", environment.processorName),
            ("instruction set", Engine.instructionSet),
            ("threads", "\(Engine.threadCount) allowed, \(threadsThatRun()) ran in a parallel loop"),
            ("cuda devices", "\(Device.cudaCount)"),
        ]
        for (name, value) in rows {
            print(name + String(repeating: " ", count: 18 - name.count) + value)
        }
    }

    /// Counts the different threads of loops long enough for each of them to start.
    private func threadsThatRun() -> Int {
        let seen = Mutex<Set<UInt>>([])
        for _ in 0..<20 {
            Engine.parallelFor(count: Engine.threadCount, grain: 1) { _, _ in
                let identity = UInt(bitPattern: Int(pthread_self()))
                usleep(1000)
                seen.withLock { _ = $0.insert(identity) }
            }
        }
        return seen.withLock(\.count)
    }
}
