import FisherFiles
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The memory that this process has in use, by /proc.
enum ResidentMemory {
    /// The peak memory of some work beyond what was in use before, in bytes; nil if the system does not
    /// report it.
    static func rise(during work: () throws -> Void) rethrows -> Int? {
        guard let before = startPeak() else { return nil }
        try work()
        return value("VmHWM").map { max(0, $0 - before) }
    }

    /// Resets the peak, and returns the present value in bytes.
    private static func startPeak() -> Int? {
        #if canImport(Glibc)
            // Memory that was freed but retained by the allocator would hide new allocations.
            if let symbol = dlsym(nil, "malloc_trim") {
                _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
            }
        #endif
        guard SystemFile.write("5", to: "/proc/self/clear_refs") else { return nil }
        return value("VmRSS")
    }

    private static func value(_ name: String) -> Int? {
        let line = SystemFile.text(at: "/proc/self/status")?.split(separator: "\n").first {
            $0.hasPrefix(name + ":")
        }
        let number = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        return number.flatMap { Int($0) }.map { $0 * 1024 }
    }
}
