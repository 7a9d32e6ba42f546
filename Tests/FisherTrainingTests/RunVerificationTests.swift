import Fisher
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Damage to any file of a run's folder is found.
@Suite struct RunVerificationTests {
    private func finishedRun(_ body: (String) throws -> Void) throws {
        try ToyTask.withFolder { root in
            var training = TrainingConfiguration()
            (training.steps, training.evaluateEvery, training.checkpointEvery) = (6, 3, 3)
            let candidate = OptimizerCandidate(label: "fadam", rule: FAdam(), clipGradientNorm: 1)
            try DurableRun(
                ToyTask(), candidate, in: RunDirectory(path: root), training: training,
                toml: "[training]\nsteps = 6\n", values: ["training.steps": "6"], environment: .example)()
            try body(root)
        }
    }

    private func damages(_ root: String) -> [String] {
        RunVerification(RunDirectory(path: root)).damages.map { "\($0)" }
    }

    @Test func everyFlippedBitIsFound() throws {
        try finishedRun { root in
            #expect(damages(root) == [])
            let files = try FileManager.default.subpathsOfDirectory(atPath: root).sorted().filter { name in
                let type = try? FileManager.default.attributesOfItem(atPath: root + "/" + name)[.type]
                return type as? FileAttributeType == .typeRegular && name != "lock"
            }
            #expect(files.count > 8)
            for file in files {
                let path = URL(filePath: root + "/" + file)
                let whole = try Data(contentsOf: path)
                for k in 0..<6 {
                    var data = whole
                    data[(whole.count - 1) * k / 5] ^= 1 << (k % 8)
                    try data.write(to: path)
                    let found = damages(root)
                    let name = path.lastPathComponent
                    let folder = path.deletingLastPathComponent().lastPathComponent
                    #expect(
                        found.contains { $0.contains(name) || $0.contains(folder) },
                        "bit \(k % 8) of byte \((whole.count - 1) * k / 5) of \(file): \(found)")
                }
                try whole.write(to: path)
            }
            #expect(damages(root) == [])
        }
    }

    @Test func whatIsMissingIsFound() throws {
        try finishedRun { root in
            for name in ["config.toml", "run.json", "metrics.jsonl"] {
                let path = root + "/" + name
                let whole = try Data(contentsOf: URL(filePath: path))
                try FileManager.default.removeItem(atPath: path)
                #expect(damages(root).contains { $0.contains(name) }, "\(name)")
                try whole.write(to: URL(filePath: path))
            }
        }
    }

    /// A kill cuts at most the last record of an event file short.
    @Test func aShortenedEventFileIsNoDamage() throws {
        try finishedRun { root in
            let folder = root + "/events"
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            let whole = try Data(contentsOf: URL(filePath: folder + "/" + name))
            for length in [0, 5, 12, 20, whole.count - 1] {
                try whole.prefix(length).write(to: URL(filePath: folder + "/" + name))
                #expect(damages(root) == [], "\(length)")
            }
        }
    }

    @Test func anyMemberIsCoveredByTheCheck() {
        let sealed = StoredJSON.sealed(["a": 1, "b": 2])
        #expect(String(decoding: sealed, as: UTF8.self).hasPrefix("{\n  \"check\" : \""))
        #expect(StoredJSON.isAsWritten(sealed) == true)
        #expect(StoredJSON.isAsWritten(StoredJSON.encode(["a": 1])) == nil)
        for position in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[position] ^= 1 << bit
                #expect(StoredJSON.isAsWritten(changed) != true, "bit \(bit) of byte \(position)")
            }
        }
    }
}
