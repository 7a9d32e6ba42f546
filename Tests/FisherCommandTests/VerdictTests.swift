import Foundation
import Fuzzing
import Testing

/// What the readers accept, Python's readers of the formats accept too (`Reference/parser_verdicts.py`).
@Suite struct VerdictTests {
    private struct Case: Decodable {
        let format: String
        let bytes: Data
        let python: Bool
    }

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/fuzz/verdicts.json")

    @Test(arguments: ["safetensors", "json", "toml"])
    func nothingIsAcceptedThatPythonRefuses(format: String) throws {
        let fuzzed = try #require(Fuzzed.all.first { $0.name == format })
        let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: Self.file)).filter {
            $0.format == format
        }
        #expect(cases.contains { $0.python } && cases.contains { !$0.python })
        var alike = 0
        for one in cases {
            let accepted = try fuzzed.read([UInt8](one.bytes))
            #expect(one.python || !accepted, "\(String(decoding: one.bytes, as: UTF8.self).debugDescription)")
            if accepted == one.python { alike += 1 }
        }
        // The exceptions are few: a reader that refuses everything does not pass.
        #expect(alike * 10 > cases.count * 9)
    }
}
