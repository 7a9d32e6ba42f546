import Fisher
import Foundation
import Testing

/// Information that adds: over batches, processes and files, and the recursive estimate that stands on it.
@Suite struct AccumulatorTests {
    /// The recursive estimate on a linear Gaussian model, its information and score from the estimators, is
    /// recursive least squares (written here in its covariance form) at every single step.
    @Test(arguments: [(1, 0.3, 0.1), (3, 1.0, 2.0), (5, 4.0, 0.01)], [UInt64(7), 8])
    func recursiveEstimateIsRecursiveLeastSquares(
        _ setting: (size: Int, sigma: Double, prior: Double), _ seed: UInt64
    ) throws {
        let (size, sigma, prior) = setting
        let generator = try RandomGenerator(seed: seed)
        let truth = Tensor.normal([size], dtype: .float64, using: generator)
        let layer = Linear(size, 1, bias: false, dtype: .float64, using: generator)
        try layer.$weight.assign(.zeros([1, size], dtype: .float64))
        let estimator = try CurvatureEstimator(of: layer)
        func scaledIdentity(_ value: Double) -> Tensor {
            Tensor((0..<size * size).map { $0 % (size + 1) == 0 ? value : 0 }, shape: [size, size])
        }
        var accumulator = try FisherAccumulator(
            paths: layer.parameters.map(\.path), prior: scaledIdentity(prior), acrossPoints: true)
        var covariance = scaledIdentity(1 / prior)
        var leastSquares = Tensor.zeros([size], dtype: .float64)
        for step in 1...40 {
            let x = Tensor.normal([1, size], dtype: .float64, using: generator)
            let noise = Tensor.normal([1, 1], standardDeviation: sigma, dtype: .float64, using: generator)
            let y = (x * truth).sum(along: 1, keepingDimensions: true) + noise
            let likelihood = { try Gaussian(mean: layer(x), variance: sigma * sigma) }
            try accumulator.add(
                try #require(
                    try estimator.estimate([.full(.exact)], of: Objective(likelihood(), observing: y)).full(
                        .exact)))
            let gradient = try gradients(
                of: try likelihood().negativeLogLikelihood(of: y), withRespectTo: [layer.weight])[0]
            let score = try #require(gradient).flattened() * -1
            let moved = layer.weight.detached() + (try accumulator.step(score)).unsqueezed(0)
            try layer.$weight.assign(moved)

            let column = x.transposed()
            let px = covariance.matmul(column)
            let gain = px / (x.matmul(px) + sigma * sigma)
            leastSquares = leastSquares + gain.flattened() * (y - (x * leastSquares).sum()).flattened()
            covariance = covariance - gain.matmul(px.transposed())

            let scale = try leastSquares.norm().item()
            #expect(
                try (layer.weight.detached().flattened() - leastSquares).norm().item() <= 1e-9 * scale,
                "step \(step)")
            let inverse = try accumulator.inverse()
            #expect(try (inverse - covariance).norm().item() <= 1e-9 * inverse.norm().item(), "step \(step)")
            #expect(accumulator.observationCount == step)
        }
    }

    /// Two halves that two accumulators saw, saved and merged through their files, are the whole, whichever
    /// comes first; a prior that both began with counts once.
    @Test func filesMerge() throws {
        let (model, _) = try LogisticModel.published()
        try model.setTheta([0.1, -0.2, 0.3, 0.4])
        let estimator = try CurvatureEstimator(of: model.layer)
        let prior = Tensor((0..<16).map { $0 % 5 == 0 ? 0.5 : 0 }, shape: [4, 4])
        let paths = model.layer.parameters.map(\.path)
        func accumulated(_ range: Range<Int>) throws -> FisherAccumulator {
            var accumulator = try FisherAccumulator(paths: paths, prior: prior)
            let x = model.x.narrowed(0, from: range.lowerBound, length: range.count)
            let y = model.y.narrowed(0, from: range.lowerBound, length: range.count)
            try accumulator.add(
                try #require(
                    try estimator.estimate(
                        [.full(.exact)], of: Objective(Bernoulli(logits: model.layer(x)), observing: y)
                    ).full(.exact)))
            return accumulator
        }
        let whole = try accumulated(0..<1000)
        let folder = FileManager.default.temporaryDirectory.appending(path: "accumulators-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let parts = [0..<300, 300..<650, 650..<1000]
        let files = parts.indices.map { folder.appending(path: "\($0).safetensors").path }
        for (part, file) in zip(parts, files) {
            let accumulator = try accumulated(part)
            try accumulator.save(to: file)
            let read = try FisherAccumulator(path: file)
            #expect(try read.data.scalars(as: Double.self) == accumulator.data.scalars(as: Double.self))
            #expect(try read.prior.scalars(as: Double.self) == prior.scalars(as: Double.self))
            #expect(read.paths == paths && read.observationCount == part.count)
        }
        for order in [files, files.reversed()] {
            let merged = try FisherAccumulator(merging: order)
            #expect(merged.observationCount == 1000)
            let distance = try (merged.information - whole.information).norm().item()
            #expect(try distance <= 1e-12 * whole.information.norm().item())
        }
        // What is none of ours, or of other parameters, is refused.
        let other = folder.appending(path: "other").path
        try FisherAccumulator(paths: [ParameterPath("w")], prior: prior).save(to: other)
        #expect(throws: CurvatureError.self) { try FisherAccumulator(merging: [files[0], other]) }
        try SafetensorsWriter().write(
            [
                try SafetensorsSource(name: "prior", tensor: prior),
                try SafetensorsSource(name: "data", tensor: .zeros([4], dtype: .float64)),
                try SafetensorsSource(name: "observations", tensor: Tensor([Int64(1)], shape: [])),
            ], to: other)
        #expect(throws: SafetensorsError.self) { try FisherAccumulator(path: other) }
        #expect(throws: CurvatureError.self) { try FisherAccumulator(merging: []) }
    }

    /// Information of another source, at other weights or of another network is not added, neither directly nor from files;
    /// across points it is, where that was asked for.
    @Test func sourceAndPointAreCompared() throws {
        let (model, _) = try LogisticModel.published()
        let paths = model.layer.parameters.map(\.path)
        func estimate(_ source: CurvatureSource, _ theta: [Double]) throws -> FullInformation {
            try model.setTheta(theta)
            return try #require(
                try CurvatureEstimator(of: model.layer).estimate(
                    [.full(source)],
                    of: Objective(Bernoulli(logits: model.layer(model.x)), observing: model.y)
                ).full(source))
        }
        func reason(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return "none"
        }
        let here = try estimate(.exact, [0.1, -0.2, 0.3, 0.4])
        let there = try estimate(.exact, [0.1, -0.2, 0.3, 0.5])
        let empirical = try estimate(.empirical, [0.1, -0.2, 0.3, 0.4])
        let zeros = Tensor.zeros([4, 4], dtype: .float64)
        var accumulator = try FisherAccumulator(paths: paths, prior: zeros)
        try accumulator.add(here)
        #expect(accumulator.source == .exact && accumulator.point == here.point && here.point != nil)
        #expect(reason { try accumulator.add(empirical) }.contains("one is exact, the other empirical"))
        #expect(reason { try accumulator.add(there) }.contains("made at different weights"))
        // A sum of estimates at two points states none.
        let both = try here.adding(there)
        #expect(both.point == nil)
        #expect(reason { try accumulator.add(both) }.contains("does not state one point"))
        #expect(accumulator.observationCount == 1000)
        try accumulator.add(here)
        // What is known otherwise has no point.
        try accumulator.add(zeros, observations: 1)
        #expect(accumulator.observationCount == 2001 && accumulator.point == here.point)

        var path = try FisherAccumulator(paths: paths, prior: zeros, acrossPoints: true)
        try path.add(here)
        try path.add(there)
        #expect(path.point == nil && path.source == .exact)
        #expect(reason { try path.add(empirical) }.contains("one is exact, the other empirical"))
        #expect(reason { try path.merge(accumulator) }.contains("across points"))

        let folder = FileManager.default.temporaryDirectory.appending(path: "points-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["here", "there", "empirical", "path"].map { folder.appending(path: $0).path }
        for (file, estimate) in zip(files, [here, there, empirical]) {
            var accumulator = try FisherAccumulator(paths: paths, prior: zeros)
            try accumulator.add(estimate)
            try accumulator.save(to: file)
            let read = try FisherAccumulator(path: file)
            #expect(read.source == estimate.source && read.point == estimate.point)
        }
        try path.save(to: files[3])
        #expect(try FisherAccumulator(path: files[3]).acrossPoints)
        for (file, words) in zip(
            files.dropFirst(), ["different weights", "the other empirical", "across points"])
        {
            let text = reason { _ = try FisherAccumulator(merging: [files[0], file]) }
            #expect(text.contains(words) && text.contains(files[0]) && text.contains(file), "\(text)")
        }
    }

    @Test func anInverseNeedsAPositiveDefiniteMatrix() throws {
        let accumulator = try FisherAccumulator(
            paths: [ParameterPath("w")], prior: .zeros([3, 3], dtype: .float64))
        #expect(throws: TorchError.self) { try accumulator.inverse() }
        #expect(throws: TorchError.self) { try accumulator.step(.ones([3], dtype: .float64)) }
        #expect(throws: CurvatureError.self) {
            try FisherAccumulator(paths: [], prior: .zeros([3, 2], dtype: .float64))
        }
    }
}
