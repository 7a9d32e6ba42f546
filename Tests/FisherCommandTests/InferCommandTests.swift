import Foundation
import Testing
import Torch

/// `fisher infer` as its users meet it.
@Suite struct InferCommandTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Fixtures/inference")
    private static let cars = fixtures.appending(path: "mtcars.csv").path

    private static func fisher(_ arguments: [String]) throws -> CommandTests.Outcome {
        try CommandTests.fisher(["infer"] + arguments)
    }

    @Test func aTableIsInferredFrom() throws {
        let found = try Self.fisher([
            Self.cars, "--formula", "mpg ~ wt + C(cyl)", "--drop-each", "--profile", "--contrast",
            "cyl[6] - cyl[8]",
            "--function", "exp(wt / 10)", "--replicates", "39",
        ])
        #expect(found.status == 0, "\(found.errors)")
        for part in [
            "n = 32", "cyl is compared with 4", "information-matrix test", "profile interval", "without cyl",
            "likelihood ratio", "cyl[6] - cyl[8]", "exp(wt / 10)", "33.9908", "AIC 156.6",
        ] {
            #expect(found.output.contains(part), "\(part) in \(found.output)")
        }
    }

    @Test func jsonAndCSVHaveTheNumbers() throws {
        let options = [
            Self.cars, "--formula", "am ~ wt", "--family", "binomial", "--covariance", "sandwich",
            "--small-sample", "none",
        ]
        let json = try Self.fisher(options + ["--json", "--replicates", "0"])
        let found = try #require(
            JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let coefficients = try #require(found["coefficients"] as? [[String: Any]])
        #expect(coefficients.map { $0["name"] as? String } == ["intercept", "wt"])
        #expect(abs(try #require(coefficients[1]["estimate"] as? Double) + 4.023970) < 1e-6)
        let csv = try Self.fisher(options + ["--csv", "--replicates", "0"])
        #expect(csv.output.split(separator: "\n")[2].hasPrefix("coefficient,wt,-4.0239"))
    }

    /// Parts that are merged in rounds end at the answer of the whole, and so do several files.
    @Test func partsAreMerged() throws {
        try CommandTests.withFolder { root in
            let lines = try String(contentsOf: URL(filePath: Self.cars), encoding: .utf8).split(
                separator: "\n")
            for (name, rows) in [("a", lines[1...17]), ("b", lines[18...])] {
                try ([lines[0]] + rows).joined(separator: "\n").write(
                    toFile: "\(root)/\(name).csv", atomically: true, encoding: .utf8)
            }
            let model = ["--formula", "am ~ wt", "--family", "binomial"]
            let last = ["--replicates", "0", "--csv"]
            let whole = try Self.fisher([Self.cars] + model + last)
            let files = try Self.fisher(["\(root)/a.csv", "\(root)/b.csv"] + model + last)
            #expect(files.output == whole.output && files.status == 0)
            #expect(
                try Self.fisher(
                    ["\(root)/b.csv", "--save-point", "\(root)/point", "--replicates", "0"] + model
                ).status == 0)
            for _ in 0..<8 {
                for name in ["a", "b"] {
                    let part = try Self.fisher([
                        "\(root)/\(name).csv", "--point", "\(root)/point", "--save-statistics",
                        "\(root)/\(name)",
                    ])
                    #expect(part.status == 0, "\(part.errors)")
                }
                let round = try Self.fisher([
                    "--merge", "\(root)/a", "\(root)/b", "--save-point", "\(root)/point",
                ])
                #expect(round.status == 0, "\(round.errors)")
            }
            let merged = try Self.fisher(["--merge", "\(root)/a", "\(root)/b", "--csv"])
            for (ours, theirs) in zip(
                merged.output.split(separator: "\n"), whole.output.split(separator: "\n")
            ).dropFirst() {
                let pairs = zip(ours.split(separator: ","), theirs.split(separator: ",")).dropFirst(2)
                for (a, b) in pairs {
                    #expect(
                        abs((Double(a) ?? .nan) - (Double(b) ?? .nan)) < 1e-7 * max(1, abs(Double(b) ?? 0)))
                }
            }
            let twice = try Self.fisher(["--merge", "\(root)/a", "\(root)/a"])
            #expect(twice.status == 65 && twice.errors.contains("name each part once"))
        }
    }

    /// A network of one layer is the logistic regression of the table.
    @Test func aNetworkIsInferredFrom() throws {
        try CommandTests.withFolder { root in
            let rows = try String(contentsOf: URL(filePath: Self.cars), encoding: .utf8).split(
                separator: "\n"
            )
            .dropFirst().map { $0.split(separator: ",") }
            let weights = try rows.map { try #require(Double($0[5])) }
            let outcomes = try rows.map { try #require(Double($0[8])) }
            try #"{"layers": [{"linear": [1, 1]}], "likelihood": "bernoulli"}"#.write(
                toFile: root + "/net.json", atomically: true, encoding: .utf8)
            try CommandTests.write(
                ["0.weight": Tensor([0.0], shape: [1, 1]), "0.bias": Tensor([0.0])], to: root + "/w")
            try CommandTests.write(["inputs": Tensor(weights, shape: [32, 1])], to: root + "/x")
            try CommandTests.write(["targets": Tensor(outcomes, shape: [32, 1])], to: root + "/y")
            let network = [
                "--model", root + "/net.json", "--weights", root + "/w", "--inputs", root + "/x", "--targets",
                root + "/y",
            ]
            let far = try Self.fisher(network + ["--replicates", "0"])
            #expect(far.status == 65 && far.errors.contains("--fit goes there"))
            for covariance in ["standard", "sandwich"] {
                let last = ["--replicates", "0", "--csv", "--covariance", covariance]
                let ours = try Self.fisher(network + last + ["--fit"])
                #expect(ours.status == 0, "\(ours.errors)")
                let table = try Self.fisher(
                    [Self.cars, "--formula", "am ~ wt", "--family", "binomial"] + last)
                func numbers(_ text: String, _ line: Int) -> [Double] {
                    text.split(separator: "\n")[line].split(separator: ",").dropFirst(2).compactMap {
                        Double($0)
                    }
                }
                for (a, b) in zip(numbers(ours.output, 1), numbers(table.output, 2)) {
                    #expect(abs(a - b) < 1e-6 * max(1, abs(b)))
                }
                #expect(numbers(ours.output, 1).count == 6)
            }
            let tested = try Self.fisher(network + ["--fit", "--replicates", "59"])
            #expect(tested.status == 0 && tested.output.contains("information-matrix test"))
        }
    }

    @Test(arguments: [
        (["--formula", "mpg ~ nothing"], 65, "has no column \"nothing\""), ([], 64, "--formula"),
        (["--formula", "mpg ~ wt", "--family", "poisson"], 65, "line 4: \"mpg\" is 22.8"),
        (["--formula", "am ~ wt", "--family", "binomial", "--link", "log"], 64, "has no link log"),
        (["--formula", "mpg ~ wt", "--contrast", "wt - hp"], 64, "takes \"hp\", which is no parameter"),
        (["--formula", "mpg ~ wt", "--contrast", "wt^2"], 64, "--function takes it"),
        (["--formula", "mpg ~ wt", "--drop", "hp"], 64, "there is no term \"hp\""),
        (["--formula", "mpg ~ wt", "--level", "1"], 64, "--level"),
        (["--formula", "mpg ~ wt", "--covariance", "cluster"], 64, "needs the column of the clusters"),
        (["--formula", "vs ~ qsec", "--family", "binomial", "--save-point", "/nowhere/x"], 73, "/nowhere/x"),
    ])
    func whatIsWrongIsSaid(_ options: [String], _ status: Int, _ reason: String) throws {
        let found = try Self.fisher([Self.cars] + options)
        #expect(
            Int(found.status) == status && found.errors.contains(reason), "\(found.status) \(found.errors)")
    }

    @Test func badFilesHaveTheirStatus() throws {
        try CommandTests.withFolder { root in
            let missing = try Self.fisher([root + "/no.csv", "--formula", "y ~ x"])
            #expect(missing.status == 66)
            try "y,x\n0,1\n0,2\n1,3\n1,4\n".write(toFile: root + "/s.csv", atomically: true, encoding: .utf8)
            let separated = try Self.fisher([root + "/s.csv", "--formula", "y ~ x", "--family", "binomial"])
            #expect(separated.status == 65 && separated.errors.contains("separation"))
            try "y,x\n0,1\n0\n".write(toFile: root + "/r.csv", atomically: true, encoding: .utf8)
            let ragged = try Self.fisher([root + "/r.csv", "--formula", "y ~ x"])
            #expect(ragged.status == 65 && ragged.errors.contains("r.csv, line 3, has 1 field"))
            let part = try Self.fisher(["--merge", root + "/s.csv"])
            #expect(part.status == 65 && part.errors.contains("holds no statistics"))
        }
    }
}
