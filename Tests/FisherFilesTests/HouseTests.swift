import Foundation
import Testing

/// The shape of the sources.
@Suite struct HouseTests {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The files below a folder of the package that end in one of these ways.
    private static func files(below folder: String, _ endings: Set<String>) throws -> [URL] {
        let found = FileManager.default.enumerator(
            at: package.appending(path: folder), includingPropertiesForKeys: nil)
        return try #require(found).compactMap { $0 as? URL }.filter { endings.contains($0.pathExtension) }
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: package.appending(path: path), encoding: .utf8)
    }

    /// A merge once lost a target that was still documented.
    @Test func everyTargetHasCommands() throws {
        let makefile = try Self.text("Makefile")
        let named = try #require(makefile.firstMatch(of: /\n\.PHONY:([^\n]*)/)).1.split(separator: " ").map(
            String.init)
        let defined = Set(makefile.matches(of: /\n([a-z-]+):/).map { String($0.1) })
        #expect(named.count > 15)
        #expect(Set(named) == defined)
        let pages =
            try ["README.md", "CHANGELOG.md"].map { Self.package.appending(path: $0) }
            + Self.files(below: "Documentation", ["md"]) + Self.files(below: "Sources", ["md"])
        var count = 0
        for page in pages {
            for use in try String(contentsOf: page, encoding: .utf8).matches(of: /`make ([a-z-]+)/) {
                #expect(defined.contains(String(use.1)), "\(page.path): make \(use.1)")
                count += 1
            }
        }
        #expect(count > 10)
    }

    /// Documentation is built downwards first: a link to a module that comes later leads nowhere.
    @Test func linksOfDocumentationPointDownwards() throws {
        let order = try Self.text("Scripts/library-modules").split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
        var count = 0
        for (position, module) in order.enumerated() {
            for file in try Self.files(below: "Sources/\(module)", ["md", "swift"]) {
                for link in try String(contentsOf: file, encoding: .utf8).matches(of: /<doc:\/(\w+)\//) {
                    let target = String(link.1)
                    #expect(order[...position].contains(target), "\(file.path): \(target)")
                    count += 1
                }
            }
        }
        #expect(count > 0)
    }

    /// Modules that import each other are refused by the compiler; folders of one module are not.
    @Test func foldersOfAModuleDoNotUseEachOther() throws {
        let (process, output) = (Process(), Pipe())
        process.executableURL = Self.package.appending(path: "Scripts/house")
        process.currentDirectoryURL = Self.package
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        #expect(text.contains("FisherReports"))
    }
}
