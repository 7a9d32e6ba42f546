import ArgumentParser
import Fisher
import FisherMedia
import FisherTraining
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `fisher doctor`: the software and hardware of this program.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract:
            "Show the engine, the threads in use, the instruction set, and the libraries for sound and images."
    )

    func run() throws {
        let environment = EnvironmentSummary.current()
        let rows = [
            ("fisher", environment.packageVersion),
            ("engine", "libtorch \(Engine.version) in \(Engine.folder ?? "an unknown folder")"),
            ("processor", environment.processorName),
            ("instruction set", Engine.instructionSet),
            ("products", MatrixProducts.statement),
            (
                "bfloat16",
                Bfloat16Instructions.complaint() ?? Bfloat16Instructions.found.joined(separator: ", ")
            ),
            ("processors", "\(Processors.count), of which this program may use \(Processors.usable)"),
            ("threads", "\(Engine.threadCount) allowed, \(threadsThatRun()) ran in a parallel loop"),
            ("waiting threads", Self.waiting),
        ]
        print(alignedColumns((rows + devices + media + mismatch).map { [$0.0, $0.1] }, hasHeadings: false))
    }

    /// The devices beside the CPU, or why there are none.
    private var devices: [(String, String)] {
        if let obstacle = Device.cudaObstacle { return [("cuda", "none: \(obstacle)")] }
        let cards = (0..<Device.cudaCount).map { number in
            let device = Device.cuda(number)
            return ("\(device)", device.hardwareName ?? "a card whose name the driver does not tell")
        }
        return cards + [("fused steps on cards", CardKernels.statement)]
    }

    /// How a thread waits for the others.
    private static var waiting: String {
        func value(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
        if let count = value("GOMP_SPINCOUNT") { return "GOMP_SPINCOUNT=\(count)" }
        switch value("OMP_WAIT_POLICY") {
        case "passive"?: return "sleep (OMP_WAIT_POLICY=passive)"
        case let policy?: return "OMP_WAIT_POLICY=\(policy)"
        case nil: return "the system's default: they spin, which takes long on a machine with other work"
        }
    }

    /// The libraries that are opened at run time; none of them has to be there.
    private var media: [(String, String)] {
        MediaLibraryName.allCases.map { library in
            do throws(MediaError) {
                let found = try library.find()
                return (library.title, "\(library.version(of: found)) in \(found.path)")
            } catch { return (library.title, "\(error)") }
        }
    }

    /// A row that warns of a libtorch other than the one compiled against.
    private var mismatch: [(String, String)] {
        let compiled = Engine.compiledVersion
        if Engine.version == compiled { return [] }
        return [("warning", "compiled against libtorch \(compiled): rebuild, or load that version")]
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
