import Fisher
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Every run is found once, and what cannot be read is an error.
@Suite struct RunSearchTests {
    private func runs(_ root: String, _ found: [RunDirectory]) -> [String] {
        found.map { String($0.path.dropFirst(root.count + 1)) }
    }

    @Test func linksAreNotFollowedAndTrialsCanBeLeftOut() throws {
        try ToyTask.withFolder { root in
            for name in [
                "a/run.json", "study/results.json", "study/runs/x/run.json", "study/tuning/y/run.json",
            ] {
                let file = URL(filePath: root + "/" + name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data().write(to: file)
            }
            for (name, target) in [("b", "a"), ("study/loop", ".."), ("dangling", "nowhere")] {
                try FileManager.default.createSymbolicLink(
                    atPath: root + "/" + name, withDestinationPath: target)
            }
            #expect(
                runs(root, try RunDirectory.runs(under: root)) == ["a", "study/runs/x", "study/tuning/y"])
            #expect(
                runs(root, try RunDirectory.runs(under: root, includesTrials: false)) == [
                    "a", "study/runs/x",
                ])
            // A link that a user names is a folder like any other.
            #expect(runs(root, try RunDirectory.runs(under: root + "/b/")) == ["b"])
            let error = #expect(throws: StorageError.self) {
                try RunDirectory.requireDistinct(["a", "b"].map { RunDirectory(path: "\(root)/\($0)") })
            }
            #expect(error?.description == "\(root)/b and \(root)/a are the same run twice: name it once")
        }
    }

    /// A folder that the system does not list is not empty.
    @Test func aFolderThatCannotBeListedIsAnError() throws {
        try ToyTask.withFolder { root in
            let missing = #expect(throws: StorageError.self) { try RunDirectory.runs(under: root + "/none") }
            #expect(missing?.kind == .notFound)
            // Deeper than any path may be long.
            var descriptor = open(root, O_RDONLY | O_DIRECTORY)
            let name = String(repeating: "d", count: 250)
            for _ in 0..<18 {
                #expect(mkdirat(descriptor, name, 0o777) == 0)
                let next = openat(descriptor, name, O_RDONLY | O_DIRECTORY)
                close(descriptor)
                descriptor = next
            }
            close(descriptor)
            let error = #expect(throws: StorageError.self) { try RunDirectory.runs(under: root) }
            #expect(error?.reason.contains("name too long") == true)
        }
    }

    /// Two runs of equal optimizers, options and seeds are no two seeds.
    @Test func aRunCountsOnce() throws {
        try ToyTask.withFolder { root in
            _ = try StudyCase.compare([try ToyTask.candidate("adam")], seeds: [1, 2], in: root + "/first")
            _ = try StudyCase.compare([try ToyTask.candidate("adam")], seeds: [2], in: root + "/second")
            func joined(_ folders: String...) throws -> OptimizerComparison {
                let found = try folders.flatMap { try RunDirectory.runs(under: "\(root)/\($0)") }
                return try OptimizerComparison(try found.map { ($0, try $0.document()) })
            }
            #expect(try joined("first").entries[0].runs.count == 2)
            for again in ["second", "first/runs/adam/seed-2"] {
                let error = #expect(throws: StorageError.self) { try joined("first", again) }
                #expect(error?.description.contains("/first/runs/adam/seed-2 are the same run twice") == true)
                #expect(error?.description.contains(again) == true)
            }
        }
    }
}
