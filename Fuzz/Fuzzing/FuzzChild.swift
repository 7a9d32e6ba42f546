import Foundation

/// Three counts in a file that two processes share: a child that ends by a signal leaves behind where it was.
package final class FuzzBoard {
    private let counts: UnsafeMutablePointer<UInt64>
    private static let byteCount = 24

    /// Maps the file, which is made if it is missing.
    package init(path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, off_t(Self.byteCount)) == 0,
            let memory = mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            memory != MAP_FAILED
        else { throw FuzzFailure("\(path) cannot be mapped") }
        close(descriptor)
        counts = memory.bindMemory(to: UInt64.self, capacity: 3)
    }

    deinit { munmap(counts, Self.byteCount) }

    /// The number of the input being read.
    var current: UInt64 {
        get { counts[0] }
        set { counts[0] = newValue }
    }
    /// How many inputs were read.
    var done: UInt64 {
        get { counts[1] }
        set { counts[1] = newValue }
    }
    /// How many of them were accepted.
    var accepted: UInt64 {
        get { counts[2] }
        set { counts[2] = newValue }
    }
}

/// A process that reads inputs within limits of time and memory.
enum FuzzChild {
    /// The status of a child whose reader contradicted itself.
    static let contradiction: CInt = 1

    /// Reads inputs in turn; returns the status of the process.
    static func run(_ fuzzed: Fuzzed, _ inputs: FuzzInputs, _ numbers: Range<UInt64>, board: FuzzBoard)
        -> CInt
    {
        limitMemory()
        for number in numbers {
            board.current = number
            let bytes = inputs[number]
            limitTime()
            do {
                if try fuzzed.read(bytes) { board.accepted += 1 }
            } catch {
                complain("\(error)")
                return contradiction
            }
            board.done += 1
        }
        return 0
    }

    /// Reads one input, and says what came of it.
    static func repeatInput(_ bytes: [UInt8], of fuzzed: Fuzzed) -> CInt {
        limitMemory()
        limitTime()
        do {
            say(try fuzzed.read(bytes) ? "accepted" : "refused")
            return 0
        } catch {
            complain("\(error)")
            return contradiction
        }
    }

    /// A process that computes for another second ends by SIGPROF; seconds in which others compute do not count.
    private static func limitTime() {
        var timer = itimerval()
        timer.it_value.tv_sec = 1
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }

    /// Memory beyond another GiB is refused, which ends the process.
    private static func limitMemory() {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmData:") }
        let own = line.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { UInt($0) } ?? 0
        var limit = rlimit()
        limit.rlim_cur = rlim_t(own << 10 + 1 << 30)
        limit.rlim_max = limit.rlim_cur
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_DATA.rawValue)), &limit)
    }

    private static func complain(_ sentence: String) {
        FileHandle.standardError.write(Data("fuzz: \(sentence)\n".utf8))
    }
}
