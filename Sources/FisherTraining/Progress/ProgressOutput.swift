import Foundation

/// The output of progress, and its capabilities.
public struct ProgressOutput: Sendable {
    /// Whether a line can be redrawn; otherwise whole lines are written now and then.
    public var isTerminal: Bool
    /// Whether colors are used.
    public var usesColor: Bool
    /// The present width in columns, that of `COLUMNS` before the window's; read before each line, because a window changes
    /// its size.
    public var width: @Sendable () -> Int
    /// Writes text as it is.
    public var write: @Sendable (String) -> Void

    /// Describes an output.
    public init(
        isTerminal: Bool, usesColor: Bool, width: @escaping @Sendable () -> Int,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.isTerminal = isTerminal
        self.usesColor = usesColor && isTerminal
        self.width = width
        self.write = write
    }

    /// The columns into which tables are fitted: those of a terminal. Files and other programs get whole lines, nil.
    public var tableWidth: Int? { isTerminal ? width() : nil }

    /// Standard error, so that standard output stays for results.
    ///
    /// `NO_COLOR` and `TERM=dumb` are respected; what cannot be written is dropped.
    public static func standardError(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> ProgressOutput {
        stream(STDERR_FILENO, FileHandle.standardError, environment)
    }

    /// Standard output, for tables.
    public static func standardOutput(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> ProgressOutput {
        stream(STDOUT_FILENO, FileHandle.standardOutput, environment)
    }

    private static func stream(
        _ descriptor: CInt, _ handle: FileHandle, _ environment: [String: String]
    ) -> ProgressOutput {
        let isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
        let columns = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        return ProgressOutput(
            isTerminal: isTerminal,
            // no-color.org: set and not empty means no color.
            usesColor: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty,
            width: { columns ?? windowWidth(of: descriptor) ?? 80 },
            write: { text in
                // A closed pipe must not end a training run.
                try? handle.write(contentsOf: Data(text.utf8))
            }
        )
    }

    private static func windowWidth(of descriptor: CInt) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
