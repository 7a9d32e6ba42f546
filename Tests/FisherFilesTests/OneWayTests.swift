import Foundation
import Testing

@testable import FisherFiles

@Suite("One way to files")
struct OneWayTests {
    /// A file that is opened past `FisherFiles` follows links, blocks on pipes, or is lost in a crash.
    @Test("No other module opens, lists, makes or removes files by itself")
    func noOtherWay() throws {
        let calls = [
            "open", "openat", "creat", "fopen", "fdopen", "opendir", "mkdir", "rename", "renameat", "link",
            "symlink", "unlink", "rmdir", "truncate", "ftruncate", "createFile", "createDirectory",
            "createSymbolicLink", "removeItem", "moveItem", "copyItem", "contentsOfDirectory",
        ]
        let forbidden = try Regex(
            "\\b(\(calls.joined(separator: "|")))\\(|(Data|String)\\(contentsOf|FileHandle\\(for|write\\(to: URL"
        )
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let sources = package.appending(path: "Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var count = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            if file.path.contains("/FisherFiles/") { continue }
            count += 1
            let text = try String(contentsOf: file, encoding: .utf8)
            for line in text.split(separator: "\n") {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                #expect(code.firstMatch(of: forbidden) == nil, "\(file.path): \(line)")
            }
        }
        #expect(count > 300)
    }
}
