import Foundation
import Testing

/// `fisher bench information`: that it measures what it is asked for; how fast is not tested.
@Suite struct BenchInformationTests {
    static let networks = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Benchmarks/networks").path

    private func run(_ arguments: [String]) throws -> TrainCommandTests.Outcome {
        try TrainCommandTests.run(["bench", "information"] + arguments)
    }

    @Test(arguments: [("mlp", "784", 669_706), ("cnn", "3,32,32", 113_738), ("gpt", "", 867_072)])
    func theNetworksOfTheComparison(_ name: String, _ input: String, _ parameters: Int) throws {
        let found = try run(
            ["\(Self.networks)/\(name).json", "--batch", "2", "--turns", "1", "--json", "--input", input])
        #expect(found.status == 0, "\(found.errors)")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
        #expect(document["parameters"] as? Int == parameters)
        let results = try #require(document["results"] as? [[String: Any]])
        #expect(
            results.compactMap { $0["task"] as? String } == [
                "plain", "diagonal", "kronecker", "sampled_kronecker", "diagonal_kronecker", "ekfac",
            ])
        #expect(results.allSatisfy { ($0["milliseconds"] as? Double ?? 0) > 0 })
    }

    @Test func mistakesAreNamed() throws {
        try CommandTests.withFolder { root in
            try Data(#"{"layers":[{"linear":[4,2]}],"likelihood":"gaussian"}"#.utf8).write(
                to: URL(filePath: root + "/gaussian.json"))
            try Data(
                #"{"gpt":{"vocabulary":5,"context":4,"width":6,"layers":1,"heads":4}}"#.utf8
            ).write(to: URL(filePath: root + "/heads.json"))
            #expect(try run([root + "/none.json"]).status == 66)
            #expect(try run([root + "/gaussian.json", "--input", "4"]).errors.contains("categorical"))
            #expect(try run([root + "/heads.json"]).errors.contains("heads"))
            #expect(try run([root + "/heads.json", "--input", "4,x"]).status == 64)
        }
    }
}
