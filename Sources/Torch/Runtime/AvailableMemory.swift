import FisherFiles
import Foundation

/// How much memory this process can still take, by what the system says.
package enum AvailableMemory {
    /// The least of what the machine has left, of what the process's control groups leave it and of its own limit of
    /// address space, in bytes; the machine's whole memory where nothing is reported.
    package static var byteCount: Double {
        let found = [machine, addressSpace].compactMap(\.self) + controlGroups
        return max(0, found.min() ?? Double(ProcessInfo.processInfo.physicalMemory))
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = try? FileReader(path).contents(limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func number(_ path: String) -> Double? {
        text(path).flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// MemAvailable: what can be taken without swapping, caches included.
    private static var machine: Double? {
        let line = text("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 * 1024 }
    }

    /// What RLIMIT_AS leaves.
    private static var addressSpace: Double? {
        #if os(Linux)
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
                limit.rlim_cur < UInt64(Int64.max),
                let pages = text("/proc/self/statm")?.split(separator: " ").first.flatMap({ Double($0) })
            else { return nil }
            return Double(limit.rlim_cur) - pages * Double(sysconf(Int32(_SC_PAGESIZE)))
        #else
            return nil
        #endif
    }

    /// What each control group above this process leaves, in both versions of the interface. Cached files count as
    /// free.
    private static var controlGroups: [Double] {
        var found: [Double] = []
        for line in text("/proc/self/cgroup")?.split(separator: "\n") ?? [] {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains("memory")
            else {
                continue
            }
            let isUnified = parts[1].isEmpty
            let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
            let (limit, usage) =
                isUnified
                ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
            var path = parts[2].split(separator: "/").map(String.init)
            while true {
                let folder = ([root] + path).joined(separator: "/")
                if let most = number("\(folder)/\(limit)"), let used = number("\(folder)/\(usage)") {
                    let cached = text("\(folder)/memory.stat")?.split(separator: "\n")
                        .first { $0.hasPrefix("inactive_file ") || $0.hasPrefix("total_inactive_file ") }?
                        .split(separator: " ").last.flatMap { Double($0) }
                    found.append(most - used + (cached ?? 0))
                }
                if path.popLast() == nil { break }
            }
        }
        return found
    }
}

/// Throws `TorchError` of kind `outOfMemory` if something needs more memory than there is, before any of it is taken.
///
/// - Parameters:
///   - bytes: what it needs; infinite where a size overflowed.
///   - subject: what needs it, the beginning of a sentence.
package func requireMemory(_ bytes: Double, for subject: String) throws(TorchError) {
    let available = AvailableMemory.byteCount
    guard !(bytes <= available) else { return }
    throw TorchError(
        kind: .outOfMemory,
        message: "\(subject) needs \(byteText(bytes)), of which \(byteText(available)) are available")
}

/// Bytes for people: exactly, and from a megabyte on in its units too.
package func byteText(_ bytes: Double) -> String {
    guard bytes < 1e18 else { return String(format: "%.3g bytes of memory", bytes) }
    let exact = String(format: "%.0f bytes", bytes)
    let units: [(Double, String)] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB")]
    guard let unit = units.first(where: { bytes >= $0.0 }) else { return exact }
    return exact + String(format: " (%.1f %@)", bytes / unit.0, unit.1)
}
