import Foundation
import Testing

/// What commands print on a terminal of 60 and of 100 columns.
@Suite struct TerminalWidthTests {
    private static let cars = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/inference/mtcars.csv").path

    /// Runs the program with a pseudo-terminal as its standard output.
    private static func lines(of arguments: [String], columns: Int) throws -> [String] {
        let terminal = try #require(FileHandle(forUpdatingAtPath: "/dev/ptmx"))
        // TIOCSPTLCK and TIOCGPTN of Linux, which Foundation does not name: unlock the other end, and tell its number.
        var (lock, number) = (CInt(0), CInt(0))
        try #require(ioctl(terminal.fileDescriptor, 0x4004_5431, &lock) == 0)
        try #require(ioctl(terminal.fileDescriptor, 0x8004_5430, &number) == 0)
        let path = "/dev/pts/\(number)"
        let screen = try #require(FileHandle(forWritingAtPath: path))
        let process = Process()
        process.executableURL = CommandTests.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["COLUMNS": "\(columns)", "TERM": "xterm", "NO_COLOR": "1"]
        ) { $1 }
        (process.standardOutput, process.standardError) = (screen, FileHandle.nullDevice)
        try process.run()
        try screen.close()
        // Reading ends with an error once no process has the terminal open.
        var (text, part) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
        while true {
            let count = read(terminal.fileDescriptor, &part, part.count)
            guard count > 0 else { break }
            text += part[..<count]
        }
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: text, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
            .split(separator: "\n").map(String.init)
    }

    @Test(
        "No line is wider than the terminal",
        arguments: [
            ["bench", "step", "--network", "mlp", "--turns", "1", "--steps", "1", "--batch", "4"],
            ["bench", "optimizers", "--optimizer", "adamw", "--turns", "1"], ["optimizers"], ["doctor"],
            ["explain", "fadam"],
            ["reproduce", "list"], ["infer", cars, "--formula", "mpg ~ wt", "--replicates", "0"],
        ], [60, 100])
    func linesFit(_ arguments: [String], columns: Int) throws {
        let lines = try Self.lines(of: arguments, columns: columns)
        #expect(!lines.isEmpty)
        for line in lines { #expect(line.count <= columns, "\(line)") }
    }
}
