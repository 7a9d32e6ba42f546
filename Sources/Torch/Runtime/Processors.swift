import CTorch
import FisherFiles

/// The processors of this machine, and those that this process may use.
public enum Processors {
    /// The number of processors of the machine that are running: the most threads that anything is given.
    public static let count = max(1, Int(ct_processor_count()))

    /// The numbers of those on which the system lets this process run (`taskset`, a container's set).
    package static let allowed: Set<Int> = {
        let found = Set((0..<4096).filter { ct_may_use_processor(Int32($0)) != 0 })
        return found.isEmpty ? Set(0..<count) : found
    }()

    /// How many of them this process may use at a time: fewer than are allowed where a container has a quota of time.
    public static let usable: Int = {
        let quota = ProcessorQuota.ofThisProcess.map { Int($0.rounded(.up)) } ?? .max
        return max(1, min(allowed.count, count, quota))
    }()

    /// What is wrong with a number of threads that somebody gave, as the end of a sentence; nil if nothing is.
    ///
    /// More threads than processors only wait for each other; some thousands of them did so for minutes.
    package static func complaint(threads: Int) -> String? {
        if threads < 1 { return "must be at least 1, not \(threads)" }
        if threads <= count { return nil }
        return "must be at most \(count), the number of this machine's processors, not \(threads)"
    }
}

/// The share of the processors' time that control groups leave to a process.
enum ProcessorQuota {
    /// The processors' worth of time in `cpu.max` of a control group of version 2: `200000 100000` is 2; nil for `max`.
    static func processors(maximum text: String) -> Double? {
        let words = text.split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0,
            period > 0
        else { return nil }
        return quota / period
    }

    /// The folders of a process's control group and those above it, by `/proc/self/cgroup`: `0::/a/b` gives `/a/b`, `/a` and
    /// the root.
    static func groups(_ text: String) -> [String] {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else {
            return [""]
        }
        let names = line.dropFirst(4).split(separator: "/")
        return (0...names.count).reversed().map { count in names.prefix(count).map { "/" + $0 }.joined() }
    }

    /// The least quota of this process's groups, of either version; nil if there is none.
    static let ofThisProcess: Double? = {
        let folders = groups(SystemFile.text(at: "/proc/self/cgroup") ?? "")
        var found = folders.compactMap { folder in
            SystemFile.text(at: "/sys/fs/cgroup\(folder)/cpu.max").flatMap(processors)
        }
        let old = "/sys/fs/cgroup/cpu/cpu.cfs_"
        if let quota = SystemFile.text(at: old + "quota_us"),
            let period = SystemFile.text(at: old + "period_us")
        {
            found += [processors(maximum: quota + " " + period)].compactMap(\.self)
        }
        return found.min()
    }()
}
