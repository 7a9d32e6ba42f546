import Fisher
import Foundation
import Testing

/// Requests by name, and their answers added.
@Suite struct CurvatureRequestTests {
    @Test(arguments: CurvatureSource.kinds + [.sampled(3)])
    func sourcesAreReadByTheirNames(_ source: CurvatureSource) throws {
        #expect(CurvatureSource(source.description) == source)
        let data = try JSONEncoder().encode([source])
        #expect(String(decoding: data, as: UTF8.self) == "[\"\(source)\"]")
        #expect(try JSONDecoder().decode([CurvatureSource].self, from: data) == [source])
    }

    @Test(arguments: ["", "true", "sampled(0)", "sampled(x)", "sampled(1", "Exact"])
    func otherTextsAreNone(_ text: String) {
        #expect(CurvatureSource(text) == nil)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([CurvatureSource].self, from: Data("[\"\(text)\"]".utf8))
        }
        // What was written before one draw had the short name.
        #expect(CurvatureSource("sampled(1)") == .sampled(1))
    }

    private func estimates(
        _ requests: [CurvatureRequest], _ parts: [Range<Int>]
    ) throws -> [CurvatureEstimates] {
        let (model, batch, logits) = try InformationTests.Network.positions.make()
        let estimator = try CurvatureEstimator(of: model)
        return try parts.map { part in
            let slice = batch.slice(part)
            return try estimator.estimate(
                requests, of: Objective(Categorical(logits: logits(slice.inputs)), observing: slice.targets))
        }
    }

    /// Two parts of a batch and the whole, in every structure that adds up.
    @Test func answersAddUp() throws {
        let requests: [CurvatureRequest] = [
            .gradient, .full(.exact), .blocks(.empirical), .diagonal(.minibatch), .kronecker(.exact, .reduce),
            .kroneckerDiagonal(.empirical), .products(.exact), .products(.empirical), .hessian,
            .perSampleGradients(.empirical), .activations(.exact), .layerMeans(.empirical),
            .unitGradients(.empirical, units: 2),
        ]
        let found = try estimates(requests, [0..<2, 2..<6, 0..<6])
        let (sum, whole) = (try found[0] + found[1], found[2])
        #expect(sum.unitCount == 6 && whole.unitCount == 6)
        func close(_ a: Tensor?, _ b: Tensor?, _ comment: String) throws {
            let (a, b) = (try #require(a), try #require(b))
            let scale = max(try b.magnitude().largest().item(), 1e-12)
            #expect(a.shape == b.shape)
            #expect(try (a - b).magnitude().largest().item() <= 1e-10 * scale, "\(comment)")
        }
        for (path, tensor) in try #require(whole.gradient) {
            try close(sum.gradient?[path], tensor, "\(path)")
        }
        try close(sum.full(.exact)?.mean, whole.full(.exact)?.mean, "full")
        for (a, b) in zip(
            try #require(sum.blocks(.empirical)).blocks, try #require(whole.blocks(.empirical)).blocks)
        {
            #expect(a.paths == b.paths)
            try close(a.mean, b.mean, "blocks")
        }
        for (path, tensor) in try #require(whole.diagonal(.minibatch)).mean {
            try close(sum.diagonal(.minibatch)?.mean[path], tensor, "\(path)")
        }
        var bases: [ParameterPath: KroneckerEigenbasis] = [:]
        for (path, layer) in try #require(whole.kronecker(.exact, .reduce)).layers {
            let own = sum.kronecker(.exact, .reduce)?.layers[path]
            try close(own?.a, layer.a, "A of \(path)")
            try close(own?.s, layer.s, "S of \(path)")
            bases[path] = try KroneckerEigenbasis(of: layer)
        }
        let values = try #require(sum.activations(.exact)).eigenvalues(in: bases)
        for (path, own) in try #require(whole.activations(.exact)).eigenvalues(in: bases).layers {
            try close(values.layers[path]?.mean, own.mean, "eigenvalues of \(path)")
        }
        for (path, tensor) in try #require(whole.kroneckerDiagonal(.empirical)?.others).mean {
            try close(sum.kroneckerDiagonal(.empirical)?.others?.mean[path], tensor, "\(path)")
        }
        let size = try #require(whole.hessian).size
        let vector = Tensor.normal([size], dtype: .float64, using: try RandomGenerator(seed: 1))
        for request in [CurvatureRequest.products(.exact), .products(.empirical), .hessian] {
            try close(try sum.matrix(request)?(vector), try whole.matrix(request)?(vector), "\(request)")
        }
        try close(
            try sum.perSampleGradients(.empirical)?.gram(),
            try whole.perSampleGradients(.empirical)?.gram(), "J J^T")
        for (path, rows) in try #require(whole.layerMeans(.empirical)).sums {
            try close(sum.layerMeans(.empirical)?.sums[path]?.inputs, rows.inputs, "\(path)")
        }
    }

    /// Leading eigenpairs, and eigenvalues in the bases of each batch's own factors, are not sums.
    @Test(arguments: [CurvatureRequest.lowRank(2, .empirical), .eigenvalueCorrected(.empirical)])
    func whatDoesNotAddUpIsRefused(_ request: CurvatureRequest) throws {
        let found = try estimates([request], [0..<2, 2..<6])
        #expect(throws: CurvatureError.self) { try found[0] + found[1] }
    }

    /// What was not asked is not there.
    @Test func onlyWhatWasAskedIsThere() throws {
        let found = try estimates([.diagonal(.exact)], [0..<6])[0]
        #expect(found.diagonal(.exact) != nil && !found.isEmpty)
        #expect(found.diagonal(.empirical) == nil && found.gradient == nil && found.hessian == nil)
    }

    /// An estimate of some of the parameters is a part of that of all.
    @Test func someParametersAreAPart() throws {
        let (model, batch, logits) = try InformationTests.Network.positions.make()
        let own = model.parameters.filter { $0.path.parent == ParameterPath("first") }
        let objective = { try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets) }
        let part = try CurvatureEstimator(of: model, for: own).estimate([.diagonal(.exact)], of: objective())
        let whole = try CurvatureEstimator(of: model).estimate([.diagonal(.exact)], of: objective())
        let found = try #require(part.diagonal(.exact)).mean
        #expect(Set(found.keys) == Set(own.map(\.path)))
        for (path, tensor) in found {
            let other = try #require(whole.diagonal(.exact)?.mean[path])
            #expect(try (tensor - other).magnitude().largest().item() == 0)
        }
        let weight = own.filter { $0.path == ParameterPath("first.weight") }
        #expect(throws: CurvatureError.splitLayer(ParameterPath("first"))) {
            try CurvatureEstimator(of: model, for: weight)
        }
    }

    /// A trial of one group's step leaves the graph as it is, from which another group's passes are made again.
    @Test func aTrialLeavesTheGraphAsItIs() throws {
        let (model, batch, logits) = try InformationTests.Network.positions.make()
        let rule = try EKFAC(learningRate: 0.1) {
            $0.kronecker.labels = .exact
            $0.kronecker.adaptsDamping = true
            $0.kronecker.fallback = .sgd
        }
        let optimizer = try Optimizer(
            for: model, groups: [.init(.matching("^first"), rule), .init(.rest, rule)])
        var losses: [Double] = []
        for _ in 1...12 {
            let report = try optimizer.step(on: batch) {
                try Objective(Categorical(logits: logits($0.inputs)), observing: $0.targets)
            }
            losses.append(report.loss)
        }
        #expect(try #require(losses.last) < losses[0] && losses.allSatisfy(\.isFinite))
    }
}
