import Fisher
import Foundation
import TestSupport
import Testing

/// Files of information: what they say, and what may be merged.
@Suite struct InformationFileTests {
    /// A network of every kind of layer that structures treat differently, in float64.
    static let networks = [
        "{\"linear\":[4,5]},\"tanh\",{\"linear\":[5,3]}",
        "{\"linear\":[4,5]},{\"residual\":[{\"layer_norm\":5},{\"linear\":[5,5]},\"tanh\"]},{\"linear\":[5,3]}",
    ]

    struct Case {
        let network: Sequential
        let point: ModelPoint
        let inputs: Tensor
        let targets: Tensor

        init(_ layers: String, dtype: DType = .float64, seed: UInt64 = 3) throws {
            let specification = try NetworkSpecification(
                json: Data("{\"layers\":[\(layers)],\"likelihood\":\"categorical\"}".utf8))
            let generator = try RandomGenerator(seed: seed)
            network = specification.makeNetwork(dtype: dtype, using: generator)
            network.setTraining(false)
            point = try ModelPoint(of: network)
            inputs = .normal([12, 4], dtype: dtype, using: generator)
            targets = Tensor((0..<12).map { Int64($0 % 3) })
        }

        /// The file of some samples, in the data's own bases or in given ones.
        func file(
            _ range: Range<Int>, _ request: CurvatureRequest, likelihood: String = "\"categorical\"",
            seed: UInt64 = 0, bases: [ParameterPath: KroneckerEigenbasis]? = nil
        ) throws -> InformationFile {
            let x = inputs.narrowed(0, from: range.lowerBound, length: range.count)
            let y = targets.narrowed(0, from: range.lowerBound, length: range.count)
            let source = try #require(request.source)
            let found = try CurvatureEstimator(of: network).estimate(
                [bases == nil ? request : .activations(source)],
                of: Objective(Categorical(logits: network(x)), observing: y), units: range.count,
                using: try RandomGenerator(seed: seed))
            let estimate: InformationFile.Estimate? =
                if let bases {
                    .eigenvalueCorrected(try found.activations(source)!.eigenvalues(in: bases))
                } else {
                    InformationFile.estimate(request, in: found)
                }
            let part = InformationHeader.Part(
                data: try InformationFile.fingerprint(inputs: x, targets: y),
                seed: source.description.hasPrefix("sampled") ? seed : nil, units: found.unitCount,
                observations: range.count)
            return InformationFile(
                try #require(estimate),
                header: InformationHeader(
                    request, at: point, likelihood: likelihood, dtype: inputs.dtype, parts: [part]))
        }
    }

