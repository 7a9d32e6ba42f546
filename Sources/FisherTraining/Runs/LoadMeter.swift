import Fisher
import FisherStudies
import Foundation

/// What the processors and this process have done until some moment, in seconds.
struct ProcessorTimes: Equatable, Sendable {
    /// A clock that only runs forward.
    var clock = 0.0
    /// Processor time of this process.
    var own = 0.0
    /// Processor time of all processes on the processors that this process may use.
    var all = 0.0
    /// Time of these processors that the host of a virtual machine gave to others.
    var stolen = 0.0
    /// The number of these processors.
    var processors = 1

    /// Reads /proc/stat: a line a processor, `cpu0 user nice system idle iowait irq softirq steal`, in ticks.
    ///
    /// - Parameters:
    ///   - text: the file's text.
    ///   - numbers: the processors that count.
    ///   - ticks: the ticks in a second.
    /// - Returns: nil for a text that has none of these processors.
    init?(statistics text: String, of numbers: Set<Int>, ticks: Double) {
        (processors, all, stolen) = (0, 0, 0)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let name = words.first, name.hasPrefix("cpu"), let number = Int(name.dropFirst(3)),
                numbers.contains(number), words.count >= 9
            else { continue }
            let times = words.dropFirst().prefix(8).compactMap { Double($0) }
            guard times.count == 8 else { return nil }
            processors += 1
            // All but the idle time and the wait for disks.
            all += (times[0] + times[1] + times[2] + times[5] + times[6]) / ticks
            stolen += times[7] / ticks
        }
        if processors == 0 { return nil }
    }

    /// The machine at this moment; nil where the system does not tell.
    static func now() -> ProcessorTimes? {
        guard let text = SystemFile.text(at: "/proc/stat"),
            var times = ProcessorTimes(
                statistics: text, of: Processors.allowed, ticks: Double(sysconf(Int32(_SC_CLK_TCK))))
        else { return nil }
        var own = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) == 0 else { return nil }
        times.own = Double(own.tv_sec) + Double(own.tv_nsec) / 1e9
        times.clock = ProcessInfo.processInfo.systemUptime
        return times
    }
}

/// Measures what else the machine does from some moment on.
package struct LoadMeter: Sendable {
    private let start: ProcessorTimes?
    private let read: @Sendable () -> ProcessorTimes?

    /// The least time over which a load is measured: the system counts in hundredths of a second.
    private static let leastSeconds = 0.5

    /// Begins to measure.
    package init() { self.init(reading: ProcessorTimes.now) }

    /// Begins to measure by another source of times.
    init(reading read: @escaping @Sendable () -> ProcessorTimes?) {
        self.read = read
        start = read()
    }

    /// The load since then; nil where the system does not tell, and for less than half a second.
    package func load(threads: Int = Engine.threadCount) -> MachineLoad? {
        guard let start, let now = read(), now.clock - start.clock >= Self.leastSeconds else { return nil }
        let seconds = now.clock - start.clock
        let others = (now.all - start.all) - (now.own - start.own)
        return MachineLoad(
            processors: now.processors, others: max(0, others / seconds),
            stolen: max(0, (now.stolen - start.stolen) / (seconds * Double(now.processors))), threads: threads
        )
    }
}
