import Foundation
import Testing

@testable import FisherCommand

/// `fisher init`: the package that it writes, and what it refuses.
@Suite struct InitCommandTests {
    /// The template is the example, file by file: `Scripts/embed-example` writes it.
    @Test func theTemplateIsTheExample() throws {
        let example = OwnTaskTests.checkout.appending(path: "Examples/OwnTask")
        let sources = try FileManager.default.contentsOfDirectory(
            atPath: example.appending(path: "Sources/OwnTask").path)
        #expect(
            Set(PackageTemplate.files.map(\.path))
                == Set(
                    ["Package.swift", "README.md", ".gitignore"] + sources.map { "Sources/OwnTask/\($0)" }))
        for (path, text) in PackageTemplate.files {
            let original = try String(contentsOf: example.appending(path: path), encoding: .utf8)
            #expect(text == original, "run Scripts/embed-example: \(path)")
        }
    }

    @Test func aPackageIsWrittenWholeAndOnce() throws {
        try CommandTests.withFolder { root in
            let checkout = OwnTaskTests.checkout.path
            let made = try CommandTests.fisher(["init", "MyNet", "--path", checkout], in: root)
            #expect(made.status == 0 && made.output.contains(".build/debug/my-net train waiting"), "\(made)")
            func file(_ path: String) throws -> String {
                try String(contentsOfFile: root + "/MyNet/" + path, encoding: .utf8)
            }
            let manifest = try file("Package.swift")
            #expect(
                manifest.contains(#"dependencies: [.package(name: "swift-fisher", path: "\#(checkout)")],"#))
            #expect(manifest.contains(#"name: "my-net""#) && manifest.contains(#"path: "Sources/MyNet""#))
            #expect(!manifest.lowercased().contains("own") && !manifest.contains("Elsewhere"))
            #expect(
                try file("Sources/MyNet/main.swift").contains("FisherTool.register(task: WaitingTask.self)"))
            #expect(try file("README.md").split(separator: "\n").count == 5)
            #expect(try file(".gitignore").contains(".build/"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["MyNet"])
            let again = try CommandTests.fisher(["init", "MyNet"], in: root)
            #expect(again.status == 73 && again.errors.contains("MyNet is there already"), "\(again)")
            let other = try CommandTests.fisher(["init", "Other"], in: root)
            #expect(
                other.status == 0
                    && other.output.contains("put the URL of swift-fisher into Other/Package.swift"))
            let text = try String(contentsOfFile: root + "/Other/Package.swift", encoding: .utf8)
            #expect(text.contains(#"dependencies: [.package(url: "<URL of swift-fisher>", from: "0.1.0")],"#))
            let lost = try CommandTests.fisher(["init", "Third", "--path", root], in: root)
            #expect(lost.status == 66 && lost.errors.contains("is no checkout of swift-fisher"), "\(lost)")
        }
    }

    @Test(arguments: [
        "", "my-net", "1net", "My Net", "../Net", "Net/Inner", "Ünet", "class", "Self", "Fisher", "FisherNet",
        "torch",
        "_net", "net_", "neural_net", String(repeating: "a", count: 65),
    ])
    func namesThatCannotBeAreRefused(_ name: String) {
        #expect(Init.complaint(about: name)?.contains("cannot be the name of a package") == true)
    }

    @Test(arguments: [
        ("MyNet", "my-net"), ("net2", "net2"), ("My_Net", "my-net"), ("HTTPNet", "httpnet"), ("A1B", "a1-b"),
    ])
    func programsAreNamedAfterThePackage(_ name: String, _ program: String) {
        #expect(Init.complaint(about: name) == nil && Init.programName(of: name) == program)
    }
}
