import Foundation
import Testing

/// The shape of the sources.
@Suite struct HouseTests {
    /// Modules that import each other are refused by the compiler; folders of one module are not.
    @Test func foldersOfAModuleDoNotUseEachOther() throws {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let (process, output) = (Process(), Pipe())
        process.executableURL = package.appending(path: "Scripts/house")
        process.currentDirectoryURL = package
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        #expect(text.contains("FisherReports"))
    }
}
