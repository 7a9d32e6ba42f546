import Foundation
import Testing

@testable import Torch

/// Files made by, or tried with, the reference library; `index.json` holds its verdict on each.
@Suite struct SafetensorsFixtureTests {
    /// What `index.json` says of one file.
    struct Fixture: Decodable, CustomTestStringConvertible, Sendable {
        struct Tensor: Decodable, Sendable {
            let dtype: String
            let shape: [Int]
            /// In hexadecimal digits.
            let bytes: String
        }

        let file: String
        /// What a reader must do that holds to the format where the reference library is lenient:
        /// `accept`, `refuse`, or `either`.
        let strict: String
        let problem: String
        /// What the reference library does: `accept` or `refuse`.
        let reference: String
        let metadata: [String: String]?
        let tensors: [String: Tensor]?

        var testDescription: String { file }
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/safetensors").standardizedFileURL

    static let fixtures: [Fixture] = {
        guard let data = try? Data(contentsOf: folder.appending(path: "index.json")) else { return [] }
        return (try? JSONDecoder().decode([Fixture].self, from: data)) ?? []
    }()

    @Test func indexIsThere() {
        #expect(Self.fixtures.contains { $0.strict == "accept" })
        #expect(Self.fixtures.contains { $0.strict == "refuse" })
    }

    @Test(arguments: fixtures)
    func agrees(_ fixture: Fixture) throws {
        let path = Self.folder.appending(path: fixture.file).path(percentEncoded: false)
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            #expect(fixture.strict != "accept", "\(error)")
            #expect(error.kind == .malformed)
            #expect(error.description.contains(fixture.file))
            return
        }
        #expect(fixture.strict != "refuse" && fixture.reference == "accept", "\(fixture.problem)")
        #expect(file.metadata == fixture.metadata)
        #expect(Set(file.tensors.map(\.name)) == fixture.tensors.map { Set($0.keys) })
        for tensor in file.tensors {
            let expected = try #require(fixture.tensors?[tensor.name])
            #expect(tensor.dtype.rawValue == expected.dtype)
            #expect(tensor.shape == expected.shape)
            let bytes = try file.readBytes(of: tensor.name)
            #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected.bytes)
        }
    }
}