    static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        try TemporaryFolder.with { try body(URL(filePath: $0)) }
    }

    /// The file as it is read again, and its tensors.
    static func stored(_ file: InformationFile) throws -> (file: InformationFile, tensors: [String: [Double]])
    {
        try withFolder { folder in
            let path = folder.appending(path: "f").path
            try file.write(to: path)
            let tensors = try SafetensorsFile(path: path).allTensors()
            for (name, tensor) in tensors { #expect(tensor.dtype == .float64, "\(name)") }
            return (
                try InformationFile(path: path), try tensors.mapValues { try $0.scalars(as: Double.self) }
            )
        }
    }

    static func expectEqual(_ a: [String: [Double]], _ b: [String: [Double]], within tolerance: Double) {
        #expect(a.keys.sorted() == b.keys.sorted())
        for (name, values) in b {
            let scale = values.map(abs).max() ?? 0
            let found = a[name] ?? []
            #expect(found.count == values.count)
            for (x, y) in zip(found, values) { #expect(abs(x - y) <= tolerance * scale, "\(name)") }
        }
    }

    static let requests: [CurvatureRequest] = [
        .diagonal(.exact), .diagonal(.empirical), .diagonal(.improved), .diagonal(.minibatch), .full(.exact),
        .full(.minibatch), .full(.improved), .blocks(.empirical), .blocks(.minibatch), .kronecker(.exact),
        .kronecker(.gaussNewton, .reduce), .kroneckerDiagonal(.empirical), .kroneckerDiagonal(.exact),
    ]

    /// Three parts of the data, through files and merged in any order, are the estimate of all of it; and the same
    /// numbers in every order.
    @Test(arguments: networks, requests)
    func partsAreMergedToTheWhole(_ layers: String, _ request: CurvatureRequest) throws {
        let model = try Case(layers)
        let whole = try Self.stored(try model.file(0..<12, request))
        let parts = try [0..<3, 3..<5, 5..<12].map { try Self.stored(try model.file($0, request)).file }
        let named = zip(["a", "b", "c"], parts).map { (name: $0, file: $1) }
        let merged = try Self.stored(try InformationFile.merged(named))
        Self.expectEqual(merged.tensors, whole.tensors, within: 1e-13)
        #expect(merged.file.header.observationCount == 12 && merged.file.header.unitCount == 12)
        #expect(merged.file.header.parts.count == 3)
        let reversed = try Self.stored(try InformationFile.merged(named.reversed()))
        #expect(reversed.tensors == merged.tensors)
        // Merging what was merged.
        let pair = try Self.stored(try InformationFile.merged(Array(named.dropLast()))).file
        let staged = try Self.stored(try InformationFile.merged([("ab", pair), named[2]]))
        Self.expectEqual(staged.tensors, whole.tensors, within: 1e-13)
    }

    /// Draws with seeds of their own are summed.
    @Test func drawsAreMerged() throws {
        let model = try Case(Self.networks[0])
        let parts = try [(0..<5, UInt64(1)), (5..<12, 2)].map {
            try model.file($0.0, .diagonal(.sampled(3)), seed: $0.1)
        }
        let merged = try InformationFile.merged([("a", parts[0]), ("b", parts[1])])
        guard case .diagonal(let sum) = merged.estimate, case .diagonal(let a) = parts[0].estimate,
            case .diagonal(let b) = parts[1].estimate
        else {
            Issue.record("another structure")
            return
        }
        for (path, tensor) in try a.adding(b).mean {
            #expect(try (try #require(sum.mean[path]) - tensor).magnitude().largest().item() == 0)
        }
        #expect(merged.header.parts.compactMap(\.seed).sorted() == [1, 2])
        #expect(InformationFile.repeatedSeeds(parts) == [])
        #expect(InformationFile.repeatedSeeds([parts[0], parts[0]]) == [1])
    }

    /// Eigenvalues in the bases of each part's own factors do not add; in the merged factors' bases they are those of
    /// the whole.
    @Test func eigenvaluesAreMergedInCommonBases() throws {
        let model = try Case(Self.networks[0])
        let ranges = [0..<5, 5..<12]
        let own = try ranges.map { try Self.stored(try model.file($0, .eigenvalueCorrected(.exact))).file }
        let error = #expect(throws: InformationFileError.self) {
            try InformationFile.merged([("a", own[0]), ("b", own[1])])
        }
        #expect(
            error?.description.contains("cannot be merged: the eigenvalues are in other bases")
                == true)
        #expect(error?.description.contains("--bases") == true)

        let factors = try ranges.map { try Self.stored(try model.file($0, .kronecker(.exact))).file }
        let bases = try Self.stored(try InformationFile.merged([("a", factors[0]), ("b", factors[1])])).file
            .eigenbases()
        func file(_ range: Range<Int>) throws -> InformationFile {
            try Self.stored(try model.file(range, .eigenvalueCorrected(.exact), bases: bases)).file
        }
        let merged = try InformationFile.merged([("a", try file(ranges[0])), ("b", try file(ranges[1]))])
        Self.expectEqual(
            try Self.stored(merged).tensors, try Self.stored(try file(0..<12)).tensors, within: 1e-13)
        // Those are the eigenvalues in the bases of the whole data's own factors, a basis up to signs.
        let whole = try Self.stored(try model.file(0..<12, .eigenvalueCorrected(.exact))).tensors
        let found = try Self.stored(merged).tensors
        for layer in ["0", "2"] {
            let (a, b) = (found["ekfac/\(layer)/eigenvalues"]!, whole["ekfac/\(layer)/eigenvalues"]!)
            let (sum, expected): (Double, Double) = (a.reduce(0, +), b.reduce(0, +))
            #expect(abs(sum - expected) <= 1e-12 * expected)
        }
        #expect(throws: InformationFileError.self) { try model.file(0..<12, .diagonal(.exact)).eigenbases() }
    }

    @Test func eigenpairsCannotBeMerged() throws {
        let model = try Case(Self.networks[0])
        let parts = try [0..<5, 5..<12].map { try Self.stored(try model.file($0, .lowRank(3, .exact))).file }
        let error = #expect(throws: InformationFileError.self) {
            try InformationFile.merged([("a", parts[0]), ("b", parts[1])])
        }
        #expect(error?.description.contains("leading eigenpairs cannot be added") == true)
    }

    /// What does not belong together is refused, with the key that differs and both files.
    @Test(arguments: [
        ("structure", "full"), ("source", "empirical"), ("source", "draws"), ("sharing", "reduce"),
        ("weights", "moved"), ("weights", "buffer"), ("network", "activation"), ("likelihood", "other"),
        ("dtype", "float32"),
    ])
    func whatDiffersIsNamed(_ key: String, _ change: String) throws {
        var layers = "{\"linear\":[4,5]},{\"batch_norm\":5},\"tanh\",{\"linear\":[5,3]}"
        var request = change == "reduce" ? CurvatureRequest.kronecker(.exact) : .diagonal(.exact)
        if change == "draws" { request = .diagonal(.sampled(2)) }
        let own = try Case(layers).file(0..<5, request)
        if change == "activation" { layers = layers.replacing("tanh", with: "relu") }
        let model = try Case(layers, dtype: change == "float32" ? .float32 : .float64)
        var changed = model
        if change == "moved" {
            let first = try #require(model.network.parameters.first).parameter
            try first.assign(first.wrappedValue.detached() * (1 + 1e-15))
        }
        if change == "buffer" {
            let mean = try #require(
                model.network.parameters.first { "\($0.path)" == "1.runningMean" }
            ).parameter
            try mean.assign(mean.wrappedValue.detached() + 1)
        }
        changed = try Case.at(model)
        switch change {
        case "full": request = .full(.exact)
        case "empirical": request = .diagonal(.empirical)
        case "draws": request = .diagonal(.sampled(3))
        case "reduce": request = .kronecker(.exact, .reduce)
        default: break
        }
        let other = try changed.file(
            5..<12, request, likelihood: change == "other" ? "\"bernoulli\"" : "\"categorical\"")
        let error = #expect(throws: InformationFileError.self) {
            try InformationFile.merged([("a.safetensors", own), ("b.safetensors", other)])
        }
        #expect(
            error?.description.hasPrefix(
                "a.safetensors and b.safetensors cannot be merged: their \(key) differs, ")
                == true, "\(error?.description ?? "")")
    }

    /// The same data does not count twice, be it on its own or in a merged file, unless that is wanted.
    @Test func dataCountsOnce() throws {
        let model = try Case(Self.networks[0])
        let (a, b) = (try model.file(0..<5, .full(.exact)), try model.file(5..<12, .full(.exact)))
        let both = try InformationFile.merged([("a", a), ("b", b)])
        for files in [[("a", a), ("again", a)], [("ab", both), ("a", a)], [("a", a), ("ab", both)]] {
            let error = #expect(throws: InformationFileError.self) { try InformationFile.merged(files) }
            #expect(error?.isAboutRepeats == true)
            #expect(error?.description.contains("\(files[0].0) and \(files[1].0) hold the same data") == true)
        }
        let twice = try InformationFile.merged([("a", a), ("again", a)], allowingRepeats: true)
        #expect(twice.header.observationCount == 10)
        Self.expectEqual(try Self.stored(twice).tensors, try Self.stored(a).tensors, within: 1e-15)
        #expect(throws: InformationFileError.self) { try InformationFile.merged([("a", a)]) }
    }

    /// A file that does not hold what it describes is an error that names it.
    @Test func damagedFilesAreRefused() throws {
        let model = try Case(Self.networks[0])
        try Self.withFolder { folder in
            let path = folder.appending(path: "f").path
            for request in [
                CurvatureRequest.full(.exact), .diagonal(.exact), .kronecker(.exact),
                .eigenvalueCorrected(.exact),
            ] {
                try model.file(0..<5, request).write(to: path)
                let file = try SafetensorsFile(path: path)
                let all = try file.allTensors()
                func rewritten(_ tensors: [String: Tensor], _ metadata: [String: String]) throws {
                    let sources = try tensors.map { try SafetensorsSource(name: $0.key, tensor: $0.value) }
                    try SafetensorsWriter(metadata: metadata).write(sources, to: path)
                }
                func expectRefused(_ words: String) {
                    let error = #expect(throws: SafetensorsError.self) { try InformationFile(path: path) }
                    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
                }
                for name in all.keys {
                    try rewritten(all.filter { $0.key != name }, file.metadata)
                    #expect(throws: SafetensorsError.self, "\(name)") { try InformationFile(path: path) }
                    try rewritten(
                        all.merging([name: .full([2, 3], .nan, dtype: .float64)]) { $1 }, file.metadata)
                    #expect(throws: SafetensorsError.self, "\(name)") { try InformationFile(path: path) }
                }
                var metadata = file.metadata
                metadata["information"] = nil
                try rewritten(all, metadata)
                expectRefused("means without counts")
                metadata["structure"] = nil
                try rewritten(all, metadata)
                expectRefused("no file of fisher information")
                let text = try #require(file.metadata["information"])
                for (from, to, words) in [
                    ("\"version\":1", "\"version\":9", "version 9"),
                    ("\"units\":5", "\"units\":-5", "counts"),
                    ("\"source\":\"exact\"", "\"source\":\"none\"", "source"), ("{", "{{", "JSON"),
                    ("\"weights\"", "\"wieghts\"", "lacks weights"),
                ] {
                    metadata = file.metadata
                    metadata["information"] = text.replacing(from, with: to, maxReplacements: 1)
                    try rewritten(all, metadata)
                    expectRefused(words)
                }
            }
        }
    }
}

extension InformationFileTests.Case {
    private init(_ other: Self, point: ModelPoint) {
        (network, inputs, targets) = (other.network, other.inputs, other.targets)
        self.point = point
    }

    /// The case at its network's present weights.
    static func at(_ model: Self) throws -> Self { Self(model, point: try ModelPoint(of: model.network)) }
}
