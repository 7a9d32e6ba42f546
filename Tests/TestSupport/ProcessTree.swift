import Foundation

/// The processes that processes have started.
public enum ProcessTree {
    /// Whether a process is there and has not ended.
    public static func isAtWork(_ number: Int32) -> Bool {
        let text = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
        let state = text.split(separator: ")").last?.split(separator: " ").first
        return state != nil && state != "Z"
    }

    /// The numbers of those that a process has started and that have not ended.
    public static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            // The name in parentheses may hold spaces; state and parent follow it.
            let text = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
            let words = text.split(separator: ")").last?.split(separator: " ") ?? []
            return words.count > 1 && Int32(words[1]) == parent
        }
    }
}
