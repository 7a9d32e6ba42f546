import Foundation
import Testing
import Torch

/// `fisher information` against brute force in PyTorch (`Reference/information.py`), through files.
@Suite struct InformationCommandTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/information")
    static let names = ["mlp-categorical", "mlp-gaussian", "mlp-bernoulli", "cnn-categorical"]

    /// Writes a fixture's parts as a user would have them; the arguments that name them.
    static func files(_ fixture: SafetensorsFile, _ root: String) throws -> [String] {
        try Data(try #require(fixture.metadata["specification"]).utf8).write(
            to: URL(filePath: root + "/spec.json"))
        let all = try fixture.allTensors()
        let weights = all.filter { $0.key.hasPrefix("weights/") }.map {
            (String($0.key.dropFirst(8)), $0.value)
        }
        try CommandTests.write(Dictionary(uniqueKeysWithValues: weights), to: root + "/weights")
        try CommandTests.write(["inputs": try #require(all["inputs"])], to: root + "/inputs")
        try CommandTests.write(["targets": try #require(all["targets"])], to: root + "/targets")
        return [
            "information", "--model", root + "/spec.json", "--weights", root + "/weights", "--inputs",
            root + "/inputs", "--targets", root + "/targets", "--output", root + "/out",
        ]
    }

    private func expectClose(_ found: Tensor, _ expected: Tensor, _ what: String) throws {
        let scale = try expected.magnitude().largest().item()
        #expect(found.shape == expected.shape && found.dtype == .float64, "\(what)")
        #expect(try (found - expected).magnitude().largest().item() <= 1e-10 * scale, "\(what)")
    }

    @Test(arguments: names, ["exact", "gauss_newton", "empirical", "minibatch"])
    func estimatesAreThoseOfBruteForce(_ name: String, _ source: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/\(name).safetensors")
            let arguments = try Self.files(fixture, root) + ["--source", source]
            let key = source == "gauss_newton" ? "exact" : source
            let full = try fixture.tensor(named: "\(key)/full")

            let run = try TrainCommandTests.run(arguments + ["--structure", "full"])
            #expect(run.status == 0, "\(run.errors)")
            try expectClose(try SafetensorsFile(path: root + "/out").tensor(named: "full"), full, "full")

            #expect(try TrainCommandTests.run(arguments + ["--structure", "diagonal"]).status == 0)
            let diagonal = try SafetensorsFile(path: root + "/out")
            let values = try full.scalars(as: Double.self)
            var first = 0
            let order = ["0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"]
            for parameter in order where diagonal["diagonal/\(parameter)"] != nil {
                let own = try diagonal.tensor(named: "diagonal/\(parameter)").scalars(as: Double.self)
                for (k, value) in own.enumerated() {
                    let expected = values[(first + k) * (full.shape[0] + 1)]
                    #expect(abs(value - expected) <= 1e-12 + 1e-10 * abs(expected), "\(parameter)")
                }
                first += own.count
            }
            #expect(first == full.shape[0])

            guard source != "minibatch" else {
                #expect(try TrainCommandTests.run(arguments + ["--structure", "kronecker"]).status == 65)
                return
            }
            #expect(try TrainCommandTests.run(arguments + ["--structure", "kronecker"]).status == 0)
            let kronecker = try SafetensorsFile(path: root + "/out")
            #expect(kronecker.tensors.count == 4)
            for entry in kronecker.tensors {
                let expected = try fixture.tensor(named: "\(key)/\(entry.name)")
                try expectClose(try kronecker.tensor(named: entry.name), expected, entry.name)
            }
        }
    }

    /// The forms that follow from the whole matrix and from the factors, against PyTorch's.
    @Test(arguments: names, ["exact", "empirical"])
    func otherStructuresFollow(_ name: String, _ source: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/\(name).safetensors")
            let arguments = try Self.files(fixture, root) + ["--source", source]
            func estimate(_ structure: String, _ more: String...) throws -> SafetensorsFile {
                let run = try TrainCommandTests.run(arguments + ["--structure", structure] + more)
                #expect(run.status == 0, "\(run.errors)")
                return try SafetensorsFile(path: root + "/out")
            }
            let diagonals = try estimate("diagonal_kronecker")
            #expect(diagonals.tensors.count == 4)
            for entry in diagonals.tensors {
                let factor = try fixture.tensor(
                    named: entry.name.replacing("diagonal_kronecker", with: "\(source)/kronecker"))
                let size = factor.shape[0]
                let places = Tensor((0..<size).map { Int64($0 * (size + 1)) }, shape: [size])
                try expectClose(
                    try diagonals.tensor(named: entry.name),
                    factor.flattened().gathering(places, along: 0), entry.name)
            }
            let full = try fixture.tensor(named: "\(source)/full")
            let low = try estimate("low_rank", "--rank", "2")
            let vectors = try low.tensor(named: "low_rank/vectors")
            let values = try low.tensor(named: "low_rank/values")
            try expectClose(full.matmul(vectors), vectors * values.unsqueezed(0), "eigenpairs")
            try expectClose(
                values,
                Tensor(try full.symmetricEigen().values.scalars(as: Double.self).suffix(2).reversed()),
                "eigenvalues")

            let blocks = try estimate("blocks")
            var trace = 0.0
            for entry in blocks.tensors {
                let block = try blocks.tensor(named: entry.name)
                trace += try block.symmetricEigen().values.sum().item()
            }
            let whole = try full.symmetricEigen().values.sum().item()
            #expect(blocks.tensors.count == 2 && abs(trace - whole) <= 1e-10 * whole)

            // The corrected eigenvalues keep the trace, and rotate the factors to diagonals.
            let corrected = try estimate("ekfac")
            #expect(corrected.tensors.count == 6)
            var sum = 0.0
            for entry in corrected.tensors where entry.name.hasSuffix("eigenvalues") {
                sum += try corrected.tensor(named: entry.name).sum().item()
                let path = entry.name.replacing("/eigenvalues", with: "")
                for factor in ["A", "S"] {
                    let q = try corrected.tensor(named: "\(path)/Q_\(factor)")
                    let matrix = try fixture.tensor(
                        named: path.replacing("ekfac", with: "\(source)/kronecker") + "/" + factor)
                    let turned = q.transposed().matmul(matrix).matmul(q)
                    let values = matrix.symmetricEigen().values
                    try expectClose(
                        turned.matmul(Tensor.ones([q.shape[0], 1], dtype: .float64)).flattened(), values, path
                    )
                }
            }
            #expect(abs(sum - whole) <= 1e-10 * whole)
        }
    }

    /// float32 weights are computed in float32, and draws are seeded.
    @Test func drawsAreSeeded() throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/mlp-categorical.safetensors")
            let arguments = try Self.files(fixture, root) + ["--source", "sampled", "--samples", "3"]
            func estimate(_ seed: String) throws -> [Double] {
                #expect(try TrainCommandTests.run(arguments + ["--seed", seed]).status == 0)
                return try SafetensorsFile(path: root + "/out").tensor(named: "diagonal/0.weight").scalars()
            }
            let one = try estimate("1")
            #expect(try estimate("1") == one)
            #expect(try estimate("2") != one)
        }
    }

    @Test func mistakesHaveTheirStatus() throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/mlp-categorical.safetensors")
            let arguments = try Self.files(fixture, root)
            func status(_ file: String, _ tensors: [String: Tensor]) throws -> TrainCommandTests.Outcome {
                let old = try Data(contentsOf: URL(filePath: root + "/" + file))
                defer { try? old.write(to: URL(filePath: root + "/" + file)) }
                try CommandTests.write(tensors, to: root + "/" + file)
                return try TrainCommandTests.run(arguments)
            }
            let outOfRange = try status("targets", ["targets": Tensor([0, 1, 2, 3, 0, 0, 0] as [Int64])])
            #expect(outOfRange.status == 65, "\(outOfRange.errors)")
            let shape = try status("inputs", ["inputs": Tensor.zeros([7, 9], dtype: .float64)])
            #expect(shape.status == 65 && shape.errors.contains("9"), "\(shape.errors)")
            let missing = try status("weights", ["0.weight": Tensor.zeros([5, 4], dtype: .float64)])
            #expect(missing.status == 65 && missing.errors.contains("0.bias"), "\(missing.errors)")
            try Data("{\"layers\":[\"tahn\"],\"likelihood\":\"categorical\"}".utf8)
                .write(to: URL(filePath: root + "/spec.json"))
            let specification = try TrainCommandTests.run(arguments)
            #expect(specification.status == 65 && specification.errors.contains("did you mean tanh?"))
            try FileManager.default.removeItem(atPath: root + "/spec.json")
            #expect(try TrainCommandTests.run(arguments).status == 66)
        }
    }
}
