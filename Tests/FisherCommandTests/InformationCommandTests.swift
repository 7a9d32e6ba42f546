import Fisher
import Foundation
import Testing
import Torch

/// `fisher information` against brute force in PyTorch (`Reference/information.py`), through files.
@Suite struct InformationCommandTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/information")
    static let names = ["mlp-categorical", "mlp-gaussian", "mlp-bernoulli", "cnn-categorical"]
    /// Layers inside layers, and the likelihoods that have options or more outputs than observations.
    static let others = [
        "residual-categorical", "mlp-gaussian-variance", "mlp-gaussian-learned", "mlp-logit-laplace",
        "mlp-two-hot", "cnn-pixels",
    ]

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

    static let estimates =
        names.flatMap { name in
            ["exact", "gauss_newton", "empirical", "improved", "minibatch"].map { (name, $0) }
        } + others.flatMap { [($0, "exact"), ($0, "improved")] }
        + ["mlp-gaussian-learned", "mlp-logit-laplace"].map { ($0, "gauss_newton") }

    /// Two processes, each of which takes its part of the samples, write what one writes, the draws of labels included.
    @Test(arguments: ["full", "ekfac", "low_rank"])
    func severalProcessesWriteWhatOneWrites(_ structure: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/mlp-categorical.safetensors")
            let arguments =
                try Self.files(fixture, root) + ["--structure", structure, "--source", "sampled"]
            let alone = try CommandTests.fisher(arguments)
            let one = try SafetensorsFile(path: root + "/out")
            let expected = try one.allTensors()
            let shared = try CommandTests.fisher(arguments + ["--processes", "2"])
            #expect(alone.status == 0 && shared.status == 0, "\(alone.errors) \(shared.errors)")
            let found = try SafetensorsFile(path: root + "/out")
            #expect(found.metadata == one.metadata)
            for (name, tensor) in expected where !name.hasSuffix("residuals") {
                // Signs of eigenvectors are free.
                let difference = try (found.tensor(named: name).magnitude() - tensor.magnitude())
                    .magnitude().largest().item()
                #expect(try difference <= 1e-9 * tensor.magnitude().largest().item(), "\(name)")
            }
        }
    }

    @Test func samplesThatCannotBeSharedAreNamed() throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/mlp-categorical.safetensors")
            let arguments = try Self.files(fixture, root)
            let all = try fixture.allTensors()
            for name in ["inputs", "targets"] {
                let one = try #require(all[name]).narrowed(0, from: 0, length: 1)
                try CommandTests.write([name: one.contiguous()], to: root + "/" + name)
            }
            let found = try CommandTests.fisher(arguments + ["--processes", "2"])
            #expect(found.status == 65)
            #expect(
                found.errors.contains("has 1 sample, which 2 processes cannot share"), "\(found.errors)")
            #expect(found.errors.split(separator: "\n").count == 1, "\(found.errors)")
        }
    }

    @Test(arguments: estimates)
    func estimatesAreThoseOfBruteForce(_ name: String, _ source: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/\(name).safetensors")
            let arguments = try Self.files(fixture, root) + ["--source", source]
            let key = source == "gauss_newton" ? "exact" : source
            let full = try fixture.tensor(named: "\(key)/full")

            let run = try TrainCommandTests.run(arguments + ["--structure", "full"])
            // The Hessian in the outputs may be indefinite, or zero almost everywhere.
            if source == "gauss_newton", ["mlp-gaussian-learned", "mlp-logit-laplace"].contains(name) {
                #expect(
                    run.status == 65 && run.errors.contains("has no Gauss-Newton matrix"), "\(run.errors)")
                return
            }
            #expect(run.status == 0, "\(run.errors)")
            try expectClose(try SafetensorsFile(path: root + "/out").tensor(named: "full"), full, "full")

            #expect(try TrainCommandTests.run(arguments + ["--structure", "diagonal"]).status == 0)
            let diagonal = try SafetensorsFile(path: root + "/out")
            let values = try full.scalars(as: Double.self)
            var first = 0
            let description = Data(try #require(fixture.metadata["specification"]).utf8)
            let order = try NetworkSpecification(json: description).makeNetwork(
                using: try RandomGenerator(seed: 0)
            ).parameters.filter(\.parameter.isTrainable).map(\.path)
            for parameter in order {
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
            #expect(
                kronecker.tensors.count
                    == fixture.tensors.filter { $0.name.hasPrefix("\(key)/kronecker") }.count)
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

    /// Two halves of the data, estimated by two processes and merged by a third, are the estimate of the whole.
    @Test(arguments: [
        ("cnn-categorical", "exact", "diagonal"), ("mlp-two-hot", "empirical", "full"),
        ("residual-categorical", "minibatch", "diagonal"), ("cnn-pixels", "improved", "kronecker"),
        ("residual-categorical", "exact", "diagonal_kronecker"), ("mlp-gaussian-learned", "exact", "ekfac"),
    ])
    func halvesAreMerged(_ name: String, _ source: String, _ structure: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/\(name).safetensors")
            let base = try Self.files(fixture, root).dropFirst()
            func estimate(_ part: String, _ output: String, _ structure: String, _ more: String...) throws {
                let arguments = base.map {
                    $0 == root + "/inputs" || $0 == root + "/targets"
                        ? $0 + part : $0 == root + "/out" ? root + "/\(output)" : $0
                }
                let run = try TrainCommandTests.run(
                    ["information"] + arguments + ["--source", source, "--structure", structure] + more)
                #expect(run.status == 0, "\(run.errors)")
            }
            let (x, y) = (try fixture.tensor(named: "inputs"), try fixture.tensor(named: "targets"))
            let count = x.shape[0]
            for (part, range) in [("1", 0..<2), ("2", 2..<count)] {
                let (from, length) = (range.lowerBound, range.count)
                try CommandTests.write(
                    ["x": x.narrowed(0, from: from, length: length)], to: root + "/inputs" + part)
                try CommandTests.write(
                    ["y": y.narrowed(0, from: from, length: length)], to: root + "/targets" + part)
            }
            func merge(_ files: String..., to output: String) throws -> TrainCommandTests.Outcome {
                try TrainCommandTests.run(
                    ["information", "merge"] + files.map { root + "/" + $0 } + [
                        "--output", root + "/" + output,
                    ])
            }
            var bases: [String] = []
            if structure == "ekfac" {
                for part in ["1", "2"] { try estimate(part, "factors" + part, "kronecker") }
                #expect(try merge("factors1", "factors2", to: "factors").status == 0)
                bases = [root + "/factors"]
            }
            for part in ["1", "2", ""] {
                if let file = bases.first {
                    try estimate(part, "part" + part, structure, "--bases", file)
                } else {
                    try estimate(part, "part" + part, structure)
                }
            }
            let run = try merge("part1", "part2", to: "merged")
            #expect(run.status == 0 && run.output.contains("\(count) units"), "\(run.errors)")
            let (merged, whole) = (
                try SafetensorsFile(path: root + "/merged"), try SafetensorsFile(path: root + "/part")
            )
            #expect(merged.tensors.map(\.name).sorted() == whole.tensors.map(\.name).sorted())
            for entry in whole.tensors {
                let (found, expected) = (
                    try merged.tensor(named: entry.name), try whole.tensor(named: entry.name)
                )
                let scale = try expected.magnitude().largest().item()
                #expect(
                    try (found - expected).magnitude().largest().item() <= 1e-13 * scale, "\(entry.name)")
            }
            let twice = try merge("merged", "part2", to: "more")
            #expect(twice.status == 65 && twice.errors.contains("hold the same data"), "\(twice.errors)")
            #expect(twice.errors.contains("--allow-repeats"))
            let shown = try TrainCommandTests.run(["information", "show", root + "/merged"])
            #expect(shown.output.contains("\(count) units") && shown.output.contains(structure))
        }
    }

    /// Products without the matrix: eigenvalues, trace, a product and a solution, against the whole matrix.
    @Test(arguments: ["exact", "empirical"]) func productsAreThoseOfTheMatrix(_ source: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/mlp-categorical.safetensors")
            let all = try fixture.allTensors()
            var weights: [String: Tensor] = [:]
            for (name, tensor) in all where name.hasPrefix("weights/") {
                weights[String(name.dropFirst(8))] = tensor
            }
            let arguments = try Self.files(fixture, root) + ["--source", source, "--structure", "operator"]
            let run = try TrainCommandTests.run(
                arguments + [
                    "--eigenvalues", "3", "--probes", "400", "--vector", root + "/weights", "--solve",
                    root + "/weights", "--damping", "0.1", "--tolerance", "1e-12",
                ])
            #expect(run.status == 0 && run.output.contains("trace: "), "\(run.errors)")
            let found = try SafetensorsFile(path: root + "/out")
            let full = try fixture.tensor(named: "\(source)/full")
            let values = try full.symmetricEigen().values.scalars(as: Double.self)
            let top = try found.tensor(named: "operator/eigenvalues").scalars(as: Double.self)
            for (value, expected) in zip(top, values.reversed()) { #expect(abs(value - expected) < 1e-10) }
            let trace = try found.tensor(named: "operator/trace").item()
            let error = try found.tensor(named: "operator/trace_standard_error").item()
            #expect(error > 0 && abs(trace - values.reduce(0, +)) <= 4 * error)
            let order = ["0.weight", "0.bias", "2.weight", "2.bias"]
            func joined(_ name: String) throws -> Tensor {
                .concatenated(try order.map { try found.tensor(named: "\(name)/\($0)").flattened() })
            }
            let vector = Tensor.concatenated(order.compactMap { weights[$0]?.flattened() }).unsqueezed(1)
            try expectClose(try joined("product").unsqueezed(1), full.matmul(vector), "product")
            let solution = try joined("solution").unsqueezed(1)
            try expectClose(full.matmul(solution) + solution * 0.1, vector, "solution")

            // Without a wish, eigenvalues and the trace; a vector must be of the network.
            let plain = try TrainCommandTests.run(arguments)
            #expect(plain.status == 0 && plain.output.contains("eigenvalue 5") && plain.output.contains("+-"))
            let wrong = try TrainCommandTests.run(arguments + ["--vector", root + "/inputs"])
            #expect(wrong.status == 65 && wrong.errors.contains("0.weight"), "\(wrong.errors)")
            #expect(try TrainCommandTests.run(["information", "show", root + "/out"]).status == 65)
        }
    }

    /// Options that do not go together are told before anything is read.
    @Test(arguments: [
        (["--structure", "full", "--rank", "3"], "--rank is for --structure low_rank"),
        (["--samples", "3"], "--samples is for --source sampled"),
        (["--bases", "b"], "--bases is for --structure ekfac"),
        (["--probes", "3"], "are for --structure operator"),
        (["--structure", "operator", "--damping", "1"], "are for --solve"),
        (["--structure", "operator", "--solve", "b", "--damping=-1"], "must be a number of at least 0"),
        (["--structure", "operator", "--probes", "0"], "--probes must be at least 1"),
        (["--structure", "diag"], "--structure"), (["--source", "none"], "--source"),
    ])
    func optionsThatDoNotFitAreTold(_ more: [String], _ words: String) throws {
        let files = ["model", "weights", "inputs", "targets", "output"].flatMap {
            ["--" + $0, "missing/" + $0]
        }
        let run = try TrainCommandTests.run(["information"] + files + more)
        #expect(run.status == 64 && run.errors.contains(words), "\(run.errors)")
    }

    @Test(arguments: [
        (["mrege", "a", "b"], 64, "did you mean merge?"), (["merge", "a", "--output", "c"], 64, "two files"),
        (["merge", "a", "b"], 64, "--output"), (["merge", "a", "b", "--output", "b"], 64, "would overwrite"),
        (["merge", "missing", "b", "--output", "c"], 66, "missing"), (["show", "missing"], 66, "missing"),
    ])
    func mistakesInMergingAreTold(_ arguments: [String], _ status: Int, _ words: String) throws {
        try CommandTests.withFolder { root in
            let run = try TrainCommandTests.run(
                ["information"] + arguments.map { $0 == "c" ? root + "/c" : $0 })
            #expect(run.status == Int32(status) && run.errors.contains(words), "\(run.errors)")
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
